"""What Business Central refuses of a value before its own code sees it: types, lengths, options, codes, relations.

The schema says what each property is; this module, what that means for a write (docs/business_central.md, "Writes").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from include.sandbox.bc.answers import Fault, field_error, not_related
from include.sandbox.bc.schema import Property, View, views
from include.sandbox.bc.tenant import KEYS, Row, Tenant

# Relations that Business Central only suggests from (ValidateTableRelation = false), or that nothing here holds.
_FREE = ("Post Code", "Customer.Name", "Contact.Name", "Language Selection", "User Setup", "Item Unit of Measure")
# Text fields that are of type Code, beyond keys, related fields and what is called Code.
_CODES = {"External Document No.", "GTIN", "No. 2", "Search Description", "Search Name", "Shelf No."}
# Fields whose OnValidate takes no letters.
_PHONES = {(table, field) for table in ("Customer", "Contact") for field in ("Phone No.", "Mobile Phone No.")} | {
    ("Sales Header", "Sell-to Phone No.")
}
_WHERE = re.compile(r'"?([^"=()]+)"? = (const|field|filter)\("?([^")]*)"?\)')


def plain(tenant: Tenant, view: View, prop: Property, value: Any) -> Any:
    """A value from the wire as the table holds it. Raises Fault for what the property cannot take."""
    if value is None:
        if not view.api and tenant.switches.null_is_blank_on_pages:
            return prop.blank
        raise Fault(400, "BadRequest_RequiredParamNotProvided", f"Field '{prop.name}' must not be blank or empty.")
    if isinstance(value, dict | list):
        # Page services know no deep insert, and no property is an object.
        raise Fault(400, "BadRequest", "Invalid Request Body")
    if prop.options:
        return _option(view, prop, value)
    convert: Callable[[Property, Any], Any] = _CONVERSIONS.get(prop.type, _text)
    found = convert(prop, value)
    if (view.table, prop.field) in _PHONES and any(letter.isalpha() for letter in str(found)):
        raise field_error(f"{prop.field} must not contain letters in {view.table}.")
    # A no-break space is a character like any other.
    return found.strip(" ").upper() if isinstance(found, str) and is_code(view.table, prop) else found


def _option(view: View, prop: Property, value: Any) -> str:
    if not isinstance(value, str):
        raise _cannot_convert(value, prop)
    option = view.option(prop, value)
    if option is not None:
        return option
    if view.api:
        shown = ",".join(prop.options)
        raise Fault(400, "Unknown", f"'{value}' is not an option. The existing options are: {shown}")
    raise Fault(400, "Application_EvaluateException", f'The value "{value}" cannot be evaluated into type Option.')


def _text(prop: Property, value: Any) -> str:
    if not isinstance(value, str):
        raise _cannot_convert(value, prop)
    length = code_units(value)
    if prop.max_length and length > prop.max_length:
        raise Fault(
            400,
            "Application_StringExceededLength",
            f"The length of the string is {length}, but it must be less than or equal to {prop.max_length} characters. Value: {value}",
        )
    return value


def code_units(text: str) -> int:
    """The length of a text as the server counts it: in UTF-16 code units, two of them for an emoji."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _number(prop: Property, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise _cannot_convert(value, prop)
    return value


def _whole(prop: Property, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _cannot_convert(value, prop)
    return value


def _flag(prop: Property, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _cannot_convert(value, prop)
    return value


def _day(prop: Property, value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise Fault(400, "BadRequest", "Unable to convert value to Date")


def _moment(prop: Property, value: Any) -> str:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _cannot_convert(value, prop) from None
    return str(value)


def _guid(prop: Property, value: Any) -> str:
    try:
        return str(UUID(value))
    except (AttributeError, TypeError, ValueError):
        raise Fault(400, "Application_InvalidGUID", f"Invalid format of GUID string. Value: {value}") from None


def _cannot_convert(value: Any, prop: Property) -> Fault:
    kind = "Edm.String" if prop.options else prop.type
    return Fault(400, "BadRequest", f"Cannot convert the literal '{value}' to the expected type '{kind}'.")


_CONVERSIONS: dict[str, Callable[[Property, Any], Any]] = {
    "Edm.Decimal": _number,
    "Edm.Double": _number,
    "Edm.Int32": _whole,
    "Edm.Int64": _whole,
    "Edm.Boolean": _flag,
    "Edm.Date": _day,
    "Edm.DateTimeOffset": _moment,
    "Edm.Guid": _guid,
}


def is_code(table: str, prop: Property) -> bool:
    """Whether a text property is of type Code, which the server trims and upper-cases."""
    if prop.type != "Edm.String" or prop.options:
        return False
    related = relation_of(table, prop.field)
    if related is not None and related.field not in ("Name", "Description", "Language Tag"):
        return True
    return prop.key or prop.field in KEYS.get(table, ()) or prop.field.endswith("Code") or prop.field in _CODES


# --- relations -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A field's related table, the field of it that is meant (blank: its key), and what its row must also say."""

    table: str
    field: str
    conditions: tuple[tuple[str, str, str], ...]


@cache
def _relations() -> dict[tuple[str, str], Relation]:
    found: dict[tuple[str, str], Relation] = {}
    for view in views().values():
        for prop in view.properties.values():
            if prop.relation and not prop.relation.startswith("if "):
                found.setdefault((view.table, prop.field), _parsed(prop.relation))
    return found


def _parsed(text: str) -> Relation:
    head, _, where = text.partition(" where(")
    table, dot, field = head.partition('".') if head.startswith('"') else head.partition(".")
    conditions = tuple((name.strip(), how, value) for name, how, value in _WHERE.findall(where))
    return Relation(table=table.strip('"'), field=field.strip('"') if dot else "", conditions=conditions)


def relation_of(table: str, field: str) -> Relation | None:
    """What a table's field refers to, or None."""
    return _relations().get((table, field))


def referring(table: str) -> list[tuple[str, str]]:
    """The tables and their fields that refer to a table by its key."""
    return [place for place, relation in _relations().items() if relation.table == table and not relation.field]


def check_relation(tenant: Tenant, table: str, field: str, value: Any, record: Row) -> None:
    """Raise Fault unless a value is blank or found in its related table."""
    relation = relation_of(table, field)
    if relation is None or value in (None, "", " ") or not isinstance(value, str):
        return
    if relation.table in _FREE or f"{relation.table}.{relation.field}" in _FREE:
        return
    given = {name: str(record.get(what, "")) if how == "field" else what for name, how, what in relation.conditions}
    parts = [given.get(key, value) for key in KEYS.get(relation.table, ())]
    row = tenant.get(relation.table, *parts)
    if row is None or not all(_says(row, name, wanted) for name, how, wanted in relation.conditions if how == "const"):
        raise not_related(field, table, value, relation.table)


def _says(row: Row, name: str, wanted: str) -> bool:
    found = row.get(name, "")
    if wanted in ("true", "false"):
        return bool(found) == (wanted == "true")
    return str(found) == wanted


# --- fields that a page locks --------------------------------------------------------------------------------


def _inventoriable(tenant: Tenant, record: Row) -> bool:
    return str(record.get("Type") or "Inventory") == "Inventory"


def _unit_cost(tenant: Tenant, record: Row) -> bool:
    return not _inventoriable(tenant, record) or str(record.get("No.")) not in tenant.stock()


# The condition under which a page locks a control, as the schema has it -> whether the control is open nevertheless.
# Conditions that are not named here (those of price lists, say) never lock.
OPEN: dict[str, Callable[[Tenant, Row], bool]] = {
    "not (ContactEditable)": lambda tenant, record: not record.get("Primary Contact No."),
    "not (EditInTransit)": lambda tenant, record: (
        not any(record.get(f"Require {what}") for what in ("Receive", "Shipment", "Put-away", "Pick"))
    ),
    "not (IsInventoriable)": _inventoriable,
    "not (UnitCostEditable)": _unit_cost,
    "not (PriceEditable)": lambda tenant, record: record.get("Price/Profit Calculation") != "Price=Cost+Profit",
    "not (ProfitEditable)": lambda tenant, record: (
        record.get("Price/Profit Calculation", "Profit=Price-Cost") != "Profit=Price-Cost"
    ),
}


def is_open(tenant: Tenant, view: View, prop: Property, record: Row, *, creating: bool) -> bool:
    """Whether a property may be written as the record stands. Keys may be on create, although their control is locked."""
    if creating and (prop.key or prop.name in view.keys or prop.field in KEYS.get(view.table, ())):
        return True
    if prop.read_only:
        return False
    condition = OPEN.get(prop.read_only_when or "")
    return condition is None or condition(tenant, record)

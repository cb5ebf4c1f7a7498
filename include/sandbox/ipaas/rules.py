"""What iPaaS.com refuses of a record before it stores anything (docs/ipaas.md, "Records and paths")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from include.sandbox.ipaas.types import (
    ADDRESS_REQUIRED,
    CHILD_MODELS,
    CHILD_REFS,
    CHILD_REQUIRED,
    FLAGS,
    MOMENTS,
    NUMBERS,
    REFERENCES,
    TYPES,
    RecordType,
)

if TYPE_CHECKING:
    from include.sandbox.ipaas.platform import Platform

Body = Mapping[str, Any]
_EMPTY = (None, "")


class Refused(Exception):
    """The platform refuses a request: a stable code, a status, a text."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


def check(platform: Platform, kind: RecordType, body: Any, internal_id: int | None) -> None:
    """Raise Refused unless a record may be stored. `internal_id`: of the record that the body changes, if any."""
    if not isinstance(body, dict):
        raise Refused("VALD-1042", "The request cannot be deserialized.")
    present = platform.records[kind.name].get(internal_id, {}) if internal_id else {}
    whole = body if platform.switches.put_required else {**present, **body}
    _check_shapes(body)
    for name in kind.required:
        if whole.get(name) in _EMPTY:
            raise Refused("VALD-1025", f"{name} is required.")
    for names in kind.one_of:
        if not any(whole.get(name) for name in names):
            code = "VALD-1049" if "first_name" in names else "VALD-1025"
            raise Refused(code, f"One of {' and '.join(names)} is required.")
    for name, allowed in kind.enums.items():
        if name in body and body[name] not in allowed:
            raise Refused("VALD-1025", f"{name} {body[name]!r} is not valid. Allowed: {', '.join(allowed)}.")
    _check_refs(platform, kind.refs, body)
    _check_unique(platform, kind, body, internal_id)
    _check_custom_fields(platform, kind.model, body)
    if kind.name == "transaction" and "system_id" in body:
        known_system(platform, body["system_id"])
    if kind.name == "transaction" and "currency_code" in body and not platform.switches.transaction_currency:
        raise Refused("VALD-1042", "The request cannot be deserialized: currency_code is not known.")
    currencies = platform.switches.transaction_currencies
    if kind.name == "transaction" and currencies and body.get("currency_code") not in (None, *currencies):
        raise Refused("VALD-1025", "The currency is not valid.")
    for name, table in kind.children.items():
        _check_children(platform, name, table, body.get(name) or (), present.get(name, ()))
    category = "customer category" if kind.family == "customers" else "product category"
    for item in body.get("categories") or ():
        # In a product's list, `id` is the assignment's own, unless the list only adds.
        whole_set = kind.family == "products" and platform.switches.category_set == "whole"
        named = "category_id" if whole_set else "id"
        if item.get(named) is None:
            raise Refused("VALD-1025", f"categories: {named} is required.")
        _check_refs(platform, {named: category}, item)


def known_system(platform: Platform, system_id: Any) -> int:
    """A subscription's id as a number. Raises Refused when the company has no such subscription."""
    number = whole_number("system_id", system_id)
    if number not in platform.subscriptions:
        raise Refused("VALD-1017", f"The system id {system_id} is not valid.")
    return number


def whole_number(name: str, value: Any) -> int:
    """An id, sent as a number or as text. Raises Refused unless it is a positive whole number."""
    if isinstance(value, bool) or not str(value).isdigit() or int(value) <= 0:
        raise Refused("VALD-1006", f"{name} is not a valid integer or is not greater than 0.")
    return int(value)


def _check_shapes(body: Body) -> None:
    """JSON of another type than the model's cannot be read at all."""
    for name, value in body.items():
        if value is None:
            continue
        if name in NUMBERS:
            fits = isinstance(value, int | Decimal | float) and not isinstance(value, bool)
        elif name in FLAGS:
            fits = isinstance(value, bool)
        elif name in MOMENTS:
            fits = isinstance(value, str) and _is_moment(value)
        elif name in REFERENCES:
            fits = isinstance(value, int | str) and not isinstance(value, bool)
        else:
            fits = isinstance(value, str | list | dict)
        if not fits:
            raise Refused("VALD-1042", f"The request cannot be deserialized: {name} is {value!r}.")


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check_unique(platform: Platform, kind: RecordType, body: Body, internal_id: int | None) -> None:
    for name in platform.unique(kind):
        other = platform.holder(kind.name, name, body.get(name))
        if other is not None and other != internal_id:
            raise Refused("BIZL-1004", f"{name} {body[name]!r} must be unique and is used by {other}.")


def _check_children(platform: Platform, name: str, table: str, sent: Any, present: Any) -> None:
    own = {child["id"] for child in present}
    seen: set[tuple[int, str]] = set()
    for child in sent:
        known = child.get("id")
        if known is not None and whole_number(f"{name}: id", known) not in own:
            raise Refused("NFND-1005", f"The {table} {known} was not found.", 404)
        for system, text in links_of(platform, child):
            if (system, text) in seen:
                raise Refused("BIZL-1002", f"{name}: the external id {text!r} is there twice.")
            seen.add((system, text))
            known = _identity(platform, table, own, known, (system, text))
        _check_child(platform, name, child, new=known is None)


def _identity(platform: Platform, table: str, own: set[int], known: Any, link: tuple[int, str]) -> Any:
    """The id of the nested record that a link is asked for, None of a new one. Raises Refused when it is taken."""
    switches = platform.switches
    holder = platform.internal_id(table, *link)
    if holder is None or platform.is_free(table, link[0], holder) or str(holder) == str(known):
        return known
    if holder in own and known is None and switches.taken_child_id == "same":
        # By ids alone it would be another one, and take the external id over.
        return holder if switches.child_identity == "external" else None
    if holder not in own and switches.taken_external_id == "moved":
        return known
    code = "BIZL-1002" if holder in own else "BIZL-1005"
    raise Refused(code, f"Duplicate external id {link[1]!r} on the {table} request.")


def _check_child(platform: Platform, name: str, child: Body, *, new: bool) -> None:
    _check_shapes(child)
    required = CHILD_REQUIRED.get(name, ())
    if name == "addresses" and platform.switches.ipaas_addresses_complete:
        required = ADDRESS_REQUIRED
    for field in required if new or platform.switches.put_required else ():
        if child.get(field) in _EMPTY:
            raise Refused("VALD-1025", f"{name}: {field} is required.")
    _check_refs(platform, CHILD_REFS.get(name, {}), child)
    _check_custom_fields(platform, CHILD_MODELS.get(name), child)
    if name == "payments" and child.get("method"):
        _check_name(platform, "payment method", child["method"])
    if name in ("tracking", "addresses") and child.get("shipping_method"):
        _check_name(platform, "shipping method", child["shipping_method"])
    if name == "lines" and child.get("type") == "Product" and platform.switches.ipaas_skus_must_exist:
        sku = child.get("sku")
        if sku and platform.holder("product", "sku", sku) is None:
            raise Refused("VALD-1038", f"The referenced product {sku!r} does not exist, create it first.")


def _check_name(platform: Platform, type_name: str, name: str) -> None:
    holder = platform.holder(type_name, "name", name)
    if holder is None or platform.records[type_name][holder]["name"] != name:
        raise Refused("VALD-1038", f"The referenced {type_name} {name!r} does not exist, create it first.")


def _check_refs(platform: Platform, refs: Mapping[str, str], body: Body) -> None:
    for name, type_name in refs.items():
        value = body.get(name)
        if value is not None and whole_number(name, value) not in platform.records[type_name]:
            raise Refused("VALD-1038", f"The referenced {type_name} id {value} does not exist, create it first.")


def _check_custom_fields(platform: Platform, model: str | None, body: Body) -> None:
    defined = platform.custom_fields.get(model or "", set())
    for item in body.get("custom_fields") or ():
        name, value = item.get("custom_field_name"), item.get("value")
        if name not in defined:
            raise Refused("VALD-1025", f"The custom field {name!r} does not exist for {model or 'this record'}.")
        if not isinstance(value, str) or not value:
            raise Refused("VALD-1025", f"The custom field {name!r} needs a value of type string.")
        wanted = platform.custom_field_types.get((model or "", name), "string")
        if not _conforms(value, wanted):
            raise Refused("VALD-1025", f"The custom field {name!r} needs a {wanted}, not {value!r}.")


def _conforms(value: str, wanted: str) -> bool:
    if wanted == "number":
        return value.replace(".", "", 1).removeprefix("-").isdigit()
    if wanted == "bool":
        return value.casefold() in ("true", "false")
    return wanted not in ("date", "datetime") or _is_moment(value)


def links_of(platform: Platform, body: Body) -> Iterator[tuple[int, str]]:
    """The links that a body asks for. Raises Refused for one without a system or without a text."""
    for item in body.get("external_ids") or ():
        text = item.get("external_id")
        if not isinstance(text, str) or not text:
            raise Refused("VALD-1001", "The external id must not be empty.")
        yield known_system(platform, item.get("system_id")), text


def record_type(table: str) -> RecordType | None:
    """The record type whose records a table links, in any case."""
    return next((kind for kind in TYPES.values() if kind.table.lower() == table.lower()), None)

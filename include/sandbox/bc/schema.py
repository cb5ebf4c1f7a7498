"""The pages, queries and API entities of Business Central, generated from `schema.json` (W1 base application, v29)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

_ZERO_GUID = "00000000-0000-0000-0000-000000000000"
_BLANKS: dict[str, Any] = {
    "Edm.String": "",
    "Edm.Guid": _ZERO_GUID,
    "Edm.Date": "0001-01-01",
    "Edm.DateTimeOffset": "0001-01-01T00:00:00Z",
    "Edm.Boolean": False,
    "Edm.Decimal": 0,
    "Edm.Double": 0,
    "Edm.Int32": 0,
    "Edm.Int64": 0,
}
# API properties that the page computes from a field under another name.
_COMPUTED = {
    ("customers", "taxRegistrationNumber"): "VAT Registration No.",
    ("contacts", "taxRegistrationNumber"): "VAT Registration No.",
    ("customers", "currencyCode"): "Currency Code",
    ("customers", "taxAreaDisplayName"): "taxAreaDisplayName",
    ("companyInformation", "currencyCode"): "currencyCode",
    ("items", "inventory"): "Inventory",
    ("customerContacts", "customerId"): "Customer Id",
    ("customerContacts", "customerName"): "Customer Name",
}


_WHERE = re.compile(r'"([^"]+)" = (?:filter|const)\("?([^")]+)"?\)')


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of a view: its name on the wire, its type, and the table field behind it."""

    name: str
    type: str
    field: str
    max_length: int | None = None
    key: bool = False
    read_only: bool = False
    read_only_when: str | None = None
    relation: str | None = None
    options: tuple[str, ...] = ()

    @property
    def blank(self) -> Any:
        """What stands for absence on the wire."""
        if self.options:
            return self.options[0]
        return _BLANKS.get(self.type, "")


@dataclass(frozen=True, kw_only=True)
class View:
    """A page service or an API entity set over a table."""

    name: str
    entity: str
    table: str
    api: bool
    keys: tuple[str, ...]
    properties: dict[str, Property]
    insert: bool
    modify: bool
    delete: bool
    etags: bool = True
    # Whether an absent value is sent as null, as queries may.
    nulls: bool = False
    # What its rows have in common: field and value.
    where: tuple[tuple[str, str], ...] = ()
    # Options as the user's language has them; those that are not named are in English.
    captions: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the view is known by: page services by their name, API sets as `api:customers`."""
        return f"api:{self.name}" if self.api else self.name

    def wire(self, prop: Property, value: Any) -> Any:
        """A field's value as this view sends it: captions on pages, encoded member names in the API."""
        if value is None and self.nulls:
            return None
        if value is None or value == "":
            value = prop.blank
        if prop.options:
            return encoded(str(value)) if self.api else self.captions.get(str(value), value)
        if isinstance(value, Decimal):  # sent without trailing zeros
            return int(value) if value == value.to_integral_value() else value.normalize()
        return value

    def option(self, prop: Property, text: str) -> str | None:
        """An option from the wire as the table holds it, or None when there is none of that name."""
        wanted = decoded(text) if self.api else text
        return next(
            (o for o in prop.options if wanted.casefold() in (o.casefold(), self.captions.get(o, o).casefold())), None
        )

    def meant(self, name: str, literal: str) -> str:
        """A literal of a filter: in the API a member of an enum may be named as it is sent."""
        return decoded(literal) if self.api and self.properties[name].options else literal


def encoded(text: str) -> str:
    """An enum member's name as XML wants it: blanks and signs as `_xNNNN_`."""
    return "".join(c if c.isalnum() and c.isascii() else f"_x{ord(c):04X}_" for c in text)


def decoded(text: str) -> str:
    """Read back what `encoded` wrote."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def _options(raw: dict[str, Any], *, api: bool) -> tuple[str, ...]:
    found = []
    for option in raw.get("options") or ():
        found.append(option if isinstance(option, str) else str(option["name"] if api else option["caption"]))
    return tuple(found)


def _property(raw: dict[str, Any], view: str, *, api: bool) -> Property:
    when = raw.get("readOnlyWhen")
    return Property(
        name=raw["name"],
        type=raw["type"],
        field=raw.get("field") or _COMPUTED.get((view, raw["name"])) or raw["name"],
        max_length=raw.get("maxLength"),
        key=bool(raw.get("key")),
        read_only=bool(raw.get("readOnly")) or bool(raw.get("fieldClass") == "FlowField"),
        read_only_when=None if when is None else str(when),
        relation=raw.get("tableRelation"),
        options=_options(raw, api=api),
    )


@cache
def views() -> dict[str, View]:
    """Every view by name; page services under their service names, API sets as `api:customers`."""
    raw = json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))
    found: dict[str, View] = {}
    for service in raw["services"]:
        name = service["service"]
        found[name] = View(
            name=name,
            entity=name,
            table=service["sourceTable"],
            api=False,
            keys=tuple(service["keys"]),
            properties={p["name"]: _property(p, name, api=False) for p in service["properties"]},
            insert=service["insertAllowed"],
            modify=service["modifyAllowed"],
            delete=service["deleteAllowed"],
            where=tuple(_WHERE.findall(service.get("sourceTableView") or "")),
        )
    for query in raw["queries"]:
        name = query["service"]
        found[name] = View(
            name=name,
            entity=name,
            table=name,
            api=False,
            keys=("No", "Location_Code"),
            properties={p["name"]: _property(p | {"field": p["name"]}, name, api=False) for p in query["properties"]},
            insert=False,
            modify=False,
            delete=False,
            etags=False,
            nulls=True,
        )
    for entity in raw["api"]:
        name = entity["entitySet"]
        properties = {p["name"]: _property(p, name, api=True) for p in entity["properties"]}
        found[f"api:{name}"] = View(
            name=name,
            entity=entity["entity"],
            table=entity["sourceTable"],
            api=True,
            keys=("contactId",) if name == "contactsInformation" else ("id",),
            properties=properties,
            insert=bool(entity["insertAllowed"]),
            modify=bool(entity["modifyAllowed"]),
            delete=bool(entity["deleteAllowed"]),
        )
    return found

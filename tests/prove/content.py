"""What a world holds in business terms: everything but what differs from life to life (ids, times, drawn numbers)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.sandbox import Sandbox

# Tables of Business Central that a flow writes, the fields that name a record there, and those that a number series
# or the clock decides.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "Customer": ("Name", "E-Mail"),
    "Item": ("No.",),
    "Sales Header": ("Document Type", "Sell-to Customer Name", "External Document No."),
    "Sales Line": ("Document Type", "No.", "Description", "Quantity"),
    "Sales Invoice Header": ("Sell-to Customer Name", "External Document No."),
    "Sales Invoice Line": ("No.", "Description", "Quantity"),
    "Gen. Journal Line": ("External Document No.", "Amount"),
}
_DRAWN = frozenset(
    {
        "appliesToInvoiceNumber",
        "appliesToInvoiceId",
        "systemid",
        "version",
        "systemmodifiedat",
        "Id",
        "contact",
        "Document No.",
        "Pre-Assigned No.",
        "Line No.",
    }
    | {"Draft Invoice SystemId", "Document Id", "Order No.", "Order Id", "Applies-to Invoice Id", "Order Line No."}
)
# Documents are numbered by a series; records that somebody named keep their number.
# Sums over all lines of a document, repeated on each: of whichever document it is.
_SUMS = re.compile(r"^Total|^Invoice_Disc")
_NUMBERED = frozenset({"Sales Header", "Sales Invoice Header"})
_TYPES: Mapping[str, tuple[str, ...]] = {
    "customer": ("email_address", "customer_number"),
    "company": ("name",),
    "customer category": ("name",),
    "company relationship": ("type",),
    "product": ("sku",),
    "product category": ("name",),
    "location": ("name",),
    "transaction": ("type", "transaction_number"),
    "shipping method": ("name",),
    "payment method": ("name",),
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Content:
    """How often each record is there, by its name in business terms, and what it says."""

    named: Counter[tuple[str, ...]]
    said: Counter[tuple[Any, ...]]


def content_of(sandbox: Sandbox) -> Content:
    """Both systems as they are."""
    named: Counter[tuple[str, ...]] = Counter()
    said: Counter[tuple[Any, ...]] = Counter()
    for table, names in _TABLES.items():
        for row in sandbox.bc.rows(table):
            name = (table, *(_text(row.get(field)) for field in names))
            named[name] += 1
            said[(*name, _plain(_without_numbers(table, row)))] += 1
    for kind, names in _TYPES.items():
        for record in sandbox.ipaas.records[kind].values():
            name = (kind, *(_text(record.get(field)) for field in names))
            named[name] += 1
            said[(*name, _plain(record))] += 1
    return Content(named=named, said=said)


def _without_numbers(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    left = {
        name: value
        for name, value in row.items()
        if not (name in _DRAWN or name.endswith((" Id", "Contact No.")) or _SUMS.match(name))
    }
    if table in _NUMBERED:
        left.pop("No.", None)
    if table == "Gen. Journal Line":
        left.pop("Applies-to Doc. No.", None)
    if table in ("Sales Line", "Sales Invoice Line"):
        left.pop("Sell-to Customer No.", None)
    return left


def _plain(value: Any) -> Any:
    """A value without ids and times, in one spelling, that can be counted."""
    if isinstance(value, Mapping):
        if str(value.get("custom_field_name")).endswith(" ID"):
            return ("custom field", value["custom_field_name"])
        kept = {name: _plain(item) for name, item in value.items() if not _is_drawn(name)}
        return tuple(sorted((name, item) for name, item in kept.items() if item not in (None, "", ())))
    if isinstance(value, list | tuple):
        return tuple(sorted((_plain(item) for item in value), key=repr))
    return _text(value)


def _is_drawn(name: str) -> bool:
    return name in ("id", "version", "external_ids", "created_datetime", "updated_datetime") or (
        name.endswith("_id") and name != "system_id"
    )


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value or "")
    if isinstance(value, int | float | Decimal):
        return f"{Decimal(str(value)).normalize():f}" if value else "0"
    text = str(value)
    return "(drawn)" if _DAY.match(text) or _GUID.search(text) else text

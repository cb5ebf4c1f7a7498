"""Orders and draft invoices as wholes: inserted, worked out anew when something in them moves, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from include.sandbox.bc import sales_buffers as buffers
from include.sandbox.bc.answers import field_error
from include.sandbox.bc.sales_amounts import Totals, number, settle, spread_discount
from include.sandbox.bc.sales_headers import bill_to_option, key_of, new_header, set_header, shipping_option
from include.sandbox.bc.sales_lines import COMMENT, new_line, places_of, set_line, shown
from include.sandbox.bc.tenant import Row, Tenant

SERIES = {"Order": "S-ORD", "Invoice": "S-INV"}
_BUFFERS = {"Order": buffers.ORDERS, "Invoice": buffers.INVOICES}
_STEP = 10_000
# What a line has from its document as a whole.
_WORKED_OUT = ("Inv. Discount Amount", "Amount", "Amount Including VAT")


def add_document(
    tenant: Tenant,
    kind: str,
    no: str | None,
    *,
    customer: str,
    lines: Iterable[Mapping[str, Any]],
    fields: Mapping[str, Any],
    modified: datetime | None,
) -> Row:
    """Make an order or a draft invoice at once, as if a user had typed it in. A field of a line may be any of its own."""
    header = new_header(tenant, kind)
    status = fields.get("Status", "Open")
    set_header(tenant, header, "Sell-to Customer No.", customer)
    for field, value in fields.items():
        if field != "Status":
            set_header(tenant, header, field, value)
    header |= {"ShippingOptions": shipping_option(header), "BillToOptions": bill_to_option(header)}
    header["No."] = no or tenant.next_number(SERIES[kind])
    row = insert_header(tenant, header, modified=modified, refreshed=False)
    for line in lines:
        append_line(tenant, row, line, modified=modified)
    row["Status"] = status
    refresh(tenant, row, modified=modified)
    for each in (row, *tenant.lines("Sales Line", *key_of(row))):
        each["version"] = 1
    return row


def insert_header(tenant: Tenant, header: Row, *, modified: datetime | None = None, refreshed: bool = True) -> Row:
    """Store a new header."""
    row = tenant.add("Sales Header", header, modified=modified)
    if refreshed:
        refresh(tenant, row, modified=modified)
    return row


def append_line(tenant: Tenant, header: Row, fields: Mapping[str, Any], *, modified: datetime | None = None) -> Row:
    """Store a new line with its fields set in their order; the document is not worked out anew yet."""
    line = new_line(header)
    line["Line No."] = fields.get("Line No.") or next_line_no(tenant, header)
    for field, value in fields.items():
        if field != "Line No.":
            set_line(tenant, header, line, field, value)
    return tenant.add("Sales Line", line, modified=modified)


def next_line_no(tenant: Tenant, header: Row) -> int:
    """The number that the next line gets."""
    lines = tenant.lines("Sales Line", *key_of(header))
    return (int(lines[-1]["Line No."]) if lines else 0) + _STEP


def refresh(tenant: Tenant, header: Row, *, modified: datetime | None = None, touch: bool = True) -> Totals:
    """Work out amounts and totals, and rewrite what the API shows. `touch`: whether that counts as a change there."""
    kind = str(header["Document Type"])
    lines = tenant.lines("Sales Line", *key_of(header))
    places = places_of(tenant, header)
    before = [[line.get(field) for field in _WORKED_OUT] for line in lines]
    spread_discount(lines, number(header.get("Invoice Discount")), places)
    totals = settle(lines, including_vat=bool(header.get("Prices Including VAT")), places=places)
    buffers.show_totals(lines, totals)
    for line, were in zip(lines, before, strict=True):
        if [line[field] for field in _WORKED_OUT] != were:
            line["version"] += 1
    goods = [line for line in lines if line["Type"] != COMMENT]
    shown = {
        "Amount": totals.excluding,
        "Amount Including VAT": totals.including,
        "Completely Shipped": bool(goods) and all(line["Quantity"] == line["Quantity Shipped"] for line in goods),
    }
    if any(header.get(field) != value for field, value in shown.items()):
        # A page's tag covers what it computes: nobody changed the header, and yet its tag moves.
        header |= {**shown, "version": header["version"] + 1}
    buffers.write(tenant, _BUFFERS[kind], buffers.of_draft(tenant, header, totals), touch=touch, modified=modified)
    return totals


def header_of(tenant: Tenant, kind: str, no: str) -> Row:
    """A header by its key. Raises KeyError when there is none."""
    row = tenant.get("Sales Header", kind, no)
    if row is None:
        raise KeyError(f"{kind} {no}")
    return row


def delete_document(tenant: Tenant, header: Row) -> None:
    """Delete a document with its lines. Raises Fault when something of it was shipped and not invoiced."""
    for line in tenant.lines("Sales Line", *key_of(header)):
        check_not_shipped(line)
    drop_document(tenant, header)
    if header["Document Type"] == "Invoice":
        buffers.forget(tenant, buffers.INVOICES, header["systemid"])


def check_not_shipped(line: Row) -> None:
    """Raise Fault when something of a line was shipped and not invoiced."""
    open_quantity = line["Quantity Shipped"] - line["Quantity Invoiced"]
    if open_quantity:
        raise field_error(
            f"Qty. Shipped Not Invoiced must be equal to '0' in Sales Line: {shown(line)}. Current value is '{open_quantity.normalize():f}'."
        )


def drop_document(tenant: Tenant, header: Row) -> None:
    """Take a document away with its lines."""
    for line in tenant.lines("Sales Line", *key_of(header)):
        tenant.remove("Sales Line", line)
    tenant.remove("Sales Header", header)
    if header["Document Type"] == "Order":
        buffers.forget(tenant, buffers.ORDERS, header["systemid"])

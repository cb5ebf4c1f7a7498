"""Posting: orders and draft invoices become shipments and invoices, stock moves, invoices are paid and cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from include.sandbox.bc import sales_buffers as buffers
from include.sandbox.bc.answers import dialog, field_error
from include.sandbox.bc.sales_amounts import ZERO, Totals, number, rounded, settle
from include.sandbox.bc.sales_documents import drop_document, refresh
from include.sandbox.bc.sales_headers import check_blocked, key_of
from include.sandbox.bc.sales_lines import COMMENT, places_of, to_do
from include.sandbox.bc.tenant import Row, Tenant

# What a posted row does not take over. "shipped by": the shipment lines of an order's line.
_OWN = ("systemid", "version", "systemmodifiedat", "Document Type", "shipped by")
_SHIPMENTS, _INVOICES = "S-SHPT", "S-INV+"


def check(tenant: Tenant, header: Row, quantities: Mapping[int, Decimal], *, shipping: bool) -> None:
    """Raise Fault when a document cannot be posted; nothing has happened then."""
    switches = tenant.switches
    lines = tenant.lines("Sales Line", *key_of(header))
    _check_approved(header)
    if not any(line["Type"] != COMMENT for line in lines):
        raise dialog("Please add at least one line item to the document.")
    if not header["Posting Date"] or header["Posting Date"] == "0001-01-01":
        raise field_error(
            f"Posting Date must have a value in Sales Header: Document Type={header['Document Type']}, "
            f"No.={header['No.']}. It cannot be zero or empty."
        )
    if header["Posting Date"] < switches.posting_allowed_from:
        raise dialog("Posting Date is not within your range of allowed posting dates.")
    check_blocked(tenant, header["Bill-to Customer No."], header["Document Type"], posting=True, shipping=shipping)
    short = any(line["Quantity"] - line["Quantity Shipped"] > quantities.get(line["Line No."], ZERO) for line in lines)
    if shipping and header.get("Shipping Advice") == "Complete" and short:
        raise dialog("This order must be a complete shipment.")
    if switches.posting_groups_required:
        _check_groups(tenant, header, lines)
    for line in lines:
        quantity = quantities.get(line["Line No."], ZERO)
        left = line["Quantity"] - line["Quantity Shipped"]
        if abs(quantity) > abs(left):
            raise dialog(f"You cannot ship more than {left.normalize():f} units.")
        if shipping and switches.prevent_negative_inventory and _stocked(tenant, line):
            held = sum(
                (
                    number(entry["Remaining Quantity"])
                    for entry in tenant.rows("Item Ledger Entry")
                    if (entry["Item No."], entry["Location Code"]) == (line["No."], line["Location Code"] or "")
                ),
                ZERO,
            )
            if held < quantity * number(line["Qty. per Unit of Measure"]):
                raise dialog(f"You have insufficient quantity of Item {line['No.']} on inventory.")


def ship(
    tenant: Tenant,
    header: Row,
    quantities: Mapping[int, Decimal],
    *,
    tracking: str | None = None,
    agent: str | None = None,
    modified: datetime | None = None,
) -> Row:
    """Post a shipment of quantities by line number, and answer its header. The order is released, if it was not."""
    order = header if header["Document Type"] == "Order" else {}
    own = {
        "No.": tenant.next_number(_SHIPMENTS),
        "Order No.": order.get("No.", ""),
        "Order Id": order.get("systemid", ""),
        "Posting Date": _day(header, modified),
        "Shipment Date": _day(header, modified),
        "Customer Id": buffers.identifier(tenant, "Customer", header["Sell-to Customer No."]),
        "Bill-to Customer Id": buffers.identifier(tenant, "Customer", header["Bill-to Customer No."]),
        "currencyCode": header.get("Currency Code") or tenant.local_currency,
    }
    if tracking is not None:
        own["Package Tracking No."] = tracking
    if agent is not None:
        own["Shipping Agent Code"] = agent
    shipment = tenant.add("Sales Shipment Header", {**_posted(header), **own}, modified=modified)
    for line in tenant.lines("Sales Line", *key_of(header)):
        quantity = quantities.get(line["Line No."], ZERO)
        if not quantity and line["Type"] != COMMENT:
            continue
        copied = {
            "Document No.": shipment["No."],
            "Document Id": shipment["systemid"],
            "Order No.": order.get("No.", ""),
            "Order Line No.": line["Line No."],
            "Quantity": quantity,
            "Quantity Invoiced": ZERO,
            "Qty. Shipped Not Invoiced": quantity,
        }
        shipped = tenant.add("Sales Shipment Line", {**_posted(line), **copied}, modified=modified)
        line.setdefault("shipped by", []).append(shipped)
        _move_stock(tenant, line, -quantity, str(shipment["No."]), modified)
        line["Quantity Shipped"] += quantity
        to_do(line)
        tenant.touch(line, modified)
    tenant.raise_event("SalesShipmentPosted", "salesShipments", shipment["systemid"])
    if order:
        if header["Status"] != "Released":
            tenant.raise_event("SalesOrderReleased", "salesOrders", header["systemid"])
        header["Status"] = "Released"
        refresh(tenant, header, modified=modified, touch=tenant.switches.shipment_touches_order)
    return shipment


def invoice(
    tenant: Tenant,
    header: Row,
    *,
    most: Mapping[int, Decimal] | None = None,
    modified: datetime | None = None,
) -> Row | None:
    """Post an invoice of what an order has shipped and not invoiced, or of a whole draft; None when that is nothing.

    `most`: limits by line number; without it, everything.
    """
    places = places_of(tenant, header)
    draft = header["Document Type"] == "Invoice"
    lines = tenant.lines("Sales Line", *key_of(header))
    due = {
        line["Line No."]: line["Quantity"] if draft else line["Quantity Shipped"] - line["Quantity Invoiced"]
        for line in lines
    }
    if most is not None:
        due = {place: min(quantity, most.get(place, ZERO), key=abs) for place, quantity in due.items()}
    if not any(due.values()):
        return None
    posted = [
        _invoiced(line, due[line["Line No."]], places)
        for line in lines
        if due[line["Line No."]] or line["Type"] == COMMENT
    ]
    totals = settle(posted, including_vat=bool(header["Prices Including VAT"]), places=places)
    buffers.show_totals(posted, totals)
    row = tenant.add("Sales Invoice Header", _invoice_header(tenant, header, totals, modified), modified=modified)
    for line in posted:
        kept = {"systemid": line["systemid"]} if draft and tenant.switches.draft_lines_keep_ids else {}
        fields = {**_posted(line), **kept, "Document No.": row["No."], "Document Id": buffer_id(row)}
        tenant.add("Sales Invoice Line", fields, modified=modified)
    for line in lines:
        if draft:
            _move_stock(tenant, line, line["Quantity Shipped"] - line["Quantity"], str(row["No."]), modified)
        _mark_invoiced(tenant, line, due[line["Line No."]], modified)
    rewrite(tenant, row, modified=modified)
    tenant.raise_event("SalesInvoicePosted", "salesInvoices", buffer_id(row), row["systemid"])
    if draft or all(line["Quantity"] == line["Quantity Invoiced"] for line in lines):
        drop_document(tenant, header)
    else:
        refresh(tenant, header, modified=modified, touch=tenant.switches.shipment_touches_order)
    return row


def pay(tenant: Tenant, row: Row, amount: Decimal, *, modified: datetime | None = None) -> None:
    """Apply a payment to a posted invoice: no more of it than is due, the rest stays open on the customer's account. Only
    the payment that closes the invoice moves its modified time."""
    due = number(row["Remaining Amount"])
    row["Remaining Amount"] = due - min(amount, due)
    row["Closed"] = not row["Remaining Amount"]
    rewrite(tenant, row, touch=row["Closed"], modified=modified)
    paid_by(tenant, row["Bill-to Customer No."])


def paid_by(tenant: Tenant, customer: str) -> None:
    """Say that a customer's payment was posted: what it is applied to is not said."""
    tenant.raise_event("SalesPaymentPosted", "customers", buffers.identifier(tenant, "Customer", customer))


def cancel(tenant: Tenant, row: Row, *, modified: datetime | None = None) -> None:
    """Cancel a posted invoice: a credit memo takes it back, its goods return."""
    for line in tenant.lines("Sales Invoice Line", row["No."]):
        _move_stock(tenant, line, number(line["Quantity"]), str(row["No."]), modified)
    row |= {"Cancelled": True, "Closed": True, "Remaining Amount": ZERO}
    rewrite(tenant, row, modified=modified)


def correct(tenant: Tenant, row: Row, *, modified: datetime | None = None) -> None:
    """Mark a posted invoice as one that corrects a credit memo."""
    row["Corrective"] = True
    rewrite(tenant, row, modified=modified)


def rewrite(tenant: Tenant, row: Row, *, touch: bool = True, modified: datetime | None = None) -> None:
    """Rewrite what the API shows of a posted invoice."""
    lines = tenant.lines("Sales Invoice Line", row["No."])
    totals = Totals(
        lines=sum((number(line["Line Amount"]) for line in lines), ZERO),
        discount=sum((number(line["Inv. Discount Amount"]) for line in lines), ZERO),
        excluding=number(row["Amount"]),
        including=number(row["Amount Including VAT"]),
    )
    buffers.write(tenant, buffers.INVOICES, buffers.of_posted(tenant, row, totals), touch=touch, modified=modified)


def buffer_id(row: Row) -> str:
    """The id under which the API shows a posted invoice."""
    return str(row.get("Draft Invoice SystemId") or row["systemid"])


def _check_approved(header: Row) -> None:
    """What waits for an approval, or for a prepayment, is posted afterwards."""
    if header["Status"] == "Pending Approval":
        raise dialog("This document can only be released when the approval process is complete.")
    if header["Status"] == "Pending Prepayment":
        raise dialog(
            "There are unpaid prepayment invoices that are related to the document of type "
            f"{header['Document Type']} with the number {header['No.']}."
        )


def _check_groups(tenant: Tenant, header: Row, lines: list[Row]) -> None:
    customer = tenant.get("Customer", header["Bill-to Customer No."]) or {}
    if not customer.get("Customer Posting Group"):
        raise field_error(
            f"Customer Posting Group must have a value in Customer: No.={customer.get('No.')}. It cannot be zero or empty."
        )
    for line in lines:
        for field in ("Gen. Bus. Posting Group", "Gen. Prod. Posting Group"):
            if line["Type"] == "Item" and not line.get(field):
                raise field_error(
                    f"{field} must have a value in Sales Line: Document Type={line['Document Type']}, "
                    f"Document No.={line['Document No.']}, Line No.={line['Line No.']}. It cannot be zero or empty."
                )


def _posted(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _OWN}


def _day(header: Row, modified: datetime | None) -> str:
    return modified.date().isoformat() if modified else str(header["Posting Date"])


def _stocked(tenant: Tenant, line: Row) -> bool:
    item = tenant.get("Item", str(line["No."])) if line["Type"] == "Item" else None
    return item is not None and item.get("Type", "Inventory") == "Inventory"


def _move_stock(tenant: Tenant, line: Row, quantity: Decimal, document: str, modified: datetime | None) -> None:
    if quantity and _stocked(tenant, line):
        place = str(line.get("Location Code") or "")
        quantity *= number(line["Qty. per Unit of Measure"])
        tenant.move_stock(line["No."], place, quantity, kind="Sale", document=document, modified=modified)


def _invoiced(line: Row, quantity: Decimal, places: int) -> Row:
    """The part of a line that an invoice takes: the last part takes what rounding left over."""
    before, whole = line["Quantity Invoiced"], line["Quantity"]
    part = {**line, "Quantity": quantity, "Order Line No.": line["Line No."]}
    for field in ("Line Amount", "Line Discount Amount", "Inv. Discount Amount"):
        total = number(line.get(field))
        if whole:
            upto = rounded(total * (before + quantity) / whole, places)
            part[field] = upto - rounded(total * before / whole, places)
    return part


def _invoice_header(tenant: Tenant, header: Row, totals: Totals, modified: datetime | None) -> Row:
    draft = header["Document Type"] == "Invoice"
    return {
        **_posted(header),
        "No.": header["No."] if draft and not tenant.switches.posting_draws_numbers else tenant.next_number(_INVOICES),
        "Pre-Assigned No.": header["No."] if draft else "",
        "Draft Invoice SystemId": header["systemid"] if draft else "",
        "Order No.": "" if draft else header["No."],
        "Order Id": "" if draft else header["systemid"],
        "Posting Date": _day(header, modified),
        "Document Date": str(header["Document Date"]) if draft else _day(header, modified),
        "Amount": totals.excluding,
        "Amount Including VAT": totals.including,
        "Remaining Amount": totals.including,
        "Closed": not totals.including,
        "Cancelled": False,
        "Corrective": False,
    }


def _mark_invoiced(tenant: Tenant, line: Row, quantity: Decimal, modified: datetime | None) -> None:
    if not quantity:
        return
    line["Quantity Invoiced"] += quantity
    to_do(line)
    tenant.touch(line, modified)
    for shipped in line.get("shipped by", ()):
        part = min(quantity, shipped["Qty. Shipped Not Invoiced"], key=abs)
        shipped["Quantity Invoiced"] += part
        shipped["Qty. Shipped Not Invoiced"] -= part
        quantity -= part

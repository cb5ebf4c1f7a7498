"""Lines of documents and journals as API v2.0 shows them, from the lines that the tables hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from include.sandbox.bc import sales_buffers as buffers
from include.sandbox.bc.sales_amounts import number, rounded
from include.sandbox.bc.sales_lines import places_of
from include.sandbox.bc.tenant import Row, Tenant

# The type of a line: as the table has it -> as the API has it.
API_TYPES = {" ": "Comment", "G/L Account": "Account", "Charge (Item)": "Charge"}
TYPES = {api: table for table, api in API_TYPES.items()}


def order_lines(tenant: Tenant, buffer: Row) -> list[Row]:
    """The lines of an order, by its row in the buffer."""
    return [_line(tenant, buffer, line) for line in tenant.lines("Sales Line", "Order", buffer["No."])]


def invoice_lines(tenant: Tenant, buffer: Row) -> list[Row]:
    """The lines of an invoice, draft or posted, by its row in the buffer."""
    lines = (
        tenant.lines("Sales Invoice Line", buffer["No."])
        if buffer["Posted"]
        else tenant.lines("Sales Line", "Invoice", buffer["No."])
    )
    return [_line(tenant, buffer, line) for line in lines]


def shipment_lines(tenant: Tenant, shipment: Row) -> list[Row]:
    """The lines of a shipment."""
    return tenant.lines("Sales Shipment Line", shipment["No."])


def payments(tenant: Tenant, journal: Row) -> list[Row]:
    """The payments that a journal holds."""
    return tenant.lines("Gen. Journal Line", journal["Journal Template Name"], journal["Name"])


def order_line(tenant: Tenant, identifier: str) -> Iterable[Row]:
    """The line of an order with an id."""
    line = tenant.by_id("Sales Line", identifier)
    if line is not None and line["Document Type"] == "Order":
        header = tenant.get("Sales Header", "Order", line["Document No."])
        buffer = tenant.get(buffers.ORDERS, header["systemid"]) if header else None
        if buffer:
            yield _line(tenant, buffer, line)


def invoice_line(tenant: Tenant, identifier: str) -> Iterable[Row]:
    """The line of an invoice, draft or posted, with an id."""
    line = tenant.by_id("Sales Invoice Line", identifier) or tenant.by_id("Sales Line", identifier)
    if line is not None and line.get("Document Type") != "Order":
        draft = tenant.get("Sales Header", "Invoice", line["Document No."])
        buffer = tenant.get(buffers.INVOICES, line.get("Document Id") or (draft["systemid"] if draft else ""))
        if buffer:
            yield _line(tenant, buffer, line)


def shipment_line(tenant: Tenant, identifier: str) -> Iterable[Row]:
    """The line of a shipment with an id."""
    line = tenant.by_id("Sales Shipment Line", identifier)
    return [] if line is None else [line]


def payment(tenant: Tenant, identifier: str) -> Iterable[Row]:
    """The payment with an id."""
    line = tenant.by_id("Gen. Journal Line", identifier)
    return [] if line is None else [line]


def _line(tenant: Tenant, buffer: Row, line: Row) -> Row:
    places = places_of(tenant, buffer)
    rate, amount = number(line["VAT %"]), number(line["Line Amount"])
    including = bool(buffer.get("Prices Including VAT"))
    excluded = rounded(amount * 100 / (100 + rate), places) if including else amount
    tax = amount - excluded if including else rounded(amount * rate / 100, places)
    discount = number(line.get("Inv. Discount Amount"))
    if not discount:
        # Without an invoice discount the line's own share of the document's tax is what both columns show.
        excluded, tax = line["Amount"], line["Amount Including VAT"] - line["Amount"]
    of_type: dict[str, Callable[[], str]] = {
        "Item": lambda: buffers.identifier(tenant, "Item", line["No."]),
        "G/L Account": lambda: buffers.identifier(tenant, "G/L Account", line["No."]),
    }
    master = of_type.get(line["Type"], str)()
    return {
        **line,
        "Document Id": buffer["Id"],
        "API Type": API_TYPES.get(line["Type"], line["Type"]),
        "Item Id": master if line["Type"] == "Item" else "",
        "Account Id": master if line["Type"] == "G/L Account" else "",
        "Unit of Measure Id": buffers.identifier(tenant, "Unit of Measure", line.get("Unit of Measure Code")),
        "Location Id": buffers.identifier(tenant, "Location", line.get("Location Code")),
        "Discount Applied Before Tax": True,
        "Line Amount Excluding Tax": excluded,
        "Line Tax Amount": tax,
        "Line Amount Including Tax": excluded + tax,
        "Tax Code": line.get(
            "Tax Group Code" if line.get("Tax Liable") and line.get("Tax Area Code") else "VAT Prod. Posting Group"
        )
        or "",
        "Inv. Discount Amount Excl. VAT": rounded(discount * 100 / (100 + rate), places) if including else discount,
        "Tax Amount": line["Amount Including VAT"] - line["Amount"],
    }

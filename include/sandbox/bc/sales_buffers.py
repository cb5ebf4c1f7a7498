"""The tables that API v2.0 reads orders and invoices from: rewritten whenever a header or a line moves."""

from __future__ import annotations

from datetime import datetime

from include.sandbox.bc.sales_amounts import Totals, number
from include.sandbox.bc.tenant import Row, Tenant

ORDERS, INVOICES = "Sales Order Entity Buffer", "Sales Invoice Entity Aggregate"
_STATUS = {"Open": "Draft", "Pending Approval": "In Review", "Released": "Open", "Pending Prepayment": "Open"}
_OWN = ("systemid", "version", "systemmodifiedat")


def identifier(tenant: Tenant, table: str, code: object) -> str:
    """The SystemId of a code's row, blank when there is none."""
    row = tenant.get(table, str(code)) if code else None
    return str(row["systemid"]) if row else ""


def of_header(tenant: Tenant, header: Row, totals: Totals) -> Row:
    """What the buffer holds of a document, posted or not."""
    return {
        **{name: value for name, value in header.items() if name not in _OWN},
        "Customer Id": identifier(tenant, "Customer", header.get("Sell-to Customer No.")),
        "Bill-to Customer Id": identifier(tenant, "Customer", header.get("Bill-to Customer No.")),
        "Currency Id": identifier(tenant, "Currency", header.get("Currency Code")),
        "Payment Terms Id": identifier(tenant, "Payment Terms", header.get("Payment Terms Code")),
        "Shipment Method Id": identifier(tenant, "Shipment Method", header.get("Shipment Method Code")),
        "currencyCode": header.get("Currency Code") or tenant.local_currency,
        "partialShipping": header.get("Shipping Advice") != "Complete",
        "Invoice Discount Amount": totals.discount,
        "Discount Applied Before Tax": True,
        "Amount": totals.excluding,
        "Total Tax Amount": totals.vat,
        "Amount Including VAT": totals.including,
    }


def of_draft(tenant: Tenant, header: Row, totals: Totals) -> Row:
    """What the buffer holds of an order or a draft invoice."""
    lines = tenant.lines("Sales Line", str(header["Document Type"]), str(header["No."]))
    untouched = tenant.switches.untouched_is_fully_shipped and not any(line["Quantity Shipped"] for line in lines)
    return {
        **of_header(tenant, header, totals),
        "Completely Shipped": bool(header.get("Completely Shipped")) or untouched,
        "Id": header["systemid"],
        "Status": _STATUS[header["Status"]],
        "Posted": False,
        # Of what is not posted all is owed, as API v2.0 tells it.
        "remainingAmount": totals.including,
    }


def of_posted(tenant: Tenant, header: Row, totals: Totals) -> Row:
    """What the buffer holds of a posted invoice."""
    order = header.get("Order No.")
    return {
        **of_header(tenant, header, totals),
        # The API shows a posted draft under the id it had as a draft.
        "Id": header.get("Draft Invoice SystemId") or header["systemid"],
        "Order Id": header.get("Order Id") or "",
        "Order No.": order or "",
        "Status": posted_status(header),
        "Posted": True,
        "remainingAmount": header["Remaining Amount"],
    }


def posted_status(header: Row) -> str:
    """The status of a posted invoice in the API."""
    if header.get("Cancelled"):
        return "Canceled"
    if header.get("Corrective"):
        return "Corrective"
    return "Paid" if header.get("Closed") else "Open"


def write(tenant: Tenant, table: str, fields: Row, *, touch: bool, modified: datetime | None) -> Row:
    """Write a buffer row. `touch`: whether its modified time and its tag move."""
    row = tenant.get(table, fields["Id"])
    if row is None:
        return tenant.add(table, {**fields, "systemid": fields["Id"]}, modified=modified)
    row.update(fields)
    if touch:
        tenant.touch(row, modified)
    tenant.generation[table] += 1
    return row


def forget(tenant: Tenant, table: str, identifier: str) -> None:
    """Drop the buffer row of a document that is gone."""
    row = tenant.get(table, identifier)
    if row is not None:
        tenant.remove(table, row)


def show_totals(lines: list[Row], totals: Totals) -> None:
    """Repeat a document's totals on each of its lines, as the pages of lines show them."""
    share = totals.discount / totals.lines * 100 if totals.lines else number(0)
    for line in lines:
        line |= {
            "TotalSalesLine_Line_Amount": totals.lines,
            "Invoice_Discount_Amount": totals.discount,
            "Invoice_Disc_Pct": round(share, 5),
            "Total_Amount_Excl_VAT": totals.excluding,
            "Total_VAT_Amount": totals.vat,
            "Total_Amount_Incl_VAT": totals.including,
            "FilteredTypeField": "Comment" if line["Type"] == " " else line["Type"],
        }

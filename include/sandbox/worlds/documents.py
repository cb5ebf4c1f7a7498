"""Orders and invoices of Business Central in every state that they pass through."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from include.sandbox.bc.sales import Sales
from include.sandbox.bc.tenant import Tenant
from include.sandbox.worlds.masters import company_no, item_no, person_no
from include.sandbox.worlds.names import Size

# What becomes of orders, over and over.
_FATES = ("open", "released", "released", "part shipped", "shipped", "part invoiced", "invoiced", "paid")


def add_documents(tenant: Tenant, size: Size) -> None:
    """Add orders and direct invoices, all of the last days, and publish the pages that know their posted ones."""
    tenant.publish("PostedSalesInvoices")
    tenant.publish("PostedSalesShipments")
    if not size.items or not size.companies + size.persons:
        return
    sales = Sales(tenant)
    for number in range(size.orders):
        _order(sales, tenant, size, number)
    for number in range(size.invoices):
        _invoice(sales, tenant, size, number)


def _when(tenant: Tenant, number: int) -> datetime:
    return tenant.now() - timedelta(days=number % 4, minutes=10 + number % 600)


def _buyer(size: Size, number: int) -> str:
    number %= size.companies + size.persons
    return company_no(number) if number < size.companies else person_no(number - size.companies)


def _lines(tenant: Tenant, size: Size, number: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for place in range(1 + number % 4):
        line: dict[str, Any] = {"Type": "Item", "No.": item_no((number * 7 + place) % size.items)}
        line["Quantity"] = tenant.random.randint(2, 9)
        if (number + place) % 5 == 0:
            line["Line Discount %"] = 7.5
        lines.append(line)
    if number % 6 == 5:
        lines.append({"Type": " ", "Description": "Please ring twice"})
    if number % 9 == 4:
        lines.append({"Type": "G/L Account", "No.": "40410", "Quantity": 1, "Unit Price": 12.5})
    return lines


def _order(sales: Sales, tenant: Tenant, size: Size, number: int) -> None:
    when, fate = _when(tenant, number), _FATES[number % len(_FATES)]
    fields: dict[str, Any] = {"Order Date": when.date().isoformat()}
    if number % 3:
        fields["External Document No."] = f"PO-{number:05}"
    if number % 10 == 7:
        fields["Invoice Discount"] = 1
    order = sales.add_order(customer=_buyer(size, number), lines=_lines(tenant, size, number), modified=when, **fields)
    no = order["No."]
    if fate == "open":
        return
    sales.release(no, modified=when)
    tracking = f"1Z{number:06}" if number % 2 else ""
    if fate in ("part shipped", "part invoiced"):
        first = sales.lines(no)[0]
        sales.ship(no, {first["Line No."]: 1}, tracking=tracking, modified=when)
    elif fate != "released":
        sales.ship(no, tracking=tracking, modified=when)
    if fate in ("part invoiced", "invoiced", "paid"):
        invoice = sales.invoice(no, modified=when)
        if fate == "paid" and invoice is not None:
            sales.pay_invoice(invoice["No."], modified=when)


def _invoice(sales: Sales, tenant: Tenant, size: Size, number: int) -> None:
    when = _when(tenant, number)
    buyer, lines = _buyer(size, number * 3), _lines(tenant, size, number + 1)
    draft = sales.add_draft_invoice(customer=buyer, lines=lines, modified=when)
    if number % 8 == 7:
        return
    posted = sales.post_invoice(draft["No."], modified=when)
    if number % 3 == 0:
        sales.pay_invoice(posted["No."], modified=when)
    elif number % 8 == 5:
        sales.cancel_invoice(posted["No."], modified=when)

"""Sales orders of Business Central as transactions of iPaaS.com."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from include.business_central.records.base import decoded
from include.business_central.records.sales import ApiSalesOrder
from include.mappings.body import body
from include.mappings.rows import OrderRow
from include.mappings.sales_lines import shipped_in_units
from include.mappings.transactions import header_from_api, read_document, transaction
from include.sync.records import Json, Mapped, MappingContext

RELEASED = "Released"
# What the API calls the statuses of page 42 (docs/business_central.md, "Sales documents and their statuses").
_API_STATUSES = {"Draft": "Open", "In Review": "Pending Approval", "Open": RELEASED}


def skip_order(row: OrderRow, context: MappingContext) -> str | None:
    """The filter: released orders only; one that is posted in full is no order any more."""
    if row.posted_as:
        return posted_note(str(row.number), row.posted_as)
    status = row.header.Status
    if status == RELEASED:
        return None
    return f"The order is not released: its status is {status or 'blank'}."


def posted_note(number: str, invoices: Sequence[str]) -> str:
    """That an order has become invoices."""
    return (
        f"Order {number} is no longer among the orders: it was posted as {', '.join(invoices)}; "
        "sales_invoice_to_ipaas carries it on."
    )


def order_to_ipaas(row: OrderRow, context: MappingContext) -> Mapped:
    """A released order as a transaction of type Order."""
    document = read_document(
        row,
        context,
        type="Order",
        status="Shipped" if _is_shipped(row) else "Pending",
        created=row.header.Order_Date,
        shipping_account=context.settings.bc_create_defaults.sales_order.shipping_account,
    )
    return transaction(document, context, aside=shipped_in_units(row.sales_lines, row.header.No, row.units))


def status_from_api(status: Any) -> str:
    """What API v2.0 says of an order's status, as page 42 says it."""
    name = decoded(str(status or ""))
    return _API_STATUSES.get(name, name)


def _is_shipped(row: OrderRow) -> bool:
    """Whether all of an order is shipped, and anything at all; where its page is gone the lines alone tell."""
    goods = [line for line in row.sales_lines if line.Type]
    complete = row.header.Completely_Shipped
    if complete is None:
        complete = all(line.Quantity_Shipped == line.Quantity for line in goods)
    return complete and any(line.Quantity_Shipped for line in goods)


def order_from_api(record: Json, payment_terms: str | None, own_currency: str | None = None) -> Json:
    """What API v2.0 knows of an order, under the names of page 42."""
    order = ApiSalesOrder.model_validate(record)
    return header_from_api(order, payment_terms, own_currency) | body(
        Order_Date=record.get("orderDate"),
        Status=status_from_api(order.status),
    )

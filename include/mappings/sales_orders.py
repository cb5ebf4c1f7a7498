"""Sales orders of Business Central as transactions of iPaaS.com."""

from __future__ import annotations

from typing import Any

from include.business_central.records.base import decoded
from include.business_central.records.sales import ApiSalesOrder, SalesHeader, SalesLine
from include.mappings.body import body
from include.mappings.transactions import header_from_api, read_document, transaction
from include.sync.records import Json, Mapped, MappingContext

RELEASED = "Released"
# What the API calls the statuses of page 42 (docs/business_central.md, "Sales documents and their statuses").
_API_STATUSES = {"Draft": "Open", "In Review": "Pending Approval", "Open": RELEASED}


def skip_order(data: Json, context: MappingContext) -> str | None:
    """The filter: released orders only; one that is posted in full is no order any more."""
    if posted := data.get("posted_as"):
        return posted_note(data["number"], posted)
    status = SalesHeader.model_validate(data["detail"]).Status
    if status == RELEASED:
        return None
    return f"The order is not released: its status is {status or 'blank'}."


def posted_note(number: str, invoices: list[str]) -> str:
    """That an order has become invoices."""
    return (
        f"Order {number} is no longer among the orders: it was posted as {', '.join(invoices)}; "
        "sales_invoice_to_ipaas carries it on."
    )


def order_to_ipaas(data: Json, context: MappingContext) -> Mapped:
    """A released order as a transaction of type Order."""
    header = SalesHeader.model_validate(data["detail"])
    document = read_document(
        data,
        context,
        type="Order",
        status="Shipped" if _is_shipped(header, data) else "Pending",
        created=header.Order_Date,
        shipping_account=context.settings.bc_create_defaults.sales_order.shipping_account,
    )
    return transaction(document, context)


def status_from_api(status: Any) -> str:
    """What API v2.0 says of an order's status, as page 42 says it."""
    name = decoded(str(status or ""))
    return _API_STATUSES.get(name, name)


def _is_shipped(header: SalesHeader, data: Json) -> bool:
    """Whether all of an order is shipped, and anything at all; where its page is gone the lines alone tell."""
    lines = [SalesLine.model_validate(row) for row in data.get("lines") or ()]
    goods = [line for line in lines if line.Type]
    complete = header.Completely_Shipped
    if complete is None:
        complete = all(line.Quantity_Shipped == line.Quantity for line in goods)
    return complete and any(line.Quantity_Shipped for line in goods)


def order_from_api(record: Json, payment_terms: str | None, own_currency: str | None = None) -> Json:
    """What API v2.0 knows of an order, under the names of page 42."""
    order = ApiSalesOrder.model_validate(record)
    return header_from_api(record, payment_terms, own_currency) | body(
        Order_Date=record.get("orderDate"),
        Status=status_from_api(order.status),
    )

"""The bound actions of API v2.0 on orders and invoices; their names are not case-sensitive."""

from __future__ import annotations

from collections.abc import Callable

from include.sandbox.bc import sales_posting as posting
from include.sandbox.bc.answers import Fault, dialog, field_error
from include.sandbox.bc.sales import Sales
from include.sandbox.bc.sales_lines import COMMENT, shown
from include.sandbox.bc.schema import View
from include.sandbox.bc.tenant import Row, Tenant

_NAMESPACE = "microsoft.nav."


def is_action(segment: str) -> bool:
    """Whether a segment of a path names an action."""
    return segment.lower().startswith(_NAMESPACE)


def act(tenant: Tenant, view: View, row: Row, segment: str) -> None:
    """Do an action on a record. Raises Fault when there is none of that name, or when it is refused."""
    action = _ACTIONS.get((view.key, segment.lower().removeprefix(_NAMESPACE)))
    if action is None:
        raise Fault(404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{segment}'.")
    action(Sales(tenant), row)


def _ship_and_invoice(sales: Sales, row: Row) -> None:
    lines = [line for line in sales.lines(row["No."]) if line["Type"] != COMMENT]
    if not lines:
        raise dialog("Please add at least one line item to the document.")
    empty = next((line for line in lines if not line["Quantity"]), None)
    if empty is not None:
        raise field_error(f"Quantity must have a value in Sales Line: {shown(empty)}. It cannot be zero or empty.")
    sales.post_to_do(row["No."])


def _post(sales: Sales, row: Row) -> None:
    if row["Posted"]:
        raise dialog("The action can be applied to a draft invoice only.")
    sales.post_invoice(row["No."])


def _cancel(sales: Sales, row: Row) -> None:
    header = _posted(sales, row)
    if header["Cancelled"]:
        raise dialog("The invoice cannot be canceled because it has already been canceled.")
    posting.cancel(sales.tenant, header)


def _send(sales: Sales, row: Row) -> None:
    if not row.get("Sell-to E-Mail"):
        raise dialog(
            "The send-to email is empty. Specify email either for the customer or for the invoice in email preview."
        )


def _post_and_send(sales: Sales, row: Row) -> None:
    if row["Posted"]:
        raise dialog("The action can be applied to a draft invoice only.")
    _send(sales, row)
    _post(sales, row)


def _cancel_and_send(sales: Sales, row: Row) -> None:
    _posted(sales, row)
    _send(sales, row)
    _cancel(sales, row)


def _posted(sales: Sales, row: Row) -> Row:
    if not row["Posted"]:
        raise dialog("The action can be applied to a posted invoice only.")
    return sales.posted(row["No."])


_ACTIONS: dict[tuple[str, str], Callable[[Sales, Row], None]] = {
    ("api:salesOrders", "shipandinvoice"): _ship_and_invoice,
    ("api:salesInvoices", "post"): _post,
    ("api:salesInvoices", "postandsend"): _post_and_send,
    ("api:salesInvoices", "send"): _send,
    ("api:salesInvoices", "cancel"): _cancel,
    ("api:salesInvoices", "cancelandsend"): _cancel_and_send,
}

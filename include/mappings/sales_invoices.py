"""Posted sales invoices of Business Central as transactions of iPaaS.com, and what they say about their orders."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from include.business_central.records.base import unblank
from include.business_central.records.invoice_states import CANCELED, CORRECTIVE, OPEN, PAID, status_of
from include.business_central.records.sales import ApiSalesDocument, SalesLine
from include.ipaas.external_ids import TRANSACTION_TABLE
from include.mappings.body import child
from include.mappings.foreign_transactions import INVOICE_LINK
from include.mappings.rows import InvoiceRow
from include.mappings.sales_lines import SHIPPED, line_id, shipped_in_units, shipped_line
from include.mappings.transactions import header_from_api, read_document, transaction
from include.mappings.units import BASE, counted, in_base_units
from include.sync.records import Follower, Json, Mapped, MappingContext, Missing, Ref
from include.sync.values import fold

# The statuses of API v2.0 that a posted invoice may have; a released draft is `Open`, too.
POSTED = frozenset({OPEN, PAID, CANCELED, CORRECTIVE})
# What follows an invoice to its order's transaction: what was shipped of it, or, once it is gone, what was posted of it.
SHIPPED_ORDER = "shipped order"
POSTED_ORDER = "posted order"


def skip_invoice(row: InvoiceRow, context: MappingContext) -> str | None:
    """The filter: posted invoices only."""
    status = status_of(row.feed)
    if status not in POSTED:
        return f"The invoice is not posted: its status is {status or 'blank'}."
    return row.unposted


def invoice_to_ipaas(row: InvoiceRow, context: MappingContext) -> Mapped:
    """A posted invoice as a transaction of type Invoice. Its order's transaction follows, when it has one."""
    invoice = row.document
    status = status_of(row.feed)
    document = read_document(
        row,
        context,
        type="Invoice",
        status="Cancelled" if status == CANCELED else "Complete",
        created=invoice.invoiceDate,
        shipping_account=context.settings.bc_create_defaults.invoice.shipping_account,
        shipped=True,
        payment_status="Complete" if status == PAID else "Pending",
    )
    order = invoice.orderNumber
    if order is None:
        # Only an invoice without an order can have been made from a transaction of iPaaS.com.
        return transaction(document, context, made_from=f"{INVOICE_LINK}{invoice.id.lower()}")
    missing = Missing.wait if row.order_comes else Missing.drop
    parent = Ref(table=TRANSACTION_TABLE, source_id=order, missing=missing)
    # What a cancelled invoice once said about its order stays as it is.
    followers = () if status == CANCELED else _order(order, row, context)
    return transaction(document, context, followers=followers, transaction_parent_id=parent)


def _order(order: str, row: InvoiceRow, context: MappingContext) -> tuple[Follower, ...]:
    if row.order_lines is None:
        return (_gone_order(order, row, context),)
    lines, _ = in_base_units(row.sales_lines_of_order, row.order_units)
    open_lines = [line for line in lines if line.Type and line.Quantity_Invoiced != line.Quantity]
    if not open_lines:
        return ()
    shipped = [shipped_line(line, order, context) for line in lines if line.Type and line.No]
    aside = shipped_in_units(row.sales_lines_of_order, order, row.order_units)
    return (Follower(kind=SHIPPED_ORDER, external_id=order, body={"lines": shipped}, aside=aside),)


def _gone_order(order: str, row: InvoiceRow, context: MappingContext) -> Follower:
    """What was invoiced of an order that is gone: all of it, or what there was when somebody deleted the rest. No order
    goes with anything shipped and not invoiced.

    What was invoiced and cancelled may count: the order was posted in full, and its invoice cancelled afterwards, which
    concerns that invoice alone. Where its transaction does not have it, it was cancelled before.
    """
    invoiced = _quantities(row.invoiced_lines_of_order, order, row)
    at_most = _quantities((*row.invoiced_lines_of_order, *row.cancelled_lines_of_order), order, row)
    lines = [
        child(context.system_id, line, {"status": SHIPPED, "qty_shipped": quantities[BASE]})
        for line, quantities in sorted(invoiced.items())
    ]
    return Follower(
        kind=POSTED_ORDER,
        external_id=order,
        body={"status": "Complete", "lines": lines},
        aside={"shipped": invoiced, "at_most": at_most},
    )


def _quantities(lines: Iterable[SalesLine], order: str, row: InvoiceRow) -> dict[str, dict[str, Decimal]]:
    """How much these lines hold of each line of their order, in each unit of its item."""
    sums: dict[str, dict[str, Decimal]] = {}
    for line in lines:
        if line.Type and line.No:
            known = sums.setdefault(fold(line_id(order, line.Line_No)), {})
            for unit, quantity in counted(line, line.Quantity, row.order_units).items():
                known[unit] = known.get(unit, Decimal(0)) + quantity
    return sums


def invoice_header(
    record: Json, posted: Json | None, payment_terms: str | None, own_currency: str | None = None
) -> Json:
    """The invoice under the names of page 42: what the API knows, and what its posted page knows better."""
    own = {name: value for name, value in (posted or {}).items() if unblank(value) is not None}
    return {**header_from_api(ApiSalesDocument.model_validate(record), payment_terms, own_currency), **own}

"""Sales as a user of the company does it: what tests and worlds call to make documents and to move them on.

Fields go by their AL names. `modified` is when a thing was done, now by default; exactly the records that Business
Central would touch are touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from include.sandbox.bc import sales_documents as documents
from include.sandbox.bc import sales_posting as posting
from include.sandbox.bc.sales_amounts import number
from include.sandbox.bc.sales_headers import key_of, set_header
from include.sandbox.bc.sales_lines import COMMENT, set_line
from include.sandbox.bc.sources import PAYMENT_TEMPLATE
from include.sandbox.bc.tenant import Row, Tenant

Lines = Iterable[Mapping[str, Any]]


class Sales:
    """The sales desk of a company. Raises Fault where Business Central would refuse, KeyError for what is not there."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    # --- orders and draft invoices ---------------------------------------------------------------------------

    def add_order(
        self,
        no: str | None = None,
        *,
        customer: str,
        lines: Lines = (),
        modified: datetime | None = None,
        **fields: Any,
    ) -> Row:
        """An order with its lines, e.g. `{"Type": "Item", "No.": "1000", "Quantity": 2, "Unit Price": 10}`.

        A line's price comes from the item unless it is given after the quantity.
        """
        return documents.add_document(
            self.tenant, "Order", no, customer=customer, lines=lines, fields=fields, modified=modified
        )

    def add_draft_invoice(
        self,
        no: str | None = None,
        *,
        customer: str,
        lines: Lines = (),
        modified: datetime | None = None,
        **fields: Any,
    ) -> Row:
        """A draft invoice with its lines, as `add_order` takes them."""
        return documents.add_document(
            self.tenant, "Invoice", no, customer=customer, lines=lines, fields=fields, modified=modified
        )

    def order(self, no: str) -> Row:
        """An order's header."""
        return documents.header_of(self.tenant, "Order", no)

    def draft(self, no: str) -> Row:
        """A draft invoice's header."""
        return documents.header_of(self.tenant, "Invoice", no)

    def lines(self, no: str, kind: str = "Order") -> list[Row]:
        """The lines of an order, or of a draft invoice."""
        return self.tenant.lines("Sales Line", kind, no)

    def change_order(self, no: str, *, modified: datetime | None = None, **fields: Any) -> Row:
        """Change fields of an order's header."""
        header = self.order(no)
        for field, value in fields.items():
            set_header(self.tenant, header, field, value)
        self._moved(header, modified)
        return header

    def add_line(self, no: str, *, modified: datetime | None = None, **fields: Any) -> Row:
        """Append a line to an order; the order moves with it in the API."""
        line = documents.append_line(self.tenant, self.order(no), fields, modified=modified)
        documents.refresh(self.tenant, self.order(no), modified=modified)
        return line

    def change_line(self, no: str, line_no: int, *, modified: datetime | None = None, **fields: Any) -> Row:
        """Change fields of a line of an order; the order moves with it in the API."""
        header, line = self.order(no), self._line(no, line_no)
        for field, value in fields.items():
            set_line(self.tenant, header, line, field, value)
        self.tenant.touch(line, modified)
        documents.refresh(self.tenant, header, modified=modified)
        return line

    def remove_line(self, no: str, line_no: int, *, modified: datetime | None = None) -> None:
        """Delete a line of an order."""
        self.tenant.remove("Sales Line", self._line(no, line_no))
        documents.refresh(self.tenant, self.order(no), modified=modified)

    def delete_order(self, no: str) -> None:
        """Delete an order."""
        documents.delete_document(self.tenant, self.order(no))

    def release(self, no: str, kind: str = "Order", *, modified: datetime | None = None) -> Row:
        """Release an order, or a draft invoice."""
        return self.set_status(no, "Released", kind, modified=modified)

    def reopen(self, no: str, kind: str = "Order", *, modified: datetime | None = None) -> Row:
        """Open an order, or a draft invoice, again."""
        return self.set_status(no, "Open", kind, modified=modified)

    def set_status(self, no: str, status: str, kind: str = "Order", *, modified: datetime | None = None) -> Row:
        """Give an order or a draft invoice a status: Open, Released, Pending Approval, Pending Prepayment."""
        header = documents.header_of(self.tenant, kind, no)
        header["Status"] = status
        self._moved(header, modified)
        if status == "Released" and kind == "Order":
            self.tenant.raise_event("SalesOrderReleased", "salesOrders", header["systemid"])
        return header

    # --- posting ---------------------------------------------------------------------------------------------

    def ship(
        self,
        no: str,
        quantities: Mapping[int, float | Decimal] | None = None,
        *,
        tracking: str | None = None,
        agent: str | None = None,
        modified: datetime | None = None,
    ) -> Row:
        """Post a shipment of an order, of all that is left or of quantities by line number; answers its header."""
        header = self.order(no)
        wanted = self._left(header) if quantities is None else {n: number(q) for n, q in quantities.items()}
        posting.check(self.tenant, header, wanted, shipping=True)
        return posting.ship(self.tenant, header, wanted, tracking=tracking, agent=agent, modified=modified)

    def invoice(self, no: str, *, modified: datetime | None = None) -> Row | None:
        """Post an invoice of what an order has shipped and not invoiced; None when that is nothing.

        An order that is shipped and invoiced in full is gone then.
        """
        header = self.order(no)
        posting.check(self.tenant, header, {}, shipping=False)
        return posting.invoice(self.tenant, header, modified=modified)

    def post(self, no: str, *, tracking: str | None = None, modified: datetime | None = None) -> Row | None:
        """Ship and invoice all that is left of an order; answers the invoice's header."""
        if any(self._left(self.order(no)).values()):
            self.ship(no, tracking=tracking, modified=modified)
        return self.invoice(no, modified=modified)

    def post_to_do(self, no: str, *, modified: datetime | None = None) -> Row | None:
        """Ship and invoice what the lines of an order say is to be shipped and invoiced."""
        header = self.order(no)
        lines = self.lines(no)
        ship = {line["Line No."]: line["Qty. to Ship"] for line in lines}
        most = {line["Line No."]: line["Qty. to Invoice"] for line in lines}
        posting.check(self.tenant, header, ship, shipping=True)
        if any(ship.values()):
            posting.ship(self.tenant, header, ship, modified=modified)
        return posting.invoice(self.tenant, header, most=most, modified=modified)

    def post_invoice(self, no: str, *, modified: datetime | None = None) -> Row:
        """Post a draft invoice; answers the posted header, which has a number of its own."""
        header = self.draft(no)
        quantities = self._left(header)
        posting.check(self.tenant, header, quantities, shipping=True)
        if self.tenant.switches.shipment_on_invoice:
            posting.ship(self.tenant, header, quantities, modified=modified)
        posted = posting.invoice(self.tenant, header, modified=modified)
        if posted is None:
            raise KeyError(no)
        return posted

    def posted(self, no: str) -> Row:
        """A posted invoice's header."""
        row = self.tenant.get("Sales Invoice Header", no)
        if row is None:
            raise KeyError(no)
        return row

    def pay_invoice(self, no: str, amount: float | Decimal | None = None, *, modified: datetime | None = None) -> Row:
        """Pay a posted invoice, in full or in part."""
        row = self.posted(no)
        due = number(row["Remaining Amount"]) if amount is None else number(amount)
        posting.pay(self.tenant, row, due, modified=modified)
        return row

    def cancel_invoice(self, no: str, *, modified: datetime | None = None) -> Row:
        """Cancel a posted invoice."""
        row = self.posted(no)
        posting.cancel(self.tenant, row, modified=modified)
        return row

    def correct_invoice(self, no: str, *, modified: datetime | None = None) -> Row:
        """Make a posted invoice a corrective one."""
        row = self.posted(no)
        posting.correct(self.tenant, row, modified=modified)
        return row

    def post_payments(self, journal: str, *, modified: datetime | None = None) -> int:
        """Post what a journal of customer payments holds, and answer how many lines that was."""
        lines = self.tenant.lines("Gen. Journal Line", PAYMENT_TEMPLATE, journal)
        for line in lines:
            if line.get("appliesToInvoiceNumber"):
                self.pay_invoice(line["appliesToInvoiceNumber"], -number(line["Amount"]), modified=modified)
            else:
                posting.paid_by(self.tenant, line["Account No."])
            self.tenant.remove("Gen. Journal Line", line)
        return len(lines)

    # --- helpers ---------------------------------------------------------------------------------------------

    def _line(self, no: str, line_no: int) -> Row:
        row = self.tenant.get("Sales Line", "Order", no, str(line_no))
        if row is None:
            raise KeyError(f"{no} {line_no}")
        return row

    def _moved(self, header: Row, modified: datetime | None) -> None:
        self.tenant.touch(header, modified)
        documents.refresh(self.tenant, header, modified=modified)

    def _left(self, header: Row) -> dict[int, Decimal]:
        return {
            line["Line No."]: line["Quantity"] - line["Quantity Shipped"]
            for line in self.tenant.lines("Sales Line", *key_of(header))
            if line["Type"] != COMMENT
        }

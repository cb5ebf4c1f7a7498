"""Writes sales orders to Business Central: the header, then line by line, then the discount."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from include.errors import NotFound, RecordExists, Rejected, Sent, ServiceError
from include.ipaas.external_ids import LINE_TABLE, TRANSACTION_TABLE
from include.mappings.foreign_transactions import INVOICE_LINK
from include.sync.base import Base
from include.sync.context import WriteContext
from include.sync.ledger.entries import Purpose
from include.sync.merge import Times, shown
from include.sync.outcomes import Change, Result, in_one
from include.sync.records import Json
from include.sync.values import fold, text_of
from include.sync.work import WriteRequest, WriteResult
from include.writers.bc_changes import base_of
from include.writers.bc_documents import (
    TransactionLinks,
    begin,
    customer_number,
    foresee_products,
    know_parties,
    moved,
    once_more,
    until_settled,
)
from include.writers.bc_invoice_book import INVOICES
from include.writers.bc_order_amounts import SHIPPING, WantedOrder, difference, wanted_order
from include.writers.bc_order_book import OrderBook
from include.writers.bc_order_changes import (
    DISCOUNT,
    HEADER,
    Decision,
    Question,
    agreed,
    decide,
    deliberate,
    sending,
)
from include.writers.bc_order_lines import held_of, numbers_of
from include.writers.bc_order_steps import OrderWrites, Step
from include.writers.bc_order_surface import API_ORDERS, Order
from include.writers.bc_refusal import refusal


class OrderWriter:
    """Brings transactions over as sales orders; see `Writer`."""

    table = TRANSACTION_TABLE

    def prepare(self, work: WriteContext, items: Sequence[WriteRequest]) -> None:
        """Read the orders that are linked or may be meant, their lines, items and customers, many per request."""
        once_more(self._prepare, work, items)

    def _prepare(self, work: WriteContext, items: Sequence[WriteRequest]) -> None:
        book = self._session(work).book = OrderBook(work)
        work.know_links(self.table, [item.key for item in items])
        linked = {item.key: own for item in items if (own := TransactionLinks(work, item).own)}
        references = [str(item.mapped.match) for item in items if item.key not in linked]
        book.prepare(list(dict.fromkeys(linked.values())), references)
        bodies = [item.mapped.body for item in items]
        book.items.read(line["fields"]["No"] for body in bodies for line in body["lines"])
        book.know_customers(know_parties(work, items))
        foresee_products(work, items)

    def write(self, work: WriteContext, item: WriteRequest) -> WriteResult:
        """Create or update the order; see `Writer.write`."""
        return _Transfer(work, self._session(work).book, item).run()

    def _session(self, work: WriteContext) -> _Session:
        return work.session(_Session, self.table, lambda: _Session(book=OrderBook(work)))


@dataclass(kw_only=True)
class _Session:
    """What one task keeps: what it has read of orders for its present chunk."""

    book: OrderBook


class _Transfer:
    """One transaction on its way to its order."""

    def __init__(self, work: WriteContext, book: OrderBook, item: WriteRequest) -> None:
        self.work, self.book, self.item = work, book, item
        self.links = TransactionLinks(work, item)
        self.reference = str(item.mapped.match)
        body = work.resolve(item.mapped.body)
        self.body = body
        self.customer = customer_number(body["header"]["Sell_to_Customer_No"])
        self.header = self._header(body["header"])
        self.base: Base | None = None
        self.agreed: Base | None = None
        self.created = False
        self.notes: tuple[str, ...] = ()
        self.writes = OrderWrites(work, book)
        self.wanted: WantedOrder

    def _header(self, wanted: Json) -> Json:
        """The header as this customer's orders have it."""
        customer = self.book.customer(self.customer)
        if customer is None:
            raise Rejected(
                f"Its buyer is linked to customer {self.customer}, which does not exist in Business Central.",
                "Correct the external id of the buyer in iPaaS.com.",
            )
        header = self.book.header_fields.convert(wanted)
        if "Currency_Code" in header:
            header["Currency_Code"] = self.book.currencies.on_pages(str(header["Currency_Code"]))
        if not customer.get("Disable_Search_by_Name"):
            # The page would look for a customer of that name instead, and does not let it be written.
            header.pop("Bill_to_Name", None)
        for name in ("Shipping_Agent_Code", "Shipping_Agent_Service_Code"):
            if customer.get(name):
                header.setdefault(name, customer[name])
        return {name: value for name, value in header.items() if not self.book.surface.lacks(name)}

    def _currency(self) -> str:
        """The currency that a new order will have: the transaction's, or else the customer's."""
        customer = self.book.customer(self.customer) or {}
        return str(self.header.get("Currency_Code", customer.get("Currency_Code") or ""))

    def run(self) -> WriteResult:
        """Find the order or create it, and bring it in line."""
        number = self.links.own
        if number and number.startswith(INVOICE_LINK):
            return self._result(number, Result.skipped, "The transaction has been invoiced in Business Central.")
        order = self.book.known(number) if number else self._mine(self._referring())
        if order is None:
            if posted := self._posted(number):
                return posted
            self._not_invoiced_instead()
            self._require_items(self.body["lines"])
            self.wanted = wanted_order(self.book, self.body, self._currency())
            order, self.created = self._made(), True
        self._check_same(order)
        self.wanted = wanted_order(self.book, self.body, order.currency)
        self._bring(order)
        result = Result.created if self.created else Result.updated if self.writes.written else Result.unchanged
        changes = () if self.created else in_one(self.writes.written)
        written = self._result(order.no, result, *self.wanted.notes, *self.notes)
        return replace(written, changes=changes, base=self.agreed)

    def _check_same(self, order: Order) -> None:
        """Raise Rejected when an order differs in what Business Central cannot change once there are lines."""
        if fold(order.customer) != fold(self.customer):
            raise Rejected(
                f"Order {order.no} is made out to customer {order.customer}, and the transaction to {self.customer} now.",
                "Business Central cannot give an order to another customer: cancel one of the two, and enter it anew.",
            )
        currency = str(self.header.get("Currency_Code", order.currency))
        if fold(order.currency) != fold(currency):
            own = "the company's own currency"
            raise Rejected(
                f"Order {order.no} is in {order.currency or own}, and the transaction in {currency or own}.",
                "Correct one of them, or delete the order and the external id, to have it made anew.",
            )

    def _result(self, number: str, result: Result, *notes: str) -> WriteResult:
        own = self.links.own_link(number)
        return WriteResult(
            result=result,
            target_id=number,
            links=() if own in self.links.new else (own,),
            unpushed=tuple(self.links.new),
            notes=notes,
        )

    def _require_items(self, lines: Iterable[Json]) -> None:
        self.book.items.require((line["fields"]["No"], line.get("product")) for line in lines)

    # --- finding ---------------------------------------------------------------------------------------------

    def _referring(self) -> list[Order]:
        return self.book.referring(self.reference, anew=self.item.look_anew)

    def _mine(self, orders: Iterable[Order]) -> Order | None:
        """The one of these orders with the transaction's reference that it has become; linked from here on.

        It is one that an earlier try has made, or that somebody has entered. Two systems may number their transactions
        alike, so one that belongs to another transaction does not count.
        """
        found = [o for o in orders if fold(o.customer) == fold(self.customer) and not self.links.is_others(o.no)]
        if len(found) > 1:
            raise Rejected(
                f"Several orders of customer {self.customer} have External_Document_No {self.reference!r}: "
                f"{', '.join(order.no for order in found)}.",
                "Link the right one to the transaction in iPaaS.com, with its No. as external id.",
            )
        for order in found:
            self.links.note(self.links.own_link(order.no))
        return found[0] if found else None

    def _posted(self, number: str | None) -> WriteResult | None:
        """What it means that an order is not there: posted in full, deleted by somebody, or None: never made."""
        if number is None:
            invoices = [
                invoice
                for invoice in self.book.invoices_referring(self.reference)
                if fold(str(invoice["customerNumber"])) == fold(self.customer)
                and not self.links.is_others(str(invoice["orderNumber"]))
            ]
            if not invoices:
                return None
            number = str(invoices[0]["orderNumber"])
            self.links.note(self.links.own_link(number))
        else:
            invoices = self.book.invoices_of(number)
        if not invoices:
            raise Rejected(
                f"It is linked to order {number}, which is not in Business Central any more and has not been invoiced.",
                "If it was deleted on purpose, cancel the transaction; to have it made again, remove the external id.",
            )
        names = ", ".join(str(invoice["number"]) for invoice in invoices)
        before = self.item.transfer.fingerprint if self.item.transfer else None
        if before not in (None, self.item.fingerprint):
            raise Rejected(
                f"Order {number} has been posted as invoice {names}, and the transaction has changed since.",
                "Settle the difference in Business Central, with a credit memo or another order.",
            )
        return self._result(number, Result.unchanged, f"Order {number} has been posted as invoice {names}.")

    def _not_invoiced_instead(self) -> None:
        """Raise Rejected where an invoice was begun for the transaction when it was complete: beside an order it would be a
        second sale."""
        begun = self.item.reserved
        if begun is None or begun.numbers != INVOICES.name:
            return
        for invoice in self.book.invoices_begun(begun.reference, self.item.key, self.customer):
            raise Rejected(
                f"Invoice {invoice['number']} was begun for it in Business Central, when it was complete.",
                "Delete the invoice, if it is a draft: then the order is made. If it is posted, link the transaction to it in "
                "iPaaS.com, as invoice|{its id}.",
            )

    # --- creating --------------------------------------------------------------------------------------------

    def _create(self) -> Order:
        """The new order's header. Whatever becomes of its lines, the order is linked from here on."""
        begin(self.work, self.item)
        # Until it is done it is known by this, also where nothing is heard of the first call.
        claims, key = self.work.side.claim_scope(OrderWriter.table), self.item.key
        self.work.ledger.reserve(claims, key, API_ORDERS.name, f"{API_ORDERS.name}|{key}", Purpose.create)
        try:
            made = self.book.surface.create(self.header)
        except ServiceError as error:
            # The answer was lost and the order may be there. Repeating the call could double it: look instead.
            order = self._mine(self.book.referring(self.reference, anew=True)) if moved(error) else None
            if order is not None:
                return order
            if error.sent is not Sent.unknown:
                self.work.ledger.unreserve(claims, key)
            if isinstance(error, RecordExists):
                raise Rejected(
                    f"Number {self.header.get('No')} is another order's in Business Central.",
                    "Take sales_order.number_from_transaction out of bc_create_defaults, or renumber one of the two.",
                ) from None
            raise refusal(error, "the order", self.header) from None
        self.links.note(self.links.own_link(str(made["No"])))
        return Order(header=made, lines={})

    def _made(self) -> Order:
        what = [self.customer, self.header, self.body]
        return self.work.send(self._create, what=what, planned=self._not_yet())

    def _not_yet(self) -> Order:
        """The order that a plan would make."""
        state = {"No": "new", "Status": "Open", "Currency_Code": self._currency()}
        named = {"Sell_to_Customer_No": self.customer, "External_Document_No": self.reference}
        return Order(header={**named, **self.header, **state}, lines={})

    # --- bringing in line ------------------------------------------------------------------------------------

    def _bring(self, order: Order) -> None:
        """Write what the order lacks. One that others change meanwhile is read and compared again."""
        force = self.work.plan.force
        known = base_of(self.item, HEADER, order.no)
        # Lines cannot be told by a part of what was agreed of them.
        self.base = None if known is None or known.partial else known

        def once() -> None:
            self._once(order, force=force)

        def read() -> None:
            nonlocal order, force
            found = self.book.anew(order.no)
            if found is None:
                raise NotFound.of_record(self.work.side.target, f"Order {order.no}")
            order, force = found, False

        until_settled(read, once)

    def _once(self, order: Order, *, force: bool) -> None:
        # What cannot be changed is not forced either.
        question = self._question(order, force=force and not order.locked)
        decision = decide(question)
        self.writes.takes(order)
        self.notes = tuple(decision.notes)
        if order.locked:
            self._compare_locked(question, decision)
        else:
            self._write(question, decision)
        self._tie_out(question, decision)
        self.agreed = agreed(question, decision, self.writes.header)

    def _question(self, order: Order, *, force: bool) -> Question:
        numbers = numbers_of(order, self.wanted.lines, self.links, self.item, self.base)
        never = {"Sell_to_Customer_No", *self.item.mapped.create_only}
        return Question(
            order=order,
            header={name: value for name, value in self.header.items() if name not in never},
            wanted=self.wanted,
            numbers=numbers,
            held=held_of(order, self.links, self.base),
            base=self.base,
            times=Times(bc=lambda: self._changed_at(order.no), ipaas=lambda: self.item.modified),
            force=force,
        )

    def _changed_at(self, number: str) -> Any:
        """When an order was last changed in Business Central; no page tells."""
        select = ("id", "number", "lastModifiedDateTime")
        rows = self.work.bc.read_many(API_ORDERS, "number", [number], select=select)
        return next((row["lastModifiedDateTime"] for row in rows), None)

    def _write(self, question: Question, decision: Decision) -> None:
        order = question.order
        linked = self._by_number(question)
        if new := [line for number, line in linked.items() if number in decision.add]:
            self._require_items(new)
        steps = [*self.writes.steps(question, decision)]
        self._plan_steps(decision, steps)
        # Their numbers are theirs before they are sent, so that a line whose answer is lost is known by its number.
        self._link_lines(order, linked)
        if self.base and (steps or self.writes.discount_change(decision)):
            fields, owed = sending(question, decision), {DISCOUNT: decision.discount}
            self.work.ledger.sending(self.item.flow.name, self.item.key, fields, owed)
            self.base = self.base.with_sent(fields, owed)
        for step in steps:
            step.send()
            self.writes.written += step.changes
        if self.writes.discount_change(decision):
            self.writes.set_discount(order.no, decision)

    def _by_number(self, question: Question) -> dict[int, Json]:
        """The transaction's lines that are linked to those of the order, by Line_No."""
        return {question.numbers[str(line["id"])]: line for line in self.wanted.lines if line["id"] != SHIPPING}

    def _link_lines(self, order: Order, lines: Mapping[int, Json]) -> None:
        self.links.note(*((LINE_TABLE, f"{order.no}|{number}", line["id"]) for number, line in lines.items()))

    def _plan_steps(self, decision: Decision, steps: Sequence[Step]) -> None:
        """Say what will be sent, if anything will."""
        discount = self.writes.discount_change(decision)
        header = (
            [Change(field=name, after=value) for name, value in sorted(self.header.items())] if self.created else []
        )
        if not (header or steps or discount):
            return
        result = Result.created if self.created else Result.updated
        changes = in_one([*header, *decision.all_changes, *discount])
        links = 1 + sum(1 for line in self.wanted.lines if line["id"] != SHIPPING) if self.created else 0
        # The discount is read and set apart from the lines.
        requests = len(steps) + 2 * len(discount)
        self.work.plan_ends(
            WriteResult(result=result, changes=changes, notes=self.notes), requests=requests, links=links
        )

    @property
    def _agreed_before(self) -> bool:
        """Whether the order has once been what its transaction said, and so is one that was edited since."""
        return self.item.transfer is not None and self.item.transfer.fingerprint is not None

    def _others(self, question: Question) -> Decimal:
        """What lines come to that are not the transaction's. Whoever adds one to an order that agreed means it."""
        if not self._agreed_before:
            return Decimal(0)
        return question.order.amount_of(set(question.order.lines) - set(question.numbers.values()) - set(question.held))

    def _tie_out(self, question: Question, decision: Decision) -> None:
        """Compare what the order has come to with what the transaction says, as far as that was agreed.

        Raises Rejected with both figures.
        """
        order, others = question.order, self._others(question)
        if self.writes.net is None or self.writes.net - others != self.wanted.net:
            # An answer may tell what was true a moment ago.
            now = self.book.anew(order.no) or order
            apart = deliberate(question, decision, now)
            try:
                self.notes += difference(now, self.wanted, self.book, others, apart, [*decision.apart.values()])
            except Rejected:
                if self.base and self.base.owed:
                    # All of it has been sent: what the discount is from here on is somebody's choice.
                    self.work.ledger.sending(self.item.flow.name, self.item.key, {}, {})
                raise
        if not self.wanted.problem:
            return
        if not self._agreed_before:
            raise Rejected(
                f"{self.wanted.problem} Order {order.no} was made of its lines, comes to {text_of(self.wanted.net)} before "
                "tax, and is not released.",
                "Correct the transaction, or settle the order in Business Central. The prices of the transaction's lines are "
                "to be net of its tax, and its discount is to hold what was taken off the lines and off the whole.",
            )
        # One that agreed once, and was edited: its total may be what was charged at first.
        self.notes += (self.wanted.problem,)

    def _compare_locked(self, question: Question, decision: Decision) -> None:
        order = question.order
        # Its links may have been lost before iPaaS.com was told them: what is shipped is told by those of the lines.
        there = {number: line for number, line in self._by_number(question).items() if number in order.lines}
        self._link_lines(order, there)
        changes = [*decision.all_changes, *self.writes.discount_change(decision)]
        if changes:
            fields = (f"{c.field} ({shown(c.before)} there, {shown(c.after)} in iPaaS.com)" for c in changes)
            raise Rejected(
                f"Order {order.no} {order.locked} in Business Central, and differs in {', '.join(fields)}.",
                "Reopen the order, or change it there as the transaction says; it is compared again with the next run.",
            )

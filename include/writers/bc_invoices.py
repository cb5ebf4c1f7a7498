"""Writes sales invoices to Business Central: a draft with its lines, its discount, a check of its total; then it is posted.

A draft that was cut off anywhere is found again by its externalDocumentNumber and goes on from what it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from include.business_central.posted_invoices import POSTED_PAGE
from include.business_central.records.invoice_states import DRAFT, IN_REVIEW, is_posted, status_of
from include.errors import Rejected, Sent, ServiceError, Waiting
from include.ipaas.external_ids import LINE_TABLE, TRANSACTION_TABLE
from include.mappings.foreign_transactions import INVOICE_LINK
from include.sync.context import WriteContext
from include.sync.ledger.entries import Purpose
from include.sync.links import Link
from include.sync.outcomes import Apart, Change, Difference, Result
from include.sync.records import Json
from include.sync.values import fold, same, text_of
from include.sync.work import WriteRequest, WriteResult
from include.writers.bc_documents import (
    TransactionLinks,
    begin,
    customer_number,
    foresee_products,
    know_parties,
    once_more,
    sent,
    until_settled,
)
from include.writers.bc_invoice_book import INVOICES, InvoiceBook
from include.writers.bc_invoice_draft import Draft, fields_of, is_same_thing
from include.writers.bc_payments import Payments
from include.writers.bc_refusal import refusal

_SETTLE = "Settle the difference in Business Central, with a credit memo or another invoice, then set the record aside."


class InvoiceWriter:
    """Brings transactions over as posted invoices with their payments; see `Writer`."""

    table = TRANSACTION_TABLE

    def prepare(self, work: WriteContext, items: Sequence[WriteRequest]) -> None:
        """Read the invoices that are linked or may be meant, the orders behind others, and items, many per request."""
        once_more(self._prepare, work, items)

    def _prepare(self, work: WriteContext, items: Sequence[WriteRequest]) -> None:
        book = self._session(work).book = InvoiceBook(work)
        work.know_links(self.table, [item.key for item in items])
        owns = {item.key: own for item in items if (own := TransactionLinks(work, item).own)}
        ids = [own.removeprefix(INVOICE_LINK) for own in owns.values() if own.startswith(INVOICE_LINK)]
        references = [str(item.mapped.match) for item in items if item.key not in owns and item.mapped.match]
        know_parties(work, items)
        foresee_products(work, items)
        bodies = [item.mapped.body for item in items]
        book.prepare(ids, references, [str(body["order"]) for body in bodies if "order" in body])
        book.items.read(_item_of(line) for body in bodies for line in body.get("lines", ()) if "id" in line)
        if any(body["payments"] for body in bodies):
            # A journal that is not there concerns every record: better before anything is posted.
            book.journal()

    def write(self, work: WriteContext, item: WriteRequest) -> WriteResult:
        """Create and post the invoice, or add payments to it; see `Writer.write`."""
        return _Transfer(work, self._session(work).book, item).run()

    def _session(self, work: WriteContext) -> _Session:
        return work.session(_Session, self.table, lambda: _Session(book=InvoiceBook(work)))


@dataclass(kw_only=True)
class _Session:
    """What one task keeps: what it has read of invoices for its present chunk."""

    book: InvoiceBook


class _Transfer:
    """One transaction on its way to its invoice."""

    def __init__(self, work: WriteContext, book: InvoiceBook, item: WriteRequest) -> None:
        self.work, self.book, self.item = work, book, item
        self.links = TransactionLinks(work, item)
        self._claims = work.side.claim_scope(InvoiceWriter.table)
        self.body = work.resolve(item.mapped.body)
        if "header" in self.body:
            customer_number(self.body["header"]["customerNumber"])
        self.reference = str(item.mapped.match)
        self.written: list[Change] = []
        self.notes: list[str] = []
        self.payments = Payments(work, book, self.links, self.body, self.notes)
        self.draft = Draft(work, book, self.body, self.notes)
        # Id and number of the draft that was begun for it, and whether it has been sent to be posted before anybody
        # released it.
        self._drafted, self._sent = self._begun, False

    def run(self) -> WriteResult:
        """Find the invoice or create it, post it, and add its payments."""
        own = self.links.own
        if own and not own.startswith(INVOICE_LINK):
            return self._of_order(own, own)
        if "order" in self.body:
            return self._of_order(str(self.body["order"]), own)
        if own is None and self._begun is None and (order := self._order()):
            self.links.note(self.links.own_link(order))
            return self._of_order(order, order)
        invoice, created = self._present(), False
        if invoice is None or not self._is_posted(invoice):
            invoice, created = self._posted(invoice), True
        self.links.note(self.links.own_link(f"{INVOICE_LINK}{invoice['id']}"))
        if created:
            # Posted and linked: from here on nothing may take it for a draft.
            self.work.ledger.unreserve(self._claims, self.item.key)
        self._link_lines(invoice)
        # To an invoice that did not exist a moment ago nothing has been paid.
        self.written += self.payments.add([invoice], fresh=created)
        result = Result.created if created else Result.updated if self.written else Result.unchanged
        then: Rejected | None = self.payments.unclear(invoice)
        if apart := self._apart(invoice, created=created):
            if self.work.plan.compares and not created:
                # A person settles it, or sets it aside; payments that are unclear would be told after that.
                then = Apart(Difference.stale, apart, _SETTLE)
            else:
                self.notes.append(apart)
        return self._result(f"{INVOICE_LINK}{invoice['id']}", result, *self.notes, then=then)

    def _apart(self, invoice: Json, *, created: bool) -> str:
        """Both figures, when a posted invoice comes to another total than its transaction: posting has changed the total of
        a draft that agreed, as rounding by the set-up's precision does, or the transaction has changed since."""
        total, posted = self.draft.amount(self.body["total"], invoice), Decimal(invoice["totalAmountIncludingTax"])
        if same(total, posted):
            return ""
        figures = f"invoice {invoice['number']} comes to {text_of(posted)}, and its transaction to {text_of(total)}"
        if created:
            return f"Posted, {figures}."
        # The line on which Business Central has rounded is none of the transaction's.
        own = {int(line["fields"]["sequence"]) for line in self.body["lines"]}
        lines = self.book.lines(invoice).items()
        rounded = sum((Decimal(line["amountIncludingTax"]) for number, line in lines if number not in own), Decimal(0))
        return "" if same(total, posted - rounded) else f"Posted {figures} now: it has changed since."

    def _result(
        self, target: str | None, result: Result, *notes: str, then: Waiting | Rejected | None = None
    ) -> WriteResult:
        own = [self.links.own_link(target)] if target else []
        return WriteResult(
            result=result,
            target_id=target,
            changes=self.written,
            links=[link for link in own if link not in self.links.new],
            unpushed=tuple(self.links.new),
            notes=notes,
            then=then,
        )

    # --- transactions that became orders ---------------------------------------------------------------------

    def _order(self) -> str | None:
        """The open order that the transaction has become without being linked: the answer to its making was lost, or
        somebody has entered it. Beside an invoice it would be a second sale."""
        buyer = fold(str(self.body["header"]["customerNumber"]))
        orders = self.book.orders_referring(self.reference, anew=self.item.look_anew)
        found = [
            str(order["number"])
            for order in orders
            if fold(str(order["customerNumber"])) == buyer and not self.links.is_others(str(order["number"]))
        ]
        if len(found) > 1:
            raise Rejected(
                f"Several orders of customer {buyer} have externalDocumentNumber {self.reference!r}: {', '.join(found)}.",
                "Link the right one to the transaction in iPaaS.com, with its No. as external id.",
            )
        return found[0] if found else None

    def _of_order(self, order: str, own: str | None) -> WriteResult:
        """A transaction that is invoiced in Business Central, from its order: only payments are transferred. `own` is what
        it is linked to itself."""
        self.book.know_orders([order])
        if self.book.is_open(order):
            reason = f"It is sales order {order} in Business Central, which is to be posted there."
            if not self.payments.any:
                return self._result(own, Result.skipped, reason)
            # Nothing tells us when the order is posted: it is looked at again, for the payments.
            advice = "Post the order; the payments follow by themselves."
            return self._result(own, Result.skipped, then=Waiting(reason, advice=advice))
        invoices = self.book.posted_from(order)
        if not invoices:
            raise Rejected(
                f"It is linked to order {order}, which is not in Business Central any more and has not been invoiced.",
                "If the order was deleted, remove the external id from the transaction to have it invoiced.",
            )
        self.written += self.payments.add(invoices, fresh=False)
        result = Result.updated if self.written else Result.unchanged
        return self._result(own, result, *self.notes, then=self.payments.unclear(invoices[0]))

    # --- finding ---------------------------------------------------------------------------------------------

    def _present(self) -> Json | None:
        """The invoice as it is, draft or posted: the linked one, or the one with the transaction's reference."""
        own = self.links.own
        if own is None:
            return self._mine(self.book.referring(self.reference, anew=self.item.look_anew)) or self._begun_as_other()
        found = self.book.known(own.removeprefix(INVOICE_LINK))
        if found is None and self.item.mapped.linked is None:
            # A draft that was cut off as it was being posted, and then deleted: iPaaS.com has not been told of it.
            self.links.forget(self.links.own_link(own))
            return self._mine(self.book.referring(self.reference, anew=True))
        if found is None:
            raise Rejected(
                f"It is linked to {own}, which does not exist in Business Central any more.",
                "To have it invoiced again, remove the external id from the transaction in iPaaS.com.",
            )
        return found

    def _begun_as_other(self) -> Json | None:
        """The invoice that was begun for the transaction when it had another number or another buyer."""
        found = self.book.anew(self._drafted[0]) if self._drafted and self._drafted[0] else None
        buyer = str(self.body["header"]["customerNumber"])
        if found and fold(str(found["customerNumber"])) != fold(buyer) and self._is_posted(found):
            raise Rejected(
                f"Invoice {found['number']} was begun for it and has been posted. It is made out to customer "
                f"{found['customerNumber']}, and the transaction to {buyer} now.",
                "Settle it in Business Central, with a credit memo; or link the transaction to it in iPaaS.com, as invoice|{its id}.",
            )
        return found

    def _mine(self, invoices: Sequence[Json]) -> Json | None:
        """The one of these invoices with the transaction's reference that it has become.

        Two systems may number their transactions alike, so one that belongs to another transaction does not count.
        """
        customer = fold(str(self.body["header"]["customerNumber"]))
        found = [
            invoice
            for invoice in invoices
            if fold(str(invoice["customerNumber"])) == customer
            and not self.links.is_others(f"{INVOICE_LINK}{invoice['id']}")
        ]
        if len(found) > 1:
            raise Rejected(
                f"Several invoices of customer {customer} have externalDocumentNumber {self.reference!r}: "
                f"{', '.join(str(invoice['number']) for invoice in found)}.",
                "Link the right one to the transaction in iPaaS.com, as invoice|{its id}, or delete the drafts.",
            )
        return found[0] if found else None

    # --- whose draft it is, and whether it is one ------------------------------------------------------------------

    def _is_posted(self, invoice: Json) -> bool:
        """Whether an invoice is posted. Raises Rejected where that cannot be told, since it reads as a released draft does.

        Where the posted page is not published, posting is told by the number: it gives an invoice another one.
        """
        posted = is_posted(invoice)
        if posted is None and self._drafted and self._drafted[0] == str(invoice["id"]).lower():
            if fold(self._drafted[1]) != fold(invoice["number"]):
                return True
            listed = self.book.is_listed(invoice)
            # Where both have numbers of one series: nobody but us can have moved it meanwhile.
            return self._sent if listed is None else listed
        if posted is None:
            posted = self.book.is_listed(invoice)
        if posted is not None:
            return posted
        if self.links.own is not None and self._begun is None:
            return True  # it was linked when it was posted
        if self.book.posted.numbered_as_drafts(str(invoice["number"])) is False:
            return True
        raise Rejected(
            f"Invoice {invoice['number']} has the transaction's number and a number like those of drafts: whether it is posted or a "
            "draft that was released cannot be told.",
            f"{self.work.bc.how_to_publish(POSTED_PAGE)} Or reopen it, if it is a draft.",
        )

    @property
    def _intent(self) -> str:
        """Under this name the ledger keeps that a draft is being made for this very transaction."""
        return f"{self.reference}|{self.item.key}"

    @property
    def _begun(self) -> tuple[str, str] | None:
        """Id and number of a draft that was begun for this very transaction, blank as long as they are not known."""
        kept = self.item.reserved.reference if self.item.reserved else ""
        if fold(kept) == fold(self._intent):
            return "", ""
        intent, *draft = kept.rsplit("|", 2)
        return (draft[0], draft[1]) if len(draft) == 2 and intent.endswith(f"|{self.item.key}") else None

    def _intend(self, *draft: str) -> None:
        """Note, before the first call, that a draft with this reference is ours, whatever the call is answered; and its id
        and number before anything is done with it: posted, it has another number."""
        self.work.ledger.reserve(
            self._claims, self.item.key, INVOICES.name, "|".join((self._intent, *draft)), Purpose.create
        )

    def _may_resume(self, draft: Json) -> bool:
        """Whether a draft is ours to complete: begun for it, whatever stopped that, or the subscriber wants any completed."""
        begun = self._begun is not None and self._begun[0] in ("", str(draft["id"]).lower())
        return self.work.settings.bc_update_non_existing_invoice_lines or begun

    # --- making and posting ----------------------------------------------------------------------------------

    def _posted(self, draft: Json | None) -> Json:
        """The posted invoice, made from a draft or from nothing."""
        if draft is not None and not self._may_resume(draft):
            raise Rejected(
                f"Draft invoice {draft['number']} with the transaction's number is in Business Central, and the ledger does not "
                "know of it: entered by somebody, or begun before the ledger was deleted.",
                "Set Update Non-Existing Invoice Lines to TRUE to have it completed and posted, or delete the draft.",
            )
        buyer = str(self.body["header"]["customerNumber"])
        if draft is not None and fold(str(draft["customerNumber"])) != fold(buyer):
            raise Rejected(
                f"Draft invoice {draft['number']} is made out to customer {draft['customerNumber']}, and the transaction to "
                f"{buyer} now. It was not posted.",
                "Delete the draft: then a new one is made.",
            )
        if draft is not None and status_of(draft) == IN_REVIEW:
            raise Waiting(
                f"Draft invoice {draft['number']} is being approved in Business Central.",
                advice="Approve it there, or cancel the request: then it is posted by itself.",
            )
        lines = [line for line in self.body["lines"] if "id" in line]
        self.book.items.require((_item_of(line), line.get("product")) for line in lines)
        self._plan_invoice()
        begin(self.work, self.item)
        invoice = draft or self._create()
        drafted = (str(invoice["id"]).lower(), str(invoice["number"]))
        if self._drafted != drafted:
            self._drafted = drafted
            self._intend(*drafted)

        def once() -> None:
            if not self._is_posted(invoice):
                self._post(self.draft.complete(invoice))
                read()

        def read() -> None:
            nonlocal invoice
            invoice = self.draft.again(invoice)

        until_settled(read, once)
        return invoice

    def _plan_invoice(self) -> None:
        """Say what a new invoice and its payments will be."""
        header, lines, payments = self.body["header"], self.body["lines"], self.body["payments"]
        changes = [Change(field=name, after=value) for name, value in sorted(header.items())]
        for line in lines:
            place = f"lines[{line['fields']['sequence']}]"
            changes += [Change(field=f"{place}.{name}", after=value) for name, value in line["fields"].items()]
        if self.body["discount"]:
            changes.append(Change(field="discount", after=self.body["discount"]))
        changes += [self.payments.change(payment) for payment in payments]
        # Its draft, the posting, and a look at what was posted.
        requests = self.draft.requests + 1 + 1
        identified = [line for line in lines if "id" in line]
        self.work.plan_ends(
            WriteResult(result=Result.created, changes=changes),
            requests=requests + len(payments),
            links=1 + len(identified) + len(payments),
        )

    def _post(self, draft: Json) -> None:
        """Post a draft, which keeps its id: it is linked before, so that sales_invoice_to_ipaas knows it from the start."""
        own, known = self.links.own_link(f"{INVOICE_LINK}{draft['id']}"), self.links.own
        self.links.note(own)
        self._sent = status_of(draft) == DRAFT
        what = f"the posting of draft invoice {draft['number']}"
        try:
            sent(what, {}, lambda: self.work.bc.action(INVOICES, str(draft["id"]), "post"))
        except Rejected as refused:
            if self._sent or known is None:
                self.links.forget(own)
            if self._sent or self.work.bc.published(POSTED_PAGE):
                raise
            # It may be that an earlier try has posted it, under the number that it had.
            advice = f"If it is posted already: {self.work.bc.how_to_publish(POSTED_PAGE)}"
            raise Rejected(str(refused), advice) from None

    def _create(self) -> Json:
        """The new draft."""
        body = self.draft.new()
        self._intend()
        try:
            return dict(self.work.bc.create(INVOICES, body, known_by=("id", "number")))
        except ServiceError as error:
            # The draft may be there: its answer was lost, or one of its lines was refused and the others stay. Repeating
            # the call could double it: look instead.
            there = self.book.referring(self.reference, anew=True) if error.sent is not Sent.no else []
            found = self._mine(there)
            if found is None:
                if error.sent is not Sent.unknown:
                    # None is there: one that turns up is somebody else's.
                    self.work.ledger.unreserve(self._claims, self.item.key)
                raise refusal(error, "the invoice", fields_of(body)) from None
            return found

    # --- links of the lines ----------------------------------------------------------------------------------

    def _link_lines(self, invoice: Json) -> None:
        """Link the transaction's lines to those of the posted invoice."""
        lines = {str(line["id"]): line for line in self.body["lines"] if "id" in line}
        missing = lines.keys() - self.links.of(LINE_TABLE, lines).keys()
        if not missing:
            return
        present, found = self.book.lines(invoice), list[Link]()
        for identifier in sorted(missing):
            wanted = lines[identifier]["fields"]
            line = present.get(int(wanted["sequence"]))
            # An invoice that was posted from an order has numbers of its own.
            if line is not None and is_same_thing(wanted, line):
                found.append((LINE_TABLE, str(line["id"]), lines[identifier]["id"]))
        self.links.note(*found)


def _item_of(line: Json) -> str:
    return str(line["fields"]["lineObjectNumber"])

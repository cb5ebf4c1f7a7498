"""Writes customer payments to the configured journal, each applied to its posted invoice.

A payment is found again by the id that it has in iPaaS.com, until the journal is posted and its line is gone; from then
on its link alone says that it was transferred, and the invoice that it was paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

from include.errors import RecordExists, Rejected, ServiceError
from include.ipaas.external_ids import PAYMENT_TABLE
from include.sync.context import WriteContext
from include.sync.outcomes import Change
from include.sync.records import Json
from include.writers.bc_documents import TransactionLinks, moved
from include.writers.bc_invoice_book import InvoiceBook, paid
from include.writers.bc_refusal import refusal
from include.writers.bc_target import TRIES


class Payments:
    """The payments of one transaction."""

    def __init__(
        self, work: WriteContext, book: InvoiceBook, links: TransactionLinks, payments: Sequence[Json]
    ) -> None:
        self._work, self._book, self._links = work, book, links
        self._payments = payments

    def add(self, invoice: Json, *, fresh: bool) -> list[Change]:
        """Write the payments that are not transferred yet; returns them. `fresh`: the invoice is brand new."""
        self._payments = [self._rounded(payment, str(invoice["currencyCode"])) for payment in self._payments]
        linked = self._links.of(PAYMENT_TABLE, [payment["id"] for payment in self._payments])
        new = [payment for payment in self._payments if str(payment["id"]) not in linked]
        if not new:
            return []
        present = {} if fresh else self._book.payments([_reference(payment) for payment in self._payments])
        unexplained = paid(invoice) - self._posted(linked, present)
        made: list[Change] = []
        for payment in new:
            line = present.get(_reference(payment))
            if line is None:
                self._not_paid_yet(invoice, payment, unexplained)
                made.append(self.change(payment))
                write = partial(self._write, invoice, payment)
                line = self._work.send(write, what=[invoice["number"], payment], planned={"id": "new"})
            self._links.note((PAYMENT_TABLE, f"{invoice['id']}|{line['id']}", payment["id"]))
        return made

    @staticmethod
    def change(payment: Json) -> Change:
        """A payment that is written, for the report."""
        return Change(field=f"payments[{payment['id']}]", after=-Decimal(payment["fields"]["amount"]))

    def _rounded(self, payment: Json, currency: str) -> Json:
        amount = self._book.currencies.rounded(Decimal(payment["fields"]["amount"]), currency)
        return {**payment, "fields": {**payment["fields"], "amount": amount}}

    def _posted(self, linked: Mapping[str, str], present: Mapping[str, Json]) -> Decimal:
        """What the transferred payments amount to whose journal has been posted."""
        gone = [p for p in self._payments if str(p["id"]) in linked and _reference(p) not in present]
        return sum((-Decimal(payment["fields"]["amount"]) for payment in gone), Decimal(0))

    def _not_paid_yet(self, invoice: Json, payment: Json, unexplained: Decimal) -> None:
        """Refuse a payment that may be on the invoice already: its answer was lost, then its journal was posted."""
        amount = -Decimal(payment["fields"]["amount"])
        if unexplained >= amount:
            raise Rejected(
                f"Invoice {invoice['number']} has been paid {unexplained} beyond the payments that were transferred; "
                f"payment {payment['id']} of {amount} may be part of that, and is not written a second time.",
                "If it is not, enter it in Business Central by hand; either way link it in iPaaS.com, with the external id "
                f"{invoice['id']}|{{id of the payment}}.",
            )

    def _write(self, invoice: Json, payment: Json) -> Json:
        # An entry cannot be applied to one that is dated after it.
        day = max(
            payment["fields"].get("postingDate") or self._work.plan.today.isoformat(), str(invoice["postingDate"])
        )
        body = {
            "customerNumber": invoice["billToCustomerNumber"] or invoice["customerNumber"],
            "postingDate": day,
            **{name: value for name, value in payment["fields"].items() if name not in ("postingDate", "amount")},
            # What the amount is applied to is set first, since the invoice may set the amount itself.
            "appliesToInvoiceNumber": invoice["number"],
            "amount": payment["fields"]["amount"],
        }
        with self._book.journal_lock:
            for _ in range(TRIES):
                try:
                    return dict(self._work.bc.create(self._book.journal(), body))
                except ServiceError as error:
                    # The answer was lost and the line may be there. Repeating the call could double it: look instead.
                    found = self._book.payments([_reference(payment)]) if moved(error) else {}
                    if found:
                        return found[_reference(payment)]
                    if not isinstance(error, RecordExists):
                        raise refusal(error, f"payment {payment['id']}", body) from None
                    # Another task has taken the journal's next line number at the same moment.
                    problem = error
        raise problem


def _reference(payment: Json) -> str:
    return str(payment["fields"]["externalDocumentNumber"])

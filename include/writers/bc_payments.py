"""Writes customer payments to the configured journal, each applied to its posted invoice.

A payment is found again by the id that it has in iPaaS.com, until the journal is posted and its line is gone; from then
on its link alone says that it was transferred, and the invoice that it was paid. That it was sent is therefore kept in the
ledger from before the call until it is linked, and how much of its invoice had been paid then: one that is neither linked
nor in the journal is written again only when that is so still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

from include.errors import RecordExists, Rejected, Sent, ServiceError
from include.ipaas.external_ids import PAYMENT_TABLE
from include.sync.context import WriteContext
from include.sync.ledger.entries import Purpose, Reservation
from include.sync.outcomes import Change
from include.sync.records import Json
from include.sync.values import fold, text_of
from include.writers.bc_documents import TransactionLinks, moved
from include.writers.bc_invoice_book import PAYMENTS, InvoiceBook, paid, stands
from include.writers.bc_refusal import refusal
from include.writers.bc_target import TRIES

_LINK_IT = "either way link it in iPaaS.com, with the external id"


class Payments:
    """The payments of one transaction. `notes` are added to."""

    def __init__(
        self, work: WriteContext, book: InvoiceBook, links: TransactionLinks, body: Json, notes: list[str]
    ) -> None:
        self._work, self._book, self._links, self._notes = work, book, links, notes
        self._payments: Sequence[Json] = body["payments"]
        self._unclear: Sequence[Json] = body.get("unclear_payments", ())
        self._claims = work.side.claim_scope(PAYMENT_TABLE)

    @property
    def any(self) -> bool:
        """Whether there is a payment to write, or one to ask about."""
        return bool(self._payments or self._unclear)

    def add(self, invoices: Sequence[Json], *, fresh: bool) -> list[Change]:
        """Write the payments that are not transferred yet, each to one of these invoices; returns them. `fresh`: the
        invoices are brand new."""
        self._payments = [self._rounded(payment, str(invoices[0]["currencyCode"])) for payment in self._payments]
        linked = self._links.of(PAYMENT_TABLE, [payment["id"] for payment in self._payments])
        new = [payment for payment in self._payments if str(payment["id"]) not in linked]
        if not new:
            return []
        sent = self._work.ledger.reservations(self._claims, [str(payment["id"]) for payment in new])
        # To an invoice that did not exist a moment ago nothing has been paid.
        present = {} if fresh and not sent else self._present(invoices[0])
        if sent:
            # A line that was posted since they were read is in neither: their figures are to be as late as the journal.
            invoices = [self._book.anew(str(invoice["id"])) or invoice for invoice in invoices]
        accounts = [_Account(invoice, list(present.values())) for invoice in invoices]
        owed = [account for account in accounts if stands(account.invoice)]
        unexplained = self._unexplained(owed, linked, present)
        made: list[Change] = []
        for payment in new:
            line = present.get(_reference(payment))
            if line is None:
                self._not_sent_yet(accounts, payment, sent.get(str(payment["id"])))
                if not owed:
                    raise self._cancelled(accounts, payment)
                self._not_paid_yet(owed, payment, unexplained)
                account = self._account_for(payment, owed)
                made.append(self.change(payment))
                write = partial(self._write, account.invoice, payment)
                line = self._work.send(write, what=[account.number, payment], planned={"id": "new"})
            else:
                account = next((one for one in accounts if one.has(line)), accounts[0])
            self._links.note((PAYMENT_TABLE, f"{account.invoice['id']}|{line['id']}", payment["id"]))
            self._work.ledger.unreserve(self._claims, str(payment["id"]))
        return made

    def unclear(self, invoice: Json) -> Rejected | None:
        """What a person has to say of payments whose status does not tell whether they were received; None if there are
        none that are not transferred yet."""
        linked = self._links.of(PAYMENT_TABLE, [payment["id"] for payment in self._unclear])
        open_ = [payment for payment in self._unclear if str(payment["id"]) not in linked]
        if not open_:
            return None
        named = ", ".join(f"{one['id']} of {text_of(one['amount'])} ({one['status']})" for one in open_)
        return Rejected(
            f"Whether these payments were received cannot be told by their status, and they were not written: {named}.",
            "Where the status says that all of it was received, add it to invoice.received_statuses in the Variable "
            "bc_create_defaults. Else enter by hand what was received, and link the payment in iPaaS.com, with the external "
            f"id {invoice['id']}|{{id of the payment}}.",
        )

    @staticmethod
    def change(payment: Json) -> Change:
        """A payment that is written, for the report."""
        return Change(field=f"payments[{payment['id']}]", after=-Decimal(payment["fields"]["amount"]))

    def _rounded(self, payment: Json, currency: str) -> Json:
        amount = self._book.currencies.rounded(Decimal(payment["fields"]["amount"]), currency)
        return {**payment, "fields": {**payment["fields"], "amount": amount}}

    def _present(self, invoice: Json) -> Mapping[str, Json]:
        """The lines of these payments that are in the journal, by reference."""
        return self._book.payments([_reference(payment) for payment in self._payments], _payer(invoice))

    # --- what may have been written already ------------------------------------------------------------------

    def _unexplained(
        self, accounts: Sequence[_Account], linked: Mapping[str, str], present: Mapping[str, Json]
    ) -> dict[str, Decimal]:
        """What each invoice, by its number, has been paid beyond the transferred payments whose line is gone."""
        gone = [p for p in self._payments if str(p["id"]) in linked and _reference(p) not in present]
        found: dict[str, Decimal] = {}
        for account in accounts:
            own = [p for p in gone if account.is_linked_by(linked[str(p["id"])])]
            known = sum((_amount(payment) for payment in own), Decimal(0))
            # More than was due was not settled by it.
            found[account.number] = max(paid(account.invoice) - known, Decimal(0))
        return found

    def _cancelled(self, accounts: Sequence[_Account], payment: Json) -> Rejected:
        """Why a payment is not written that comes after all of its invoices were cancelled."""
        names = " and ".join(account.number for account in accounts)
        return Rejected(
            f"Invoice {names} was cancelled in Business Central; payment {payment['id']} of {text_of(_amount(payment))} is not "
            "written.",
            f"Give the money back, or enter it in Business Central by hand; {_LINK_IT} "
            f"{accounts[0].invoice['id']}|{{id of the payment}}.",
        )

    def _not_sent_yet(self, accounts: Sequence[_Account], payment: Json, sent: Reservation | None) -> None:
        """Refuse a payment that was sent and of which nothing is known, unless its invoice is owed as much as before: then
        it was not posted, and it would be in the journal if it had arrived."""
        if sent is None:
            return
        identifier, journal, before, _ = sent.reference.split("|", 3)
        account = next((one for one in accounts if one.is_linked_by(sent.reference)), None)
        as_before = account and account.remaining and paid(account.invoice) == Decimal(before)
        if as_before and journal == self._book.journal().name:
            return
        raise Rejected(
            f"Payment {payment['id']} of {text_of(_amount(payment))} was sent for invoice "
            f"{account.number if account else identifier}, and the answer was lost. It is not in the payment journal: it may "
            "have been posted since, and is not written a second time.",
            f"Look for external document number {_reference(payment)} among the customer's entries and in the other "
            f"journals of Business Central. If it is not there, enter the payment by hand; {_LINK_IT} "
            f"{identifier}|{{id of the payment}}.",
        )

    def _not_paid_yet(self, accounts: Sequence[_Account], payment: Json, unexplained: Mapping[str, Decimal]) -> None:
        """Refuse a payment that may be on one of the invoices already, though the ledger does not know that it was sent."""
        amount, beyond = _amount(payment), sum(unexplained.values(), Decimal(0))
        # Business Central settles no more than is due: of a payment that closed an invoice it may be a part.
        closed = any(unexplained[account.number] and not account.remaining for account in accounts)
        if beyond < amount and not closed:
            return
        names = " and ".join(account.number for account in accounts if unexplained[account.number])
        raise Rejected(
            f"Invoice {names} has been paid {text_of(beyond)} beyond the payments that were transferred; payment "
            f"{payment['id']} of {text_of(amount)} may be part of that, and is not written a second time.",
            f"If it is not, enter it in Business Central by hand; {_LINK_IT} "
            f"{accounts[0].invoice['id']}|{{id of the payment}}.",
        )

    # --- writing ---------------------------------------------------------------------------------------------

    def _account_for(self, payment: Json, accounts: Sequence[_Account]) -> _Account:
        """The invoice that a payment is applied to: of several, the one on which just that is due, or else most is.

        A payment has one external id, so one line. What is more than is due of it is told, to be applied by a person.
        """
        amount = _amount(payment)
        account = max(accounts, key=lambda account: (account.due == amount, account.due, account.number))
        if amount > account.due:
            others = [
                f"{text_of(one.due)} on invoice {one.number}" for one in accounts if one is not account and one.due > 0
            ]
            note = (
                f"Payment {payment['id']} of {text_of(amount)} is applied to invoice {account.number}, on which "
                f"{text_of(account.due)} is due"
            )
            self._notes.append(
                f"{note}; apply the rest in Business Central: due is {', '.join(others)}." if others else f"{note}."
            )
        account.due -= amount
        return account

    def _write(self, invoice: Json, payment: Json) -> Json:
        # An entry cannot be applied to one that is dated after it.
        day = max(
            payment["fields"].get("postingDate") or self._work.plan.today.isoformat(), str(invoice["postingDate"])
        )
        body = {
            "customerNumber": _payer(invoice),
            "postingDate": day,
            **{name: value for name, value in payment["fields"].items() if name not in ("postingDate", "amount")},
            # What the amount is applied to is set first, since the invoice may set the amount itself.
            "appliesToInvoiceNumber": invoice["number"],
            "amount": payment["fields"]["amount"],
        }
        key = str(payment["id"])
        with self._book.journal_lock:
            journal = self._book.journal()
            # How much had been paid before tells later whether the payment was posted.
            reference = f"{invoice['id']}|{journal.name}|{paid(invoice)}|{key}"
            self._work.ledger.reserve(self._claims, key, PAYMENTS, reference, Purpose.create)
            for _ in range(TRIES):
                try:
                    return dict(self._work.bc.create(journal, body))
                except ServiceError as error:
                    # The answer was lost and the line may be there. Repeating the call could double it: look instead.
                    found = self._book.payments([_reference(payment)], _payer(invoice)) if moved(error) else {}
                    if found:
                        return found[_reference(payment)]
                    problem = error
                if problem.sent is Sent.unknown:
                    # It may be on its way yet, or posted already: that it was sent stays noted.
                    raise refusal(problem, f"payment {key}", body) from None
                if not isinstance(problem, RecordExists):
                    break
                # Another task has taken the journal's next line number at the same moment.
            self._work.ledger.unreserve(self._claims, key)
        raise refusal(problem, f"payment {key}", body) from None


class _Account:
    """One posted invoice as payments see it: what remains of it, and what of that is due when the journal's lines are
    posted."""

    def __init__(self, invoice: Json, lines: Sequence[Json]) -> None:
        self.invoice = invoice
        self.number = str(invoice["number"])
        self.remaining = Decimal(invoice["remainingAmount"])
        waiting = sum((Decimal(line["amount"]) for line in lines if self.has(line)), Decimal(0))
        self.due = max(self.remaining + waiting, Decimal(0))

    def has(self, line: Json) -> bool:
        """Whether a journal's line is applied to it."""
        return fold(str(line["appliesToInvoiceNumber"])) == fold(self.number)

    def is_linked_by(self, external_id: str) -> bool:
        """Whether a payment's external id says that it was applied to it."""
        return fold(external_id).startswith(fold(f"{self.invoice['id']}|"))


def _reference(payment: Json) -> str:
    # A code of Business Central's: it keeps it in capital letters.
    return fold(str(payment["fields"]["externalDocumentNumber"]))


def _amount(payment: Json) -> Decimal:
    return -Decimal(payment["fields"]["amount"])


def _payer(invoice: Json) -> str:
    return str(invoice["billToCustomerNumber"] or invoice["customerNumber"])

"""A draft invoice on its way to what its transaction has: header, lines, discount, total.

A new one is made with its lines in one request. Whether header and lines are one transaction of Business Central's is not
known (docs/business_central.md, "Writes"), so what is there is read and compared all the same: whatever a draft has of its
lines, the others are written, one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from include.business_central.records.invoice_states import DRAFT, status_of
from include.errors import NotFound, Rejected
from include.mappings.invoices_from_ipaas import HEADER_CODES
from include.sync.context import WriteContext
from include.sync.records import Json
from include.sync.values import fold, same, text_of
from include.writers.bc_documents import along, sent
from include.writers.bc_invoice_book import INVOICES, LINES, InvoiceBook, lines_of
from include.writers.bc_target import ETAG, Target

# Lines that a new draft is made with; more would take longer than an answer is waited for.
TOGETHER = 200
_HEADER = Target(
    name="sales invoice", page="", api=INVOICES.name, fields=(), api_fields={}, model="transaction", codes=HEADER_CODES
)
# In the order in which they are set.
_CHAIN = ("unitOfMeasureCode", "quantity", "unitPrice", "discountAmount")
# What a line is of; it cannot be changed, only made anew.
_OBJECT = ("lineType", "lineObjectNumber")


class Draft:
    """What the draft of one transaction shall be. `notes` are added to."""

    def __init__(self, work: WriteContext, book: InvoiceBook, body: Json, notes: list[str]) -> None:
        self._work, self._book, self._body, self._notes = work, book, body, notes

    def new(self) -> Json:
        """A new draft with its lines. Its currency, where the transaction names none, is the customer's, and not known
        before it is there: amounts are rounded as the company's own are, and put right where that was wrong."""
        header = self._body["header"]
        currency = str(header.get("currencyCode") or "")
        return {**header, LINES: [self._fields(line, currency) for line in self._body["lines"][:TOGETHER]]}

    @property
    def requests(self) -> int:
        """How many it takes: to make it and to look at it, for each line beyond those that go with it, and a look after
        those; and for its discount."""
        beyond = len(self._body["lines"][TOGETHER:])
        return 1 + 1 + (beyond + 1 if beyond else 0) + bool(self._body["discount"])

    def complete(self, draft: Json) -> Json:
        """Give a draft what it lacks, and see that it comes to what the transaction does; returns it as it is then."""
        if LINES not in draft:
            draft = self.again(draft)
        wanted = {name: value for name, value in self._body["header"].items() if name != "customerNumber"}
        if changes := _HEADER.differences(wanted, draft):
            self._change(draft, changes)
            draft = self.again(draft)
        if self._bring_lines(draft):
            draft = self.again(draft)
        discount = self.amount(self._body["discount"], draft)
        if not same(discount, draft["discountAmount"]):
            draft = self._change(draft, {"discountAmount": discount})
        self._tie_out(draft)
        return draft

    def again(self, invoice: Json) -> Json:
        """An invoice with its lines, as it is now."""
        found = self._book.anew(str(invoice["id"]))
        if found is None:
            raise NotFound.of_record(self._work.side.target, f"Invoice {invoice['number']}")
        return found

    def amount(self, value: Any, invoice: Json) -> Decimal:
        """An amount as Business Central rounds it in an invoice's currency."""
        return self._book.currencies.rounded(Decimal(value), str(invoice["currencyCode"]))

    def _tie_out(self, draft: Json) -> None:
        """Raise Rejected, with both figures, unless a draft comes to what its transaction does, with no tax of its own."""
        total, tax = self.amount(self._body["total"], draft), Decimal(draft["totalTaxAmount"])
        if same(total, draft["totalAmountIncludingTax"]) and not tax:
            return
        own = f", of which {text_of(tax)} are tax of its own," if tax else ""
        advice = "Compare prices, discounts, taxes and the accounts of shipping and tax; then correct one side."
        if tax:
            advice = (
                "The taxes of a transaction are lines of its invoice, so Business Central must add none: take Tax Liable (or "
                "the VAT set-up) from the customer, or set invoice.no_tax_group in the Variable bc_create_defaults to a tax "
                "group (VAT product posting group) that bears no tax."
            )
        raise Rejected(
            f"Draft invoice {draft['number']} comes to {text_of(Decimal(draft['totalAmountIncludingTax']))} in Business "
            f"Central{own} and the transaction to {text_of(total)} (less excluded lines). It was not posted.",
            advice,
        )

    @staticmethod
    def _require_open(draft: Json, what: str) -> None:
        """Raise Rejected unless a draft may be changed: one that a person has released may not."""
        if status_of(draft) != DRAFT:
            raise Rejected(
                f"Draft invoice {draft['number']} has been released in Business Central, and is not as its transaction is: "
                f"{what} would have to be changed. It was not posted.",
                "Reopen it in Business Central, or delete it: then it is brought in step, or made anew, and posted.",
            )

    def _change(self, draft: Json, changes: Json) -> Json:
        self._require_open(draft, ", ".join(changes))
        what, update = f"draft invoice {draft['number']}", self._work.bc.update
        return sent(what, changes, lambda: dict(update(INVOICES, str(draft["id"]), draft[ETAG], changes)))

    def _bring_lines(self, draft: Json) -> bool:
        """Write the lines that the draft lacks or has otherwise, one after another; returns whether there were any."""
        present = self._book.lines(draft)
        wrote = False
        for line in self._body["lines"]:
            wanted = self._fields(line, str(draft["currencyCode"]))
            wrote = self._bring_line(draft, wanted, present.get(int(wanted["sequence"]))) or wrote
        return wrote

    def _fields(self, line: Json, currency: str) -> Json:
        """A line's fields: its unit after what it is of, and amounts as the draft's currency has them."""
        rounded = self._book.currencies.rounded
        fields: Json = {}
        for name, value in line["fields"].items():
            fields[name] = rounded(Decimal(value), currency) if name == "discountAmount" else value
            if name == "lineObjectNumber" and "id" in line:
                unit, note = self._book.items.unit(str(value), line.get("unit"))
                fields |= {"unitOfMeasureCode": unit} if unit else {}
                self._notes += [note] if note and note not in self._notes else []
        if "id" not in line:
            # A charge is of one: its price is an amount.
            fields["unitPrice"] = rounded(Decimal(fields["unitPrice"]), currency)
        return fields

    def _bring_line(self, draft: Json, wanted: Json, present: Json | None) -> bool:
        changes = wanted if present is None else _line_changes(wanted, present)
        same_thing = present is not None and is_same_thing(wanted, present)
        if same_thing and not changes:
            return False
        self._require_open(draft, f"line {wanted['sequence']}")
        lines, what = lines_of(str(draft["id"])), f"line {wanted['sequence']} of draft invoice {draft['number']}"
        if present is not None and same_thing:
            line = present
            sent(what, changes, lambda: self._work.bc.update(lines, str(line["id"]), line[ETAG], changes))
            return True
        if present is not None:
            line = present
            sent(what, wanted, lambda: self._work.bc.delete(lines, str(line["id"]), line[ETAG]))
        sent(what, wanted, lambda: self._work.bc.create(lines, wanted))
        return True


def is_same_thing(wanted: Json, present: Json) -> bool:
    """Whether a line is of what it shall be of."""
    return not _differing(_OBJECT, wanted, present)


def fields_of(body: Mapping[str, Any]) -> Json:
    """Every field of a new draft, those of its lines by name and line: a refusal is told by their values."""
    lines = {
        f"{name} of line {line['sequence']} ({line['lineObjectNumber']})": line[name]
        for line in body[LINES]
        for name in line
    }
    return {**{name: value for name, value in body.items() if name != LINES}, **lines}


def _differing(names: Sequence[str], wanted: Json, present: Json) -> list[str]:
    return [name for name in names if name in wanted and not _alike(wanted[name], present.get(name))]


def _alike(wanted: Any, found: Any) -> bool:
    return fold(wanted) == fold(found) if isinstance(wanted, str) and isinstance(found, str) else same(wanted, found)


def _line_changes(wanted: Json, present: Json) -> Json:
    """What of a line has to be sent, but for what it is of."""
    own = [name for name in wanted if name not in ("sequence", *_OBJECT)]
    return along(_CHAIN, wanted, _differing(own, wanted, present))

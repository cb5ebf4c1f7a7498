"""The writes that bring an order nearer to what it shall be, one after another, and what it is like after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.ipaas.external_ids import LINE_TABLE
from include.sync.context import WriteContext
from include.sync.outcomes import Change
from include.sync.records import Json
from include.sync.values import same
from include.writers.bc_documents import sent
from include.writers.bc_order_amounts import net_of
from include.writers.bc_order_book import OrderBook
from include.writers.bc_order_changes import DISCOUNT, Decision, Question
from include.writers.bc_order_surface import API_ORDERS, Order
from include.writers.bc_target import ETAG

# An invoice discount that was not shown: it differs from whatever it shall be.
_UNKNOWN = object()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One write that brings an order nearer to what it shall be, and what it changes."""

    changes: Sequence[Change]
    send: Callable[[], None]


class OrderWrites:
    """Writes one order, and knows of it what the answers tell.

    `discount`, `net` (the amount before tax; None where no answer told it) and `header` are as Business Central has them
    after what was written last, `written` is what was changed.
    """

    def __init__(self, work: WriteContext, book: OrderBook) -> None:
        self._work, self._book = work, book
        self.written: list[Change] = []
        self.discount: Any = 0
        self.net: Decimal | None = None
        self.header: Json = {}

    def takes(self, order: Order) -> None:
        """Begin with an order as it was read."""
        self.discount, self.net, self.header = order.discount, order.net, order.header

    def steps(self, question: Question, decision: Decision) -> Iterator[Step]:
        """What has to be written, one after another: the header, lines to add and to change, lines to remove."""
        order = question.order
        if decision.header:
            yield Step(changes=decision.changes["header"], send=lambda: self._change_header(order, decision.header))
        for line in question.wanted.lines:
            number = question.numbers[str(line["id"])]
            if number in decision.add:
                yield self._add(order, number, decision)
            elif number in decision.change:
                yield self._change(order, number, decision)
        for number in decision.remove:
            yield self._remove(order, number, decision)

    def _change_header(self, order: Order, changes: Json) -> None:
        self.header = sent(f"order {order.no}", changes, lambda: self._book.surface.change(order, changes))

    def _add(self, order: Order, number: int, decision: Decision) -> Step:
        def send() -> None:
            what, fields = f"line {number} of order {order.no}", decision.add[number]
            self._took(sent(what, fields, lambda: self._book.surface.add_line(order, number, fields)))

        return Step(changes=decision.changes[number], send=send)

    def _change(self, order: Order, number: int, decision: Decision) -> Step:
        def send() -> None:
            what, fields = f"line {number} of order {order.no}", decision.change[number]
            self._took(sent(what, fields, lambda: self._book.surface.change_line(order, number, fields)))

        return Step(changes=decision.changes[number], send=send)

    def _remove(self, order: Order, number: int, decision: Decision) -> Step:
        def send() -> None:
            what = f"the removal of line {number} of order {order.no}"
            sent(what, {}, lambda: self._book.surface.remove_line(order, number))
            self._work.ledger.unlink(LINE_TABLE, f"{order.no}|{number}")
            self.net = None

        return Step(changes=decision.changes[number], send=send)

    def _took(self, line: Json) -> None:
        """A written line tells the order's discount as it is now; one of API v2.0 does not, so that it is asked for."""
        self.discount = line.get("Invoice_Discount_Amount", _UNKNOWN)
        self.net = net_of(line)

    def discount_change(self, decision: Decision) -> list[Change]:
        """What setting the invoice discount changes: nothing where it is as it shall be."""
        if same(decision.discount, self.discount):
            return []
        before = None if self.discount is _UNKNOWN else self.discount
        return [Change(field=DISCOUNT, before=before, after=decision.discount)]

    def set_discount(self, number: str, decision: Decision) -> None:
        """Set the invoice discount, which only API v2.0 can."""
        changes = {"discountAmount": decision.discount}
        for record in self._work.bc.read_many(API_ORDERS, "number", [number], select=("id", "number", *changes)):
            before = record["discountAmount"]
            if not same(decision.discount, before):
                answer = sent(f"the discount of order {number}", changes, self._update_of(record, changes))
                self.net = net_of(answer)
                self.written.append(Change(field=DISCOUNT, before=before, after=decision.discount))

    def _update_of(self, record: Json, changes: Json) -> Callable[[], Any]:
        return lambda: self._work.bc.update(API_ORDERS, str(record["id"]), record[ETAG], changes)

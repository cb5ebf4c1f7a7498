"""What an order shall hold, once its currency is known: its lines with their units, its discount, what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.errors import Rejected
from include.mappings.order_sums import share_out
from include.mappings.rounding import Rounding
from include.sync.records import Json
from include.sync.values import text_of
from include.writers.bc_order_book import OrderBook
from include.writers.bc_order_surface import Order

# Stands for the line of shipping, which no line of the transaction is.
SHIPPING = "shipping"
_ACCOUNT = "G/L Account"


@dataclass(frozen=True, kw_only=True)
class WantedOrder:
    """An order as its transaction has it."""

    currency: str
    # Each with an `id` (`SHIPPING` for that of shipping), its `fields`, and the `amount` that it comes to.
    lines: Sequence[Json]
    discount: Decimal
    # What the order comes to before tax.
    net: Decimal
    notes: tuple[str, ...]
    # Why the transaction does not agree with itself; blank when it does.
    problem: str


def wanted_order(book: OrderBook, body: Json, currency: str) -> WantedOrder:
    """The order of a transaction in a currency."""

    def rounding() -> Rounding:
        return book.currencies.rounding(currency)

    shared = share_out(body["sums"], rounding)
    book.items.read(line["fields"]["No"] for line in body["lines"])  # what was unknown may have arrived
    lines, notes = [], list(shared.notes)
    for line, amount in zip(body["lines"], shared.lines, strict=True):
        fields, note = _fields(book, line, currency)
        lines.append({**line, "fields": fields, "amount": amount})
        notes += [note] if note else []
    if shared.shipping:
        account = {"Type": _ACCOUNT, "No": body["shipping"], "Quantity": Decimal(1), "Unit_Price": shared.shipping}
        lines.append({"id": SHIPPING, "fields": account, "amount": shared.shipping})
    return WantedOrder(
        currency=currency,
        lines=lines,
        discount=shared.discount,
        net=shared.net,
        notes=tuple(notes),
        problem=shared.problem,
    )


def _fields(book: OrderBook, line: Json, currency: str) -> tuple[Json, str]:
    """A line's fields, its unit after what it is of: setting it makes Business Central look up the price."""
    fields = book.line_fields.convert(line["fields"])
    unit, note = book.items.unit(str(fields["No"]), line.get("unit"))
    found: Json = {}
    for name, value in fields.items():
        if not book.surface.lacks_on_lines(name):
            found[name] = value
        if name == "No" and unit:
            found.setdefault("Unit_of_Measure_Code", unit)
    if "Line_Discount_Amount" in found:
        found["Line_Discount_Amount"] = book.currencies.rounded(Decimal(found["Line_Discount_Amount"]), currency)
    return found, note


def shipping_line(order: Order, free: Sequence[int], line: Json) -> int | None:
    """The number of the line that an order has for shipping already."""
    wanted = line["fields"]
    for number in free:
        present = order.lines[number]
        if present["Type"] == _ACCOUNT and str(present["No"]).upper() == str(wanted["No"]).upper():
            return number
    return None


def difference(
    order: Order,
    wanted: WantedOrder,
    book: OrderBook,
    others: Decimal,
    deliberate: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0)),
    changed: Sequence[str] = (),
) -> tuple[str, ...]:
    """Notes about an order that comes to another amount than its transaction, by no more than a unit of rounding a line.

    `others` is what lines come to that somebody has added. What Business Central has `changed` since both agreed is not
    compared: `deliberate` is what that comes to in the order, and in its transaction. Raises Rejected, with both figures,
    when the rest is further apart.
    """
    net = order.net - others
    ours, theirs = deliberate
    apart = abs(net - ours - (wanted.net - theirs))
    if net == wanted.net:
        return ()
    figures = (
        f"Order {order.no} comes to {text_of(net)} before tax in Business Central, and the transaction to "
        f"{text_of(wanted.net)}"
    )
    if changed and apart <= book.currencies.rounding(wanted.currency).unit * max(1, len(wanted.lines)):
        return (f"{figures}: Business Central changed {'; '.join(changed)}.",)
    if apart <= book.currencies.rounding(wanted.currency).unit * max(1, len(wanted.lines)):
        return (f"{figures}: rounding.",)
    raise Rejected(
        f"{figures} for the same lines. It stays as it is, and is not released.",
        "Compare quantities, units, prices and discounts, and correct one of the two: they are compared again then.",
    )


def net_of(answer: Any) -> Decimal | None:
    """What an order comes to before tax, as the answer to a write of it or of its lines tells; None where it does not."""
    for name in ("Total_Amount_Excl_VAT", "totalAmountExcludingTax"):
        if isinstance(answer, dict) and answer.get(name) is not None:
            return Decimal(answer[name])
    return None

"""What a transaction says its order comes to: goods, what is taken off them, shipping; and whether it agrees with itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.ipaas.records.transactions import Transaction, TransactionLine
from include.mappings.foreign_transactions import (
    extended,
    header_discount,
    is_excluded,
    is_product,
    ordered_lines,
    taxes_of,
)
from include.mappings.rounding import Rounding
from include.sync.records import Json, MappingContext
from include.sync.values import text_of

_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class SharedOut:
    """The amounts of an order: its lines in their order, its invoice discount, its shipping line, and what it comes to
    before tax.

    `problem` says, with both figures, that the transaction does not agree with itself; blank when it does.
    """

    lines: tuple[Decimal, ...]
    discount: Decimal
    shipping: Decimal
    net: Decimal
    notes: tuple[str, ...] = ()
    problem: str = ""


def sums_of(transaction: Transaction, context: MappingContext) -> Json:
    """The amounts that a transaction speaks of, as they stand in it; `share_out` makes an order's of them.

    `lines` are those that become the order's, in its order, `others` those that do not; `sends_shipping` says whether
    shipping becomes a line of it.
    """

    def is_sent(line: TransactionLine) -> bool:
        return is_product(line) and not is_excluded(line, context)

    return {
        "lines": [extended(line) for line in ordered_lines(transaction) if is_sent(line)],
        "others": [extended(line) for line in transaction.lines if not is_sent(line)],
        "discount": header_discount(transaction),
        "shipping": transaction.shipping_amount,
        "tax": taxes_of(transaction),
        "total": transaction.total,
        "sends_shipping": context.settings.bc_create_defaults.sales_order.shipping_account is not None,
    }


def share_out(sums: Mapping[str, Any], rounding: Callable[[], Rounding]) -> SharedOut:
    """The amounts of the order. `rounding` is asked only where something has to be rounded.

    Total = goods - discount + shipping + tax. Where the total is less, and shipping explains it, that much was taken off
    the shipping. Any other difference of more than one unit a line is a problem.
    """

    def rounded(value: Any) -> Decimal:
        amount = Decimal(value)
        return amount if amount == amount.to_integral_value() else rounding().of(amount)

    lines, others = [rounded(value) for value in sums["lines"]], [rounded(value) for value in sums["others"]]
    discount, shipping, tax = (rounded(sums[name]) for name in ("discount", "shipping", "tax"))
    goods = sum((*lines, *others), _ZERO)
    made = goods - discount + shipping + tax
    total = made if sums["total"] is None else rounded(sums["total"])
    gap, off = made - total, _ZERO
    notes: list[str] = []
    problem = ""
    parts = (
        f"lines {text_of(goods)}, discount {text_of(discount)}, shipping {text_of(shipping)} and tax {text_of(tax)} make "
        f"{text_of(made)}, and its total is {text_of(total)}"
    )
    if gap and abs(gap) <= rounding().unit * (len(lines) + len(others)):
        notes.append(f"The transaction's amounts are rounded: {parts}.")
    elif 0 < gap <= shipping and gap != tax:
        off = gap
        notes.append(f"Of the shipping of {text_of(shipping)}, {text_of(off)} were taken off: {parts}.")
    elif gap:
        problem = f"The transaction's own amounts do not add up: {parts}."
    if not sums["sends_shipping"] and shipping:
        if discount == shipping and not off:
            # The shipping was free: what was taken off it is taken off no goods.
            notes.append(
                f"The discount of {text_of(discount)} was taken off the shipping, which is no part of the order."
            )
            discount = _ZERO
        else:
            notes.append(f"Shipping of {text_of(shipping)} is no part of the order: no account for it is configured.")
    sent = shipping - off if sums["sends_shipping"] else _ZERO
    net = sum(lines, _ZERO) - discount + sent
    return SharedOut(lines=tuple(lines), discount=discount, shipping=sent, net=net, notes=tuple(notes), problem=problem)

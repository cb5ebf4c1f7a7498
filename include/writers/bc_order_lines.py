"""Which line of an order each line of its transaction is: lines and their Line_No."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from include.ipaas.external_ids import LINE_TABLE
from include.mappings.foreign_transactions import LINE_STEP
from include.sync.base import Base
from include.sync.ledger.entries import State
from include.sync.records import Json
from include.sync.values import fold
from include.sync.work import WriteRequest
from include.writers.bc_documents import TransactionLinks
from include.writers.bc_order_amounts import SHIPPING, shipping_line
from include.writers.bc_order_book import line_changes
from include.writers.bc_order_changes import SHIPPING_LINE, line_path
from include.writers.bc_order_surface import Order


def numbers_of(
    order: Order, lines: Sequence[Json], links: TransactionLinks, item: WriteRequest, base: Base | None
) -> dict[str, int]:
    """The Line_No of every line of the transaction, by its id: the one it is linked to, else the next one."""
    numbers: dict[str, int] = {}
    for identifier, external_id in links.of(LINE_TABLE, [line["id"] for line in lines]).items():
        document, _, number = external_id.rpartition("|")
        if fold(document) == fold(order.no) and number.isdecimal():
            numbers[identifier] = int(number)
    linked = _linked(order, links)
    free = [number for number in order.lines if number not in linked]
    # The line of shipping is linked to none; somebody may have taken it out since it was agreed.
    shipping: int | None = base.values.get(SHIPPING_LINE) if base else None
    last = max([0, *order.lines, *numbers.values(), shipping or 0])
    for line in lines:
        if (identifier := str(line["id"])) in numbers:
            continue
        if identifier == SHIPPING:
            found = shipping_line(order, free, line) or shipping
        else:
            found = _alike(order, free, line) if _may_be_there(item) else None
        if found is None:
            last = found = last // LINE_STEP * LINE_STEP + LINE_STEP
        elif found in free:
            free.remove(found)
        numbers[identifier] = found
    return numbers


def held_of(order: Order, links: TransactionLinks, base: Base | None) -> set[int]:
    """The lines of an order that came from its transaction, if only once.

    Links tell, and what was agreed: of a line that iPaaS.com has dropped it tells no link any more, and a ledger that was
    lost while it had it has not noted what could be read.
    """
    shipping = base.values.get(SHIPPING_LINE) if base else None
    agreed = {path.rpartition(".")[0] for path in base.values} if base else set()
    known = {number for number in order.lines if number == shipping or line_path(order, number) in agreed}
    return known | _linked(order, links).keys()


def _linked(order: Order, links: TransactionLinks) -> Mapping[int, Any]:
    """By Line_No: the transaction line that is linked to it."""
    names = {fold(f"{order.no}|{number}"): number for number in order.lines}
    return {names[folded]: id_ for folded, id_ in links.holders(LINE_TABLE, list(names)).items()}


def _may_be_there(item: WriteRequest) -> bool:
    """Whether lines without a link may have been written all the same: by an earlier try, or before the ledger was
    lost. A line that somebody adds to a finished order is that person's own."""
    transfer = item.transfer
    return item.suspect or transfer is None or transfer.state != State.done


def _alike(order: Order, free: Sequence[int], line: Json) -> int | None:
    wanted = {name: line["fields"][name] for name in ("Type", "No")}
    return next((number for number in free if not line_changes(wanted, order.lines[number])), None)

"""Stock on hand, from query 2554, and whether an answer of it is to be believed.

An answer that is suddenly short would empty the shop: what is missing is taken for gone only as long as enough is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from include.business_central.odata import Api, Page
from include.business_central.records.base import present
from include.business_central.records.items import StockRow
from include.flows.shared.reading import from_page, neighbours, sound
from include.sync.flow import GUID, Reads
from include.sync.model import Json, RunKind, fold

QUERY = "Itemsbylocation"
_FIELDS = tuple(StockRow.model_fields)
_LOST = ("stock: API v2.0 knows it only in total, not by location",)

# Of so few places, some may well be empty at once: then an item counts as answered for by any row of its own.
_MANY = 10


def stock_of(reads: Reads, items: Sequence[str]) -> dict[str, list[Json]] | None:
    """The stock rows of these items, by folded item No; None where the query is not there."""
    rows = from_page(reads, QUERY, _LOST, lambda query: reads.bc.read_many(query, "No", items, select=_FIELDS))
    if rows is None:
        return None
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(fold(str(row["No"])), []).append(row)
    return found


def stock_since(reads: Reads, flow: str, items: Sequence[str]) -> dict[str, list[Json] | None] | None:
    """The same, for items whose stock a flow has sent before; None for an item of which it is not to be believed.

    The query has a row for every item, if only one without a location. The next poll reads such items again.
    """
    found = stock_of(reads, items)
    if found is None:
        return None
    rows: dict[str, list[Json] | None] = {fold(number): found.get(fold(number), []) for number in items}
    if (reads.plan.kind is RunKind.ids and reads.plan.force) or not reads.settings.bc_stock_shrink_share:
        return rows  # a person says so
    known = {
        fold(key): set(transfer.memory.get("locations", ()))
        for key, transfer in reads.ledger.transfers(flow, items).items()
    }
    gone = {number: places - _places(found.get(number, ())) for number, places in known.items()}
    before, missing = sum(map(len, known.values())), sum(map(len, gone.values()))
    short = before >= _MANY and is_short(reads, before - missing, before)
    doubtful = {number for number, places in gone.items() if places and (short or number not in found)}
    if doubtful:
        not_believed(reads, missing, before)
        reads.ask_again()
    return {**rows, **dict.fromkeys(doubtful)}


def _places(rows: Iterable[Json]) -> set[str]:
    return {str(code) for row in rows if (code := present(row["Location_Code"]))}


def is_short(reads: Reads, still: int, before: int) -> bool:
    """Whether what is still there of what was known is less than the share that is believed."""
    return still * 100 < reads.settings.bc_stock_shrink_share * before


def not_believed(reads: Reads, missing: int, before: int) -> None:
    """Tell the operator that nothing was set to 0, and why."""
    reads.warn(
        f"The query {reads.bc.name_of(QUERY)} answers without the stock of {missing} of {before} places that were known to have "
        "some. Nothing was set to 0; it is asked again with the next run. If these places are really empty, transfer their "
        "records by id with force, or set the Variable bc_stock_shrink_share to 0 for one run."
    )


def all_stock(reads: Reads) -> Iterator[Json]:
    """Every stock row."""
    rows = from_page(reads, QUERY, _LOST, lambda query: reads.bc.read(query, select=_FIELDS, read_only=True))
    yield from sound(reads, rows or (), Page(QUERY), ("No",))


def item_ids(reads: Reads, numbers: Sequence[str]) -> dict[str, str]:
    """The GUIDs of items by folded No. The numbers stand in the order of the item table."""
    fields = ("id", "number")
    rows = neighbours(reads, Api("items"), "number", numbers, fields)
    return {fold(str(row["number"])): str(row["id"]) for row in rows if GUID.fullmatch(str(row["id"]))}


def item_numbers(reads: Reads, ids: Sequence[str]) -> dict[str, str]:
    """The No of items by folded GUID."""
    rows = reads.bc.read_many(Api("items"), "id", ids, select=("id", "number")) if ids else iter(())
    return {fold(str(row["id"])): str(row["number"]) for row in rows}

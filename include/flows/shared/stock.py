"""Stock on hand, from query 2554."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.business_central.odata import Api
from include.business_central.records.items import StockRow
from include.flows.shared.reading import from_page, neighbours
from include.sync.flow import Reads
from include.sync.model import Json, fold

QUERY = "Itemsbylocation"
_FIELDS = tuple(StockRow.model_fields)
_LOST = ("stock: API v2.0 knows it only in total, not by location",)


def stock_of(reads: Reads, items: Sequence[str]) -> dict[str, list[Json]] | None:
    """The stock rows of these items, by folded item No; None where the query is not there."""
    rows = from_page(reads, QUERY, _LOST, lambda query: reads.bc.read_many(query, "No", items, select=_FIELDS))
    if rows is None:
        return None
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(fold(str(row["No"])), []).append(row)
    return found


def all_stock(reads: Reads) -> Iterator[Json]:
    """Every stock row."""
    rows = from_page(reads, QUERY, _LOST, lambda query: reads.bc.read(query, select=_FIELDS, read_only=True))
    yield from rows or ()


def item_ids(reads: Reads, numbers: Sequence[str]) -> dict[str, str]:
    """The GUIDs of items by folded No. The numbers stand in the order of the item table."""
    fields = ("id", "number")
    rows = neighbours(reads, Api("items"), "number", numbers, fields)
    return {fold(str(row["number"])): str(row["id"]) for row in rows}


def item_numbers(reads: Reads, ids: Sequence[str]) -> dict[str, str]:
    """The No of items by folded GUID."""
    rows = reads.bc.read_many(Api("items"), "id", ids, select=("id", "number")) if ids else iter(())
    return {fold(str(row["id"])): str(row["number"]) for row in rows}

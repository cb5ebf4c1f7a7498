"""Stock on hand, from query 2554."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.business_central.records.items import StockRow
from include.flows.reading import from_page
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

"""Item categories, parents first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.business_central.records.items import ItemCategory
from include.mappings.remembered import WITHOUT_PAGE
from include.mappings.rows import PagedRow
from include.sources.reading import asked_for, each, feed, optional
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.values import fold

_FEED = Api("itemCategories")


_FIELDS = tuple(ItemCategory.model_fields)


_CARD = "ItemCategoryCard"


class ItemCategories:
    """API `itemCategories`; page 5733 knows their parents, where it is published."""

    finds_by: ClassVar = (frozenset({"no"}), frozenset({"guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[PagedRow]]:
        """Categories modified in the window."""
        yield from self._complete(reads, feed(reads, _FEED, window, select=_FIELDS, by="code"))

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[PagedRow]]:
        """Categories by code."""
        found = list(asked_for(reads, _FEED, ids, select=_FIELDS, key="code"))
        asked = {str(record["id"]): text for record, text in found}
        yield from self._complete(reads, [record for record, _ in found], asked)

    def _complete(
        self, reads: Reads, records: Iterable[Json], asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord[PagedRow]]:
        parents_known = optional(reads, _CARD, "the parents of categories")

        def whole_records(batch: Sequence[Json]) -> Iterator[SourceRecord[PagedRow]]:
            cards: dict[str, Json] = {}
            if parents_known:
                codes = [str(record["code"]) for record in batch]
                rows = reads.bc.read_many(Page(_CARD), "Code", codes, select=("Code", "Parent_Category"))
                cards = {fold(str(row["Code"])): row for row in rows}
            # A parent in the same batch goes before its children; any other is transferred with them.
            for record in sorted(batch, key=lambda r: _depth(str(r["code"]), cards)):
                unknown: Json = {} if parents_known else {WITHOUT_PAGE: True}
                row = PagedRow(feed=record, detail=cards.get(fold(str(record["code"])), unknown))
                yield SourceRecord(
                    key=str(record["code"]),
                    data=row,
                    asked=(asked or {}).get(str(record["id"])),
                    record_id=str(record["id"]),
                )

        for batch in batches(records, 100):
            yield from each(batch, whole_records, lambda record: str(record["code"]))


def _depth(code: str, cards: Mapping[str, Json]) -> int:
    """How many parents a category has among `cards`; a cycle ends the count."""
    seen: set[str] = set()
    current = fold(code)
    while current in cards and current not in seen:
        seen.add(current)
        parent = unblank(cards[current].get("Parent_Category"))
        if not parent:
            break
        current = fold(parent)
    return len(seen)

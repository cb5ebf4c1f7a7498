"""Item categories, parents first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.business_central.records.items import ItemCategory
from include.mappings.remembered import WITHOUT_PAGE
from include.mappings.rows import PagedRow
from include.sources.feeds import Feed, FromFeed, Keyed, Pair
from include.sources.reading import optional
from include.sync.flow import Reads
from include.sync.records import Json
from include.sync.values import fold

_CARD = "ItemCategoryCard"


class ItemCategories(Feed[PagedRow]):
    """API `itemCategories`; page 5733 knows their parents, where it is published."""

    api = Api("itemCategories")
    fields = tuple(ItemCategory.model_fields)
    key = "code"
    in_order = True

    def __init__(self, reads: Reads) -> None:
        super().__init__(reads)
        self._parents_known = optional(reads, _CARD, "the parents of categories")

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[PagedRow]]:
        """Categories with their cards. A parent goes before its children; one in another batch is transferred with them."""
        cards: dict[str, Json] = {}
        if self._parents_known:
            codes = [self.called(record) for record, _ in batch]
            found = self.reads.bc.read_many(Page(_CARD), "Code", codes, select=("Code", "Parent_Category"))
            cards = {fold(str(card["Code"])): card for card in found}
        unknown: Json = {} if self._parents_known else {WITHOUT_PAGE: True}
        for record, _ in sorted(batch, key=lambda pair: _depth(self.called(pair[0]), cards)):
            code = self.called(record)
            yield code, record, PagedRow(feed=record, detail=cards.get(fold(code), unknown))


ITEM_CATEGORIES = FromFeed(feed=ItemCategories, row=PagedRow)


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

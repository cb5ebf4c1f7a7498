"""Items with their stock and prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from include.business_central.odata import Api
from include.business_central.records.items import ApiItem, ItemCard
from include.mappings.custom_fields import source_fields
from include.mappings.products import card_from_api, price_texts
from include.mappings.rows import ItemRow
from include.settings import SyncSettings
from include.sources.feeds import TOGETHER, FromFeed, Keyed, Pair
from include.sources.paged import PagedFeed
from include.sources.prices import all_prices, prices_of, prices_readable
from include.sources.reading import feed, selected
from include.sources.stock import stock_since
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.runs import Direction, RunKind
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

FLOW = "product_to_ipaas"
PAGE = "ItemCard"


class Items(PagedFeed[ItemRow]):
    """API `items` for the changes, page 30 for the fields, query 2554 for the stock."""

    api = Api("items")
    fields = tuple(ApiItem.model_fields)
    page = PAGE
    from_api = staticmethod(card_from_api)
    lost = ("Net_Weight", "Sales_Blocked", "fields of your own on the page")

    def others(self, window: Window, seen: KeySet) -> Iterator[str]:
        """Items whose stock moved or whose prices did: that does not touch the item's timestamp."""
        polls = self.reads.plan.kind is RunKind.poll
        moved = chain(moved_items(self.reads, window), repriced_items(self.reads) if polls else ())
        return (number for number in moved if seen.add(fold(number)))

    def page_fields(self) -> Sequence[str]:
        """Those of page 30 that go to iPaaS.com."""
        return page_fields(self.reads.settings)

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[ItemRow]]:
        """Items with their stock and their prices."""
        stock = stock_since(self.reads, FLOW, {str(detail["No"]): str(record["id"]) for record, detail in batch})
        prices = prices_of(self.reads, [str(detail["No"]) for _, detail in batch])
        for record, detail in batch:
            key = str(detail["No"])
            row = ItemRow(
                feed=record,
                detail=detail,
                stock=stock and stock[0][fold(key)],
                renamed=stock and stock[1],
                prices=None if prices is None else prices.get(fold(key), ()),
            )
            yield key, record, row


ITEMS = FromFeed(feed=Items, row=ItemRow)


def moved_items(reads: Reads, window: Window) -> list[str]:
    """Numbers of the items with item ledger entries made in the window."""
    rows = feed(reads, Api("itemLedgerEntries"), window, select=("itemNumber",))
    return sorted({str(row["itemNumber"]) for row in rows})


def repriced_items(reads: Reads) -> Iterator[str]:
    """Numbers of the items whose price-group prices are not those that were sent last.

    Prices know no modification time, and end by the calendar alone: all of them are read.
    """
    if not reads.settings.bc_transfer_customer_price_groups:
        return
    context, priced = reads.context({}), KeySet()
    for batch in batches(all_prices(reads), TOGETHER):
        known = reads.ledger.transfers(FLOW, [number for number, _ in batch])
        for number, rows in batch:
            priced.add(number)
            # An item that was never transferred comes as itself.
            if number in known and known[number].memory.get("prices") != price_texts(rows, context):
                yield number
    if prices_readable(reads):
        others = (key for key, _ in reads.ledger.keys(FLOW) if key not in priced)
        for keys in batches(others, TOGETHER):
            for key, transfer in reads.ledger.transfers(FLOW, keys).items():
                if transfer.memory.get("prices"):
                    yield key


def page_fields(settings: SyncSettings) -> tuple[str, ...]:
    """The fields of page 30 that go to iPaaS.com, the subscriber's own among them."""
    extra = source_fields(settings, "product", Direction.to_ipaas) - set(Items.fields)
    return selected(ItemCard.model_fields, extra)

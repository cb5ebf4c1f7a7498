"""Items with their stock and prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import ClassVar

from include.business_central.odata import Api
from include.business_central.records.items import ApiItem, ItemCard
from include.mappings.custom_fields import source_fields
from include.mappings.products import card_from_api, price_texts
from include.mappings.rows import ItemRow
from include.settings import SyncSettings
from include.sources.prices import all_prices, prices_of, prices_readable
from include.sources.reading import asked_for, each, feed, selected, with_details
from include.sources.stock import stock_since
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.runs import Direction, RunKind
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

FLOW = "product_to_ipaas"


PAGE = "ItemCard"


_FEED = Api("items")


_FEED_FIELDS = tuple(ApiItem.model_fields)


_LOST = ("Net_Weight", "Sales_Blocked", "fields of your own on the page")


class Items:
    """API `items` for the changes, page 30 for the fields, query 2554 for the stock."""

    finds_by: ClassVar = (frozenset({"no"}), frozenset({"guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[ItemRow]]:
        """Items modified in the window, and those whose stock moved or whose prices did: that does not touch the item's
        timestamp."""
        whole = window.since is None and window.until is None
        records = feed(reads, _FEED, window, select=_FEED_FIELDS, by="number" if whole else "")
        seen = KeySet()
        for record in self._complete(reads, records, whole=whole):
            seen.add(fold(record.key))
            yield record
        if not whole:
            polls = reads.plan.kind is RunKind.poll
            moved = chain(moved_items(reads, window), repriced_items(reads) if polls else ())
            for numbers in batches((number for number in moved if fold(number) not in seen), 100):
                others = reads.bc.read_many(_FEED, "number", sorted(set(numbers)), select=_FEED_FIELDS)
                for record in self._complete(reads, others, whole=False):
                    seen.add(fold(record.key))
                    yield record

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[ItemRow]]:
        """Items by No or GUID."""
        found = list(asked_for(reads, _FEED, ids, select=_FEED_FIELDS))
        asked = {str(record["id"]): text for record, text in found}
        yield from self._complete(reads, [record for record, _ in found], whole=False, asked=asked)

    def _complete(
        self, reads: Reads, records: Iterable[Json], *, whole: bool, asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord[ItemRow]]:
        select = page_fields(reads.settings)
        rows = with_details(
            reads, records, PAGE, of=_FEED, select=select, lost=_LOST, whole=whole, from_api=card_from_api
        )

        def whole_records(batch: Sequence[tuple[Json, Json]]) -> Iterator[SourceRecord[ItemRow]]:
            numbers = [str(detail["No"]) for _, detail in batch]
            stock = stock_since(reads, FLOW, {str(detail["No"]): str(record["id"]) for record, detail in batch})
            prices = prices_of(reads, numbers)
            for record, detail in batch:
                key = str(detail["No"])
                row = ItemRow(
                    feed=record,
                    detail=detail,
                    stock=stock and stock[0][fold(key)],
                    renamed=stock and stock[1],
                    prices=None if prices is None else prices.get(fold(key), ()),
                )
                yield SourceRecord(
                    key=key, data=row, asked=(asked or {}).get(str(record["id"])), record_id=str(record["id"])
                )

        for batch in batches(rows, 100):
            yield from each(batch, whole_records, lambda row: str(row[0]["number"]))


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
    for batch in batches(all_prices(reads), 400):
        known = reads.ledger.transfers(FLOW, [number for number, _ in batch])
        for number, rows in batch:
            priced.add(number)
            # An item that was never transferred comes as itself.
            if number in known and known[number].memory.get("prices") != price_texts(rows, context):
                yield number
    if prices_readable(reads):
        others = (key for key, _ in reads.ledger.keys(FLOW) if key not in priced)
        for keys in batches(others, 400):
            for key, transfer in reads.ledger.transfers(FLOW, keys).items():
                if transfer.memory.get("prices"):
                    yield key


def page_fields(settings: SyncSettings) -> tuple[str, ...]:
    """The fields of page 30 that go to iPaaS.com, the subscriber's own among them."""
    extra = source_fields(settings, "product", Direction.to_ipaas) - set(_FEED_FIELDS)
    return selected(ItemCard.model_fields, extra)

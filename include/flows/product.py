"""Items as products: to iPaaS.com with their stock and prices, and from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from include.business_central.odata import Api
from include.business_central.records.items import ApiItem, ItemCard
from include.flows.shared.from_ipaas import IPaaSRecords
from include.flows.shared.prices import all_prices, prices_of, prices_readable
from include.flows.shared.reading import asked_for, each, feed, selected, with_details
from include.flows.shared.stock import stock_since
from include.ipaas.endpoints import PRODUCT
from include.mappings.custom_fields import source_fields
from include.mappings.products import PAGE_ONLY, adopt_stock, card_from_api, price_texts, product_to_ipaas
from include.mappings.products_from_ipaas import (
    API_FIELDS,
    CODES,
    FIELDS,
    SHARED,
    cut_description,
    product_from_ipaas,
    product_numbers,
)
from include.mappings.remembered import remembering
from include.settings import SyncSettings
from include.sync.batches import batches
from include.sync.bc_target import Target
from include.sync.bc_writer import BCWriter
from include.sync.flow import GUID, IPAAS_ID, AskedId, Counterpart, Docs, Flow, IdFormat, Reads, Window
from include.sync.ipaas_writer import IPaaSWriter
from include.sync.keyset import KeySet
from include.sync.model import Direction, Json, RunKind, SourceRecord, fold

_FLOW = "product_to_ipaas"
_PAGE = "ItemCard"
_FEED = Api("items")
_FEED_FIELDS = tuple(ApiItem.model_fields)
_LOST = ("Net_Weight", "Sales_Blocked", "fields of your own on the page")


class Items:
    """API `items` for the changes, page 30 for the fields, query 2554 for the stock."""

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord]:
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

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord]:
        """Items by No or GUID."""
        found = list(asked_for(reads, _FEED, ids, select=_FEED_FIELDS))
        asked = {str(record["id"]): text for record, text in found}
        yield from self._complete(reads, [record for record, _ in found], whole=False, asked=asked)

    def _complete(
        self, reads: Reads, records: Iterable[Json], *, whole: bool, asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord]:
        select = page_fields(reads.settings)
        rows = with_details(reads, records, _PAGE, select=select, lost=_LOST, whole=whole, from_api=card_from_api)

        def whole_records(batch: Sequence[tuple[Json, Json]]) -> Iterator[SourceRecord]:
            numbers = [str(detail["No"]) for _, detail in batch]
            stock = stock_since(reads, _FLOW, numbers)
            prices = prices_of(reads, numbers)
            for record, detail in batch:
                key = str(detail["No"])
                data: Json = {
                    "feed": record,
                    "detail": detail,
                }
                if stock is not None and (rows_of := stock[fold(key)]) is not None:
                    data["stock"] = rows_of
                if prices is not None:
                    data["prices"] = prices.get(fold(key), [])
                yield SourceRecord(
                    key=key, data=data, asked=(asked or {}).get(str(record["id"])), record_id=str(record["id"])
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
        known = reads.ledger.transfers(_FLOW, [number for number, _ in batch])
        for number, rows in batch:
            priced.add(number)
            # An item that was never transferred comes as itself.
            if number in known and known[number].memory.get("prices") != price_texts(rows, context):
                yield number
    if prices_readable(reads):
        others = (key for key, _ in reads.ledger.keys(_FLOW) if key not in priced)
        for keys in batches(others, 400):
            for key, transfer in reads.ledger.transfers(_FLOW, keys).items():
                if transfer.memory.get("prices"):
                    yield key


def page_fields(settings: SyncSettings) -> tuple[str, ...]:
    """The fields of page 30 that go to iPaaS.com, the subscriber's own among them."""
    extra = source_fields(settings, "product", Direction.to_ipaas) - set(_FEED_FIELDS)
    return selected(ItemCard.model_fields, extra)


_SOURCE = IPaaSRecords(endpoint=PRODUCT, flow="product_from_ipaas", numbers=product_numbers)
TARGET = Target(
    name="item",
    page=_PAGE,
    api="items",
    fields=FIELDS,
    api_fields=API_FIELDS,
    model="product",
    codes=CODES,
    also=page_fields,
    normal={"Description": cut_description},
)

TO_IPAAS = Flow(
    name=_FLOW,
    record="product",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product TO iPaaS.com",
    schedule="25 * * * *",
    source=Items(),
    mapping=remembering(product_to_ipaas, PAGE_ONLY, model="product"),
    writer=IPaaSWriter(endpoint=PRODUCT, match_field="sku", adopt=adopt_stock),
    counterpart=Counterpart(
        flow="product_from_ipaas", shared=SHARED, data=_SOURCE.data_of, differences=TARGET.differences
    ),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})",
            example="6fbc9163-0295-ef11-8a6d-6045bdc8dfe6",
            meaning="the item's internal id",
        ),
        IdFormat(name="no", pattern=r"(?P<no>[^|]{1,20})", example="1896-S", meaning="item No."),
    ),
    after=("location_to_ipaas", "product_category_to_ipaas"),
    services=(_PAGE, "Itemsbylocation"),
    settings_used=(
        "bc_transfer_customer_price_groups",
        "bc_sales_codes_for_customer_price_groups",
        "bc_sales_price_field_separator",
        "bc_sales_price_record_delimiter",
        "bc_exclude_expired_rules",
        "bc_product_category_exclude",
        "bc_stock_shrink_share",
        "bc_custom_fields",
    ),
    docs=Docs(
        overview="Items become products, with their stock per location and, as the settings say, the prices of customer "
        "price groups.",
        business_central="Page 30 published as `ItemCard`, query 2554 as `Itemsbylocation`; for prices page 7002 as "
        "`SalesPrices`, or pages 7016 and 7001 as `SalesPriceLists` and `PriceListLines`.",
        ipaas="A custom field `Sales Prices {code}` on products for each sales code that is transferred.",
        mappings=(
            ("sku (on create only)", "No"),
            ("name", "Description"),
            ("description", "Description and Description_2"),
            ("default_price", "Unit_Price"),
            ("tax_class", "Tax_Group_Code"),
            ("weight", "Net_Weight"),
            ("barcode", "GTIN"),
            ("unit", "Base_Unit_of_Measure"),
            ("type", "Type: Inventory → Physical, Service → Service Items, Non-Inventory → Virtual"),
            ("status", "Active, or Inactive when Blocked or Sales_Blocked"),
            ("tracking_method", "Product"),
            ("categories", "Item_Category_Code, as the linked product category"),
        ),
        matching="An unlinked product is linked to the one product with the same sku.",
        children="Stock per location (`{location code}|{item GUID}`). A location that holds none any more is sent once "
        "with 0; a missing location is transferred on the spot.",
        caveats=(
            "When the query is suddenly short (see `bc_stock_shrink_share`), nothing is set to 0, the run says so, and the "
            "next poll reads the same items again.",
            "Stock at a blank location is not transferred.",
            "With Transfer Customer Price Groups every poll reads all prices: they know no modification time.",
            "A sales code that has no price any more is sent as `none`, since iPaaS.com refuses an empty value.",
        ),
    ),
)

FROM_IPAAS = Flow(
    name="product_from_ipaas",
    record="product",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=_SOURCE,
    mapping=product_from_ipaas,
    writer=BCWriter(
        target=TARGET,
        table=PRODUCT.table,
    ),
    counterpart=Counterpart(flow="product_to_ipaas", shared=SHARED),
    id_formats=(IPAAS_ID,),
    poll="missing",
    after=("product_to_ipaas",),
    scopes=("product/created", "product/updated"),
    services=(_PAGE,),
    settings_used=("bc_create_defaults", "bc_custom_fields"),
    docs=Docs(
        overview="Products become items, or change the item that they are linked to.",
        business_central="Page 30 published as `ItemCard`; API v2.0. The number series of items must allow manual "
        "numbers. The tax groups, the unit of measure and the posting groups of bc_create_defaults must exist there.",
        ipaas="The product has a sku of at most 20 characters, and a name or a description.",
        mappings=(
            ("No (on create only)", "sku"),
            ("Description", "name, or else description; the first 99 characters"),
            ("Unit_Price", "default_price"),
            ("Tax_Group_Code", "tax_class"),
            ("Net_Weight", "weight"),
            ("Type (on create only)", "Inventory"),
            (
                "Base_Unit_of_Measure, Order_Tracking_Policy, Gen_Prod_Posting_Group, Inventory_Posting_Group (on create "
                "only)",
                "`product` of bc_create_defaults; the unit is EA if nothing else is said",
            ),
        ),
        matching="A product without an external id is linked to the unlinked item whose No. is its sku. One that is "
        "linked to another product is rejected, naming both.",
        children="None. Stock, categories and prices of groups are kept in Business Central.",
        caveats=("A linked item keeps its No. when the sku changes in iPaaS.com.",),
        errors=(
            (
                "It is linked to item …, which does not exist in Business Central any more.",
                "The item was deleted or renumbered there.",
                "Correct or remove the external id in iPaaS.com.",
            ),
            (
                "… contains a value (…) that cannot be found in the related table",
                "A tax group, unit of measure or posting group does not exist in Business Central.",
                "Create it there, or correct tax_class or bc_create_defaults.",
            ),
        ),
    ),
)

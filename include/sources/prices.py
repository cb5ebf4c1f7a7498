"""Where price-group prices come from: page 7002, or Microsoft's newer price lists, whichever is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from include.business_central.odata import Page
from include.business_central.records.base import unblank
from include.business_central.records.items import SalesPrice
from include.sync.flow import Reads
from include.sync.records import Json
from include.sync.values import fold

CLASSIC = "SalesPrices"
LISTS = "SalesPriceLists"
LINES = "PriceListLines"
_GROUP = "Customer Price Group"
_LINE_FIELDS = (
    "Price_List_Code",
    "Line_No",
    "SourceNo",
    "CurrencyCode",
    "StartingDate",
    "EndingDate",
    "Asset_Type",
    "Asset_No",
    "Variant_Code",
    "Unit_of_Measure_Code",
    "Minimum_Quantity",
    "Unit_Price",
    "SourceType",
    "Amount_Type",
)
# A line of a discount holds no price. A list of several sources says on the line whose price it is.
_DISCOUNT = "Discount"
_OTHERS = frozenset({"Customer", "Customer Disc. Group", "Campaign", "Contact"})


def prices_of(reads: Reads, items: Sequence[str]) -> dict[str, list[Json]] | None:
    """The price-group prices of these items, by folded item No, under the names of page 7002; None where they are not
    to be read or cannot be."""
    rows = _prices(reads, items)
    return None if rows is None else _by_item(rows)


def all_prices(reads: Reads) -> Iterator[tuple[str, list[Json]]]:
    """Every item that has price-group prices, with them; none where they are not to be read or cannot be."""
    for number, rows in groupby(_prices(reads, None) or (), key=lambda row: str(row["Item_No"])):
        yield number, list(rows)


def prices_readable(reads: Reads) -> bool:
    """Whether either of the services that know prices is published."""
    return reads.bc.published(CLASSIC) or (reads.bc.published(LISTS) and reads.bc.published(LINES))


def _prices(reads: Reads, items: Sequence[str] | None) -> Iterable[Json] | None:
    """The prices of these items, or of all in the order of their numbers."""
    if not reads.settings.bc_transfer_customer_price_groups:
        return None
    if reads.bc.published(CLASSIC):
        of_groups = f"Sales_Type eq '{_GROUP}'"
        return _rows(reads, CLASSIC, "Item_No", items, tuple(SalesPrice.model_fields), of_groups)
    if reads.bc.published(LISTS) and reads.bc.published(LINES):
        return _from_lists(reads, items)
    reads.warn(
        f"Transfer Customer Price Groups is on, but neither {CLASSIC} (page 7002) nor {LISTS} (page 7016) with {LINES} "
        "(page 7001) is published: products go without prices. Of the two, the one that your company uses: "
        f"{reads.bc.how_to_publish(CLASSIC)} {reads.bc.how_to_publish(LISTS)} {reads.bc.how_to_publish(LINES)}"
    )
    return None


def _rows(
    reads: Reads, page: str, field: str, items: Sequence[str] | None, select: Sequence[str], where: str | None = None
) -> Iterator[Json]:
    if items is None:
        return reads.bc.read(Page(page), filter=where, select=select, orderby=(field,))
    return reads.bc.read_many(Page(page), field, items, select=select, extra_filter=where)


def _by_item(rows: Iterable[Json]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(fold(str(row["Item_No"])), []).append(row)
    return found


def _from_lists(reads: Reads, items: Sequence[str] | None) -> Iterable[Json]:
    # Only an active list prices sales; its status and, for a list of one group, its group stand on its header.
    headers = reads.bc.read(
        Page(LISTS),
        filter="Status eq 'Active'",
        select=("Code", "SourceType", "SourceNo", "AssignToNo", "CurrencyCode", "StartingDate", "EndingDate"),
    )
    active = {
        fold(str(header["Code"])): header for header in headers if unblank(header.get("SourceType")) in (_GROUP, None)
    }
    if not active:
        return
    for line in _rows(reads, LINES, "Asset_No", items, _LINE_FIELDS):
        header = active.get(fold(str(line["Price_List_Code"])))
        if header is None or unblank(line.get("Asset_Type")) != "Item":
            continue
        if unblank(line.get("Amount_Type")) == _DISCOUNT or unblank(line.get("SourceType")) in _OTHERS:
            continue
        group = unblank(line.get("SourceNo")) or unblank(header.get("SourceNo")) or unblank(header.get("AssignToNo"))
        if group:
            yield {
                "Item_No": line["Asset_No"],
                "Sales_Code": group,
                "Minimum_Quantity": line["Minimum_Quantity"],
                "Unit_Price": line["Unit_Price"],
                "Currency_Code": unblank(line.get("CurrencyCode")) or header.get("CurrencyCode"),
                "Unit_of_Measure_Code": line.get("Unit_of_Measure_Code"),
                "Variant_Code": line.get("Variant_Code"),
                "Starting_Date": unblank(line.get("StartingDate")) or header.get("StartingDate"),
                "Ending_Date": unblank(line.get("EndingDate")) or header.get("EndingDate"),
            }

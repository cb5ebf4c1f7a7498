"""Items as products, their stock and their price-group prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from include.business_central.records.items import ApiItem, SalesPrice
from include.errors import Rejected
from include.ipaas.external_ids import LOCATION_TABLE, PRODUCT_TABLE
from include.mappings.body import body
from include.mappings.catalog import category_ref
from include.mappings.custom_fields import to_ipaas as custom_fields
from include.mappings.rows import ItemRow, PlaceRow
from include.sync.records import Companion, Json, Mapped, MappingContext, Missing, Ref
from include.sync.values import fold, text_of

# The flow that a product's stock belongs to, whichever of the two writes it.
STOCK_FLOW = "product_inventory_to_ipaas"
# How a Business Central item type is called in iPaaS.com.
TYPES = {"Inventory": "Physical", "Service": "Service Items", "Non-Inventory": "Virtual"}
# What the custom field of the prices of a sales code is called, before the code.
PRICES_OF = "Sales Prices"
# What stands in a price custom field when a sales code has no price any more: an empty value is refused.
NO_PRICE = "none"
DEFAULT_RECORD_DELIMITER = ";"
DEFAULT_FIELD_SEPARATOR = "|"


def product_to_ipaas(row: ItemRow, context: MappingContext) -> Mapped:
    """An item as a product, with its stock per location and its prices per sales code."""
    item = row.card
    if not item.Description:
        raise Rejected("The item has no description, and a product needs a name.", "Fill in its Description.")
    kind = item.Type or "Inventory"
    if kind not in TYPES:
        raise Rejected(f"Item type {kind!r} has no product type in iPaaS.com.", "Add it to the lookup of the mapping.")
    inactive = item.Blocked or item.Sales_Blocked
    category = category_ref(item.Item_Category_Code, context, Missing.wait)
    stock, locations = inventory_rows(row, context)
    prices, by_code = price_fields(row.prices, context)
    custom = [*(custom_fields(context.settings, "product", row.source) or ()), *prices]
    fields = body(
        sku=item.No,
        name=item.Description,
        description=" ".join(part for part in (item.Description, item.Description_2) if part),
        default_price=item.Unit_Price if item.Unit_Price is not None else Decimal(0),
        tax_class=item.Tax_Group_Code,
        weight=item.Net_Weight,
        barcode=item.GTIN,
        unit=item.Base_Unit_of_Measure,
        type=TYPES[kind],
        status="Inactive" if inactive else "Active",
        tracking_method="Product",
        categories=[{"category_id": category}] if category else None,
        custom_fields=custom or None,
    )
    return Mapped(
        source_id=item.No,
        match=item.No,
        body=fields,
        create_only=frozenset({"sku"}),
        companions=tuple(Companion(flow=STOCK_FLOW, mapped=one) for one in stock),
        carry={"locations": locations, "prices": by_code},
    )


# What only page 30 tells.
PAGE_ONLY = frozenset({"Net_Weight", "Sales_Blocked"})


def card_from_api(record: Json) -> Json:
    """What API v2.0 knows of an item, under the names of page 30."""
    item = ApiItem.model_validate(record)
    return body(
        No=item.number,
        Description=item.displayName,
        Description_2=item.displayName2,
        Unit_Price=item.unitPrice,
        Tax_Group_Code=item.taxGroupCode,
        GTIN=item.gtin,
        Base_Unit_of_Measure=item.baseUnitOfMeasureCode,
        Type=(item.type or "").replace("_x002D_", "-") or None,
        Blocked=item.blocked,
        Item_Category_Code=item.itemCategoryCode,
    )


def inventory_rows(row: ItemRow, context: MappingContext) -> tuple[list[Mapped], list[str]]:
    """The stock rows of an item, and the locations that had stock; one that had before is sent once with zero."""
    if row.stock is None:
        # The query is not there: what is known of the stock stays as it is.
        return [], list(context.carry.get("locations", ()))
    guid, item, renamed = str(row.feed["id"]), row.card.No, row.renamed or {}
    by_location = {there.Location_Code: there.Remaining_Quantity for there in row.stock_rows if there.Location_Code}
    before = [renamed.get(code, code) for code in context.carry.get("locations", ())]
    fallen_out = [code for code in before if code and code not in by_location]
    quantities = {**by_location, **dict.fromkeys(fallen_out, Decimal(0))}
    return [stock_row(code, guid, item, quantity) for code, quantity in sorted(quantities.items())], sorted(by_location)


def inventory_id(location: str, item_guid: str) -> str:
    """The external id of a stock row."""
    return f"{location}|{item_guid}"


def same_item(one: str, other: str) -> bool:
    """Whether the external ids of two stock rows name the same item: at one place, the location has another code now."""
    return fold(one.partition("|")[2]) == fold(other.partition("|")[2])


def item_of(stock: str) -> str | None:
    """The immutable id of the item whose stock row has an external id."""
    return stock.partition("|")[2] or None


def stock_fields(location: str, quantity: Decimal) -> Json:
    """One location's stock. Business Central's query knows one quantity, so it is both."""
    where = Ref(table=LOCATION_TABLE, source_id=location, missing=Missing.transfer, flow="location_to_ipaas")
    return {"location_id": where, "qty_on_hand": quantity, "qty_available": quantity}


def stock_row(location: str, item_guid: str, item: str, quantity: Decimal) -> Mapped:
    """One item's stock at one location: the same record whether it comes by itself or along with its product."""
    fields = {
        "parent_id": Ref(table=PRODUCT_TABLE, source_id=item, missing=Missing.wait),
        **stock_fields(location, quantity),
    }
    return Mapped(source_id=inventory_id(location, item_guid), body=fields, carry={"item": item})


def inventory_to_ipaas(row: PlaceRow, context: MappingContext) -> Mapped:
    """One stock row as a product inventory record of its own."""
    item, stock = _stocked_item(row, context), row.stock
    return stock_row(str(stock.Location_Code), row.item_id, str(item), stock.Remaining_Quantity)


def skip_stock(row: PlaceRow, context: MappingContext) -> str | None:
    """The filter: stock at no location cannot be transferred, nor what is gone and never was."""
    if not row.stock.Location_Code:
        return "The stock lies at no location."
    if not _stocked_item(row, context):
        return "It is no longer in Business Central, and was never transferred."
    return None


def _stocked_item(row: PlaceRow, context: MappingContext) -> str | None:
    # A row that has fallen out of the query is known by its key alone; its item is remembered.
    return row.stock.No or context.carry.get("item")


def price_fields(
    rows: Iterable[Mapping[str, Any]] | None, context: MappingContext
) -> tuple[list[Json], dict[str, str]]:
    """One custom field per sales code with the item's prices, and the prices by code.

    A code that had prices the last time and has none any more is sent as `none`. `rows` is None where prices are not
    read: what is known of them stays as it is.
    """
    before = context.carry.get("prices") or {}
    if rows is None:
        # Where they are wanted and their services are gone, the product keeps those that it has.
        kept = before if context.settings.bc_transfer_customer_price_groups else {}
        return _price_list(kept), dict(before)
    texts = price_texts(rows, context)
    return _price_list(texts | {code: NO_PRICE for code in before if code not in texts}), texts


def _price_list(texts: Mapping[str, str]) -> list[Json]:
    return [{"custom_field_name": f"{PRICES_OF} {code}", "value": text} for code, text in sorted(texts.items())]


def price_texts(rows: Iterable[Mapping[str, Any]], context: MappingContext) -> dict[str, str]:
    """The prices of an item as text, by sales code: those that the settings ask for."""
    settings = context.settings
    wanted = {fold(code) for code in settings.bc_sales_codes_for_customer_price_groups}
    texts: dict[str, list[str]] = {}
    prices = [SalesPrice.model_validate(row) for row in rows]
    for price in sorted(prices, key=_price_order):
        if wanted and fold(price.Sales_Code) not in wanted:
            continue
        if settings.bc_exclude_expired_rules and price.Ending_Date and price.Ending_Date < context.today.date:
            continue
        separator = settings.bc_sales_price_field_separator or DEFAULT_FIELD_SEPARATOR
        texts.setdefault(price.Sales_Code, []).append(separator.join(_price_parts(price)))
    delimiter = settings.bc_sales_price_record_delimiter or DEFAULT_RECORD_DELIMITER
    return {code: delimiter.join(records) for code, records in texts.items()}


def _price_parts(price: SalesPrice) -> tuple[str, ...]:
    return (
        price.Sales_Code,
        text_of(price.Minimum_Quantity),
        text_of(price.Unit_Price),
        price.Currency_Code or "",
        price.Unit_of_Measure_Code or "",
        price.Variant_Code or "",
        _date(price.Starting_Date),
        _date(price.Ending_Date),
    )


def _price_order(price: SalesPrice) -> tuple[Any, ...]:
    start = price.Starting_Date or date.min
    return (
        price.Sales_Code,
        price.Currency_Code or "",
        price.Variant_Code or "",
        price.Minimum_Quantity,
        start,
        price.Unit_of_Measure_Code or "",
        price.Unit_Price,
        price.Ending_Date or date.max,
    )


def _date(value: date | None) -> str:
    return value.isoformat() if value else ""

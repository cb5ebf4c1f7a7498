"""Items as products: to iPaaS.com with their stock and prices, and from it."""

from __future__ import annotations

from include.ipaas.endpoints import PRODUCT
from include.mappings.products import PAGE_ONLY, product_to_ipaas
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
from include.sources.ipaas_records import IPaaSRecords
from include.sources.items import FLOW, PAGE, Items, page_fields
from include.sync.flow import GUID, IPAAS_ID, Counterpart, Docs, Flow, IdFormat
from include.sync.runs import Direction
from include.writers.bc_records import BCWriter
from include.writers.bc_target import Target
from include.writers.ipaas_records import IPaaSWriter

_SOURCE = IPaaSRecords(endpoint=PRODUCT, flow="product_from_ipaas", numbers=product_numbers)
TARGET = Target(
    name="item",
    page=PAGE,
    api="items",
    fields=FIELDS,
    api_fields=API_FIELDS,
    model="product",
    codes=CODES,
    also=page_fields,
    normal={"Description": cut_description},
)

TO_IPAAS = Flow(
    name=FLOW,
    record="product",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product TO iPaaS.com",
    schedule="25 * * * *",
    source=Items(),
    mapping=remembering(product_to_ipaas, PAGE_ONLY, model="product"),
    writer=IPaaSWriter(endpoint=PRODUCT, match_field="sku"),
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
    services=(PAGE, "Itemsbylocation"),
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
    services=(PAGE,),
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

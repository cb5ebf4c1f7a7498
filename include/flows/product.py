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
from include.mappings.rows_of_ipaas import ProductRow
from include.sources.ipaas_records import IPaaSRecords
from include.sources.items import FLOW, ITEMS, PAGE, page_fields
from include.sync.approval.prices import in_fields
from include.sync.asked import GUID, IPAAS_ID, IdFormat
from include.sync.flow import Counterpart, Flow
from include.sync.runs import Direction
from include.writers.bc_records import BCWriter
from include.writers.bc_target import Target
from include.writers.ipaas_records import IPaaSWriter
from include.writers.price_changes import prices_to_ipaas

_SOURCE = IPaaSRecords(endpoint=PRODUCT, flow="product_from_ipaas", row=ProductRow, numbers=product_numbers)
TARGET = Target(
    name="item",
    page=PAGE,
    api="items",
    fields=FIELDS,
    api_fields=API_FIELDS,
    model="product",
    codes=CODES,
    read_too=page_fields,
    normal={"Description": cut_description},
)

TO_IPAAS = Flow(
    name=FLOW,
    record="product",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product TO iPaaS.com",
    schedule="25 * * * *",
    source=ITEMS,
    mapping=remembering(product_to_ipaas, PAGE_ONLY, model="product"),
    writer=IPaaSWriter(endpoint=PRODUCT, match_field="sku"),
    counterpart=Counterpart(
        flow="product_from_ipaas", shared=SHARED, row=_SOURCE.row_of, differences=TARGET.differences
    ),
    prices=prices_to_ipaas,
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})",
            example="6fbc9163-0295-ef11-8a6d-6045bdc8dfe6",
            meaning="the item's internal id",
        ),
        IdFormat(name="no", pattern=r"(?P<no>[^|]{1,20})", example="1896-S", meaning="item No."),
    ),
    resources=("items",),
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
    prices=in_fields("Unit_Price"),
    id_formats=(IPAAS_ID,),
    poll="missing",
    after=("product_to_ipaas",),
    scopes=("product/created", "product/updated"),
    services=(PAGE,),
    settings_used=("bc_create_defaults", "bc_custom_fields"),
)

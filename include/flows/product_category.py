"""Item categories to iPaaS.com, as product categories."""

from __future__ import annotations

from include.ipaas.endpoints import PRODUCT_CATEGORY
from include.mappings.catalog import product_category_to_ipaas, skip_category
from include.mappings.remembered import remembering
from include.sources.item_categories import ITEM_CATEGORIES
from include.sync.asked import GUID, IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="product_category_to_ipaas",
    record="product category",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product Category TO iPaaS.com",
    schedule="8 * * * *",
    source=ITEM_CATEGORIES,
    skip=skip_category,
    mapping=remembering(product_category_to_ipaas, ("Parent_Category",)),
    writer=IPaaSWriter(endpoint=PRODUCT_CATEGORY, match_field="name"),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})",
            example="8f1c2a6e-0195-ef11-8a6d-6045bdc8dfe6",
            meaning="the category's internal id",
        ),
        IdFormat(name="code", pattern=r"(?P<no>[^|]{1,20})", example="FURN", meaning="item category code"),
    ),
    resources=("itemCategories",),
    settings_used=("bc_product_category_exclude",),
)

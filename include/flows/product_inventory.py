"""Stock per item and location to iPaaS.com, as product inventory."""

from __future__ import annotations

from include.ipaas.endpoints import INVENTORY, PRODUCT
from include.mappings.products import STOCK_FLOW, inventory_to_ipaas, item_of, same_item, skip_stock
from include.sources.stock import (
    QUERY,
    Stock,
    fallen_out,
)
from include.sync.asked import GUID, IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.ipaas_companions import Siblings
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name=STOCK_FLOW,
    record="product inventory",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product Inventory TO iPaaS.com",
    schedule="35 * * * *",
    source=Stock(),
    skip=skip_stock,
    mapping=inventory_to_ipaas,
    writer=IPaaSWriter(
        endpoint=INVENTORY,
        siblings=Siblings(
            parent=PRODUCT, by="parent_id", name="inventory", same="location_id", alike=same_item, of=item_of
        ),
    ),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<location>[^|]{{1,10}})\|(?P<guid>{GUID.pattern})",
            example="MAIN|6fbc9163-0295-ef11-8a6d-6045bdc8dfe6",
            meaning="location code and the item's internal id",
        ),
        IdFormat(
            name="no",
            pattern=r"(?P<location>[^|]{1,10})\|(?P<no>[^|]{1,20})",
            example="MAIN|1896-S",
            meaning="location code and item No.",
        ),
    ),
    poll="whole",
    gone=fallen_out,
    after=("location_to_ipaas", "product_to_ipaas"),
    services=(QUERY,),
    settings_used=("bc_stock_shrink_share",),
)

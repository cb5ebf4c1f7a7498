"""Stock per item and location to iPaaS.com, as product inventory."""

from __future__ import annotations

from include.ipaas.endpoints import INVENTORY, PRODUCT
from include.mappings.products import STOCK_FLOW, inventory_to_ipaas, same_item, skip_stock
from include.sources.stock import (
    QUERY,
    Stock,
    fallen_out,
)
from include.sync.flow import GUID, Docs, Flow, IdFormat
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
        siblings=Siblings(parent=PRODUCT, by="parent_id", name="inventory", same="location_id", alike=same_item),
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
    docs=Docs(
        overview="The stock of every item at every location, on a schedule of its own: it moves more often than items "
        "change. The whole query is read each time; only quantities that differ from what was last sent are written.",
        business_central="Query 2554 published as `Itemsbylocation`.",
        ipaas="The products. Locations are transferred on the spot.",
        mappings=(
            ("parent_id", "No, as the linked product"),
            ("location_id", "Location_Code, as the linked location"),
            ("qty_on_hand, qty_available", "Remaining_Quantity, both"),
        ),
        matching="By the external id, `{location code}|{item GUID}`, or else the row of the same product and location. It is the same that products carry for "
        "their stock, so that either flow may go first and the other updates what is there.",
        deleted="A row that has fallen out of the query is sent once with 0. When less than `bc_stock_shrink_share` percent of "
        "the known rows are left, the query is not believed: nothing is set to 0, the run says so, and the next one asks again. "
        "A row that is asked for by id with force is sent, whatever the others say. Deletions are not propagated.",
        caveats=(
            "Stock at a blank location, and items that never had any, are skipped and counted.",
            "Reservations and orders are not subtracted: the query knows the remaining quantity alone.",
            "A row whose product is not in iPaaS.com yet waits, and goes through once it is.",
        ),
        errors=(
            (
                "It needs product …, which is not in iPaaS.com yet.",
                "The item has not been transferred.",
                "Nothing to do; or run product_to_ipaas with the item No.",
            ),
            (
                "There is no product inventory …",
                "No stock was ever posted for this item at this location, or the id is misspelt.",
                "Check location code and item in Business Central.",
            ),
        ),
    ),
)

"""Customer price groups to iPaaS.com, as customer categories."""

from __future__ import annotations

from include.business_central.records.customers import CustomerPriceGroup
from include.ipaas.endpoints import CUSTOMER_CATEGORY
from include.mappings.customers import category_to_ipaas
from include.sources.tables import WholePage
from include.sync.flow import Docs, Flow, IdFormat
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

_PAGE = "CustomerPriceGroups"

TO_IPAAS = Flow(
    name="customer_category_to_ipaas",
    record="customer category",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Customer Category TO iPaaS.com",
    schedule="5 * * * *",
    source=WholePage(
        page=_PAGE,
        fields=tuple(CustomerPriceGroup.model_fields),
        lost="every customer category: API v2.0 has no price groups",
    ),
    mapping=category_to_ipaas,
    writer=IPaaSWriter(endpoint=CUSTOMER_CATEGORY, match_field="name"),
    id_formats=(
        IdFormat(name="code", pattern=r"(?P<no>[^|]{1,10})", example="RETAIL", meaning="customer price group code"),
    ),
    poll="whole",
    initialization=True,
    services=(_PAGE,),
    docs=Docs(
        overview="Customer price groups become customer categories. Companies, customers and price-group prices "
        "refer to them, so they go first.",
        business_central="Page 7 published as `CustomerPriceGroups`.",
        ipaas="Nothing beyond the subscription.",
        mappings=(
            ("name", "Code"),
            ("description", "Description"),
            ("is_pricing_group", "true"),
        ),
        matching="A category of the same name that is not linked is linked and updated.",
        caveats=("The whole table is read each time; a group that has not changed costs one comparison.",),
    ),
)

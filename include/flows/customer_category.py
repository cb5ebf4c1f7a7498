"""Customer price groups to iPaaS.com, as customer categories."""

from __future__ import annotations

from include.business_central.records.customers import CustomerPriceGroup
from include.ipaas.endpoints import CUSTOMER_CATEGORY
from include.mappings.customers import category_to_ipaas
from include.sources.tables import WholePage
from include.sync.asked import IdFormat
from include.sync.flow import Flow
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
)

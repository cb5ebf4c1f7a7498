"""Shipping agents to iPaaS.com, as shipping methods."""

from __future__ import annotations

from include.business_central.records.items import ShippingAgent
from include.ipaas.endpoints import SHIPPING_METHOD
from include.mappings.catalog import shipping_method_to_ipaas
from include.sources.tables import WholePage
from include.sync.asked import IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

_PAGE = "ShippingAgents"

TO_IPAAS = Flow(
    name="shipping_method_to_ipaas",
    record="shipping method",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Shipping Method TO iPaaS.com",
    schedule="7 * * * *",
    source=WholePage(
        page=_PAGE,
        fields=tuple(ShippingAgent.model_fields),
        lost="every shipping method: API v2.0 has no shipping agents",
    ),
    mapping=shipping_method_to_ipaas,
    writer=IPaaSWriter(endpoint=SHIPPING_METHOD, match_field="name"),
    id_formats=(IdFormat(name="code", pattern=r"(?P<no>[^|]{1,10})", example="DHL", meaning="shipping agent code"),),
    poll="whole",
    initialization=True,
    services=(_PAGE,),
)

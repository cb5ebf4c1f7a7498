"""Locations to iPaaS.com."""

from __future__ import annotations

from include.ipaas.endpoints import LOCATION
from include.mappings.catalog import location_to_ipaas
from include.sources.locations import LOCATIONS, PAGE
from include.sync.asked import GUID, IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="location_to_ipaas",
    record="location",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Location TO iPaaS.com",
    schedule="6 * * * *",
    source=LOCATIONS,
    mapping=location_to_ipaas,
    writer=IPaaSWriter(endpoint=LOCATION, match_field="name"),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})",
            example="f99b2ee7-0195-ef11-8a6d-6045bdc8dfe6",
            meaning="the location's internal id",
        ),
        IdFormat(name="code", pattern=r"(?P<no>[^|]{1,10})", example="MAIN", meaning="location code"),
    ),
    initialization=True,
    services=(PAGE,),
)

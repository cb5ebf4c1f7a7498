"""Locations to iPaaS.com."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from include.business_central.odata import Api
from include.business_central.records.items import ApiLocation, LocationCard
from include.flows.shared.reading import asked_for, feed, selected, with_details
from include.ipaas.endpoints import LOCATION
from include.mappings.catalog import location_card_from_api, location_to_ipaas
from include.sync.flow import GUID, AskedId, Docs, Flow, IdFormat, Reads, Window
from include.sync.ipaas_writer import IPaaSWriter
from include.sync.model import Direction, Json, SourceRecord

_PAGE = "Locations"
_FEED = Api("locations")
_FEED_FIELDS = (*ApiLocation.model_fields, "lastModifiedDateTime")


class Locations:
    """API `locations` for the GUIDs and the changes, page 5703 for the fields."""

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord]:
        """Locations modified in the window."""
        records = feed(reads, _FEED, window, select=_FEED_FIELDS, by="code")
        yield from self._complete(reads, records, whole=window.since is None and window.until is None)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord]:
        """Locations by code or GUID."""
        found = list(asked_for(reads, _FEED, ids, select=_FEED_FIELDS, key="code"))
        asked = {str(record["id"]): text for record, text in found}
        yield from self._complete(reads, [record for record, _ in found], whole=False, asked=asked)

    def _complete(
        self, reads: Reads, records: Iterable[Json], *, whole: bool, asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord]:
        rows = with_details(
            reads,
            records,
            _PAGE,
            select=selected(LocationCard.model_fields),
            lost=("fields of your own on the page",),
            whole=whole,
            from_api=location_card_from_api,
            feed_key="code",
            page_key="Code",
        )
        for record, detail in rows:
            data = {"feed": record, "detail": detail}
            yield SourceRecord(
                key=str(detail["Code"]),
                data=data,
                asked=(asked or {}).get(str(record["id"])),
                record_id=str(record["id"]),
            )


TO_IPAAS = Flow(
    name="location_to_ipaas",
    record="location",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Location TO iPaaS.com",
    schedule="6 * * * *",
    source=Locations(),
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
    services=(_PAGE,),
    docs=Docs(
        overview="Locations, with their address. Stock and orders refer to them.",
        business_central="Page 5703 published as `Locations`.",
        ipaas="Nothing beyond the subscription.",
        mappings=(
            ("name", "Code"),
            ("description", "Name"),
            (
                "address",
                "Address, Address_2, City, County, Country_Region_Code, Post_Code, Phone_No, E_Mail, Contact, Home_Page",
            ),
        ),
        matching="An unlinked location is linked to the location of the same name.",
        caveats=("The external id is the location code.",),
    ),
)

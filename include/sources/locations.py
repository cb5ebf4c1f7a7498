"""Locations: the page for the fields, API v2.0 for the changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from include.business_central.odata import Api
from include.business_central.records.items import ApiLocation, LocationCard
from include.mappings.catalog import location_card_from_api
from include.sources.reading import asked_for, feed, selected, with_details
from include.sync.asked import AskedId
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord

PAGE = "Locations"


_FEED = Api("locations")


_FEED_FIELDS = (*ApiLocation.model_fields, "lastModifiedDateTime")


class Locations:
    """API `locations` for the GUIDs and the changes, page 5703 for the fields."""

    finds_by: ClassVar = (frozenset({"no"}), frozenset({"guid"}))

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
            PAGE,
            of=_FEED,
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

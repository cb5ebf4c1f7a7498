"""Locations: the page for the fields, API v2.0 for the changes."""

from __future__ import annotations

from collections.abc import Sequence

from include.business_central.odata import Api
from include.business_central.records.items import ApiLocation, LocationCard
from include.mappings.catalog import location_card_from_api
from include.mappings.rows import PagedRow
from include.sources.feeds import FromFeed, Plain
from include.sources.paged import PagedFeed

PAGE = "Locations"


class Locations(Plain, PagedFeed[PagedRow]):
    """API `locations` for the GUIDs and the changes, page 5703 for the fields."""

    api = Api("locations")
    fields = (*ApiLocation.model_fields, "lastModifiedDateTime")
    key = "code"
    in_order = True
    page = PAGE
    page_key = "Code"
    from_api = staticmethod(location_card_from_api)
    lost = ("fields of your own on the page",)

    def page_fields(self) -> Sequence[str]:
        """All that the page is known to have."""
        return tuple(LocationCard.model_fields)


LOCATIONS = FromFeed(feed=Locations, row=PagedRow)

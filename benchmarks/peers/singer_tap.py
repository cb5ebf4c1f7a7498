"""A Singer tap for customers, with their modification as replication key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import singer_sdk.typing as th
from job import PAGE, Job, metered
from requests import PreparedRequest, Response
from singer_sdk import RESTStream, Tap
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import BaseHATEOASPaginator

FIELDS = [
    "id",
    "number",
    "displayName",
    "addressLine1",
    "city",
    "state",
    "country",
    "postalCode",
    "phoneNumber",
    "email",
    "website",
]


class _Pages(BaseHATEOASPaginator):
    def get_next_url(self, response: Response) -> str | None:
        """Where it goes on."""
        found: str | None = response.json().get("@odata.nextLink")
        return found


class Customers(RESTStream[Any]):
    """The customers of Business Central."""

    name = "customers"
    path = "/customers"
    primary_keys = ("id",)
    replication_key = "lastModifiedDateTime"
    is_sorted = False
    records_jsonpath = "$.value[*]"
    schema = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in FIELDS), th.Property("lastModifiedDateTime", th.DateTimeType)
    ).to_dict()
    job = Job()

    @property
    def url_base(self) -> str:
        """Below which the customers are."""
        return self.job.customers

    @property
    def authenticator(self) -> Any:
        """A token, fetched once."""
        return BearerTokenAuthenticator(token=self.job.bc_token)

    @property
    def http_headers(self) -> dict[str, str]:
        """The page size."""
        return {"Prefer": f"odata.maxpagesize={PAGE}"}

    def get_new_paginator(self) -> Any:
        """By the link to the next page."""
        return _Pages()

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        """Those modified since the last one."""
        if next_page_token:
            return {}
        since = self.get_starting_timestamp(context)
        text = since.strftime("%Y-%m-%dT%H:%M:%SZ") if since else "2000-01-01T00:00:00Z"
        return {"$filter": f"lastModifiedDateTime ge {text}", "$select": ",".join([*FIELDS, self.replication_key])}

    def prepare_request(self, context: Mapping[str, Any] | None, next_page_token: Any) -> PreparedRequest:
        """A page; the link is followed as it is."""
        request = super().prepare_request(context, next_page_token)
        if next_page_token:
            request.url = next_page_token.geturl()
        return request


class BusinessCentral(Tap):
    """The tap."""

    name = "tap-business-central"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[Any]:
        """One."""
        return [Customers(self)]


if __name__ == "__main__":
    metered()
    BusinessCentral.cli()

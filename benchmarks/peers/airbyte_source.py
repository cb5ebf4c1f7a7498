"""An Airbyte source that is a manifest, run by the CDK: customers by a cursor over their modification."""

from __future__ import annotations

import sys
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint, launch
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from job import PAGE, Job, metered


def manifest(job: Job) -> dict[str, Any]:
    """The source, as the builder would write it down."""
    requester = {
        "type": "HttpRequester",
        "url_base": f"{job.customers}/",
        "path": "customers",
        "http_method": "GET",
        "authenticator": {"type": "BearerAuthenticator", "api_token": job.bc_token},
        "request_headers": {"Prefer": f"odata.maxpagesize={PAGE}"},
        "request_parameters": {
            "$filter": "{{ '' if next_page_token else 'lastModifiedDateTime ge ' ~ stream_interval['start_time'] }}"
        },
    }
    paginator = {
        "type": "DefaultPaginator",
        "page_token_option": {"type": "RequestPath"},
        "pagination_strategy": {
            "type": "CursorPagination",
            "cursor_value": "{{ response.get('@odata.nextLink', '') }}",
            "stop_condition": "{{ not response.get('@odata.nextLink') }}",
        },
    }
    cursor = {
        "type": "DatetimeBasedCursor",
        "cursor_field": "lastModifiedDateTime",
        "datetime_format": "%Y-%m-%dT%H:%M:%SZ",
        "cursor_datetime_formats": ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"],
        "start_datetime": {"type": "MinMaxDatetime", "datetime": "2000-01-01T00:00:00Z"},
    }
    stream = {
        "type": "DeclarativeStream",
        "name": "customers",
        "primary_key": "id",
        "incremental_sync": cursor,
        "retriever": {
            "type": "SimpleRetriever",
            "requester": requester,
            "paginator": paginator,
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": ["value"]},
            },
        },
        "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": {}}},
    }
    return {
        "type": "DeclarativeSource",
        "version": "6.0.0",
        "check": {"type": "CheckStream", "stream_names": ["customers"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }


def main() -> None:
    """Read, as Airbyte's platform calls it."""
    arguments = sys.argv[1:]
    catalog = ConcurrentDeclarativeSource.read_catalog(AirbyteEntrypoint.extract_catalog(arguments) or "")
    state = AirbyteEntrypoint.extract_state(arguments)
    source = ConcurrentDeclarativeSource(
        catalog=catalog,
        config={},
        state=ConcurrentDeclarativeSource.read_state(state) if state else None,
        source_config=manifest(Job()),
    )
    launch(source, arguments)


if __name__ == "__main__":
    metered()
    main()

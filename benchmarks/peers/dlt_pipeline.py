"""dlt: its REST source, incremental and merged by key, into a destination function that looks for each and makes or changes it."""

from __future__ import annotations

from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source
from job import PAGE, WORKERS, Job, metered


def source(job: Job) -> Any:
    """The customers since the last one that was read."""
    return rest_api_source(
        {
            "client": {
                "base_url": job.customers,
                "auth": {"type": "bearer", "token": job.bc_token},
                "headers": {"Prefer": f"odata.maxpagesize={PAGE}"},
                "paginator": {"type": "json_link", "next_url_path": "['@odata.nextLink']"},
            },
            "resources": [
                {
                    "name": "customers",
                    "primary_key": "id",
                    "write_disposition": "append",
                    "endpoint": {
                        "path": "customers",
                        "data_selector": "value",
                        "params": {"$filter": "lastModifiedDateTime ge {incremental.start_value}"},
                        "incremental": {
                            "cursor_path": "lastModifiedDateTime",
                            "initial_value": "2000-01-01T00:00:00Z",
                        },
                    },
                }
            ],
        }
    )


def main() -> None:
    """One run."""
    job = Job()
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["load.workers"] = WORKERS
    # A file is one job of the loader: several of them are loaded at once.
    dlt.config["normalize.data_writer.file_max_items"] = 50

    @dlt.destination(batch_size=50, name="ipaas", max_parallel_load_jobs=WORKERS)
    def ipaas(items: Any, table: Any) -> None:
        for row in items:
            job.merge(row)

    pipeline = dlt.pipeline("companies", destination=ipaas, pipelines_dir=str(job.folder / "dlt"))
    refresh: Any = {"refresh": "drop_sources"} if job.given["everything"] else {}
    pipeline.run(source(job), **refresh)


if __name__ == "__main__":
    metered()
    main()

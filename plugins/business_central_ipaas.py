"""The one file that Airflow's plugin loader runs; the package `bridge` beside it is kept from the loader.

Every Airflow process loads it, so what only the API server needs is imported when it is first asked for.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin


async def _pages(scope: Any, receive: Any, send: Any) -> None:
    from bridge.pages import app

    await app(scope, receive, send)


async def _hooks(scope: Any, receive: Any, send: Any) -> None:
    from bridge.hook_endpoint import app

    await app(scope, receive, send)


class BusinessCentralIPaaSPlugin(AirflowPlugin):
    """The report of a run as a tab of its page, what is unfinished in the menu, and the address for iPaaS.com's hooks.

    The hrefs are relative, so that they hold behind a proxy that serves Airflow under a path.
    """

    name = "business_central_ipaas"
    fastapi_apps = [  # noqa: RUF012 - declared by the base class
        {"app": _pages, "url_prefix": "/sync", "name": "sync"},
        {"app": _hooks, "url_prefix": "/ipaas", "name": "ipaas"},
    ]
    external_views = [  # noqa: RUF012 - declared by the base class
        {
            "name": "Records",
            "href": "sync/report?dag_id={DAG_ID}&run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "sync_report",
        },
        {
            "name": "Transfers",
            "href": "sync/transfers",
            "destination": "nav",
            "category": "browse",
            "url_route": "sync_transfers",
        },
    ]

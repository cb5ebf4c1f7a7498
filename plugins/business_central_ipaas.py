"""The one file that Airflow's plugin loader runs; the package `bridge` beside it is kept from the loader.

Every Airflow process loads it, so what only the API server needs is imported when it is first asked for. Params are checked
in all of them.
"""

from __future__ import annotations

from typing import Any

import bridge.refused_params  # noqa: F401 - makes known how params are checked
from airflow.plugins_manager import AirflowPlugin
from bridge.no_port import NoPort
from bridge.priority import LaterChunksLast


async def _pages(scope: Any, receive: Any, send: Any) -> None:
    from bridge.pages import app

    await app(scope, receive, send)


async def _webhooks(scope: Any, receive: Any, send: Any) -> None:
    from bridge.webhook_endpoint import app

    await app(scope, receive, send)


async def _notifications(scope: Any, receive: Any, send: Any) -> None:
    from bridge.webhook_endpoint import notifications

    await notifications(scope, receive, send)


class BusinessCentralIPaaSPlugin(AirflowPlugin):
    """The page of all flows in the navigation, how one stands and the records of a run as tabs of DAG and run, and the
    addresses for what either system announces.

    Airflow 3.3 shows a tab with every DAG, behind its own; these say of others that they do not concern them. The
    addresses are relative, so that they hold behind a proxy that serves Airflow under a path.
    """

    name = "business_central_ipaas"
    fastapi_apps = [  # noqa: RUF012 - declared by the base class
        {"app": _pages, "url_prefix": "/sync", "name": "sync"},
        {"app": _webhooks, "url_prefix": "/ipaas", "name": "ipaas"},
        {"app": _notifications, "url_prefix": "/business_central", "name": "business_central"},
    ]
    fastapi_root_middlewares = [{"middleware": NoPort, "name": "no_port"}]  # noqa: RUF012 - declared by the base class
    priority_weight_strategies = [LaterChunksLast]  # noqa: RUF012 - declared by the base class
    react_apps = [  # noqa: RUF012 - declared by the base class
        {
            "name": "Sync",
            "bundle_url": "sync/static/sync.js",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "sync",
        },
        {
            "name": "State",
            "bundle_url": "sync/static/flow.js",
            "destination": "dag",
            "url_route": "state",
        },
        {
            "name": "Records",
            "bundle_url": "sync/static/records.js",
            "destination": "dag_run",
            "url_route": "records",
        },
    ]

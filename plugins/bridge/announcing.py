"""How a flow is started at once, and not by its schedule: by an event of an asset that belongs to it. The API server makes
one when a webhook comes in, a task when it finds records due."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from airflow.sdk import Asset, AssetAlias

from include.flows import CATALOGUE
from include.sync.runs import Direction

# For set-ups that start every run themselves, as the demo does.
UNSCHEDULED = os.environ.get("SYNC_SCHEDULES", "").lower() == "off"
# What tasks that may start flows declare, for Airflow: which flows these are turns out as they work.
DUE = AssetAlias("records due again")


def announced(flow_name: str) -> str:
    """The name of the asset whose events start a flow: what it is to do at once is in the ledger. Airflow's list of DAGs
    shows it as the flow's schedule."""
    flow = CATALOGUE[flow_name]
    if not flow.listens:
        return f"{flow.title} that are due again"
    by = "Business Central" if flow.direction is Direction.to_ipaas else "iPaaS.com"
    return f"{flow.records.capitalize()} that {by} announces, or that are due again"


def start(flows: Collection[str], context: Mapping[str, Any]) -> None:
    """Have Airflow start these flows as the task at hand ends well; it leaves out those that are paused.

    Otherwise their own schedules do, as does the next task that finds something due of them.
    """
    if not UNSCHEDULED:
        for flow in sorted(flows):
            context["outlet_events"][DUE].add(Asset(announced(flow)))

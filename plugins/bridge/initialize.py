"""Initialize: one DAG that brings a new subscription up, all flows in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import DAG

from bridge.form import params_of_initialize
from bridge.operations import all_flows, operations_dag
from include.flows import FLOWS
from include.sync.flow import Flow

INITIALIZE = "initialize"
_DOC = """## Initialize

Brings a new subscription up: every flow transfers all of its records, each after those that it needs.

* **Plan** (the mode that is proposed) writes nothing anywhere, and says what would be made, how many requests that
  takes, and how long at the configured throttle.
* **Apply** does it.

Choose flows or a direction to do a part of it. There is a group of tasks for each flow; how far each has come is seen
in the grid, and in the tab *Records* with its counts. Of a flow from iPaaS.com, `tell_links` tells iPaaS.com what its
records are linked to, while `load` still writes others.

**It can be stopped at any time**, and goes on: clear what failed, with the tasks after it, or trigger it again. What
was transferred before is found unchanged, and nothing is made twice.

**Records that fail stop nothing**: the flows after theirs go on, and the run ends as failed, with their number. What
concerns a whole flow (a secret, a service, an outage) stops those that need it.
"""


def build(flows: Mapping[str, Flow] = FLOWS) -> DAG:
    """The DAG: the tasks of each flow."""
    with operations_dag(
        INITIALIZE,
        description="Bring a new subscription up: all records of all flows, in the order of dependency",
        doc=_DOC,
        params=params_of_initialize(flows.values()),
    ) as dag:
        all_flows(flows, _sum_up, compares=False)
    return dag


def _sum_up(flows: Sequence[str], context: Mapping[str, Any]) -> dict[str, int]:
    from bridge import initializing

    return initializing.sum_up(flows, context)

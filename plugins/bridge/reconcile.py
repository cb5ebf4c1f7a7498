"""Reconcile: a DAG that compares daily what both systems have, record by record, and heals what differs when told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import DAG

from bridge.form import params_of_reconcile
from bridge.operations import all_flows, operations_dag
from include.flows import FLOWS
from include.sync.flow import Flow

RECONCILE = "reconcile"
_DOC = """## Reconcile

Daily, and whenever it is triggered. Reads all records of both systems, compares them through the flows' own mappings,
and says for each flow how many differ, and which:

* **missing**: the other system has none;
* **unlinked**: it has one that is the same and is not linked;
* **doubly linked**: several records have one external id, or one record has several;
* **stale**: a field has another value, with both values;
* **vanished**: the record was transferred once and is gone from its own system. Nothing is ever deleted for that.

What was changed by hand in iPaaS.com, as a stock or the name of a location, is found by this and by no poll. A field that
the shop may change is a difference of the flow that carries it to Business Central, not of the one that goes the other
way; where that flow is not compared, the tab *Records* says which fields are left out.

* **Report** (the mode of the schedule) writes nothing to either system.
* **Heal** writes what differs, by the same tasks, and by the same rules of who has the last word, as any run of the flow.
  What is doubly linked or has vanished stays for a person.

With no flow chosen it compares those that are switched on. The result stands on the page *Sync*, as of when the read
began; `health` is red while differences are left. It refuses to call records vanished after a read that was partial, or
when more than `sync_vanished_share` percent of a flow's records would be.
"""


def build(flows: Mapping[str, Flow] = FLOWS) -> DAG:
    """The DAG: for each flow the tasks of a run and, going to iPaaS.com, one that reads its list."""
    with operations_dag(
        RECONCILE,
        description="Compare all records of both systems, and heal what differs when told to",
        doc=_DOC,
        cron="30 2 * * *",
        params=params_of_reconcile(flows.values()),
    ) as dag:
        all_flows(flows, _sum_up, compares=True)
    return dag


def _sum_up(flows: Sequence[str], context: Mapping[str, Any]) -> dict[str, int]:
    from bridge import comparing

    return comparing.sum_up(flows, context)

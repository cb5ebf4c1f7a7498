"""Reconcile: a DAG that compares daily what both systems have, record by record, and heals what differs when told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, TaskGroup, XComArg, get_current_context, task

from bridge.factory import DEFAULT_ARGS, TAGS, UNSCHEDULED, FourTasks, four_tasks
from bridge.form import params_of_reconcile
from bridge.initialize import needs
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
way.

* **Report** (the mode of the schedule) writes nothing to either system.
* **Heal** writes what differs, by the same tasks, and by the same rules of who has the last word, as any run of the flow.
  What is doubly linked or has vanished stays for a person.

With no flow chosen it compares those that are switched on. The result stands on the page *Sync*, as of when the read
began; `health` is red while differences are left. It refuses to call records vanished after a read that was partial, or
when more than `sync_vanished_share` percent of a flow's records would be.
"""


def build(flows: Mapping[str, Flow] = FLOWS) -> DAG:
    """The DAG: for each flow the tasks of a run and, going to iPaaS.com, one that reads its list."""
    daily = CronTriggerTimetable("30 2 * * *", timezone="UTC", run_immediately=timedelta())
    with DAG(
        dag_id=RECONCILE,
        dag_display_name="Reconcile",
        description="Compare all records of both systems, and heal what differs when told to",
        doc_md=_DOC,
        schedule=None if UNSCHEDULED else daily,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,
        params=params_of_reconcile(flows.values()),
        tags={*TAGS, "operations"},
        default_args=DEFAULT_ARGS,
    ) as dag:
        groups: dict[str, FourTasks] = {}
        for name, flow in flows.items():
            with TaskGroup(name, tooltip=flow.collection):
                groups[name] = four_tasks(flow.direction, name, whole=True, compares=True)
            for before in flows.keys() & needs(name):
                groups[before].last >> groups[name].first
        ends: list[XComArg] = [group.last for group in groups.values()]
        ends >> _sum_up(list(flows))
    return dag


def _sum_up(flows: Sequence[str]) -> Any:
    @task(task_id="sum_up", trigger_rule="all_done")
    def sum_up() -> dict[str, int]:
        from bridge import comparing

        return comparing.sum_up(flows, get_current_context())

    return sum_up()

"""Initialize: one DAG that brings a new subscription up, all flows in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow.sdk import DAG, TaskGroup, XComArg, get_current_context, task

from bridge.factory import DEFAULT_ARGS, FourTasks, four_tasks
from bridge.form import params_of_initialize
from include.flows import CATALOGUE, FLOWS
from include.sync.flow import Flow

INITIALIZE = "initialize"
_DOC = """## Initialize

Brings a new subscription up: every flow transfers all of its records, each after those that it needs.

* **Plan** (the mode that is proposed) writes nothing anywhere, and says what would be made, how many requests that
  takes, and how long at the configured throttle.
* **Apply** does it.

Choose flows or a direction to do a part of it. There is a group of tasks for each flow; how far each has come is seen
in the grid, and in the tab *Records* with its counts.

**It can be stopped at any time**, and goes on: clear what failed, with the tasks after it, or trigger it again. What
was transferred before is found unchanged, and nothing is made twice.

**Records that fail stop nothing**: the flows after theirs go on, and the run ends as failed, with their number. What
concerns a whole flow (a secret, a service, an outage) stops those that need it.
"""


def needs(name: str) -> Iterator[str]:
    """The flows with a DAG that a flow goes after; through those that are carried as prerequisites alone."""
    for before in CATALOGUE[name].after:
        if before in FLOWS:
            yield before
        else:
            yield from needs(before)


def build(flows: Mapping[str, Flow] = FLOWS) -> DAG:
    """The DAG. A pool belongs to a task from the start, so there is a group of the four tasks for each flow."""
    with DAG(
        dag_id=INITIALIZE,
        dag_display_name="Initialize",
        description="Bring a new subscription up: all records of all flows, in the order of dependency",
        doc_md=_DOC,
        schedule=None,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,
        params=params_of_initialize(flows.values()),
        tags={"business-central", "ipaas", "operations"},
        default_args=DEFAULT_ARGS,
    ) as dag:
        groups: dict[str, FourTasks] = {}
        for name, flow in flows.items():
            with TaskGroup(name, tooltip=flow.collection):
                groups[name] = four_tasks(flow.direction, name, whole=True)
            for before in flows.keys() & needs(name):
                groups[before].last >> groups[name].first
        ends: list[XComArg] = [group.last for group in groups.values()]
        ends >> _sum_up(list(flows))
    return dag


def _sum_up(flows: Sequence[str]) -> Any:
    @task(task_id="sum_up", trigger_rule="all_done")
    def sum_up() -> dict[str, int]:
        from bridge import tasks

        return tasks.sum_up(flows, get_current_context())

    return sum_up()

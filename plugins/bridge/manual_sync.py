"""Manual Sync: a DAG that runs any flow for the records that somebody names, whether that flow is paused or not."""

from __future__ import annotations

from airflow.sdk import DAG, TaskGroup, get_current_context, task

from bridge.factory import RUNS_AT_ONCE, four_tasks
from bridge.form import params_of_manual_sync
from bridge.operations import operations_dag
from include.flows import FLOWS
from include.sync.runs import Direction

MANUAL_SYNC = "manual_sync"
_DOC = """## Manual Sync

Transfers the records that you name, by the flow that you choose, and nothing else: no schedule is started, stopped or
waited for. Several runs may go on at once.

* **Plan** (the mode that is proposed) writes nothing anywhere. The tab *Records* of the run then says of each record
  what would be created or changed, field by field, and why others would be left out.
* **Apply** does it.
* **Explain** writes nothing either, and takes ids of either system. It reads both sides as they are now and says of each
  record its link and its immutable id, what both last agreed on, when and by which run, each field of both sides with
  those that differ, how often it was tried, what it waits for and what waits for it.

The run goes through the same tasks as the flow's own; of the two groups, the one of the direction chosen runs, and the
other is skipped.
"""


def build() -> DAG:
    """The DAG. A pool belongs to a task from the start, and which is needed depends on the direction: so there are two
    groups of the same tasks, of which a run takes one.
    """
    with operations_dag(
        MANUAL_SYNC,
        description="Transfer or plan the records you name, with any flow",
        doc=_DOC,
        runs_at_once=RUNS_AT_ONCE,
        params=params_of_manual_sync(FLOWS.values()),
    ) as dag:

        @task.branch(task_id="choose")
        def choose() -> str:
            from bridge import tasks

            flow = tasks.chosen_flow(get_current_context())
            return f"{flow.direction.value}.extract"

        chosen = choose()
        for direction in Direction:
            with TaskGroup(direction.value):
                tasks = four_tasks(direction, None)
            chosen >> tasks.first
    return dag

"""What the DAGs that people work with beside those of the flows have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, TaskGroup, XComArg, get_current_context, task

from bridge.announcing import UNSCHEDULED
from bridge.factory import DEFAULT_ARGS, TAGS, FourTasks, four_tasks
from bridge.notify import NOTIFIERS
from bridge.order import listed_as
from include.flows import CATALOGUE, FLOWS
from include.sync.flow import Flow


def operations_dag(
    dag_id: str,
    *,
    description: str,
    doc: str,
    cron: str | None = None,
    retries: int | None = None,
    alarms: bool = False,
    runs_at_once: int = 1,
    params: Any = None,
) -> DAG:
    """A DAG that is on from the beginning. `cron` is when it runs by itself, in UTC; `alarms`: whom Airflow tells of
    trouble (`bridge.notify`) is told when it ends red."""
    ticks = cron if not UNSCHEDULED else None
    return DAG(
        dag_id=dag_id,
        dag_display_name=listed_as(dag_id),
        description=description,
        doc_md=doc,
        schedule=CronTriggerTimetable(ticks, timezone="UTC", run_immediately=timedelta()) if ticks else None,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=runs_at_once,
        params=params,
        tags={*TAGS, "operations"},
        default_args=DEFAULT_ARGS if retries is None else {**DEFAULT_ARGS, "retries": retries},
        on_failure_callback=NOTIFIERS if alarms else None,
    )


def needs(name: str) -> Iterator[str]:
    """The flows with a DAG that a flow goes after; through those that are carried as prerequisites alone."""
    for before in CATALOGUE[name].after:
        if before in FLOWS:
            yield before
        else:
            yield from needs(before)


def all_flows(
    flows: Mapping[str, Flow], sum_up: Callable[[Sequence[str], Mapping[str, Any]], dict[str, int]], *, compares: bool
) -> None:
    """In the DAG at hand, a group of the tasks of each flow, after those that it needs, and a task that sums up.

    A pool belongs to a task from the start, so each flow has tasks of its own.
    """
    groups: dict[str, FourTasks] = {}
    for name, flow in flows.items():
        with TaskGroup(name, tooltip=flow.collection):
            groups[name] = four_tasks(flow.direction, name, whole=True, compares=compares)
        for before in flows.keys() & needs(name):
            groups[before].last >> groups[name].first

    @task(task_id="sum_up", trigger_rule="all_done")
    def summed_up() -> dict[str, int]:
        return sum_up(list(flows), get_current_context())

    ends: list[XComArg] = [group.last for group in groups.values()]
    ends >> summed_up()

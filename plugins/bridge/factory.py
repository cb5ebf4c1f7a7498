"""Makes one DAG of each flow. Only declarations are looked at here: nothing slow, nothing from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, XComArg, get_current_context, task
from croniter import croniter

from bridge.announcing import DUE, UNSCHEDULED, announced
from bridge.docs import doc_md
from bridge.extract_task import Extract
from bridge.form import params_of
from bridge.load_task import LoadTask
from bridge.order import listed_as
from bridge.retry import RetryWhenAsked
from include.sync.flow import Flow
from include.sync.runs import Direction, talks_to
from include.sync.slots import SLOTS

# Which every DAG of the project has.
TAGS = frozenset({"business-central", "ipaas"})
# How tasks of every DAG of the project are repeated.
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "business-central-ipaas-sync",
    "retries": 3,
    "retry_policy": RetryWhenAsked(),
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
}
# Of those that wait for slots, what a run begins and ends with comes before what may take hours; see `bridge.in_line`.
_FIRST: dict[str, Any] = {"priority_weight": 3, "weight_rule": "absolute"}
_LOADS: dict[str, Any] = {"priority_weight": 2, "weight_rule": "bridge.priority.LaterChunksLast"}
# Runs by hand go beside a poll; a poll stands aside for another one by itself (`bridge.turns`).
RUNS_AT_ONCE = 8
_ANY_DAY = datetime(2026, 1, 1)


def build(flow: Flow) -> DAG:
    """The DAG of a flow: extract, transform, load over chunks, report."""
    with DAG(
        dag_id=flow.name,
        dag_display_name=listed_as(flow.name),
        description=flow.collection,
        doc_md=doc_md(flow),
        schedule=None if UNSCHEDULED else _schedule(flow),
        catchup=False,
        max_active_runs=RUNS_AT_ONCE,
        params=params_of(flow),
        tags={*TAGS, flow.direction.value.replace("_", "-"), flow.record.replace(" ", "-")},
        default_args=DEFAULT_ARGS,
    ) as dag:
        four_tasks(flow.direction, flow.name)
    return dag


@dataclass(frozen=True, kw_only=True)
class FourTasks:
    """The first and the last of the tasks of a flow."""

    first: XComArg
    last: XComArg


def four_tasks(
    direction: Direction, flow_name: str | None, *, whole: bool = False, compares: bool = False
) -> FourTasks:
    """Make the tasks of a run, in the DAG or group at hand: `extract`, `transform`, `load` and `report`. Without a name, the
    form says which flow they are of.

    `whole`: the flow is one of several that one DAG runs over all of their records, as *Initialize* does; the form may leave
    some out. Records that fail do not make its report fail, so that only what concerns a whole flow stops those after it.
    One from iPaaS.com has a task beside `load`, which tells links.

    `compares`: such a DAG compares the two sides, as *Reconcile* does. Then a flow to iPaaS.com has a task before `load`,
    which reads iPaaS.com's list; no flow has one that tells links.
    """

    def place(stage: str) -> dict[str, Any]:
        system = talks_to(direction, stage)
        pool = {"pool": system.value, "pool_slots": SLOTS.get(stage, 1)} if system else {}
        return {**pool, **(_LOADS if stage in ("load", "tell_links") else _FIRST)}

    @task(task_id="transform", **place("transform"))
    def transform() -> list[int]:
        from bridge import tasks

        return tasks.transform(get_current_context())

    @task(task_id="look", **place("look"))
    def look() -> None:
        from bridge import tasks

        tasks.look(get_current_context())

    @task(task_id="tell_links", **place("tell_links"))
    def tell_links() -> None:
        from bridge import tasks

        tasks.tell_links(get_current_context())

    # `load` is skipped when nothing has to be written; the report is wanted all the same. Where the form says which
    # flows, the tasks of the others are skipped, all of them.
    chosen = whole or not flow_name
    rule = "none_failed_min_one_success" if chosen else "none_failed"

    @task(task_id="report", trigger_rule=rule, **place("report"))
    def report() -> dict[str, int]:
        from bridge import tasks

        return tasks.report(get_current_context(), fails=not whole)

    extract = Extract(
        task_id="extract",
        outlets=[DUE],
        flow_name=flow_name,
        whole=whole,
        compares=compares,
        trigger_rule="none_failed" if whole else "all_success",
        **place("extract"),
    )
    first, chunks, last = XComArg(extract), transform(), report()
    first >> chunks
    loads = LoadTask.partial(task_id="load", outlets=[DUE], **place("load")).expand(chunk=chunks)
    loads >> last
    if compares and direction is Direction.to_ipaas:
        chunks >> look() >> loads
    if whole and not compares and direction is Direction.from_ipaas:
        chunks >> tell_links() >> last
    if chosen:
        chunks >> last
    return FourTasks(first=first, last=last)


def every(flow: Flow) -> timedelta:
    """The time between two runs of a flow's schedule."""
    ticks = croniter(flow.schedule, _ANY_DAY)
    first: datetime = ticks.get_next(datetime)
    second: datetime = ticks.get_next(datetime)
    return second - first


def _schedule(flow: Flow) -> AssetOrTimeSchedule:
    """A flow's schedule, and beside it what is announced to it or due again."""
    return AssetOrTimeSchedule(timetable=_timetable(flow), assets=[Asset(announced(flow.name))])


def _timetable(flow: Flow) -> CronTriggerTimetable:
    """A flow's schedule; its runs carry the time since the tick before as their interval, which a backfill reads.

    There is no start date, and nothing runs at once: a DAG that is unpaused for the first time waits for its next tick.
    """
    # Not False, with which Airflow 3.3 takes up a tick of the last five minutes all the same.
    return CronTriggerTimetable(flow.schedule, timezone="UTC", interval=every(flow), run_immediately=timedelta())

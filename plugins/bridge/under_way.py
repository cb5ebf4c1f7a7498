"""What is under way: how far each run has come with each of its flows, and what it waits for. Reads only.

Loaded by Airflow's API server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.form import CHOSEN, FLOW, is_wanted
from bridge.initialize import INITIALIZE
from bridge.manual_sync import MANUAL_SYNC
from bridge.reconcile import RECONCILE
from include.flows import FLOWS
from include.sync.headway import HEADWAY, TO_WRITE, Stretch

_STAGES = ("extract", "transform", "look", "load", "tell_links", "report")
_OF_SEVERAL = (INITIALIZE, RECONCILE)
# Of runs, tasks and what they wait behind, so many are shown.
_RUNS, _BEHIND = 50, 3
# Tasks that have not come to their end, by what a person hears of first.
_OPEN = (
    "awaiting_input",
    "running",
    "up_for_retry",
    "up_for_reschedule",
    "deferred",
    "restarting",
    "queued",
    "scheduled",
)
# Those that hold slots of their pool.
_HOLD = ("running", "queued")


@dataclass(frozen=True, kw_only=True)
class FlowAtWork:
    """How far a run has come with a flow: at which stage it is, what is done, at which rate, and what it waits for.

    `done` of `of` is what the stage has to do, where that is known.
    """

    flow: str
    stage: str
    said: str = ""
    left: str = ""
    waits: str = ""
    done: int | None = None
    of: int | None = None


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A run that has not come to its end: the flow it is of, or how many of several it has done; what it is at."""

    dag_id: str
    run_id: str
    state: str
    began: datetime | None
    flow: str | None
    waits: str = ""
    ended: int = 0
    flows: int = 0
    parts: Sequence[FlowAtWork] = ()


def under_way(session: Session, visible: Collection[str], now: datetime) -> list[UnderWay]:
    """Runs that are queued or running, of flows that the person may see."""
    asked = (
        select(DagRun)
        .where(DagRun.dag_id.in_([*visible, MANUAL_SYNC, *_OF_SEVERAL]), DagRun.state.in_(("queued", "running")))
        .order_by(DagRun.id)
        .limit(_RUNS)
    )
    runs = [run for run in session.scalars(asked) if run.dag_id in _OF_SEVERAL or flow_of(run) in visible]
    return [of_run(session, run, visible, now) for run in runs]


def flow_of(run: DagRun) -> str | None:
    """The flow that a run is of; None of one that goes through several."""
    if run.dag_id in _OF_SEVERAL:
        return None
    return str((run.conf or {}).get(FLOW) or "") if run.dag_id == MANUAL_SYNC else run.dag_id


def of_run(session: Session, run: DagRun, visible: Collection[str], now: datetime) -> UnderWay:
    """How far one run has come."""
    flow = flow_of(run)
    of = (TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
    groups: dict[str, list[TaskInstance]] = {}
    left_out: set[str] = set()
    for ti in session.scalars(select(TaskInstance).where(*of)):
        group, _, task = ti.task_id.rpartition(".")
        if ti.state == "skipped" and task == "extract":
            left_out.add(flow or group)
        elif ti.state != "skipped" and task in _STAGES:
            groups.setdefault(flow or group, []).append(ti)
    groups = {name: groups[name] for name in FLOWS if name in groups and name in visible}
    conf = run.conf or {}
    expected = [name for name in groups if name not in left_out and is_wanted(FLOWS[name], conf)]
    if run.dag_id == RECONCILE and not conf.get(CHOSEN):
        # Those that are switched off will be left out as their turn comes.
        on = select(DagModel.dag_id).where(DagModel.dag_id.in_(expected), ~DagModel.is_paused)
        expected = list(session.scalars(on))
    said = _said(session, run)
    parts = [part for name, tis in groups.items() if (part := _part(session, name, tis, said, now))]
    ended = sum(
        any(_stage(ti) == "report" and ti.state and ti.state not in _OPEN for ti in groups[name]) for name in expected
    )
    return UnderWay(
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=str(run.state),
        began=run.start_date,
        flow=flow,
        waits=_behind(session, run) if str(run.state) == "queued" else "",
        ended=ended,
        flows=len(expected),
        parts=parts,
    )


Said = Mapping[tuple[str, str], list[tuple[int, Any]]]


def _said(session: Session, run: DagRun) -> Said:
    """What the tasks of a run have said under each key: with the place of those of which there are several."""
    asked = select(XComModel).where(
        XComModel.dag_id == run.dag_id,
        XComModel.run_id == run.run_id,
        XComModel.key.in_((HEADWAY, "waits", "problem")),
    )
    found: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for xcom in session.scalars(asked):
        found.setdefault((xcom.task_id, xcom.key), []).append((xcom.map_index, XComModel.deserialize_value(xcom)))
    return found


def _part(session: Session, flow: str, tis: Sequence[TaskInstance], said: Said, now: datetime) -> FlowAtWork | None:
    """How far a run has come with a flow; None when no task of it is open."""
    stretches: dict[str, Stretch] = {}
    to_write = None
    for stage in _STAGES:
        of = [ti for ti in tis if _stage(ti) == stage]
        told = dict(said.get((of[0].task_id, HEADWAY), ())) if of else {}
        if stretch := Stretch.of_tasks(list(told.values()), to_write if stage == "load" else None):
            stretches[stage] = stretch
            to_write = stretch.done if stretch.word == TO_WRITE else to_write
        open_ = sorted((ti for ti in of if ti.state in _OPEN), key=lambda ti: _OPEN.index(str(ti.state)))
        if open_:
            running = [ti for ti in open_ if ti.state == "running"]
            rate = sum(told[ti.map_index]["a_minute"] for ti in running if ti.map_index in told)
            return FlowAtWork(
                flow=flow,
                stage=stage,
                said=", ".join(map(str, stretches.values())),
                left=stretch.left(rate) if stretch else "",
                waits="" if running else _waits(session, open_[0], said, now),
                done=stretch.done if stretch else None,
                of=stretch.of if stretch else None,
            )
    return None


def _stage(ti: TaskInstance) -> str:
    return str(ti.task_id).rpartition(".")[2]


def _waits(session: Session, ti: TaskInstance, said: Said, now: datetime) -> str:
    """What a task that is open and does not run waits for, in words."""
    if ti.state == "awaiting_input":
        return "Waits for your approval."
    if ti.state == "up_for_reschedule":
        return next((text for _, text in said.get((ti.task_id, "waits"), ())), "Looks again in a few minutes.")
    if ti.state == "up_for_retry":
        why = next((f" {value['what']}" for _, value in said.get((ti.task_id, "problem"), ())), "")
        if ti.retry_delay_override is None or ti.end_date is None:
            return f"Is tried again in some minutes.{why}"
        again: datetime = ti.end_date + timedelta(seconds=ti.retry_delay_override)
        return (
            f"Is tried again at {again:%Y-%m-%d %H:%M} UTC.{why}"
            if again > now
            else f"Is about to be tried again.{why}"
        )
    if ti.state == "deferred":
        trigger = session.get(Trigger, ti.trigger_id) if ti.trigger_id else None
        other = trigger.kwargs.get("run_id") if trigger else None
        return f"Waits for the end of the run {other}." if other else "Waits for Airflow's triggerer."
    return _waits_for_slots(session, ti)


def _waits_for_slots(session: Session, ti: TaskInstance) -> str:
    pool = Pool.slots_stats(session=session).get(ti.pool)
    if ti.state == "queued" or pool is None or ti.pool_slots <= pool["open"]:
        return "Waits for a worker."
    holds = select(TaskInstance).where(TaskInstance.pool == ti.pool, TaskInstance.state.in_(_HOLD))
    behind = list(dict.fromkeys(f"{one.task_id} of {one.dag_id}" for one in session.scalars(holds)))
    return (
        f"Waits for {ti.pool_slots} slots of the pool {ti.pool}, of which {pool['open']} of {pool['total']} are free"
        f"{_named(behind, ': behind ')}."
    )


def _behind(session: Session, run: DagRun) -> str:
    """What a run waits for that has not begun."""
    dag = session.get(DagModel, run.dag_id)
    asked = select(DagRun.run_id).where(DagRun.dag_id == run.dag_id, DagRun.state == "running")
    others = list(session.scalars(asked))
    if dag and dag.max_active_runs and len(others) >= dag.max_active_runs:
        return f"Waits{_named(others, ' behind ')}: {dag.max_active_runs} at a time."
    scheduler = SchedulerJobRunner.most_recent_job(session=session)
    if scheduler is None or not scheduler.is_alive():
        return "Airflow's scheduler is not up: nothing begins until it is."
    return ""


def _named(names: Sequence[str], before: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _BEHIND:,} more" if len(names) > _BEHIND else ""
    return f"{before}{', '.join(names[:_BEHIND])}{more}"

"""How the flows stand, from what Airflow knows of their runs and the ledger of their records. Reads only.

Loaded by Airflow's API server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.variable import Variable
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from bridge.initialize import INITIALIZE
from bridge.last_run import ENDED, Said, silent, standing_of, telling
from bridge.manual_sync import MANUAL_SYNC
from bridge.questions import Asking, asking
from bridge.reconcile import RECONCILE
from bridge.under_way import UnderWay, under_way
from include.settings import SyncSettings
from include.sync.differences import Reconciled
from include.sync.ledger import Ledger
from include.sync.overview import Cause, FlowState, flow_states, needs_you, since_before
from include.sync.runs import STAGES
from include.sync.states import Run, Standing

# Of each flow's runs, how many are looked at for the one that tells how it stands: more by hand in a row are not waited
# for.
_RUNS = 50
# Reasons that the page shows; a reason stands for any number of records.
_REASONS = 200


@dataclass(frozen=True, kw_only=True)
class FlowStanding:
    """A flow, how it stands, the run that tells so, when the next one begins, what the ledger holds of it, whether its schedule
    is switched off, what the last comparison of all its records found, and by which run."""

    flow: str
    standing: Standing
    last: Run | None
    counts: Mapping[str, int] | None
    next_run: datetime | None
    state: FlowState
    paused: bool = True
    compared: Reconciled | None = None
    compared_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All flows that somebody may see, what needs a person, what is under way, and what waits for an approval."""

    flows: Sequence[FlowStanding]
    causes: Sequence[Cause]
    under_way: Sequence[UnderWay]
    questions: Sequence[Asking]


def overview(ledger: Ledger | None, names: Sequence[str], now: datetime) -> Overview:
    """How these flows stand. Raises LedgerFault when the ledger does not answer."""
    states = flow_states(ledger, names) if ledger else [FlowState(flow=name) for name in names]
    causes = needs_you(ledger, names, too_long=too_long(now), limit=_REASONS) if ledger else []
    compared = ledger.last_reconciled(names) if ledger else {}
    with create_session() as session:
        dags = {dag.dag_id: dag for dag in session.scalars(select(DagModel).where(DagModel.dag_id.in_(names)))}
        runs = _telling(session, names)
        said = {flow: _said(session, flow, run) for flow, run in runs.items()}
        questions = [one for one in asking(session, [*names, MANUAL_SYNC, INITIALIZE, RECONCILE]) if one.flow in names]
        since = {one.flow: one.since for one in reversed(questions)}
        compared_by = _compared_by(session)
        found = [
            replace(
                _flow(
                    state,
                    dags.get(state.flow),
                    runs.get(state.flow),
                    said.get(state.flow, Said()),
                    causes,
                    now,
                    since.get(state.flow),
                ),
                compared=compared.get(state.flow),
                compared_by=compared_by.get(state.flow),
            )
            for state in states
        ]
        runs_under_way = under_way(session, names, now)
    return Overview(flows=found, causes=causes, under_way=runs_under_way, questions=questions)


def too_long(now: datetime) -> str:
    """Records that have not been done since before then need a person.

    A Variable that is wrong stops the runs, and is told by them; the page on which a person sees that goes by its default.
    """
    settings, _ = SyncSettings.load_what_is_right(lambda name: Variable.get(name, default_var=None))
    return since_before(settings, now)


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """One of the last runs of a flow: what has started it, how it stands, the counts of its report, once it has one, and
    whether it is none of a plan."""

    run_id: str
    by: str
    state: str
    began: datetime | None
    counts: Mapping[str, int]
    writes: bool


# What starts runs, in words.
_BY = {"scheduled": "the schedule", "asset_triggered": "what was announced", "backfill": "a backfill"}


def last_runs(session: Session, dag_id: str, number: int) -> list[LastRun]:
    """The last runs of a flow's DAG, the latest first."""
    runs = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(number)).all()
    pushed = (XComModel.dag_id == dag_id, XComModel.task_id == "report", XComModel.key == "return_value")
    told = select(XComModel).where(*pushed, XComModel.run_id.in_([run.run_id for run in runs]))
    counts = {xcom.run_id: XComModel.deserialize_value(xcom) for xcom in session.scalars(told)}
    return [
        LastRun(
            run_id=run.run_id,
            by=_BY.get(str(getattr(run.run_type, "value", run.run_type)), "hand"),
            state=str(run.state),
            began=run.start_date,
            counts={name: count for name, count in counts.get(run.run_id, {}).items() if count},
            writes=(run.conf or {}).get("mode") != "plan",
        )
        for run in runs
    ]


def states_of(session: Session, dag_id: str, run_id: str) -> dict[str, str]:
    """The state of each group of tasks of a run, of which there is one for each flow.

    That of its report, once it has one; until then of the last of the tasks before it that has one.
    """
    query = select(TaskInstance.task_id, TaskInstance.state).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.state.is_not(None)
    )
    known = {task: str(state) for task, state in session.execute(query)}
    groups = {task.rpartition(".")[0] for task in known} - {""}
    return {
        group: next(known[task] for stage in reversed(STAGES) if (task := f"{group}.{stage}") in known)
        for group in groups
    }


def problems_of(session: Session, dag_id: str, run_id: str, group: str | None = None) -> list[dict[str, str]]:
    """What stopped tasks of a run, or of a group of them, with advice; and which of them ended without a word."""
    query = select(XComModel).where(
        XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key.in_(("problem", "records"))
    )
    if group:
        query = query.where(XComModel.task_id.startswith(f"{group}.", autoescape=True))
    said = [(xcom.key, xcom.task_id, XComModel.deserialize_value(xcom)) for xcom in session.scalars(query)]
    problems: list[dict[str, str]] = [value for key, _, value in said if key == "problem"]
    # Many tasks of one run may have ended for the same reason.
    problems = [problem for n, problem in enumerate(problems) if problem not in problems[:n]]
    ended = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.state.in_(ENDED))
    quiet = set(session.scalars(select(TaskInstance.task_id).where(*ended))) - {task for _, task, _ in said}
    quiet = {task for task in quiet if not group or task.startswith(f"{group}.")}
    return problems + silent(quiet)


def _flow(
    state: FlowState,
    dag: DagModel | None,
    last: Run | None,
    said: Said,
    causes: Sequence[Cause],
    now: datetime,
    asks: datetime | None,
) -> FlowStanding:
    due = dag.next_dagrun_create_after if dag else None
    interval = dag.next_dagrun_data_interval if dag else None
    paused = bool(dag.is_paused) if dag else True
    found = standing_of(
        state,
        last,
        lambda _: said,
        now,
        paused=paused,
        due=due,
        every=interval.end - interval.start if interval else None,
        needs=sum(cause.count for cause in causes if cause.flow == state.flow),
        asks=asks,
    )
    return FlowStanding(
        flow=state.flow,
        standing=found,
        last=last,
        counts=said.counts,
        next_run=None if paused else due,
        state=state,
        paused=paused,
    )


def _compared_by(session: Session) -> dict[str, str]:
    """By flow, the last run that has compared all of its records, as far as Airflow remembers it."""
    said = (XComModel.dag_id == RECONCILE, XComModel.key == "reconciled")
    last = (
        select(XComModel.task_id, func.max(XComModel.dag_run_id).label("run")).where(*said).group_by(XComModel.task_id)
    ).subquery()
    found = session.execute(select(last.c.task_id, DagRun.run_id).join(DagRun, DagRun.id == last.c.run))
    return {task_id.rpartition(".")[0]: run_id for task_id, run_id in found}


def _telling(session: Session, names: Collection[str]) -> dict[str, Run]:
    """The run of each flow that tells how it stands."""
    place = func.row_number().over(partition_by=DagRun.dag_id, order_by=DagRun.id.desc())
    recent = (
        select(DagRun.id, place.label("place"))
        .where(DagRun.dag_id.in_(names), DagRun.run_type != "backfill")
        .subquery()
    )
    asked = select(DagRun).join(recent, recent.c.id == DagRun.id).where(recent.c.place <= _RUNS)
    runs: dict[str, list[DagRun]] = {}
    for run in session.scalars(asked):
        runs.setdefault(run.dag_id, []).append(run)
    return {flow: last for flow, found in runs.items() if (last := telling(found))}


def _said(session: Session, dag_id: str, run: Run) -> Said:
    """What a run says of itself: its counts and, when it failed, what stopped it."""
    where = (XComModel.dag_id == dag_id, XComModel.run_id == run.run_id)
    pushed = (XComModel.task_id == "report", XComModel.key == "return_value")
    xcom: Row[Any] | Any = session.scalar(select(XComModel).where(*where, *pushed))
    return Said(
        counts=XComModel.deserialize_value(xcom) if xcom else None,
        problems=problems_of(session, dag_id, run.run_id) if run.failed else (),
    )

"""How the flows stand, from what Airflow knows of their runs and the ledger of their records. Reads only.

Loaded by Airflow's API server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.variable import Variable
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from bridge.form import IDS_PARAMS
from bridge.initialize import INITIALIZE
from bridge.manual_sync import MANUAL_SYNC
from bridge.questions import Asking, asking
from bridge.reconcile import RECONCILE
from bridge.under_way import UnderWay, under_way
from include.settings import SyncSettings
from include.sync.differences import Reconciled
from include.sync.ledger import Ledger
from include.sync.ledger.entries import moment
from include.sync.overview import Cause, FlowState, flow_states, needs_you, since_before
from include.sync.states import Known, Run, Standing, standing

# States of tasks that ended otherwise than they should.
_ENDED = ("failed", "up_for_retry")
SILENT = (
    "Look for the reason where the worker ran: it had too little memory, was restarted, or lost touch with Airflow. "
    "Then clear the task: what was written is not written again."
)
# Of each flow's runs, how many are looked at for one that was a poll: more by hand in a row are not waited for.
_RUNS = 50
# Reasons that the page shows; a reason stands for any number of records.
_REASONS = 200


@dataclass(frozen=True, kw_only=True)
class FlowStanding:
    """A flow, how it stands, its last poll, when the next one begins, what the ledger holds of it, what the last comparison
    of all its records found, and by which run."""

    flow: str
    standing: Standing
    last: Run | None
    counts: Mapping[str, int] | None
    next_run: datetime | None
    state: FlowState
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
        runs = _last_polls(session, names)
        said = _said(session, runs.values())
        questions = [one for one in asking(session, [*names, MANUAL_SYNC, INITIALIZE, RECONCILE]) if one.flow in names]
        since = {one.flow: one.since for one in reversed(questions)}
        compared_by = _compared_by(session)
        found = [
            replace(
                _flow(
                    state,
                    dags.get(state.flow),
                    runs.get(state.flow),
                    said.get(state.flow, {}),
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
    """Records that have not been done since before then need a person."""
    return since_before(SyncSettings.load(lambda name: Variable.get(name, default_var=None)), now)


def states_of(session: Session, dag_id: str, run_id: str) -> dict[str, str]:
    """The state of each group of tasks of a run, of which there is one for each flow.

    That of its report, once it has one; until then of the last of the tasks before it that has one.
    """
    query = select(TaskInstance.task_id, TaskInstance.state).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.state.is_not(None)
    )
    known = {task: str(state) for task, state in session.execute(query)}
    stages = ("extract", "transform", "load", "report")
    groups = {task.rpartition(".")[0] for task in known} - {""}
    return {
        group: next(known[task] for stage in reversed(stages) if (task := f"{group}.{stage}") in known)
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
    ended = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.state.in_(_ENDED))
    silent = set(session.scalars(select(TaskInstance.task_id).where(*ended))) - {task for _, task, _ in said}
    silent = {task for task in silent if not group or task.startswith(f"{group}.")}
    return problems + [
        {"what": f"The task {task} ended without a word: its process was ended from outside.", "advice": SILENT}
        for task in sorted(silent)
    ]


def _flow(
    state: FlowState,
    dag: DagModel | None,
    run: DagRun | None,
    said: Mapping[str, Any],
    causes: Sequence[Cause],
    now: datetime,
    asks: datetime | None,
) -> FlowStanding:
    last = _run(run)
    unfinished = sum(state.unfinished.values())
    due = dag.next_dagrun_create_after if dag else None
    interval = dag.next_dagrun_data_interval if dag else None
    paused = bool(dag.is_paused) if dag else True
    known = Known(
        paused=paused,
        last=last,
        problem=_problem(last, said),
        due=due,
        every=interval.end - interval.start if interval else None,
        read_from=moment(state.read_from) if state.read_from else None,
        needs=sum(cause.count for cause in causes if cause.flow == state.flow),
        piles_up=state.webhooks + unfinished,
        asks=asks,
    )
    return FlowStanding(
        flow=state.flow,
        standing=standing(known, now),
        last=last,
        counts=said.get("counts"),
        next_run=None if paused else due,
        state=state,
    )


def _compared_by(session: Session) -> dict[str, str]:
    """By flow, the last run that has compared all of its records, as far as Airflow remembers it."""
    said = (XComModel.dag_id == RECONCILE, XComModel.key == "reconciled")
    last = (
        select(XComModel.task_id, func.max(XComModel.dag_run_id).label("run")).where(*said).group_by(XComModel.task_id)
    ).subquery()
    found = session.execute(select(last.c.task_id, DagRun.run_id).join(DagRun, DagRun.id == last.c.run))
    return {task_id.rpartition(".")[0]: run_id for task_id, run_id in found}


def _run(run: DagRun | None) -> Run | None:
    if run is None:
        return None
    return Run(
        run_id=run.run_id,
        began=run.start_date or run.run_after or datetime.now(UTC),
        ended=run.end_date,
        failed=str(run.state) == "failed",
    )


def _problem(last: Run | None, said: Mapping[str, Any]) -> tuple[str, str] | None:
    """What ended the last run, where that was not the fault of single records."""
    if last is None or not last.failed:
        return None
    for problem in said.get("problems", ()):
        return problem["what"], problem["advice"]
    counts = said.get("counts") or {}
    if counts.get("failed"):
        return None
    retrying = counts.get("retrying", 0)
    return f"The service took none of the {retrying:,} records.", "Nothing to do: they are tried again by themselves."


def _last_polls(session: Session, names: Collection[str]) -> dict[str, DagRun]:
    """The last run of each flow that was none of ids, of webhooks or of a backfill: what moves its position."""
    place = func.row_number().over(partition_by=DagRun.dag_id, order_by=DagRun.id.desc())
    recent = (
        select(DagRun.id, place.label("place"))
        .where(DagRun.dag_id.in_(names), DagRun.run_type.not_in(("backfill", "asset_triggered")))
        .subquery()
    )
    asked = (
        select(DagRun).join(recent, recent.c.id == DagRun.id).where(recent.c.place <= _RUNS).order_by(DagRun.id.desc())
    )
    found: dict[str, DagRun] = {}
    for run in session.scalars(asked):
        conf = run.conf or {}
        if not any(conf.get(name) for name in IDS_PARAMS) and conf.get("mode") != "plan":
            found.setdefault(run.dag_id, run)
    return found


def _said(session: Session, runs: Collection[DagRun]) -> dict[str, dict[str, Any]]:
    """What runs say of themselves: their counts and, of those that failed, what stopped them."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        where = (XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id)
        pushed = (XComModel.task_id == "report", XComModel.key == "return_value")
        xcom: Row[Any] | Any = session.scalar(select(XComModel).where(*where, *pushed))
        found[run.dag_id] = {
            "counts": XComModel.deserialize_value(xcom) if xcom else None,
            "problems": problems_of(session, run.dag_id, run.run_id) if str(run.state) == "failed" else (),
        }
    return found

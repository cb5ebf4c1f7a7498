"""What the tab of a run asks the server: what became of each of its records, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import simplejson
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dag import DagTag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.sdk import ObjectStoragePath
from airflow.utils.session import create_session
from fastapi import APIRouter, Depends, Query
from fastapi.encoders import jsonable_encoder
from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.api import addresses_of
from bridge.factory import TAGS
from bridge.forget import FORGET
from bridge.form import MODE, REPORT
from bridge.initialize import INITIALIZE
from bridge.preflight import PREFLIGHT
from bridge.questions import asking
from bridge.reconcile import RECONCILE
from bridge.staging import run_folder, staged_folder
from bridge.standing import problems_of, states_of
from bridge.under_way import of_run
from include.flows import FLOWS
from include.sync.approval.decision import PLANNED
from include.sync.lines import LineSort, lines_of
from include.sync.links import side_of
from include.sync.outcomes import Result
from include.sync.runs import Direction, RunKind
from include.sync.staging.files import Staging, StagingFault, reading_from

router = APIRouter(prefix="/api")
# The task that reads, in a flow's DAG and in either group of Manual Sync.
_EXTRACTS = ("extract", *(f"{direction.value}.extract" for direction in Direction))
# What a run of each kind took, in words.
KINDS: Mapping[RunKind, str] = {
    RunKind.poll: "What changed since the last run, what webhooks announced, and what was to be tried again.",
    RunKind.announced: "What webhooks announced, and what was to be tried again.",
    RunKind.ids: "The records asked for.",
    RunKind.backfill: "Everything, or what was modified in the interval of a backfill.",
}
_PAGE = 100
_FAR = 1_000_000


@router.get("/report", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
def show_report(
    dag_id: str,
    run_id: str,
    flow: str = "",
    result: Result | None = None,
    search: str = "",
    sort: LineSort = "result",
    offset: Annotated[int, Query(ge=0, le=_FAR)] = 0,
) -> dict[str, Any]:
    """The report of a run with a page of its records; as far as it has come, when it is not finished.

    Of a run through several flows: how far each has come, and the report of one `flow`.
    """
    answer: dict[str, Any] = {"ours": True, "state": None, "problems": [], "questions": [], "report": None}
    with create_session() as session:
        if not _is_ours(session, dag_id):
            return {**answer, "ours": False}
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if run is None:
            return answer
        answer["state"] = str(run.state)
        if answer["state"] in ("queued", "running"):
            answer["progress"] = asdict(of_run(session, run, FLOWS, datetime.now(UTC)))
        answer["problems"] = problems_of(session, dag_id, run_id, flow)
        answer["questions"] = [
            {"flow": one.flow, "subject": one.subject, "path": one.path}
            for one in asking(session, [dag_id], run_id)
            if flow in ("", one.flow)
        ]
        if dag_id in (INITIALIZE, RECONCILE) and not flow:
            return answer | {"mode": _mode(run)} | _flows(session, dag_id, run_id)
        if dag_id in (PREFLIGHT, FORGET):
            return {**answer, "lines": _pushed(session, dag_id, run_id, "return_value").get("look", [])}
        passed_on = _passed_on(session, dag_id, run_id, flow)
    if passed_on is not None:
        try:
            folder = staged_folder(run_folder(dag_id, run_id), passed_on)
            answer["report"] = _report(folder, offset, result=result, search=search, sort=sort)
        except StagingFault as fault:
            answer["problems"].append({"what": str(fault), "advice": fault.advice})
    return answer


def _is_ours(session: Session, dag_id: str) -> bool:
    """Whether a DAG is one of the project's; of others' runs nothing is said."""
    tagged = select(DagTag).where(DagTag.dag_id == dag_id, DagTag.name.in_(TAGS))
    return dag_id in FLOWS or len(session.scalars(tagged).all()) == len(TAGS)


def _mode(run: DagRun) -> str:
    """The mode of a run through several flows; where none was given, the one that its form proposes."""
    return str((run.conf or {}).get(MODE) or (REPORT if run.dag_id == RECONCILE else "plan"))


def _flows(session: Session, dag_id: str, run_id: str) -> dict[str, Any]:
    """How far a run has come with each flow; of a plan, what applying all of it takes."""
    counts = _pushed(session, dag_id, run_id, "return_value")
    states = states_of(session, dag_id, run_id)
    compared = _pushed(session, dag_id, run_id, "reconciled")
    flows = [
        {
            "flow": name,
            "collection": flow.collection,
            "task": states[name],
            "counts": counts.get(f"{name}.report", {}),
            "compared": compared.get(f"{name}.report"),
        }
        for name, flow in FLOWS.items()
        if states.get(name, "skipped") != "skipped"
    ]
    forecast = _pushed(session, dag_id, run_id, "applying").get("sum_up", {})
    return {"flows": flows, "applying": forecast.get("words")}


def _pushed(session: Session, dag_id: str, run_id: str, key: str) -> dict[str, Any]:
    """What the tasks of a run pushed under a key, by task."""
    where = (XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == key)
    return {
        xcom.task_id: XComModel.deserialize_value(xcom) for xcom in session.scalars(select(XComModel).where(*where))
    }


def _passed_on(session: Session, dag_id: str, run_id: str, flow: str) -> Any:
    """What the run's `extract` passed on; None when it has not come to its end."""
    of_run = (XComModel.dag_id == dag_id, XComModel.run_id == run_id)
    pushed = (XComModel.task_id.in_((f"{flow}.extract",) if flow else _EXTRACTS), XComModel.key == "return_value")
    xcom: Any = session.scalar(select(XComModel).where(*of_run, *pushed))
    return XComModel.deserialize_value(xcom) if xcom else None


def _report(folder: ObjectStoragePath, offset: int, **asked: Any) -> dict[str, Any] | None:
    """The report in a folder, with the lines that are asked for; None when there is none yet. Raises StagingFault."""
    staging = Staging(folder)
    path, planned = folder / "report.json", folder / PLANNED / "report.json"
    with reading_from("report.json"):
        if not path.exists() and planned.exists():
            # As long as a run waits for a person it has what was planned.
            path, staging = planned, staging.over(PLANNED)
        report = simplejson.loads(path.read_text(), use_decimal=True) if path.exists() else None
    if report is None:
        return None
    flow = report["flow"]
    found = lines_of(staging, **asked, offset=offset, limit=_PAGE)
    lines = [
        {**line, **addresses_of(flow, str(line.get("name") or line["key"]), line.get("target_id"))}
        for line in found.lines
    ]
    page: dict[str, Any] = jsonable_encoder(
        {
            "flow": flow,
            "collection": FLOWS[flow].collection if flow in FLOWS else None,
            "mode": report["mode"],
            **_sides(flow),
            "kind": KINDS[RunKind(report["kind"])],
            "applying": report.get("applying", {}).get("words"),
            "counts": report["counts"],
            "warnings": report["warnings"],
            "records": lines,
            "of_result": dict(found.counts),
            "total": found.total,
            "offset": offset,
            "page": _PAGE,
        },
        # A number is shown as it is written, with all its decimals.
        custom_encoder={Decimal: str},
    )
    return page


def _sides(flow: str) -> dict[str, str]:
    """The names of the two systems, as the flow goes."""
    side = side_of(FLOWS[flow].direction if flow in FLOWS else Direction.to_ipaas)
    return {"source": side.source, "target": side.target}

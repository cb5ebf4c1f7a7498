"""What an operator sees in Airflow's UI without opening a log: the report of a run, as a tab of the run; what is
unfinished over all flows, in the menu; and the documentation of a flow.

Loaded by Airflow's API server, which does not authenticate the routes of plugins: each route here does so itself.
The pages are shown within Airflow's own, in frames that may follow links among these pages alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import simplejson
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.xcom import XComModel
from airflow.sdk import ObjectStoragePath
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import select

from bridge.api import router
from bridge.docs import doc_md
from bridge.server import current
from bridge.staging import run_folder, staged_folder
from bridge.standing import problems_of
from include.flows import FLOWS
from include.sync.overview import FlowState, flow_states, links_to_push, unfinished_transfers
from include.sync.runs import Direction
from include.sync.staging.files import StagingFault

# The task that reads, in a flow's DAG and in either group of Manual Sync.
EXTRACTS = ("extract", *(f"{direction.value}.extract" for direction in Direction))
# Lines of the page of unfinished transfers.
_LINES = 200
_KINDS = {
    "poll": "What changed since the last run, what hooks announced, and what was to be tried again.",
    "ids": "The records asked for.",
    "backfill": "A backfill.",
}

app = FastAPI(title="Synchronization", docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(router)
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_templates.filters["moment"] = lambda text: f"{text[:16].replace('T', ' ')} UTC" if text else ""
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


def _page(name: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates.get_template(name).render(**values))


@app.get("/report", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
def show_report(dag_id: str, run_id: str) -> HTMLResponse:
    """The report of a run; as far as it has come, when it is not finished."""
    report: dict[str, Any] | None = None
    folder = None
    with create_session() as session:
        problems = problems_of(session, dag_id, run_id)
    if dag_id.replace("_", "").isalnum():
        try:
            folder = staged_folder(run_folder(dag_id, run_id), _passed_on(dag_id, run_id))
            report = _report(folder)
        except StagingFault as fault:
            if folder is not None:
                problems.append({"what": str(fault), "advice": fault.advice})
    flow = report["flow"] if report else dag_id
    return _page(
        "report.html",
        dag_id=dag_id,
        run_id=run_id,
        flow=flow,
        collection=FLOWS[flow].collection if flow in FLOWS else None,
        report=report,
        problems=problems,
        kinds=_KINDS,
        folder=folder,
    )


def _report(folder: ObjectStoragePath) -> dict[str, Any] | None:
    """The report in a folder; None when there is none yet. Raises StagingFault."""
    path = folder / "report.json"
    try:
        return simplejson.loads(path.read_text(), use_decimal=True) if path.exists() else None
    except Exception as error:  # noqa: BLE001 - every store has faults of its own
        raise StagingFault.unread(path, error) from None


def _passed_on(dag_id: str, run_id: str) -> Any:
    """What the run's `extract` passed on; None when it has not come to its end."""
    values = _xcoms(dag_id, run_id, XComModel.task_id.in_(EXTRACTS), XComModel.key == "return_value")
    return next((value for _, value in values), None)


def _xcoms(dag_id: str, run_id: str, *where: Any) -> list[tuple[tuple[str, str], Any]]:
    """XComs of a run: (key, task), value."""
    query = select(XComModel).where(XComModel.dag_id == dag_id, XComModel.run_id == run_id, *where)
    with create_session() as session:
        return [((xcom.key, xcom.task_id), XComModel.deserialize_value(xcom)) for xcom in session.scalars(query)]


@app.get("/transfers")
def show_transfers(user: GetUserDep, dag_id: str | None = None) -> HTMLResponse:
    """What waits, what is unfinished and why, over all flows whose DAGs the person may see, or of one of them."""
    visible = get_auth_manager().filter_authorized_dag_ids(dag_ids=set(FLOWS), user=user)
    names = [name for name in FLOWS if name in visible]
    chosen = dag_id if dag_id in names else None
    ledger = current().ledger
    found = unfinished_transfers(ledger, [chosen] if chosen else names, _LINES + 1) if ledger else []
    return _page(
        "transfers.html",
        states=flow_states(ledger, names) if ledger else [FlowState(flow=name) for name in names],
        to_push=links_to_push(ledger) if ledger else 0,
        chosen=chosen,
        unfinished=found[:_LINES],
        more=len(found) > _LINES,
    )


@app.get("/doc", dependencies=[Depends(requires_access_dag("GET"))])
def show_doc(dag_id: str) -> HTMLResponse:
    """The documentation of a flow."""
    flow = FLOWS.get(dag_id)
    doc = Markup(_markdown.render(doc_md(flow))) if flow else "There is no such flow."
    return _page("doc.html", dag_id=dag_id, doc=doc)

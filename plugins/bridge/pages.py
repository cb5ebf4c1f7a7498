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
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import select

from bridge.docs import doc_md
from bridge.server import current
from bridge.staging import run_folder
from include.flows import FLOWS
from include.sync.overview import FlowState, flow_states, links_to_push, unfinished_transfers

# Lines of the page of unfinished transfers.
_LINES = 200
_KINDS = {
    "poll": "What changed since the last run, what hooks announced, and what was to be tried again.",
    "ids": "The records asked for.",
    "backfill": "A backfill.",
}

app = FastAPI(title="Synchronization", docs_url=None, redoc_url=None, openapi_url=None)
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
    if dag_id.replace("_", "").isalnum():
        folder = run_folder(dag_id, run_id)
        path = folder / "report.json"
        report = simplejson.loads(path.read_text(), use_decimal=True) if path.exists() else None
    return _page(
        "report.html",
        dag_id=dag_id,
        run_id=run_id,
        collection=FLOWS[dag_id].collection if dag_id in FLOWS else None,
        report=report,
        problems=_problems(dag_id, run_id),
        kinds=_KINDS,
        folder=folder,
    )


def _problems(dag_id: str, run_id: str) -> list[dict[str, str]]:
    """What stopped tasks of the run, with advice."""
    of_run = (XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == "problem")
    with create_session() as session:
        return [XComModel.deserialize_value(xcom) for xcom in session.scalars(select(XComModel).where(*of_run))]


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

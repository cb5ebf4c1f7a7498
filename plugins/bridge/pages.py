"""What an operator sees of a run in Airflow's UI without opening a log: a tab of the run with its report.

Loaded by Airflow's API server, which does not authenticate the routes of plugins: each route here does so itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import simplejson
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import select

from bridge.staging import run_folder

app = FastAPI(title="Reports of synchronization runs", docs_url=None, redoc_url=None, openapi_url=None)
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


@app.get("/report", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
def show_report(dag_id: str, run_id: str) -> HTMLResponse:
    """The report of a run; as far as it has come, when it is not finished."""
    report: dict[str, Any] | None = None
    if dag_id.replace("_", "").isalnum():
        path = run_folder(dag_id, run_id) / "report.json"
        report = simplejson.loads(path.read_text(), use_decimal=True) if path.exists() else None
    page = _templates.get_template("report.html").render(
        dag_id=dag_id, run_id=run_id, report=report, problems=_problems(dag_id, run_id)
    )
    return HTMLResponse(page)


def _problems(dag_id: str, run_id: str) -> list[dict[str, str]]:
    """What stopped tasks of the run, with advice."""
    of_run = (XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == "problem")
    with create_session() as session:
        return [XComModel.deserialize_value(xcom) for xcom in session.scalars(select(XComModel).where(*of_run))]

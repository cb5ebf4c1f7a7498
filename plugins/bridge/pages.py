"""What an operator sees in Airflow's UI without opening a log: the page of the navigation and the tab of a run, which
are React apps that Airflow loads and that ask `bridge.api` and `bridge.reports`; and the documentation of a flow.

Loaded by Airflow's API server, which does not authenticate the routes of plugins: each route here does so itself. The
scripts of the page hold nothing of anybody's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.sdk._shared.secrets_masker import redact
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.staticfiles import StaticFiles

from bridge import api, explaining, reports
from bridge.docs import doc_md
from include.errors import RunFault
from include.flows import FLOWS
from include.sync.problems import problem_of

_HERE = Path(__file__).parent


class _Scripts(StaticFiles):
    """The page's scripts; a browser asks each time whether they are still the same, so that an upgrade is seen."""

    async def get_response(self, path: str, scope: Any) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


app = FastAPI(title="Synchronization", docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(api.router)
app.include_router(explaining.router)
app.include_router(reports.router)
app.mount("/static", _Scripts(directory=_HERE / "static"), name="static")
_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@app.exception_handler(RunFault)
def say_fault(_: Request, fault: RunFault) -> JSONResponse:
    """What keeps the page from its answer, a ledger that cannot be used above all, in the words in which tasks say it."""
    return JSONResponse({"detail": str(redact(str(problem_of(fault))))}, status_code=503)


@app.get("/doc", dependencies=[Depends(requires_access_dag("GET"))])
def show_doc(dag_id: str, from_dag: str | None = None, run_id: str | None = None) -> HTMLResponse:
    """The documentation of a flow, with the way back to the run that somebody came from."""
    flow = FLOWS.get(dag_id)
    doc = Markup(_markdown.render(doc_md(flow))) if flow else "There is no such flow."
    page = _templates.get_template("doc.html")
    return HTMLResponse(page.render(dag_id=dag_id, doc=doc, from_dag=from_dag or dag_id, run_id=run_id))

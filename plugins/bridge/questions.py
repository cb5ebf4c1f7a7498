"""Which runs wait for a person's approval, and where Airflow's own form asks for it. Reads only.

Loaded by Airflow's API server.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.form import FLOW
from bridge.manual_sync import MANUAL_SYNC


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A run that has asked, about which flow, what and when; `path` leads to the form, within Airflow."""

    dag_id: str
    run_id: str
    flow: str
    subject: str
    since: datetime
    path: str


def asking(session: Session, dag_ids: Collection[str], run_id: str | None = None) -> list[Asking]:
    """The runs of these DAGs, or the one, that wait for an answer, the first first."""
    query = (
        select(TaskInstance, HITLDetail.subject, HITLDetail.created_at, DagRun.conf)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .join(DagRun, (DagRun.dag_id == TaskInstance.dag_id) & (DagRun.run_id == TaskInstance.run_id))
        .where(TaskInstance.dag_id.in_(dag_ids), TaskInstance.state == "awaiting_input")
        .order_by(HITLDetail.created_at)
    )
    if run_id:
        query = query.where(TaskInstance.run_id == run_id)
    return [
        Asking(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            flow=_flow(ti.dag_id, ti.task_id, conf or {}),
            subject=subject,
            since=since,
            path=_path(ti),
        )
        for ti, subject, since, conf in session.execute(query)
    ]


def _flow(dag_id: str, task_id: str, conf: dict[str, object]) -> str:
    if dag_id == MANUAL_SYNC:
        return str(conf.get(FLOW) or "")
    # Of a DAG of several flows, the group of tasks has the flow's name.
    return task_id.rpartition(".")[0] or dag_id


def _path(ti: TaskInstance) -> str:
    mapped = f"/mapped/{ti.map_index}" if ti.map_index >= 0 else ""
    dag, run, task = (quote(text, safe="") for text in (ti.dag_id, ti.run_id, ti.task_id))
    return f"/dags/{dag}/runs/{run}/tasks/{task}{mapped}/required_actions"

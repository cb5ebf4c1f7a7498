"""Preflight: a DAG that says daily, thing by thing, whether all that runs need is in place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from bridge.factory import DEFAULT_ARGS, UNSCHEDULED
from bridge.notify import NOTIFIERS

PREFLIGHT = "preflight"
_DOC = """## Preflight

Daily, and whenever it is triggered. Each thing that runs need is good, red with the step to take, or unknown: who is
meant, logins, permissions to read and to write, web services with the right object behind them, number series, codes,
custom fields, iPaaS.com's own documents, the key of webhooks, limits. The lines stand in the tab *Records* of the run,
in the order in which to mend them; `make check` says the same in the terminal, and looks at the pools, too.

It writes nothing: whether the application may write is tried with writes that are refused for another reason.
"""


def build() -> DAG:
    """The DAG."""
    daily = CronTriggerTimetable("50 5 * * *", timezone="UTC", run_immediately=timedelta())
    with DAG(
        dag_id=PREFLIGHT,
        dag_display_name="Preflight",
        description="Whether everything that runs need is in place",
        doc_md=_DOC,
        schedule=None if UNSCHEDULED else daily,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,
        tags={"business-central", "ipaas", "operations"},
        # What it finds is no fault of its own, and a person has to mend it.
        default_args={**DEFAULT_ARGS, "retries": 0},
        on_failure_callback=NOTIFIERS,
    ) as dag:

        @task(task_id="look")
        def look() -> list[dict[str, Any]]:
            from bridge import inspection

            return inspection.look(get_current_context())

        look()
    return dag

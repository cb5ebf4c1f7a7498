"""Preflight: a DAG that says daily, thing by thing, whether all that runs need is in place."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, get_current_context, task

from bridge.operations import operations_dag

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
    with operations_dag(
        PREFLIGHT,
        description="Whether everything that runs need is in place",
        doc=_DOC,
        cron="50 5 * * *",
        # What it finds is no fault of its own, and a person has to mend it.
        retries=0,
        alarms=True,
    ) as dag:

        @task(task_id="look")
        def look() -> list[dict[str, Any]]:
            from bridge import inspection

            return inspection.look(get_current_context())

        look()
    return dag

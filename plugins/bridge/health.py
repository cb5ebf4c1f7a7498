"""Health: a DAG that is red as long as something keeps the two systems out of step that a person has to see to."""

from __future__ import annotations

from airflow.sdk import DAG, get_current_context, task

from bridge.operations import operations_dag

HEALTH = "health"
_DOC = """## Health

Hourly. Red when a person is needed, and then it says for what:

* a flow is stopped: its last run ended by a fault that concerns the whole run;
* a flow is late: its schedule has not been kept (one that is late with records that a service did not take, which are tried
  again by themselves, is no alarm);
* records need a person, or have waited for longer than `sync_needs_you_after_hours`;
* a flow is paused while webhooks pile up for it;
* a run of a flow waits for an approval;
* the last comparison of both sides (the DAG `reconcile`) has found differences in a flow that is switched on;
* a Connection does not work, or its secret ends soon.

It also drops what was written of records longer ago than `sync_history_days`.

To be told by mail or in a channel, put one of Airflow's notifiers into `plugins/bridge/notify.py`.
"""


def build() -> DAG:
    """The DAG."""
    with operations_dag(
        HEALTH,
        description="Red when a person is needed",
        doc=_DOC,
        cron="55 * * * *",
        # What it finds is no fault of its own: it is looked at again within the hour.
        retries=0,
        alarms=True,
    ) as dag:

        @task(task_id="look")
        def look() -> None:
            from bridge import watch

            watch.look(get_current_context())

        look()
    return dag

"""Health: a DAG that is red as long as something keeps the two systems out of step that a person has to see to."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from bridge.factory import DEFAULT_ARGS, TAGS, UNSCHEDULED
from bridge.notify import NOTIFIERS

HEALTH = "health"
_DOC = """## Health

Hourly. Red when a person is needed, and then it says for what:

* a flow is stopped: its last run ended by a fault that concerns the whole run;
* a flow is late: its schedule has not been kept;
* records need a person, or have waited for longer than `sync_needs_you_after_hours`;
* a flow is paused while webhooks pile up for it;
* the last comparison of both sides (the DAG `reconcile`) has found differences in a flow that is switched on;
* a Connection does not work.

To be told by mail or in a channel, put one of Airflow's notifiers into `plugins/bridge/notify.py`.
"""


def build() -> DAG:
    """The DAG."""
    hourly = CronTriggerTimetable("55 * * * *", timezone="UTC", run_immediately=timedelta())
    with DAG(
        dag_id=HEALTH,
        dag_display_name="Health",
        description="Red when a person is needed",
        doc_md=_DOC,
        schedule=None if UNSCHEDULED else hourly,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,
        tags={*TAGS, "operations"},
        # What it finds is no fault of its own: it is looked at again within the hour.
        default_args={**DEFAULT_ARGS, "retries": 0},
        on_failure_callback=NOTIFIERS,
    ) as dag:

        @task(task_id="look")
        def look() -> None:
            from bridge import watch

            watch.look(get_current_context())

        look()
    return dag

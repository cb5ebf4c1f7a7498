"""Subscriptions: a DAG that has Business Central announce changes, and renews that before it ends."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from bridge.factory import DEFAULT_ARGS, TAGS, UNSCHEDULED
from bridge.notify import NOTIFIERS

SUBSCRIPTIONS = "subscriptions"
_DOC = """## Subscriptions

Hourly. Has Business Central post to the address in extra `notification_url` of the Connection `business_central` what
has changed, so that it arrives in seconds: one subscription for each resource of API v2.0 that a flow carries. Each ends
three days after it was last renewed, and is renewed a day after that; one that Business Central has deleted is made
again. Without an address nothing is done, and polls alone find what has changed.

Business Central asks the address for an answer while it makes a subscription: this is red where it does not reach it.
"""


def build() -> DAG:
    """The DAG."""
    hourly = CronTriggerTimetable("5 * * * *", timezone="UTC", run_immediately=timedelta())
    with DAG(
        dag_id=SUBSCRIPTIONS,
        dag_display_name="Subscriptions",
        description="Has Business Central announce what changes",
        doc_md=_DOC,
        schedule=None if UNSCHEDULED else hourly,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,
        tags={*TAGS, "operations"},
        default_args=DEFAULT_ARGS,
        on_failure_callback=NOTIFIERS,
    ) as dag:

        @task(task_id="renew", pool="business_central")
        def renew() -> list[str]:
            from airflow.sdk import get_current_context

            from bridge import subscribing

            return subscribing.renew(get_current_context())

        renew()
    return dag

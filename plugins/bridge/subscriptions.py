"""Subscriptions: a DAG that has Business Central announce changes, and renews that before it ends."""

from __future__ import annotations

from airflow.sdk import DAG, get_current_context, task

from bridge.operations import operations_dag

SUBSCRIPTIONS = "subscriptions"
_DOC = """## Subscriptions

Hourly. Has Business Central post to the address in extra `notification_url` of the Connection `business_central` what
has changed, so that it arrives in seconds: one subscription for each resource of API v2.0 that a flow carries. Each ends
three days after it was last renewed, and is renewed a day after that; one that Business Central has deleted is made
again. Beside them one for each of the business events that concern a flow, which have no end; one that is not wanted any
more is removed. Where Business Central has no business events, which are a preview, or does not let the application
subscribe to them, the task says so and is green: webhooks and polls find the same. Without an address nothing is done, and
polls alone find what has changed.

Business Central asks the address for an answer while it makes a subscription: this is red where it does not reach it.
"""


def build() -> DAG:
    """The DAG."""
    with operations_dag(
        SUBSCRIPTIONS,
        description="Has Business Central announce what changes",
        doc=_DOC,
        cron="5 * * * *",
        alarms=True,
    ) as dag:

        @task(task_id="renew", pool="business_central")
        def renew() -> list[str]:
            from bridge import subscribing

            return subscribing.renew(get_current_context())

        renew()
    return dag

"""Makes one DAG of each flow. Only declarations are looked at here: nothing slow, nothing from outside."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, get_current_context, task

from bridge.docs import doc_md
from bridge.form import params_of
from bridge.retry import RetryWhenAsked
from include.sync.flow import Flow
from include.sync.run import LOAD_SLOTS, LOADS_AT_ONCE

# For set-ups that start every run themselves, as the demo does.
_UNSCHEDULED = os.environ.get("SYNC_SCHEDULES", "").lower() == "off"
# When schedules begin to count; backfills may start earlier.
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def build(flow: Flow) -> DAG:
    """The DAG of a flow: extract, transform, load over chunks, report."""

    def pool(stage: str, slots: int = 1) -> dict[str, Any]:
        system = flow.talks_to(stage)
        return {"pool": system.value, "pool_slots": slots} if system else {}

    with DAG(
        dag_id=flow.name,
        dag_display_name=flow.name,
        description=flow.collection,
        doc_md=doc_md(flow),
        schedule=None if _UNSCHEDULED else CronDataIntervalTimetable(flow.schedule, timezone="UTC"),
        start_date=_EPOCH,
        catchup=False,
        # A poll must not overtake the one before it; records of a manual run or a backfill are claimed one by one.
        max_active_runs=1,
        params=params_of(flow),
        tags={"business-central", "ipaas", flow.direction.value.replace("_", "-"), flow.record.replace(" ", "-")},
        default_args={
            "owner": "business-central-ipaas-sync",
            "retries": 3,
            "retry_policy": RetryWhenAsked(),
            "retry_delay": timedelta(minutes=1),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=15),
        },
    ) as dag:

        @task(task_id="extract", **pool("extract"))
        def extract() -> dict[str, Any]:
            from bridge import tasks

            return tasks.extract(flow.name, get_current_context())

        @task(task_id="transform", **pool("transform"))
        def transform() -> list[int]:
            from bridge import tasks

            return tasks.transform(flow.name, get_current_context())

        @task(task_id="load", max_active_tis_per_dagrun=LOADS_AT_ONCE, **pool("load", LOAD_SLOTS))
        def load(chunk: int) -> None:
            from bridge import tasks

            tasks.load(flow.name, chunk, get_current_context())

        # `load` is skipped when nothing has to be written; the report is wanted all the same.
        @task(task_id="report", trigger_rule="none_failed", **pool("report"))
        def report() -> dict[str, int]:
            from bridge import tasks

            return tasks.report(flow.name, get_current_context())

        chunks = transform()
        extract() >> chunks
        load.expand(chunk=chunks) >> report()
    return dag

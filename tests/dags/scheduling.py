"""Airflow's own scheduler, a look at a time: what runs it makes, and those runs through the tasks of their DAG."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest


@cache
def read_dags() -> Mapping[str, Any]:
    """The DAGs of the project, by id, which are read once and made known to Airflow's database, as its DAG processor does."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.utils.session import create_session

    manager = DagBundlesManager()
    with create_session() as session:
        manager.sync_bundles_to_db(session=session)
    (bundle,) = manager.get_all_dag_bundles()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    assert not bag.import_errors
    sync_bag_to_db(bag, bundle.name, bundle.version)
    return bag.dags


def read_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dag.test` reads all DAG files with each run, which takes longer than the run; they are known, and stay as they are."""
    from airflow.dag_processing import dagbag

    monkeypatch.setattr(dagbag, "BundleDagBag", lambda **_: None)
    monkeypatch.setattr(dagbag, "sync_bag_to_db", lambda *_: None)


def pause_all() -> None:
    """No DAG is switched on, nothing has been announced, and no tick that passes while tests run is ever due."""
    from datetime import UTC, datetime

    from airflow.models.asset import AssetDagRunQueue, AssetEvent
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete, update

    read_dags()
    with create_session() as session:
        session.execute(delete(AssetDagRunQueue))
        session.execute(delete(AssetEvent))
        session.execute(
            update(DagModel).values(is_paused=True, next_dagrun_create_after=datetime(2999, 1, 1, tzinfo=UTC))
        )


def unpause(*dag_ids: str, paused: bool = False) -> None:
    """Switch schedules on, or off."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id.in_(dag_ids)).values(is_paused=paused))


def next_run(dag_id: str, at: Any) -> None:
    """When the schedule of a DAG is due."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(next_dagrun_create_after=at))


def let_the_scheduler_look() -> None:
    """One look of Airflow's scheduler for runs that it has to make."""
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.utils.session import create_session
    from airflow.utils.sqlalchemy import prohibit_commit

    job = Job()
    with create_session() as session:
        session.add(job)
        session.flush()
        job_id = job.id
    job.id = job_id
    scheduler = SchedulerJobRunner(job=job)
    with create_session() as session, prohibit_commit(session) as guard:
        scheduler._create_dagruns_for_dags(guard, session)


def runs_of(dag_id: str) -> list[Any]:
    """The runs of a DAG, oldest first."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = list(session.scalars(select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id)))
        session.expunge_all()
    return found


def set_state(dag_id: str, run_id: str, state: str, task_states: Mapping[str, str] | None = None) -> None:
    """Have a run, and some of its tasks, be in some state."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        of_run = (DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        session.execute(update(DagRun).where(*of_run).values(state=state))
        for task_id, task_state in (task_states or {}).items():
            of_task = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
            session.execute(update(TaskInstance).where(*of_task).values(state=task_state))


def date(dag_id: str, run_id: str) -> None:
    """Give a run a logical date: `dag.test` deletes an earlier run that has none."""
    from datetime import UTC, datetime

    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        of_run = (DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        session.execute(update(DagRun).where(*of_run).values(logical_date=datetime.now(UTC)))


def retried_now() -> None:
    """What Airflow repeats later is due."""
    from datetime import UTC, datetime, timedelta

    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        waits = TaskInstance.state == "up_for_retry"
        session.execute(update(TaskInstance).where(waits).values(end_date=datetime.now(UTC) - timedelta(days=1)))


def instead_of_a_new_run(monkeypatch: pytest.MonkeyPatch, run_id: str) -> None:
    """Let `dag.test` go through a run that the scheduler has made."""
    from airflow.models import dagrun
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    def made(**arguments: Any) -> Any:
        session = arguments["session"]
        run = session.scalar(select(DagRun).where(DagRun.dag_id == arguments["dag"].dag_id, DagRun.run_id == run_id))
        run.state = "running"
        run.dag = arguments["dag"]
        session.commit()
        return run

    monkeypatch.setattr(dagrun, "get_or_create_dagrun", made)


def begin_run(dag_id: str, chunks: int = 0) -> str:
    """A run that is under way, its first task ready; or, with `chunks`, as many load tasks. Answers its id."""
    from datetime import UTC, datetime

    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskmap import TaskMap
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with create_session() as session:
        dag = SerializedDagModel.get_dag(dag_id, session=session)
        assert dag
        now = datetime.now(UTC)
        run: DagRun = dag.create_dagrun(
            run_id=f"scheduled__{now.isoformat()}",
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.SCHEDULED,
            triggered_by=DagRunTriggeredByType.TEST,
            state="running",
            session=session,
        )
        run_id = str(run.run_id)
        if chunks:
            session.add(
                TaskMap(dag_id=dag_id, task_id="transform", run_id=run_id, map_index=-1, length=chunks, keys=None)
            )
    if chunks:
        set_state(dag_id, run_id, "running", {"extract": "success", "transform": "success"})
    return run_id


def let_the_scheduler_queue() -> list[tuple[str, str, int]]:
    """One look of Airflow's scheduler for tasks that can begin, which do: their DAGs, tasks and indexes."""
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        for run in session.scalars(select(DagRun).where(DagRun.state == "running")):
            run.dag = SerializedDagModel.get_dag(run.dag_id, session=session)
            ready, _ = run.update_state(session=session)
            run.schedule_tis(ready, session=session)
    with create_session() as session:
        begun = SchedulerJobRunner(job=Job())._executable_task_instances_to_queued(32, session)
        return [(ti.dag_id, ti.task_id, ti.map_index) for ti in begun]

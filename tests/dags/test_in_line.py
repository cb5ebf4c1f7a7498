"""Whoever is short comes first: what the clock, a webhook or a person asks for begins while a first load goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sync.runs import System
from tests.dags.conftest import RunDag
from tests.dags.scheduling import begin_run, let_the_scheduler_queue, pause_all, set_state, unpause

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

BULK, POLL, OTHER = "company_to_ipaas", "customer_from_ipaas", "customer_to_ipaas"
CHUNKS = 20


@pytest.fixture
def scheduler(dags: Any) -> Iterator[None]:
    """Airflow's scheduler, which knows these DAGs."""
    pause_all()
    unpause(BULK, POLL, OTHER)
    yield
    unpause(BULK, POLL, OTHER, paused=True)


@pytest.fixture
def first_load(scheduler: None) -> str:
    """A first load under way whose tasks hold all slots of their pool; the others of its tasks wait."""
    run_id = begin_run(BULK, CHUNKS)
    assert let_the_scheduler_queue() == [(BULK, "load", 0), (BULK, "load", 1)]
    return run_id


def gives_way(run_id: str, index: int) -> None:
    """One of its tasks ends its shift, and stands aside no longer."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        of_task = (TaskInstance.run_id == run_id, TaskInstance.task_id == "load", TaskInstance.map_index == index)
        ti = session.scalars(select(TaskInstance).where(*of_task)).one()
        now = datetime.now(UTC)
        session.add(TaskReschedule(ti.id, now, now, now))
        ti.state = "up_for_reschedule"


def somebody_waits(run_id: str, dag_id: str = BULK, flow: str = BULK, stage: str = "load") -> bool:
    """What a task of the run is told, by Airflow's own API."""
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
    from bridge.in_line import waits_for

    client = InProcessTestSupervisor._api_client()
    ti = SimpleNamespace(
        get_ti_count=lambda **asked: client.task_instances.get_count(**asked).count,
        get_dag=client.dags.get,
    )
    run = SimpleNamespace(dag_id=dag_id, run_id=run_id)
    return waits_for(FLOWS[flow], {"ti": ti, "dag_run": run}, stage)()


def test_nobody_waits_for_the_slots_of_a_load_that_is_alone(first_load: str) -> None:
    """Its own chunks that are to come do not count."""
    assert not somebody_waits(first_load)


def test_a_poll_begins_when_a_load_task_has_given_way(first_load: str) -> None:
    begin_run(POLL)
    assert let_the_scheduler_queue() == []
    assert somebody_waits(first_load)
    gives_way(first_load, 1)
    assert let_the_scheduler_queue() == [(POLL, "extract", -1)]
    assert not somebody_waits(first_load)


def test_its_load_comes_before_what_is_left_of_the_long_one(first_load: str) -> None:
    begin_run(OTHER, 1)
    assert let_the_scheduler_queue() == []
    assert somebody_waits(first_load)
    gives_way(first_load, 1)
    assert let_the_scheduler_queue() == [(OTHER, "load", 0)]


def test_another_run_of_the_same_flow_counts(first_load: str) -> None:
    begin_run(BULK, 1)
    assert let_the_scheduler_queue() == []
    assert somebody_waits(first_load)


def test_a_run_that_is_paused_waits_for_no_slots(first_load: str) -> None:
    begin_run(POLL)
    let_the_scheduler_queue()
    unpause(POLL, paused=True)
    assert not somebody_waits(first_load)


def test_two_long_loads_share_the_pool_and_do_not_drive_each_other_out(first_load: str) -> None:
    begin_run(OTHER, CHUNKS)
    let_the_scheduler_queue()
    gives_way(first_load, 1)
    assert let_the_scheduler_queue() == [(OTHER, "load", 0)]
    assert not somebody_waits(first_load)


@pytest.mark.parametrize("system", list(System))
def test_whoever_holds_slots_and_is_short_is_looked_for(dags: Mapping[str, Any], system: System) -> None:
    from bridge.in_line import _places

    looked_for = {(dag_id, task_id) for dag_id, task_ids, _ in _places(system) for task_id in task_ids}
    assert looked_for == {
        (dag_id, task.task_id)
        for dag_id in (*FLOWS, "manual_sync")
        for task in dags[dag_id].tasks
        if task.pool == system.value
    }


def test_a_load_that_gives_way_is_taken_up_again_by_airflow(
    scheduler: None, sandbox: Sandbox, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through Airflow's own tasks: it asks who waits, ends, and goes on, and no try of it is used up."""
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.utils.session import create_session
    from bridge import approvals
    from sqlalchemy import func, select

    from include.sync import load, shift

    flow = "customer_category_to_ipaas"
    waiting = begin_run(POLL)
    let_the_scheduler_queue()
    set_state(POLL, waiting, "running", {"extract": "scheduled"})
    monkeypatch.setattr(shift, "LOOKS_EVERY", 0.0)
    monkeypatch.setattr(approvals, "ASIDE", timedelta(milliseconds=1))
    gives_way, gone = load.give_way, list[str]()

    def spying(*args: Any) -> None:
        gives_way(*args)
        gone.append(flow)
        if len(gone) == 2:
            set_state(POLL, waiting, "success", {"extract": "success"})

    monkeypatch.setattr(load, "give_way", spying)
    for number in range(40):
        sandbox.bc.add("Customer Price Group", {"Code": f"G{number}", "Description": "One"})
    ended = run_dag(flow)
    made = len(sandbox.bc.rows("Customer Price Group"))
    assert (ended.state, ended.counts["created"], len(sandbox.ipaas.records["customer category"])) == (
        "success",
        made,
        made,
    )
    with create_session() as session:
        assert session.scalar(select(func.count()).select_from(TaskReschedule)) == len(gone) == 2


def test_who_tells_links_beside_a_load_is_told_of_those_who_wait_for_its_own_pool(first_load: str) -> None:
    begin_run(POLL)
    assert let_the_scheduler_queue() == []
    assert somebody_waits("any", "initialize", "company_from_ipaas", "tell_links")
    assert not somebody_waits("any", "initialize", "company_from_ipaas", "load")

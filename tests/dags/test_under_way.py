"""How far runs have come that are under way, and what they wait for: as the page is told."""

from __future__ import annotations

from typing import Any

import pytest

from include.sandbox import Sandbox
from include.sync import headway
from tests.dags.conftest import Ask, Run, RunDag
from tests.dags.scheduling import date, pause_all, set_state, unpause

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_category_to_ipaas"


@pytest.fixture
def run(run_dag: RunDag) -> Run:
    """A run that has ended, whose tasks a test puts into other states; none that began meanwhile takes its place."""
    ended = run_dag(FLOW)
    date(FLOW, ended.run_id)
    return ended


def part_of(ask: Ask, run: Run, **tasks: str) -> Any:
    """What the page says of a run whose tasks are in these states."""
    set_state(run.dag_id, run.run_id, "running", tasks)
    (shown,) = ask("/sync/api/overview")["under_way"]
    assert (shown["dag_id"], shown["run_id"], shown["state"]) == (run.dag_id, run.run_id, "running")
    (part,) = shown["parts"]
    assert part["flow"] == FLOW
    return part


def test_what_is_done_of_each_stage_is_said_and_the_time_that_is_left_of_the_one_at_work(
    run_dag: RunDag, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headway, "EVERY", 0.0)
    run = run_dag(FLOW)
    read = run.counts["read"]
    part = part_of(ask, run, load="running", report="none")
    assert part["stage"] == "load"
    assert part["said"] == f"{read} read, {read} to write, {read} of {read} written"
    assert part["left"].endswith(" a minute")
    assert (part["done"], part["of"], part["waits"]) == (read, read, "")
    tab = ask("/sync/api/report", dag_id=FLOW, run_id=run.run_id)
    assert tab["progress"]["parts"] == [part]
    set_state(FLOW, run.run_id, "success")
    assert ask("/sync/api/overview")["under_way"] == []
    assert "progress" not in ask("/sync/api/report", dag_id=FLOW, run_id=run.run_id)


def test_of_a_reconcile_no_flow_counts_that_is_switched_off(run_dag: RunDag, ask: Ask) -> None:
    other = "location_to_ipaas"
    pause_all()
    unpause(FLOW)
    try:
        run = run_dag("reconcile", {"mode": "report"}, flows=[FLOW, other])
        # As it is while the turn of the other one has not come.
        set_state("reconcile", run.run_id, "running", {f"{other}.extract": "none", "sum_up": "none"})
        (shown,) = ask("/sync/api/overview")["under_way"]
        assert (shown["ended"], shown["flows"]) == (1, 1)
    finally:
        pause_all()


def test_a_plan_says_what_it_has_planned(run_dag: RunDag, ask: Ask) -> None:
    run = run_dag(FLOW, {"mode": "plan"})
    read = run.counts["read"]
    assert part_of(ask, run, report="running")["said"] == f"{read} read, {read} to write, {read} of {read} planned"


def test_a_task_that_waits_for_slots_says_of_which_pool_and_behind_what(run: Run, run_dag: RunDag, ask: Ask) -> None:
    other = run_dag("location_to_ipaas")
    set_state(other.dag_id, other.run_id, "success", {"load": "running"})
    assert part_of(ask, run, load="scheduled")["waits"] == "Waits for a worker."
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import update

    def slots(number: int) -> None:
        with create_session() as session:
            session.execute(update(Pool).where(Pool.pool == "ipaas").values(slots=number))

    slots(7)
    try:
        assert part_of(ask, run, load="scheduled")["waits"] == (
            "Waits for 5 slots of the pool ipaas, of which 2 of 7 are free: behind load of location_to_ipaas."
        )
    finally:
        slots(10)


def test_a_task_that_is_tried_again_says_when_and_why(run_dag: RunDag, ask: Ask) -> None:
    run = run_dag(FLOW, bc={"password": "wrong"})
    part = part_of(ask, run, extract="up_for_retry")
    assert part["waits"].startswith("Is tried again in some minutes. ")
    assert "client secret" in part["waits"]


def test_a_run_that_waits_for_another_one_names_it(run: Run, ask: Ask) -> None:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        trigger = Trigger(
            classpath="bridge.extract_task.RunEnded", kwargs={"dag_id": FLOW, "run_id": "asset_triggered__before"}
        )
        session.add(trigger)
        session.flush()
        extract = (TaskInstance.run_id == run.run_id, TaskInstance.task_id == "extract")
        session.execute(update(TaskInstance).where(*extract).values(trigger_id=trigger.id))
    assert part_of(ask, run, extract="deferred")["waits"] == "Waits for the end of the run asset_triggered__before."


def test_a_run_that_has_not_begun_says_what_it_is_behind(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str], ask: Ask
) -> None:
    pause_all()
    unpause("initialize")
    before = run_dag("initialize", {"flows": [FLOW]}, flows=[FLOW])
    date("initialize", before.run_id)
    body = {"logical_date": None, "conf": {"mode": "plan"}}
    made = server.post("/api/v2/dags/initialize/dagRuns", json=body, headers=login)
    assert made.status_code == 200, made.text

    def waits() -> str:
        (queued,) = [one for one in ask("/sync/api/overview")["under_way"] if one["state"] == "queued"]
        assert (queued["run_id"], queued["flow"], queued["parts"]) == (made.json()["dag_run_id"], None, [])
        return str(queued["waits"])

    assert waits() == "Airflow's scheduler is not up: nothing begins until it is."
    set_state("initialize", before.run_id, "running")
    assert waits() == f"Waits behind {before.run_id}: 1 at a time."

"""Reconcile through real Airflow: what differs is told, healed when told to, and stands on the page and in `health`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from bridge.connected import current_pair, ledger_of

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.faults import Fault
from include.sync.runs import Direction
from tests.dags.conftest import RunDag, a_location_renamed_by_hand

pytestmark = pytest.mark.dag

FLOW = "location_to_ipaas"
OTHER = "customer_category_to_ipaas"
JSON = {"Content-Type": "application/json"}


def test_it_is_daily_on_from_the_beginning_and_one_run_goes_at_a_time(dags: Mapping[str, Any]) -> None:
    dag = dags["reconcile"]
    assert (dag.is_paused_upon_creation, dag.max_active_runs, dag.catchup) == (False, 1, False)
    assert "operations" in dag.tags
    assert {name: dag.params[name] for name in dag.params} == {"mode": "report", "direction": "both", "flows": []}


def test_the_list_of_ipaas_is_read_by_a_task_of_its_own(dags: Mapping[str, Any]) -> None:
    dag = dags["reconcile"]
    for name, flow in FLOWS.items():
        looks = f"{name}.look" in dag.task_ids
        assert looks is (flow.direction is Direction.to_ipaas)
        if looks:
            look = dag.get_task(f"{name}.look")
            assert (look.pool, look.upstream_task_ids) == ("ipaas", {f"{name}.transform"})
            assert f"{name}.look" in dag.get_task(f"{name}.load").upstream_task_ids


def test_it_reports_then_heals_and_the_page_and_health_say_how_both_sides_stand(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    chosen = {"flows": [FLOW, OTHER]}
    code, record, name = a_location_renamed_by_hand(run_dag, sandbox, [FLOW, OTHER])
    run = run_dag("reconcile", chosen, flows=[FLOW, OTHER])
    assert run.state == "success"
    assert sandbox.counters.writes() == []
    assert run.xcoms["sum_up", "return_value"]["differences"] == 1
    assert run.xcoms[f"{FLOW}.report", "reconciled"]["left"] == {"stale": 1}
    where = {"dag_id": run.dag_id, "run_id": run.run_id}
    page = server.get("/sync/api/report", params=where, headers=login).json()
    compared = {one["flow"]: one["compared"]["differences"] for one in page["flows"]}
    assert compared == {FLOW: 1, OTHER: 0}
    part = server.get("/sync/api/report", params={**where, "flow": FLOW}, headers=login).json()
    (line,) = [line for line in part["report"]["records"] if line.get("difference")]
    assert (line["key"], line["difference"]) == (code, "stale")
    assert line["changes"] == [{"field": "name", "before": "Moved by hand", "after": name}]
    with ledger_of(current_pair()) as ledger:
        assert {flow: one.differences for flow, one in ledger.last_reconciled([FLOW, OTHER]).items()} == {
            FLOW: 1,
            OTHER: 0,
        }

    sandbox.counters.reset()
    healed = run_dag("reconcile", {**chosen, "mode": "heal"}, flows=[FLOW, OTHER])
    assert healed.state == "success"
    assert len(sandbox.counters.writes()) == 1
    assert record["name"] == name
    total = healed.xcoms["sum_up", "return_value"]
    assert (total["healed"], total["differences"]) == (1, 0)


def test_what_only_the_flow_the_other_way_compares_is_said_where_that_is_off(run_dag: RunDag, sandbox: Sandbox) -> None:
    there, back = "product_to_ipaas", "product_from_ipaas"
    before = ["location_to_ipaas", "product_category_to_ipaas", there]
    run_dag("initialize", {"flows": before, "mode": "apply"}, flows=before)
    number = str(sandbox.bc.rows("Item")[0]["No."])
    record = sandbox.ipaas.linked("product", number)
    assert record
    sandbox.ipaas.change("product", record["id"], {"default_price": 77})
    alone = run_dag("reconcile", {"flows": [there]}, flows=[there])
    assert alone.xcoms[f"{there}.report", "reconciled"]["differences"] == 0
    (said,) = alone.xcoms[f"{there}.report", "records"]["warnings"]
    assert "default_price" in said
    assert f"It is for {back}, which is neither switched on nor chosen" in said
    both = run_dag("reconcile", {"flows": [there, back]}, flows=[there, back])
    assert both.xcoms[f"{back}.report", "reconciled"]["left"]["stale"] == 1  # others were born in the shop
    assert [both.xcoms[f"{name}.report", "records"]["warnings"] for name in (there, back)] == [[], []]


def test_what_cannot_be_healed_is_said_and_ends_the_run_as_failed(run_dag: RunDag, sandbox: Sandbox) -> None:
    run_dag("initialize", {"flows": [FLOW], "mode": "apply"}, flows=[FLOW])
    row = sandbox.bc.rows("Location")[0]
    sandbox.bc.remove("Location", row)
    run = run_dag("reconcile", {"flows": [FLOW], "mode": "heal"}, flows=[FLOW])
    assert run.state == "failed"
    assert f"Differences are left: {FLOW} 1." in run.problem
    assert sandbox.ipaas.linked("location", row["Code"])


def test_a_heal_that_a_record_did_not_go_through_in_says_so(run_dag: RunDag, sandbox: Sandbox) -> None:
    a_location_renamed_by_hand(run_dag, sandbox, [FLOW])
    refusal = '{"code": "VALD-1003", "message": "The name is refused."}'
    sandbox.faults.add(Fault(system="ipaas", method="PUT", times=100, status=400, body=refusal, headers=JSON))
    run = run_dag("reconcile", {"flows": [FLOW], "mode": "heal"}, flows=[FLOW])
    assert run.state == "failed"
    assert f"did not go through nothing is known: {FLOW} 1." in run.problem


def test_with_no_flow_chosen_those_that_are_switched_on_are_compared(run_dag: RunDag, sandbox: Sandbox) -> None:
    _switched_on({FLOW})
    try:
        run = run_dag("reconcile", flows=[FLOW, OTHER])
    finally:
        _switched_on(set())
    assert run.state == "success"
    ended = {task.partition(".")[0] for task, state in run.states.items() if state == "success"}
    assert ended == {FLOW, "sum_up[-1]"}


def _switched_on(flows: set[str]) -> None:
    """Just these flows are not paused."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        there = {dag.dag_id: dag for dag in session.scalars(select(DagModel))}
        for name in FLOWS:
            if name not in there:
                session.add(DagModel(dag_id=name, bundle_name="dags-folder", is_paused=name not in flows))
            else:
                there[name].is_paused = name not in flows

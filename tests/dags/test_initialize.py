"""Initialize: one run brings both systems into step, in the order of dependency, and goes on after any stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.check import check
from include.sandbox.faults import Fault
from include.sandbox.world import Size
from include.sync import shift, tell_links
from include.sync.flow import Flow
from include.sync.runs import Direction
from tests.dags.conftest import RunDag, claims_run_out, connect
from tests.dags.killed import VARIABLES, kill_initialize

pytestmark = pytest.mark.dag

_APPLY = {"mode": "apply"}
_SMALL = Size(companies=3, persons=2, contacts=1, items=4, orders=4, invoices=2, prices=2)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=_SMALL) as running:
        yield running


def test_it_is_never_scheduled_never_paused_and_one_run_goes_at_a_time(dags: Mapping[str, Any]) -> None:
    dag = dags["initialize"]
    assert (dag.schedule, dag.is_paused_upon_creation, dag.max_active_runs) == (None, False, 1)
    assert "operations" in dag.tags


def test_the_form_proposes_to_plan_all_flows_both_ways(dags: Mapping[str, Any]) -> None:
    params = {name: dags["initialize"].params.get_param(name) for name in dags["initialize"].params}
    assert list(params) == ["mode", "direction", "flows"]
    assert {name: param.value for name, param in params.items()} == {"mode": "plan", "direction": "both", "flows": []}
    assert params["flows"].schema["values_display"] == {name: flow.collection for name, flow in FLOWS.items()}


def test_there_are_the_four_tasks_of_each_flow_each_after_those_that_it_needs(dags: Mapping[str, Any]) -> None:
    dag = dags["initialize"]
    beside = [name for name, flow in FLOWS.items() if flow.direction is Direction.from_ipaas]
    assert len(dag.tasks) == 4 * len(FLOWS) + len(beside) + 1
    for name, flow in FLOWS.items():
        extract = dag.get_task(f"{name}.extract")
        assert set(extract.upstream_task_ids) == {f"{before}.report" for before in flow.after if before in FLOWS}
        for task in ("extract", "transform", "load", "report"):
            mine, alone = dag.get_task(f"{name}.{task}"), dags[name].get_task(task)
            assert (mine.pool, mine.pool_slots) == (alone.pool, alone.pool_slots)


def test_links_of_what_comes_from_ipaas_are_told_beside_its_load_and_before_its_report(
    dags: Mapping[str, Any],
) -> None:
    dag = dags["initialize"]
    telling = [task for task in dag.tasks if task.task_id.endswith(".tell_links")]
    assert [task.task_id.partition(".")[0] for task in telling] == [
        name for name, flow in FLOWS.items() if flow.direction is Direction.from_ipaas
    ]
    for task in telling:
        flow = task.task_id.partition(".")[0]
        assert task.upstream_task_ids == {f"{flow}.transform"} == dag.get_task(f"{flow}.load").upstream_task_ids
        assert task.downstream_task_ids == {f"{flow}.report"}
        assert (task.pool, task.pool_slots) == ("ipaas", 2)
        load = dag.get_task(f"{flow}.load")
        assert (task.priority_weight, task.weight_rule) == (load.priority_weight, load.weight_rule)


def test_it_tells_links_until_somebody_waits_for_the_slots(
    run_dag: RunDag, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import tasks

    connect(monkeypatch, sandbox, VARIABLES)
    asked: list[tuple[str, str]] = []
    told: list[bool] = []

    def somebody(flow: Flow, context: Mapping[str, Any], stage: str) -> Callable[[], bool]:
        asked.append((flow.name, stage))
        return lambda: True

    monkeypatch.setattr(shift, "LOOKS_EVERY", 0.0)
    monkeypatch.setattr(tasks, "waits_for", somebody)
    monkeypatch.setattr(tell_links, "tell_links", lambda task: told.append(task.gives_way()))
    chosen = ["company_from_ipaas"]
    run = run_dag("initialize", {"mode": "apply", "flows": chosen}, flows=chosen, variables=VARIABLES)
    assert run.states["company_from_ipaas.report[-1]"] == "success", run.states
    assert (asked, told) == ([("company_from_ipaas", "tell_links")], [True])


def test_killed_in_the_middle_it_goes_on_and_then_both_sides_agree(
    run_dag: RunDag, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, VARIABLES)
    kill_initialize(sandbox, monkeypatch, at=10)
    assert len(sandbox.counters.writes()) >= 10
    assert not check(sandbox.bc, sandbox.ipaas).ok
    claims_run_out()

    run = run_dag("initialize", _APPLY, variables=VARIABLES)
    assert run.state == "success", run.xcoms
    verdict = check(sandbox.bc, sandbox.ipaas)
    assert verdict.ok, verdict.differences
    total = run.xcoms["sum_up", "return_value"]
    assert total["created"] > 0
    assert total["unchanged"] > 0
    assert not any(total[name] for name in ("failed", "waiting", "retrying"))
    assert len(run.states) <= 5 * len(FLOWS) + 1 + 2 * len(FLOWS)


def test_a_plan_of_some_flows_forecasts_and_writes_nothing_and_the_others_are_left_out(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    chosen = ["customer_category_to_ipaas", "location_to_ipaas", "company_from_ipaas"]
    there = [*chosen, "shipping_method_to_ipaas"]
    run = run_dag("initialize", {"flows": chosen, "direction": "to_ipaas"}, flows=there)
    assert run.state == "success"
    assert sandbox.counters.writes() == []
    ended = {task for task, state in run.states.items() if state == "success"}
    assert {task.partition(".")[0] for task in ended} == {*chosen[:2], "sum_up[-1]"}
    counts = [run.xcoms[f"{name}.report", "return_value"] for name in chosen[:2]]
    assert all(one["created"] == one["read"] > 0 for one in counts)
    forecast = run.xcoms["sum_up", "applying"]
    assert forecast["ipaas_requests"] >= sum(one["created"] for one in counts)
    where = {"dag_id": run.dag_id, "run_id": run.run_id}
    page = server.get("/sync/api/report", params=where, headers=login).json()
    assert page["applying"] == forecast["words"]
    assert {one["flow"]: one["counts"] for one in page["flows"]} == dict(zip(chosen, counts, strict=False))
    part = server.get("/sync/api/report", params={**where, "flow": chosen[1]}, headers=login).json()
    assert part["report"]["flow"] == chosen[1]
    assert sandbox.bc.rows("Location")[0]["Code"] in [record["key"] for record in part["report"]["records"]]


def test_a_plan_goes_by_what_the_flows_before_would_make(run_dag: RunDag, sandbox: Sandbox) -> None:
    chosen = ["product_category_to_ipaas", "product_to_ipaas"]
    run = run_dag("initialize", {"flows": chosen}, flows=chosen)
    assert run.state == "success"
    assert sandbox.counters.writes() == []
    counts = run.xcoms["product_to_ipaas.report", "return_value"]
    assert (counts["created"] + counts["updated"], counts["waiting"]) == (counts["read"], 0)
    assert counts["created"]


def test_failed_records_stop_no_other_flow_and_a_fault_of_the_run_stops_those_after_it(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    sandbox.faults.add(
        Fault(
            system="ipaas",
            method="POST",
            path="Customer/Category$",
            times=1,
            status=400,
            body='{"code": "VALD-1025", "message": "Refused."}',
        )
    )
    sandbox.faults.add(
        Fault(
            system="business_central",
            path="/ItemCard|/items",
            times=10_000,
            status=401,
            body='{"error": {"code": "Authentication_InvalidCredentials", "message": "No."}}',
        )
    )
    flows = ["customer_category_to_ipaas", "company_to_ipaas", "product_to_ipaas", "sales_order_to_ipaas"]
    run = run_dag("initialize", _APPLY, flows=flows)
    assert run.state == "failed"
    assert run.xcoms["customer_category_to_ipaas.report", "return_value"]["failed"] == 1
    assert run.xcoms["company_to_ipaas.report", "return_value"]["created"] == _SMALL.companies
    assert run.states["product_to_ipaas.extract[-1]"] == "failed"
    assert run.states["sales_order_to_ipaas.extract[-1]"] == "upstream_failed"
    assert "product_to_ipaas, sales_order_to_ipaas" in run.xcoms["sum_up", "problem"]["what"]
    where = {"dag_id": run.dag_id, "run_id": run.run_id}
    page = server.get("/sync/api/report", params=where, headers=login).json()
    assert any("did not come to their end" in problem["what"] for problem in page["problems"])
    assert {one["flow"]: one["task"] for one in page["flows"]} == {
        "customer_category_to_ipaas": "success",
        "company_to_ipaas": "success",
        "product_to_ipaas": "upstream_failed",
        "sales_order_to_ipaas": "upstream_failed",
    }


def test_what_the_form_does_not_have_is_refused(dags: Mapping[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    for name, value in (("flows", ["company"]), ("direction", "up"), ("mode", "delete")):
        with pytest.raises(ParamValidationError, match="is not allowed"):
            dags["initialize"].params.get_param(name).resolve(value)

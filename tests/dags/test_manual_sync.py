"""Manual Sync and the flows' own forms: what was asked is moved, and nothing else, whatever else is under way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from tests.dags.conftest import Run, RunDag

pytestmark = pytest.mark.dag


def _records(run: Run) -> list[tuple[str, str]]:
    return [(line["key"], line["result"]) for line in run.reported("records")["records"]]


def test_it_is_never_scheduled_never_paused_and_several_runs_go_at_once(dags: Mapping[str, Any]) -> None:
    dag = dags["manual_sync"]
    assert dag.schedule is None
    assert dag.is_paused_upon_creation is False
    assert dag.max_active_runs > 1
    assert "operations" in dag.tags


def test_the_form_offers_every_flow_in_words_and_proposes_to_plan(dags: Mapping[str, Any]) -> None:
    params = {name: dags["manual_sync"].params.get_param(name) for name in dags["manual_sync"].params}
    assert list(params) == ["flow", "ids", "mode", "force"]
    assert params["flow"].schema["values_display"] == {name: flow.collection for name, flow in FLOWS.items()}
    assert params["mode"].schema["enum"][0] == params["mode"].value == "plan"
    assert set(params["mode"].schema["enum"]) == {"plan", "apply", "explain"}
    assert all("explain" not in dags[name].params.get_param("mode").schema["enum"] for name in FLOWS)
    # Two sentences, and one example of each flow on a line of its own.
    help_, *examples = params["ids"].schema["description_md"].split("\n* ")
    assert help_.count(". ") == 1
    assert len(examples) == len(FLOWS)
    assert {"Companies to iPaaS.com: C10000", "Product inventories to iPaaS.com: MAIN|1896-S"} <= set(examples)
    assert [name for name, param in params.items() if "null" not in param.schema["type"]] == ["flow"]


def test_one_record_is_planned_then_moved_and_nothing_else_is(run_dag: RunDag, sandbox: Sandbox) -> None:
    asked = {"flow": "customer_category_to_ipaas", "ids": [sandbox.bc.rows("Customer Price Group")[0]["Code"]]}
    planned = run_dag("manual_sync", asked)
    assert planned.state == "success"
    assert [result for _, result in _records(planned)] == ["created"]
    assert not sandbox.ipaas.records["customer category"]
    moved = run_dag("manual_sync", {**asked, "mode": "apply"})
    assert _records(moved) == _records(planned)
    assert len(sandbox.ipaas.records["customer category"]) == 1
    assert {task: state for task, state in moved.states.items() if task.startswith("from_ipaas.")} == {
        "from_ipaas.extract[-1]": "skipped",
        "from_ipaas.transform[-1]": "skipped",
        "from_ipaas.load[-1]": "skipped",
        "from_ipaas.report[-1]": "skipped",
    }


def test_it_explains_ids_of_either_side_and_writes_nothing(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    code = sandbox.bc.rows("Customer Price Group")[0]["Code"]
    flow = "customer_category_to_ipaas"
    run_dag("manual_sync", {"flow": flow, "ids": [code], "mode": "apply"})
    record = sandbox.ipaas.linked("customer category", code)
    assert record
    record["description"] = "By hand"
    sandbox.counters.reset()
    run = run_dag("manual_sync", {"flow": flow, "ids": [str(record["id"])], "mode": "explain"})
    assert run.state == "success"
    assert not sandbox.counters.writes()
    (line,) = run.reported("records")["records"]
    assert (line["key"], line["difference"]) == (code, "stale")
    assert any(note.startswith(f"Linked: {code} in Business Central") for note in line["notes"])
    where = {"dag_id": run.dag_id, "run_id": run.run_id}
    page = server.get("/sync/api/report", params=where, headers=login).json()["report"]
    assert (page["source"], page["target"]) == ("Business Central", "iPaaS.com")
    (field,) = [one for one in page["records"][0]["both"] if one.get("differs")]
    assert (field["field"], field["target"]) == ("description", "By hand")
    assert field["source"] == field["agreed"] == sandbox.bc.rows("Customer Price Group")[0]["Description"]


def test_to_explain_it_wants_ids(run_dag: RunDag, sandbox: Sandbox) -> None:
    run = run_dag("manual_sync", {"flow": "customer_category_to_ipaas", "mode": "explain"})
    assert run.state == "failed"
    assert "Name the records to explain" in run.problem


def test_the_other_direction_holds_slots_of_its_own_pools(dags: Mapping[str, Any]) -> None:
    for direction, flow in (("to_ipaas", "company_to_ipaas"), ("from_ipaas", "company_from_ipaas")):
        for name in ("extract", "transform", "load", "report"):
            mine, theirs = dags["manual_sync"].get_task(f"{direction}.{name}"), dags[flow].get_task(name)
            assert (mine.pool, mine.pool_slots) == (theirs.pool, theirs.pool_slots)


def test_a_record_of_ipaas_is_moved_and_its_link_pushed(run_dag: RunDag, sandbox: Sandbox) -> None:
    made = sandbox.ipaas.add(
        "company", {"name": "Newcomer Ltd", "addresses": [{"is_primary_billing": True, "city": "Leeds"}]}
    )
    asked = {"flow": "company_from_ipaas", "ids": [str(made["id"])], "mode": "apply"}
    run = run_dag("manual_sync", asked)
    assert run.state == "success", run.xcoms
    assert [result for _, result in _records(run)] == ["created"]
    again = run_dag("manual_sync", asked)
    assert again.counts["unchanged"] == 1


def test_a_plan_without_ids_says_what_a_run_would_do_and_apply_without_ids_is_refused(
    run_dag: RunDag, sandbox: Sandbox
) -> None:
    planned = run_dag("manual_sync", {"flow": "customer_category_to_ipaas"})
    assert planned.counts["created"] == planned.counts["read"] > 1
    run = run_dag("manual_sync", {"flow": "customer_category_to_ipaas", "mode": "apply"})
    assert run.state == "failed"
    assert "Param ids" in run.problem
    assert "customer_category_to_ipaas" in run.problem
    assert not sandbox.ipaas.records["customer category"]


def test_a_wrong_id_fails_the_run_and_names_itself(run_dag: RunDag) -> None:
    run = run_dag("manual_sync", {"flow": "customer_to_ipaas", "ids": ["C|1|2|3"], "mode": "apply"})
    assert run.state == "failed"
    assert "'C|1|2|3' is not an id" in run.problem


def _running_poll(dag_id: str, run_id: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    with create_session() as session:
        run = DagRun(
            dag_id=dag_id, run_id=run_id, run_type=DagRunType.SCHEDULED, state="running", run_after=datetime.now(UTC)
        )
        session.add(run)


def test_a_poll_stands_aside_for_another_and_the_next_takes_up_what_it_left(
    run_dag: RunDag, sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    from bridge.staging import base

    flow = "customer_category_to_ipaas"
    first = run_dag(flow)
    assert first.counts["created"] > 0
    sandbox.bc.add("Customer Price Group", {"Code": "LATER", "Description": "Made while the other runs"})
    _running_poll(flow, f"scheduled__{request.node.name}")
    (base() / flow / "poll").write_text(f"scheduled__{request.node.name}")
    beside = run_dag(flow)
    assert beside.state == "success"
    assert beside.counts["read"] == 0
    assert f"scheduled__{request.node.name}" in beside.reported("records")["warnings"][0]
    # Who names records does not wait for anybody, and does not take the turn.
    assert run_dag(flow, {"external_ids": ["LATER"]}).counts["created"] == 1
    sandbox.bc.change("Customer Price Group", "LATER", Description="Changed meanwhile")
    assert run_dag(flow).counts["updated"] == 1

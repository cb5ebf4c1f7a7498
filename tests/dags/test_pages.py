"""What the page and the tab of a run are served with by Airflow's API server."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sync.flow import Flow
from include.sync.ledger.entries import Finish, State, iso
from include.sync.runs import RunKind
from tests.dags.conftest import Run, RunDag, connect, lose_ledger
from tests.systems import PAIR

pytestmark = pytest.mark.dag


def _report(server: Any, login: dict[str, str], run: Run, **asked: Any) -> dict[str, Any]:
    answer = server.get("/sync/api/report", params={"dag_id": run.dag_id, "run_id": run.run_id, **asked}, headers=login)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def test_the_report_says_what_became_of_each_record(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    sandbox.bc.add("Customer Price Group", {"Code": "BOLD", "Description": "Bold"})
    run = run_dag("customer_category_to_ipaas", {"external_ids": ["BOLD", "NOWHERE"]})
    told = _report(server, login, run)
    assert told["problems"] == []
    assert [(line["key"], line["result"]) for line in told["report"]["records"]] == [
        ("NOWHERE", "failed"),
        ("BOLD", "created"),
    ]
    assert told["report"]["records"][0]["kind"] == "rejected"
    assert "Check the id" in told["report"]["records"][0]["advice"]
    assert told["report"]["counts"]["failed"] == 1


def test_a_record_is_told_by_the_id_that_somebody_typed_too(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    sandbox.bc.add("Customer Price Group", {"Code": "BOLD", "Description": "Bold"})
    item = next(iter(sandbox.bc.rows("Item")))
    number = str(item["No."])
    sandbox.bc.move_stock(number, "MAIN", 5)
    run = run_dag("product_inventory_to_ipaas", {"external_ids": [f"MAIN|{number}"]})
    (line,) = _report(server, login, run)["report"]["records"]
    assert (line["key"], line["name"]) == (f"MAIN|{item['systemid']}", f"MAIN|{number}")
    run = run_dag("customer_category_to_ipaas", {"external_ids": ["BOLD"]})
    (line,) = _report(server, login, run)["report"]["records"]
    assert "name" not in line
    assert line["key"] == "BOLD"


def test_the_report_says_what_stopped_a_run(run_dag: RunDag, server: Any, login: dict[str, str]) -> None:
    told = _report(server, login, run_dag("customer_category_to_ipaas", bc={"password": "wrong"}))
    assert "Certificates & Secrets" in told["problems"][0]["advice"]
    assert (told["state"], told["report"]) == ("failed", None)


@pytest.mark.parametrize("kind", RunKind)
def test_a_run_of_every_kind_says_what_it_took(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str], kind: RunKind
) -> None:
    from bridge.staging import base

    run = run_dag("customer_category_to_ipaas")
    for report in Path(base().path).glob(f"{run.dag_id}/*/*/report.json"):
        report.write_text(json.dumps({**json.loads(report.read_text()), "kind": kind.value}))
    assert _report(server, login, run)["report"]["kind"].endswith(".")


def test_the_report_of_many_records_is_paged_sorted_and_searched_on_the_server(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    for number in reversed(range(620)):
        sandbox.bc.add("Customer Price Group", {"Code": f"G{number:03}", "Description": f"Group {number}"})
    run = run_dag("customer_category_to_ipaas")
    first = _report(server, login, run, search="g")["report"]
    assert first["total"] == 620 > 500
    keys = [line["key"] for line in first["records"]]
    for offset in range(first["page"], first["total"], first["page"]):
        keys += [line["key"] for line in _report(server, login, run, search="g", offset=offset)["report"]["records"]]
    assert keys == [f"G{number:03}" for number in range(620)]
    assert [line["key"] for line in _report(server, login, run, search="g61")["report"]["records"]] == [
        f"G61{n}" for n in range(10)
    ]
    assert _report(server, login, run, result="failed")["report"]["records"] == []
    assert _report(server, login, run, search="g", sort="-record")["report"]["records"][0]["key"] == "G619"
    asked = {"dag_id": run.dag_id, "run_id": run.run_id, "sort": "password"}
    assert server.get("/sync/api/report", params=asked, headers=login).status_code == 422


def test_what_a_poll_left_out_is_a_list_with_reasons(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    run = run_dag("contact_to_ipaas")
    told = _report(server, login, run, result="skipped")["report"]
    assert told["total"] == told["counts"]["skipped"] > 0
    assert all(line["message"] for line in told["records"])
    assert not [line for line in run.reported("records")["records"] if line["result"] == "skipped"]


def test_the_report_is_for_those_who_may_see_the_run(server: Any, login: dict[str, str]) -> None:
    where = {"dag_id": "customer_category_to_ipaas", "run_id": "manual__1"}
    assert server.get("/sync/api/report", params=where).status_code == 401
    assert server.get("/sync/api/report", params=where, headers={"Authorization": "Bearer x.y.z"}).status_code == 403
    told = server.get("/sync/api/report", params=where, headers=login).json()
    assert told == {"ours": True, "state": None, "problems": [], "questions": [], "report": None}


@pytest.mark.parametrize("run_id", ["../../../etc", "..", "."])
@pytest.mark.parametrize("dag_id", ["..", "somebody_elses", "customer_category_to_ipaas"])
def test_nothing_but_reports_of_our_runs_is_read(server: Any, login: dict[str, str], dag_id: str, run_id: str) -> None:
    where = {"dag_id": dag_id, "run_id": run_id}
    told = server.get("/sync/api/report", params=where, headers=login).json()
    assert told == {"ours": dag_id in FLOWS, "state": None, "problems": [], "questions": [], "report": None}


def test_a_plan_names_the_fields_that_would_change(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    run_dag("customer_category_to_ipaas")
    code = next(row["Code"] for row in sandbox.bc.rows("Customer Price Group"))
    sandbox.bc.change("Customer Price Group", code, Description="Described anew")
    told = _report(server, login, run_dag("customer_category_to_ipaas", {"mode": "plan"}))["report"]
    assert told["mode"] == "plan"
    changes = [change for line in told["records"] for change in line["changes"]]
    assert {"field": "description", "before": "Retail customers", "after": "Described anew"} in changes


def test_what_waits_is_counted_for_each_flow(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import server as bridge_server

    lose_ledger()
    bridge_server.current.cache.clear()
    connect(monkeypatch, sandbox)
    ledger = bridge_server.ledger().of(PAIR)
    ledger.receive([("company_from_ipaas", str(n), "company/updated") for n in range(1_234)])
    ends = [
        Finish(
            key=f"C{n}",
            state=State.waiting,
            run_id="r",
            outcome={},
            read_at=iso(datetime.now(UTC)),
            kind="waiting",
            message="It waits.",
        )
        for n in range(3)
    ]
    ledger.finish("company_to_ipaas", "customer company", ends, [])
    told = {one["flow"]: one for one in server.get("/sync/api/overview", headers=login).json()["flows"]}
    assert told["company_from_ipaas"]["webhooks"] == 1_234
    assert told["company_to_ipaas"]["unfinished"] == {"waiting": 3}
    lose_ledger()


def test_the_page_shows_the_flows_that_a_person_may_see(
    server: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(get_auth_manager(), "filter_authorized_dag_ids", lambda **_: {"location_to_ipaas"})
    told = server.get("/sync/api/overview", headers=login).json()
    assert [one["flow"] for one in told["flows"]] == ["location_to_ipaas"]
    assert told["may_change"] == ["location_to_ipaas"]


def test_the_documentation_is_for_those_who_are_logged_in(server: Any) -> None:
    where = "/sync/doc?dag_id=company_to_ipaas"
    assert server.get(where).status_code == 401
    assert server.get(where, headers={"Authorization": "Bearer x.y.z"}).status_code == 403


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_every_flow_has_its_documentation_as_a_page(server: Any, login: dict[str, str], flow: Flow) -> None:
    page = server.get("/sync/doc", params={"dag_id": flow.name}, headers=login).text
    assert f"<h2>{html.escape(flow.collection, quote=False)}</h2>" in page
    assert "<table>" in page
    for scope in flow.scopes:
        assert f"<code>{scope}</code>" in page


def test_the_documentation_leads_back_to_the_run_that_somebody_came_from(server: Any, login: dict[str, str]) -> None:
    asked = {"dag_id": "company_to_ipaas", "from_dag": "manual_sync", "run_id": "manual__1+2"}
    page = server.get("/sync/doc", params=asked, headers=login).text
    assert 'href="../dags/manual_sync/runs/manual__1%2B2/plugin/records"' in page


def test_the_page_and_the_tabs_are_scripts_that_airflow_loads(server: Any, login: dict[str, str]) -> None:
    plugins = server.get("/api/v2/plugins", headers=login).json()["plugins"]
    ours = next(plugin for plugin in plugins if plugin["name"] == "business_central_ipaas")
    assert [(app["destination"], app["nav_top_level"]) for app in ours["react_apps"]] == [
        ("nav", True),
        ("dag", False),
        ("dag_run", False),
    ]
    assert {app["url_prefix"] for app in ours["fastapi_apps"]} == {"/sync", "/ipaas", "/business_central"}
    for app in ours["react_apps"]:
        script = server.get(f"/{app['bundle_url']}")
        assert script.status_code == 200
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["cache-control"] == "no-cache"
        assert f"globalThis.{app['name']} = " in script.text
    errors = server.get("/api/v2/plugins/importErrors", headers=login).json()
    assert errors["total_entries"] == 0

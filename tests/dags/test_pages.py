"""The operator's page of a run, as Airflow's API server serves it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Finish, iso
from tests.dags.conftest import RunDag, connect, lose_ledger
from tests.systems import PAIR

pytestmark = pytest.mark.dag


def test_the_page_says_what_became_of_each_record(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    name = "<b>Bold & Söhne</b>"
    sandbox.bc.add("Customer Price Group", {"Code": "BOLD", "Description": name})
    run = run_dag("customer_category_to_ipaas", {"external_ids": ["BOLD", "NO<i>WHERE"]})
    page = server.get("/sync/report", params={"dag_id": run.dag_id, "run_id": run.run_id}, headers=login)
    assert page.status_code == 200
    assert "BOLD" in page.text
    assert "NO&lt;i&gt;WHERE" in page.text
    assert "Check the id" in page.text
    assert "rejected" in page.text


def test_the_page_shows_what_stopped_a_run(run_dag: RunDag, server: Any, login: dict[str, str]) -> None:
    run = run_dag("customer_category_to_ipaas", bc={"password": "wrong"})
    page = server.get("/sync/report", params={"dag_id": run.dag_id, "run_id": run.run_id}, headers=login)
    assert "Certificates &amp; Secrets" in page.text


def test_the_page_is_for_those_who_are_logged_in(server: Any, login: dict[str, str]) -> None:
    where = {"dag_id": "customer_category_to_ipaas", "run_id": "manual__1"}
    assert server.get("/sync/report", params=where).status_code == 401
    assert server.get("/sync/report", params=where, headers={"Authorization": "Bearer x.y.z"}).status_code == 403
    page = server.get("/sync/report", params=where, headers=login)
    assert page.status_code == 200
    assert "There is no report" in page.text


@pytest.mark.parametrize("run_id", ["../../../etc", "..", "."])
def test_the_page_reads_nothing_but_reports(server: Any, login: dict[str, str], run_id: str) -> None:
    page = server.get("/sync/report", params={"dag_id": "..", "run_id": run_id}, headers=login)
    assert "There is no report" in page.text


def test_a_plan_names_the_fields_that_would_change(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    run_dag("customer_category_to_ipaas")
    code = next(row["Code"] for row in sandbox.bc.rows("Customer Price Group"))
    sandbox.bc.change("Customer Price Group", code, Description="Described anew")
    run = run_dag("customer_category_to_ipaas", {"mode": "plan"})
    page = server.get("/sync/report", params={"dag_id": run.dag_id, "run_id": run.run_id}, headers=login).text
    assert "A plan: nothing was written." in page
    assert "Fields that would change" in page
    assert "description: Retail customers → Described anew" in page


def test_the_transfers_page_shows_what_is_unfinished_and_what_waits(
    run_dag: RunDag, sandbox: Sandbox, server: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import server as bridge_server

    lose_ledger()
    bridge_server.current.cache.clear()
    connect(monkeypatch, sandbox)

    def ledger() -> Ledger:
        return bridge_server.ledger().of(PAIR)

    ledger().receive([("company_from_ipaas", str(n), "company/updated") for n in range(1_234)])
    end = Finish(
        key="<b>C1</b>",
        state="failed",
        run_id="r",
        outcome={},
        read_at=iso(datetime.now(UTC)),
        kind="rejected",
        message="Its name is <i>too long</i>.",
        advice="Shorten it.",
    )
    ledger().finish("company_to_ipaas", "customer company", [end], [])
    page = server.get("/sync/transfers", headers=login).text
    for flow in FLOWS:
        assert flow in page
    assert "1,234" in page
    assert "&lt;b&gt;C1&lt;/b&gt;" in page
    assert "Its name is &lt;i&gt;too long&lt;/i&gt;." in page
    assert "Shorten it." in page
    of_other = server.get("/sync/transfers", params={"dag_id": "company_from_ipaas"}, headers=login).text
    assert "Shorten it." not in of_other
    lose_ledger()
    assert "every record that was read has been transferred" in server.get("/sync/transfers", headers=login).text


def test_the_transfers_page_shows_the_flows_that_a_person_may_see(
    server: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    monkeypatch.setattr(manager, "filter_authorized_dag_ids", lambda **_: {"location_to_ipaas"})
    page = server.get("/sync/transfers", params={"dag_id": "company_to_ipaas"}, headers=login).text
    assert "location_to_ipaas" in page
    assert "company_to_ipaas" not in page


@pytest.mark.parametrize("path", ["/sync/transfers", "/sync/doc?dag_id=company_to_ipaas"])
def test_the_other_pages_are_for_those_who_are_logged_in(server: Any, path: str) -> None:
    assert server.get(path).status_code == 401
    assert server.get(path, headers={"Authorization": "Bearer x.y.z"}).status_code == 403


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_every_flow_has_its_documentation_as_a_page(server: Any, login: dict[str, str], flow: Flow) -> None:
    page = server.get("/sync/doc", params={"dag_id": flow.name}, headers=login).text
    assert f"<h2>{html.escape(flow.collection, quote=False)}</h2>" in page
    assert "<table>" in page
    for scope in flow.scopes:
        assert f"<code>{scope}</code>" in page


def test_pages_link_to_each_other(run_dag: RunDag, server: Any, login: dict[str, str]) -> None:
    run = run_dag("location_to_ipaas")
    at, seen = f"/sync/report?dag_id={run.dag_id}&run_id={run.run_id}", set()
    for link in re.findall(r'href="([^"]+)"', server.get(at, headers=login).text):
        seen.add(link.split("?")[0])
        assert server.get(f"/sync/{html.unescape(link)}", headers=login).status_code == 200
    assert seen == {"doc", "transfers"}


def test_a_run_has_the_tab_and_the_menu_the_transfers(server: Any, login: dict[str, str]) -> None:
    plugins = server.get("/api/v2/plugins", headers=login).json()["plugins"]
    ours = next(plugin for plugin in plugins if plugin["name"] == "business_central_ipaas")
    assert [view["destination"] for view in ours["external_views"]] == ["dag_run", "nav"]
    assert {app["url_prefix"] for app in ours["fastapi_apps"]} == {"/sync", "/ipaas"}
    errors = server.get("/api/v2/plugins/importErrors", headers=login).json()
    assert errors["total_entries"] == 0

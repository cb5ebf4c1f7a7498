"""The operator's page of a run, as Airflow's API server serves it."""

from __future__ import annotations

from typing import Any

import pytest

from include.sandbox import Sandbox
from tests.dags.conftest import RunDag

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


def test_every_run_has_the_tab(server: Any, login: dict[str, str]) -> None:
    plugins = server.get("/api/v2/plugins", headers=login).json()["plugins"]
    ours = next(plugin for plugin in plugins if plugin["name"] == "business_central_ipaas")
    assert [view["destination"] for view in ours["external_views"]] == ["dag_run"]
    errors = server.get("/api/v2/plugins/importErrors", headers=login).json()
    assert errors["total_entries"] == 0

"""The DAG `forget`: what is remembered of one customer is listed, then erased; Explain shows it until then."""

from __future__ import annotations

from typing import Any

import pytest

from include.sandbox import Sandbox
from tests.dags.conftest import RunDag

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]
FLOW = "customer_to_ipaas"


def test_one_customer_is_forgotten(run_dag: RunDag, server: Any, login: dict[str, str], sandbox: Sandbox) -> None:
    values = {"Contact Type": "Person", "E-Mail": "anna@example.com"}
    sandbox.bc.add("Customer", {"No.": "P1", "Name": "Anna Berg", **values})
    moved = run_dag(FLOW, {"external_ids": ["P1"]})
    assert moved.state == "success"

    def explained() -> Any:
        answer = server.get("/sync/api/explain", params={"id": "P1"}, headers=login)
        (found,) = answer.json()["found"]
        return next(one for one in found["records"] if one["flow"] == FLOW)

    (past,) = explained()["history"]
    assert (past["result"], past["run_id"]) == ("created", moved.run_id)
    assert {"field": "email_address", "after": "anna@example.com"} in past["fields"]
    planned = run_dag("forget", {"id": "p1"})
    assert explained()["history"]
    listed = server.get("/sync/api/report", params={"dag_id": "forget", "run_id": planned.run_id}, headers=login).json()
    assert [(one["line"], one["said"]) for one in listed["lines"]] == [(f"{FLOW}: P1", "Its values would be erased.")]
    run_dag("forget", {"id": "P1", "mode": "apply"})
    left = explained()
    assert (left["history"], left["agreed"]) == ([], [])
    assert left["target_id"] is not None


def test_of_an_id_that_names_several_one_flow_may_be_chosen(run_dag: RunDag, sandbox: Sandbox) -> None:
    values = {"Contact Type": "Person", "E-Mail": "berta@example.com"}
    sandbox.bc.add("Customer", {"No.": "S100", "Name": "Berta Berg", **values})
    sandbox.bc.add("Item", {"No.": "S100", "Description": "Chair", "Type": "Inventory"})
    for flow in (FLOW, "product_to_ipaas"):
        run_dag(flow, {"external_ids": ["S100"]})

    def listed(**chosen: str) -> set[str]:
        found = run_dag("forget", {"id": "S100", **chosen}).xcoms["look", "return_value"]
        return {line["line"] for line in found}

    assert listed() == {f"{FLOW}: S100", "product_to_ipaas: S100"}
    assert listed(flow=FLOW) == {f"{FLOW}: S100"}

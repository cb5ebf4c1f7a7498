"""What an operator does and sees over a day, in a real browser: refuse, wait for an outage to end, initialize, reconcile."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from include.sandbox import Sandbox
from include.sandbox.faults import Fault
from tests.dags.browser import Visit, sees
from tests.dags.conftest import (
    Run,
    RunDag,
    a_location_renamed_by_hand,
    claims_run_out,
    connect,
    while_it_waits,
)
from tests.dags.killed import VARIABLES, kill_initialize
from tests.dags.scheduling import retried_now, unpause

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_category_to_ipaas"
OTHER = "location_to_ipaas"


def test_a_large_change_is_refused_and_its_records_are_kept_as_some_that_need_a_person(
    run_and_answer: Callable[..., Run], sandbox: Sandbox, visit: Visit
) -> None:
    def person(question: dict[str, Any]) -> None:
        page = visit("plugin/sync")
        page.get_by_role("region", name="Waits for approval").get_by_role("link", name="Approve or refuse").click()
        with page.expect_response(lambda one: one.request.method == "PATCH") as answered:
            page.get_by_role("button", name="Refuse").click()
        assert answered.value.ok

    run = run_and_answer(FLOW, person=person, variables={"sync_approve_above": '{"records": 1}'})
    assert run.state == "failed"
    assert not sandbox.ipaas.records["customer category"]
    page = visit("plugin/sync")
    sees(page.get_by_role("region", name="Needs you"), "was refused by admin")
    page.goto(f"/dags/{FLOW}/runs/{run.run_id}/plugin/records")
    sees(page.get_by_role("region", name="Records"), "Nothing was written: the run was refused by admin")


def test_after_an_outage_everything_goes_through_and_nobody_does_anything(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.faults.add(Fault(system="ipaas", times=100_000, status=503, body="Service Unavailable"))
    pages: list[Any] = []

    def look() -> None:
        if not pages:
            pages.append(visit("plugin/sync"))
            sees(pages[0].get_by_role("region", name="Under way"), re.compile("tried again .*503", re.DOTALL))
            sandbox.faults.clear()
            retried_now()

    while_it_waits(monkeypatch, look)
    unpause(FLOW)
    run = run_dag(FLOW)
    assert (run.state, len(pages)) == ("success", 1)
    assert len(sandbox.ipaas.records["customer category"]) == len(sandbox.bc.rows("Customer Price Group"))
    try:
        sees(pages[0].get_by_role("heading", level=1), "1 of 16 flows is in step")
    finally:
        unpause(FLOW, paused=True)


def test_initialize_is_killed_goes_on_and_is_seen_to_do_so(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = [FLOW, OTHER, "company_to_ipaas"]
    connect(monkeypatch, sandbox, VARIABLES)
    kill_initialize(sandbox, monkeypatch, at=4, flows=flows)
    assert len(sandbox.counters.writes()) >= 4
    page = visit("plugin/sync")
    under_way = page.get_by_role("region", name="Under way")
    sees(under_way, re.compile(r"Initialize.*[012] of 3 flows done", re.DOTALL))
    claims_run_out()
    run = run_dag("initialize", {"mode": "apply"}, variables=VARIABLES, flows=flows)
    assert run.state == "success"
    page.goto(f"/dags/initialize/runs/{run.run_id}/plugin/records")
    table = page.get_by_role("table", name="Flows of the run")
    for flow in flows:
        sees(table.get_by_role("row", name=flow), "success")
    sees(table.get_by_role("row", name="company_to_ipaas"), "4 created")
    table.get_by_role("button", name="company_to_ipaas").click()
    sees(page.get_by_role("heading", level=1), "Compan")


def test_what_was_changed_by_hand_is_found_shown_and_healed(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    chosen = {"flows": [FLOW, OTHER]}
    code, record, name = a_location_renamed_by_hand(run_dag, sandbox, chosen["flows"])
    run = run_dag("reconcile", chosen, flows=chosen["flows"])
    page = visit(f"dags/reconcile/runs/{run.run_id}/plugin/records")
    flows = page.get_by_role("table", name="Flows of the run")
    sees(flows.get_by_role("row", name=OTHER), "1 stale")
    sees(flows.get_by_role("row", name=FLOW), "no differences")
    sees(page.get_by_role("region", name="Records"), "What differs between both sides: nothing was written.")
    sees(flows.get_by_role("row", name=OTHER), "1 would be updated")
    flows.get_by_role("button", name=OTHER).click()
    sees(page.get_by_role("button", name="1 would be updated"), "1 would be updated")
    sees(page.get_by_role("row", name=code), "Moved by hand")
    assert len(sandbox.counters.writes()) == 0
    healed = run_dag("reconcile", {**chosen, "mode": "heal"}, flows=chosen["flows"])
    assert len(sandbox.counters.writes()) == 1
    assert record["name"] == name
    page.goto(f"/dags/reconcile/runs/{healed.run_id}/plugin/records")
    sees(flows.get_by_role("row", name=OTHER), "1 healed")
    assert "would be" not in flows.inner_text()
    assert "nothing was written" not in page.get_by_role("region", name="Records").inner_text()
    page.goto("/plugin/sync")
    sees(page.get_by_role("row", name=OTHER), re.compile("compared.*no differences", re.DOTALL))

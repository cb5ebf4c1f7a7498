"""How a person finds the way on the page and the tab: narrow windows, sorting, lists, links; in a real browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sync.differences import Reconciled
from include.sync.outcomes import Difference
from tests.dags.browser import Visit, gone, sees
from tests.dags.conftest import RunDag
from tests.dags.scheduling import unpause

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_category_to_ipaas"


def _column(table: Any) -> list[str]:
    """The flows or records of a table, as they stand below each other."""
    found: list[str] = table.locator("tbody tr td:first-child a:first-child").all_inner_texts()
    return found


def test_in_a_narrow_window_nothing_of_the_flows_is_off_screen(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    from bridge.connected import current_pair, ledger_of

    run_dag(FLOW)
    left = {kind.value: 1_200 for kind in Difference}
    with ledger_of(current_pair()) as ledger:
        for flow in (FLOW, "company_to_ipaas"):
            ledger.note_reconciled(Reconciled(flow=flow, as_of=datetime.now(UTC), compared=9_000, left=left))
    page = visit("plugin/sync")
    page.set_viewport_size({"width": 700, "height": 900})
    table = page.get_by_role("table", name="Flows")
    sees(table.get_by_role("row", name="company_to_ipaas"), "1,200 stale")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    box = table.bounding_box()
    assert box["x"] + box["width"] <= 700
    # It is read out and copied as one word, however it is broken.
    name = table.get_by_role("link", name="product_category_to_ipaas")
    assert name.inner_text() == "product_category_to_ipaas"


def test_flows_are_sorted_and_found_by_keyboard(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    run_dag(FLOW)
    page = visit("plugin/sync")
    table = page.get_by_role("table", name="Flows")
    state, flow = (table.get_by_role("columnheader", name=name) for name in ("State", "Flow"))
    sees(table, FLOW)
    assert (state.get_attribute("aria-sort"), flow.get_attribute("aria-sort")) == ("ascending", "none")
    flow.get_by_role("button").press("Enter")
    assert _column(table) == sorted(FLOWS)
    flow.get_by_role("button").press("Space")
    assert _column(table) == sorted(FLOWS, reverse=True)
    assert (state.get_attribute("aria-sort"), flow.get_attribute("aria-sort")) == ("none", "descending")
    records = table.get_by_role("columnheader", name="Records").get_by_role("button")
    records.press("Enter")
    records.press("Enter")
    assert _column(table)[0] == FLOW
    page.get_by_role("searchbox", name="Find a flow").fill("Location")
    gone(table.get_by_role("row", name=FLOW))
    assert _column(table) == [name for name in _column(table) if "location" in name]


def test_a_flow_has_a_tab_of_its_own_with_what_needs_a_person_and_its_last_runs(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    sandbox.bc.add("Customer", {"No.": "P1", "Name": "P1", "Contact Type": "Person", "E-Mail": ""})
    run_dag("preflight")
    run_dag(FLOW)
    run = run_dag("customer_to_ipaas")
    page = visit("dags/customer_to_ipaas")
    page.get_by_role("link", name="State").click()
    tab = page.get_by_role("region", name="State")
    sees(tab, "Customers to iPaaS.com")
    sees(tab.get_by_role("region", name="Needs you"), "1 record: The customer has no e-mail")
    assert "Customer categories" not in tab.inner_text()
    tab.get_by_role("button", name="1 failed").click()
    sees(tab.get_by_role("table", name="Records of customer_to_ipaas"), "P1")
    tab.get_by_role("button", name="Ignore P1 until it changes").click()
    gone(tab.get_by_role("region", name="Needs you"))
    runs = tab.get_by_role("table", name="Last runs")
    sees(runs, "1 failed")
    runs.get_by_role("link").first.click()
    page.wait_for_url(f"**/runs/{quote(run.run_id, safe='')}/plugin/records")
    page.goto("/dags/preflight/plugin/state")
    sees(page.locator("body"), "This tab is about the flows between Business Central and iPaaS.com.")


def test_records_of_a_run_are_sorted_over_all_pages(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    codes = [f"S{number}" for number in range(105)]
    for code in codes:
        sandbox.bc.add("Customer Price Group", {"Code": code, "Description": code})
    run = run_dag("manual_sync", {"flow": FLOW, "ids": ["NOWHERE", *codes]})
    page = visit(f"dags/manual_sync/runs/{run.run_id}/plugin/records")
    table = page.get_by_role("table", name="Records of the run")
    first = table.locator("tbody tr").first
    sees(first, "NOWHERE")
    assert table.get_by_role("columnheader", name="Would be").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Next").click()
    sees(first, "S99")
    record = table.get_by_role("columnheader", name="Record").get_by_role("button")
    record.click()
    sees(first, "NOWHERE")
    assert _column(table)[1:4] == ["S0", "S1", "S2"]
    record.press("Enter")
    sees(first, "S104")
    table.get_by_role("columnheader", name="Would be").get_by_role("button").press("Enter")
    sees(first, "NOWHERE")
    assert table.get_by_role("columnheader", name="What would happen").is_visible()
    assert table.get_by_role("columnheader", name="What happened").count() == 0


def test_what_health_has_found_is_a_list(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    run = run_dag("health", bc={"password": "not-the-secret"}, ipaas={"password": "nor-this"})
    page = visit(f"dags/health/runs/{run.run_id}/plugin/records")
    tab = page.get_by_role("region", name="Records")
    sees(tab, "A person is needed.")
    assert tab.get_by_role("listitem").count() >= 2
    assert "* " not in tab.inner_text()


def test_what_is_explained_is_no_plan(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    run_dag(FLOW)
    code = sandbox.bc.rows("Customer Price Group")[0]["Code"]
    run = run_dag("manual_sync", {"flow": FLOW, "ids": [code], "mode": "explain"})
    page = visit(f"dags/manual_sync/runs/{run.run_id}/plugin/records")
    tab = page.get_by_role("region", name="Records")
    sees(tab, "What each side has: nothing was written.")
    assert "plan" not in tab.inner_text()
    assert "Applying" not in tab.inner_text()


def test_the_page_leads_to_what_is_run_by_hand_and_a_new_installation_is_told_where_to_begin(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    run_dag("preflight")  # so that the ledger of this test is there
    page = visit("plugin/sync")
    ways = page.get_by_role("navigation", name="Operations")
    sees(ways, "New here? Run Preflight, then Initialize, then unpause the flows.")
    assert ways.get_by_role("link").all_inner_texts() == [
        "Preflight",
        "Initialize",
        "Manual Sync",
        "Reconcile",
        "Health",
    ]
    run_dag(FLOW)
    page.reload()
    sees(ways, "16 of 16 flows are paused: unpause those that are to go on by themselves")
    assert "New here?" not in ways.inner_text()
    unpause(*list(FLOWS)[:8])
    try:
        page.reload()
        sees(ways, "Manual Sync")
        assert "paused" not in ways.inner_text()
    finally:
        unpause(*FLOWS, paused=True)
    ways.get_by_role("link", name="Reconcile").click()
    page.wait_for_url("**/dags/reconcile")


def test_the_history_of_a_record_is_spaced_and_the_record_links_to_the_portal(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.ipaas.portal._API", urlsplit(sandbox.url).hostname)
    run_dag(FLOW)
    code = sandbox.bc.rows("Customer Price Group")[0]["Code"]
    page = visit(f"plugin/sync?explain={code}")
    box = page.get_by_role("region", name="Explain a record")
    sees(box, re.compile(r"created: \d+ fields? (just now|\d)"))
    ways = box.get_by_role("link", name=re.compile("in iPaaS.com$"))
    assert {way.get_attribute("href") for way in ways.all()} == {"https://portal.ipaas.com"}


def test_what_begins_this_very_moment_has_been_so_for_a_moment(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import api

    class Slow(datetime):
        @classmethod
        def now(cls, tz: Any = UTC) -> datetime:
            return datetime.now(tz) - timedelta(seconds=30)

    sandbox.bc.add("Customer", {"No.": "P1", "Name": "P1", "Contact Type": "Person", "E-Mail": ""})
    run_dag("customer_to_ipaas")
    monkeypatch.setattr(api, "datetime", Slow)
    page = visit("plugin/sync")
    sees(page.get_by_role("region", name="Needs you"), "not done for a moment")


def test_a_list_that_is_opened_far_below_is_brought_into_the_window(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    from playwright.sync_api import expect

    sandbox.bc.add("Customer", {"No.": "P1", "Name": "P1", "Contact Type": "Person", "E-Mail": ""})
    run_dag("customer_to_ipaas")
    page = visit("plugin/sync")
    page.set_viewport_size({"width": 1440, "height": 500})
    page.get_by_role("button", name="Ignore until it changes").click()
    flows = page.get_by_role("table", name="Flows")
    for _ in range(2):  # the flow goes to the end of the table
        flows.get_by_role("columnheader", name="Records").get_by_role("button").click()
    flows.locator("tbody tr").last.scroll_into_view_if_needed()
    flows.get_by_role("columnheader", name="Flow").get_by_role("button").click(force=True)
    flows.get_by_role("button", name="1 ignored").click()
    expect(page.get_by_role("heading", name="Customers to iPaaS.com: ignored")).to_be_in_viewport()


def test_all_moments_of_the_page_are_told_in_the_zone_that_was_chosen_in_airflow(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    run_dag("initialize", {"flows": [FLOW], "mode": "apply"}, flows=[FLOW])
    page = visit("plugin/sync", timezone_id="America/New_York")
    head = page.get_by_role("main")
    sees(head, re.compile(r"Records were read last at \d{4}-\d\d-\d\d \d\d:\d\d (EDT|EST)\."))
    sees(head, re.compile(r"Seen \d\d:\d\d:\d\d (EDT|EST)\."))
    page.evaluate("localStorage.setItem('timezone', '\"Asia/Tokyo\"')")
    page.reload()
    sees(head, re.compile(r"Records were read last at \d{4}-\d\d-\d\d \d\d:\d\d GMT\+9\."))
    sees(head, re.compile(r"Seen \d\d:\d\d:\d\d GMT\+9\."))
    assert page.locator("main time[title]").first.get_attribute("title").endswith("GMT+9")


def test_a_webhook_for_a_flow_that_is_paused_is_said_to_wait(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    from bridge.connected import current_pair, ledger_of

    run_dag(FLOW)
    with ledger_of(current_pair()) as ledger:
        ledger.receive([("customer_from_ipaas", "1161", "customer/updated")])
    page = visit("plugin/sync?explain=1161")
    box = page.get_by_role("region", name="Explain a record")
    said = "A webhook has announced it to Customers from iPaaS.com, "
    sees(box, f"{said}which is paused: it waits until that is unpaused. It waits for a moment.")
    unpause("customer_from_ipaas")
    try:
        page.reload()
        sees(box, f"{said}whose next run takes it.")
    finally:
        unpause("customer_from_ipaas", paused=True)

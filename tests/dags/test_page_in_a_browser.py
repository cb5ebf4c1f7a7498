"""The page and the tab of a run in a real browser, in front of Airflow's API server and the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from include.sandbox import Sandbox
from tests.dags.browser import Visit, gone, sees
from tests.dags.conftest import Run, RunDag
from tests.dags.scheduling import next_run, unpause

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_to_ipaas"


def _nameless(sandbox: Sandbox, *numbers: str) -> None:
    for number in numbers:
        values = {"No.": number, "Name": f"<b>{number}</b>", "Contact Type": "Person", "E-Mail": ""}
        sandbox.bc.add("Customer", values)


def _groups(page: Any) -> Any:
    return page.get_by_role("region", name="Needs you").get_by_role("article")


def test_a_wrong_secret_is_the_first_sentence_of_the_page(run_dag: RunDag, visit: Visit) -> None:
    run = run_dag(FLOW, bc={"password": "not-the-secret"})
    page = visit("")
    page.get_by_role("link", name="Sync", exact=True).click()
    sees(page.get_by_role("heading", level=1), f"Stopped: {FLOW}")
    sees(page.get_by_role("main"), "Certificates & Secrets")
    page.get_by_role("row", name=FLOW).get_by_role("link", name="last").click()
    page.wait_for_url(re.compile(rf"/dags/{FLOW}/runs/.*/plugin/records"))
    assert run.run_id in re.sub("%3A", ":", page.url).replace("%2B", "+")
    sees(page.get_by_role("region", name="Records"), "Certificates & Secrets")


def test_a_record_is_ignored_until_it_changes(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    _nameless(sandbox, "P1", "P2")
    run_dag(FLOW)
    page = visit("plugin/sync")
    sees(_groups(page), "2 records: The customer has no e-mail")
    sees(_groups(page), "P1 and 1 more")
    _groups(page).get_by_role("button", name="Show").click()
    page.get_by_label("Find a record by its key").fill("p1")
    gone(page.get_by_role("row", name="P2"))
    page.get_by_role("button", name="Ignore P1 until it changes").click()
    sees(_groups(page), "1 record: ")
    page.get_by_role("button", name="1 ignored").click()
    sees(page.get_by_role("row", name="P1"), "Ignored by admin")
    run_dag(FLOW)
    page.reload()
    sees(_groups(page), "1 record: ")
    sandbox.bc.change("Customer", "P1", Name="Changed")
    run_dag(FLOW)
    page.reload()
    sees(_groups(page), "2 records: ")


def test_a_group_that_was_mended_is_retried_by_one_run(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    _nameless(sandbox, "P1", "P2", "P3")
    run_dag(FLOW)
    run_dag("manual_sync", {"flow": FLOW, "ids": ["P1"]})  # so that Airflow knows the DAG
    for number in ("P1", "P2"):
        sandbox.bc.change("Customer", number, **{"E-Mail": f"{number}@example.com"})
    page = visit("plugin/sync")
    _groups(page).get_by_role("button", name="Retry all").click()
    sees(page.get_by_role("main"), f"A try of 3 records of {FLOW} was started.")
    sees(page.get_by_role("region", name="Under way"), f"{FLOW} by hand, queued")
    conf = _conf_of_the_queued_run()
    assert conf == {"flow": FLOW, "ids": ["P1", "P2", "P3"], "mode": "apply"}
    run_dag("manual_sync", conf)
    page.reload()
    sees(_groups(page), "1 record: ")
    assert {record["email_address"] for record in sandbox.ipaas.records["customer"].values()} >= {
        "P1@example.com",
        "P2@example.com",
    }


def test_what_was_retried_in_vain_says_so_and_goes_with_the_next_run_of_its_flow(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    _nameless(sandbox, "P1")
    run_dag(FLOW)
    run_dag("manual_sync", {"flow": FLOW, "ids": ["P1"]})  # so that Airflow knows the DAG
    page = visit("plugin/sync")
    _groups(page).get_by_role("button", name="Retry").click()
    sees(page.get_by_role("main"), f"A try of 1 record of {FLOW} was started.")
    run_dag("manual_sync", _conf_of_the_queued_run())
    next_run(FLOW, datetime.now(UTC) + timedelta(minutes=50, seconds=30))
    _groups(page).get_by_role("button", name="Show").click()
    row = page.get_by_role("row", name="P1")
    sees(row, "tried by hand: failed again")
    sees(row, "Next try with the next run of its flow, which is paused")
    unpause(FLOW)
    try:
        page.goto("/plugin/sync?explain=P1")
        box = page.get_by_role("region", name="Explain a record")
        sees(box, "Tried by hand: failed again.")
        sees(box, "Next try with the next run of its flow, in 50 minutes.")
    finally:
        unpause(FLOW, paused=True)


def _conf_of_the_queued_run() -> dict[str, Any]:
    """What the page asked for; the run itself is dropped, for no scheduler is there to begin it."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == "manual_sync", DagRun.state == "queued")).one()
        conf = dict(run.conf or {})
        session.delete(run)
    return conf


def test_one_record_is_planned_then_moved_and_nothing_else(run_dag: RunDag, sandbox: Sandbox, visit: Visit) -> None:
    name = "<b>Bold & Söhne</b>"
    sandbox.bc.add("Customer Price Group", {"Code": "BOLD", "Description": name})
    asked = {"flow": "customer_category_to_ipaas", "ids": ["BOLD", "NO<i>WHERE"]}
    before = deepcopy(dict(sandbox.ipaas.records))
    planned = run_dag("manual_sync", asked)
    page = visit(f"dags/manual_sync/runs/{planned.run_id}/plugin/records")
    tab = page.get_by_role("region", name="Records")
    sees(tab, "A plan: nothing was written.")
    sees(tab.get_by_role("row", name="BOLD"), "created")
    sees(tab.get_by_role("row", name="NO<i>WHERE"), "Check the id")
    assert page.get_by_role("columnheader", name="What to do").is_visible()
    assert dict(sandbox.ipaas.records) == before
    moved = run_dag("manual_sync", {**asked, "mode": "apply"})
    planned_at = page.url
    page.goto(planned_at.replace(planned.run_id, moved.run_id))
    tab.get_by_role("button", name="1 created").click()
    gone(page.get_by_role("row", name="NO<i>WHERE"))
    sees(tab.get_by_role("row", name="BOLD"), "created")
    (made,) = sandbox.ipaas.records["customer category"].values()
    assert name in (made["name"], made["description"])
    assert {**sandbox.ipaas.records, "customer category": {}} == before
    page.get_by_role("link", name="Sync", exact=True).click()
    page.wait_for_url("**/plugin/sync")
    page.get_by_role("searchbox", name="Ids of records").fill("bold")
    page.get_by_role("button", name="Explain").click()
    box = page.get_by_role("region", name="Explain a record")
    sees(box, f"BOLD in Business Central is {made['id']} in iPaaS.com")
    box.get_by_role("button", name="Read both sides now").click()
    sees(box, "Both sides are being read, and nothing is written")
    conf = _conf_of_the_queued_run()
    assert conf == {"flow": asked["flow"], "ids": ["BOLD"], "mode": "explain"}
    explained = run_dag("manual_sync", conf)
    page.goto(planned_at.replace(planned.run_id, explained.run_id))
    sees(tab.get_by_role("row", name="BOLD"), "no field differs")
    tab.get_by_role("row", name="BOLD").get_by_role("button", name="All fields").click()
    sees(tab.get_by_role("row", name="BOLD"), f"name: Business Central {made['name']}, iPaaS.com {made['name']}")


def test_ids_are_explained_in_words_and_one_that_no_run_has_met_may_be_looked_for(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    run_dag("manual_sync", {"flow": "customer_category_to_ipaas", "mode": "plan"})  # so that Airflow knows the DAG
    sandbox.bc.add("Customer Price Group", {"Code": "BOLD", "Description": "Bold"})
    run_dag("customer_category_to_ipaas", {"external_ids": ["BOLD"]})
    page = visit("plugin/sync")
    page.get_by_role("searchbox", name="Ids of records").fill("BOLD, NOPE")
    page.get_by_role("button", name="Explain").click()
    box = page.get_by_role("region", name="Explain a record")
    sees(box, "Customer categories to iPaaS.com: done")
    sees(box, "Nothing is known of NOPE: no run has met it.")
    box.get_by_label("Flow that looks for NOPE").select_option("Companies to iPaaS.com")
    box.get_by_role("button", name="Plan its transfer").click()
    sees(box, "A plan is being made, and nothing is written")
    assert _conf_of_the_queued_run() == {"flow": "company_to_ipaas", "ids": ["NOPE"], "mode": "plan"}


def test_what_is_open_stays_open_while_an_id_is_explained_and_the_keyboard_goes_on_there(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    _nameless(sandbox, "P1", "P2")
    run_dag(FLOW)
    page = visit("plugin/sync")
    _groups(page).get_by_role("button", name="Show").click()
    page.get_by_role("row", name="P2").get_by_role("link", name="P2").press("Enter")
    box = page.get_by_role("region", name="Explain a record")
    sees(box, "Customers to iPaaS.com: failed")
    sees(_groups(page), "Hide")
    sees(page.get_by_role("row", name="P2"), "The customer has no e-mail")
    page.wait_for_function("document.activeElement.ariaLabel === 'Explain a record'")
    _groups(page).get_by_role("button", name="Hide").click()
    page.go_back()
    sees(_groups(page), "Show")


def test_a_large_change_is_seen_and_approved(
    run_and_answer: Callable[..., Run], sandbox: Sandbox, visit: Visit
) -> None:
    name = "<b>Bold & Söhne</b>"
    sandbox.bc.add("Customer Price Group", {"Code": "BO|LD", "Description": name})

    def person(question: dict[str, Any]) -> None:
        page = visit("plugin/sync")
        sees(page.get_by_role("heading", level=1), "A run waits for your approval: customer_category_to_ipaas.")
        page.get_by_role("region", name="Waits for approval").get_by_role("link", name="See all differences").click()
        tab = page.get_by_role("region", name="Records")
        sees(tab, "Waits for approval: nothing was written yet.")
        sees(tab.get_by_role("row", name="BO|LD"), name)
        assert not sandbox.ipaas.records["customer category"]
        page.get_by_role("link", name="May customer_category_to_ipaas write").click()
        sees(page.get_by_role("row", name="BO|LD"), "created")
        with page.expect_response(lambda one: one.request.method == "PATCH") as answered:
            page.get_by_role("button", name="Approve").click()
        assert answered.value.ok

    above = {"sync_approve_above": '{"records": 1}'}
    run = run_and_answer("customer_category_to_ipaas", person=person, variables=above)
    assert run.state == "success"
    assert name in {made["description"] for made in sandbox.ipaas.records["customer category"].values()}


def test_who_may_not_decide_sees_no_buttons_and_what_is_sent_is_text(
    run_dag: RunDag, sandbox: Sandbox, visit: Visit
) -> None:
    _nameless(sandbox, "P<i>1")
    run_dag(FLOW)
    page = visit("plugin/sync", role="viewer")
    page.get_by_role("button", name="Show").click()
    sees(page.get_by_role("main"), "P<i>1")
    assert page.locator("main i, main b").count() == 0
    assert page.get_by_role("button", name="Retry").count() == 0
    assert page.get_by_role("button", name="Ignore").count() == 0
    for known, said in (("P<i>1", "The customer has no e-mail"), ("C99999", "no run has met it")):
        page.goto(f"{page.url.partition('?')[0]}?explain={quote(known)}")
        sees(page.get_by_role("region", name="Explain a record"), said)
        assert page.get_by_role("button", name="Read both sides now").count() == 0
        assert page.get_by_role("button", name="Plan its transfer").count() == 0

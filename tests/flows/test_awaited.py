"""A record that waits says what stands in the way of the one that it needs, and what to do about it."""

from __future__ import annotations

import pytest
from bench import Bench, outcome_of, tally

from include.sync.ledger.entries import Finish, State
from include.sync.outcomes import Outcome

FLOW, BRINGS = "product_to_ipaas", "product_category_to_ipaas"


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """An item of a category that is in Business Central alone."""
    bench.sandbox.bc.add("Item Category", {"Code": "CHAIR", "Description": "Chairs"})
    fields = {"No.": "1000", "Description": "Chair", "Type": "Inventory", "Item Category Code": "CHAIR"}
    bench.sandbox.bc.add("Item", fields)
    return bench


def waits(bench: Bench, *, off: tuple[str, ...] = ()) -> Outcome:
    report = bench.run(FLOW, "1000", off=off)
    assert tally(report) == {"read": 1, "waiting": 1}
    return outcome_of(report, "1000")


def test_what_is_yet_to_come_comes_by_itself(bench: Bench) -> None:
    line = waits(bench)
    assert line.message == "It needs Product Category 'CHAIR', which is not in iPaaS.com yet."
    assert line.advice.startswith(f"Nothing to do: {BRINGS} brings that record.")


def test_a_flow_that_is_paused_brings_nothing(bench: Bench) -> None:
    line = waits(bench, off=(BRINGS,))
    assert f"{BRINGS}, which would bring it, is paused." in line.message
    assert line.advice.startswith(f"Unpause {BRINGS}, or move that record with Manual Sync.")


def test_nor_comes_what_was_rejected(bench: Bench) -> None:
    """What is wrong with that one is said of all that wait for it."""
    bench.sandbox.bc.add_customer("C1", "", "Company")
    for person in ("CT1", "CT2"):
        bench.sandbox.bc.add_person(person, "Bo Buyer", customer="C1", email=f"{person}@example.org")
    bench.run("company_to_ipaas")
    report = bench.run("contact_to_ipaas")
    assert tally(report)["waiting"] == 2
    line = outcome_of(report, "CT1|contact")
    assert line.message.startswith("It needs customer company 'C1', which is not in iPaaS.com yet: it was rejected: ")
    assert "The customer has no name" in line.message
    assert line.advice.startswith("Of that one: Fill in its Name in Business Central.")


def test_nor_what_somebody_has_set_aside(bench: Bench) -> None:
    bench.sandbox.bc.add_customer("C1", "", "Company")
    bench.sandbox.bc.add_person("CT1", "Bo Buyer", customer="C1", email="ct1@example.org")
    bench.run("company_to_ipaas")
    bench.ledger.ignore("company_to_ipaas", ["C1"], "me")
    line = outcome_of(bench.run("contact_to_ipaas"), "CT1|contact")
    assert "company_to_ipaas leaves it alone" in line.message
    assert line.advice.startswith("Retry that one on the page Sync")


def test_what_waits_itself_says_for_what(bench: Bench) -> None:
    bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
    bench.sandbox.bc.add_person("CT1", "Bo Buyer", customer="C1", email="ct1@example.org")
    waiting = Finish(
        key="C1",
        state=State.waiting,
        run_id="r",
        outcome={},
        read_at="2026-05-05T12:00:00.000000Z",
        message="It needs another one.",
        advice="Bring that.",
    )
    bench.ledger.finish("company_to_ipaas", "customer company", [waiting], [])
    line = outcome_of(bench.run("contact_to_ipaas"), "CT1|contact")
    assert line.message.endswith("it waits itself: It needs another one.")
    assert line.advice.startswith("Of that one: Bring that.")


def test_once_it_has_arrived_the_record_goes_through(bench: Bench) -> None:
    waits(bench, off=(BRINGS,))
    bench.run(BRINGS)
    assert tally(bench.run(FLOW))["created"] == 1

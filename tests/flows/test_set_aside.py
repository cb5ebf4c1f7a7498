"""What a person decides about a record that does not go through: try it now, or leave it alone until it changes."""

from __future__ import annotations

import pytest

from tests.flows.bench import Bench, outcome_of

FLOW, KEY = "customer_to_ipaas", "P77001"


@pytest.fixture(autouse=True)
def _refused(bench: Bench) -> None:
    bench.sandbox.bc.add("Customer", {"No.": KEY, "Name": "Ada Byron", "Contact Type": "Person", "E-Mail": ""})
    assert outcome_of(bench.run(FLOW), KEY).result == "failed"


def test_a_record_that_is_ignored_fails_no_run_until_it_changes(bench: Bench) -> None:
    assert bench.ledger.ignore(FLOW, [KEY], "admin") == [KEY]
    again = bench.run(FLOW)
    assert again.counts["failed"] == 0
    assert again.counts["skipped"] == 1
    asked = bench.ledger.transfers(FLOW, [KEY])[KEY]
    assert (asked.state, asked.advice) == ("ignored", "Ignored by admin until the record changes.")
    bench.sandbox.bc.change("Customer", KEY, Name="Ada Lovelace")
    assert outcome_of(bench.run(FLOW), KEY).result == "failed"
    bench.sandbox.bc.change("Customer", KEY, **{"E-Mail": "ada@example.com"})
    assert outcome_of(bench.run(FLOW), KEY).result == "created"


def test_an_ignored_record_that_is_asked_for_by_its_id_is_tried(bench: Bench) -> None:
    bench.ledger.ignore(FLOW, [KEY], "admin")
    assert outcome_of(bench.run(FLOW, KEY), KEY).result == "failed"


def test_a_record_that_is_to_be_tried_now_goes_with_the_next_run(bench: Bench) -> None:
    bench.ledger.ignore(FLOW, [KEY], "admin")
    assert bench.run(FLOW).counts["skipped"] == 1
    assert bench.ledger.retry_now(FLOW, [KEY]) == [KEY]
    assert outcome_of(bench.run(FLOW), KEY).result == "failed"

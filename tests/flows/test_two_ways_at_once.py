"""A record that is new to both directions: whichever comes first links it, and the other makes no second one of it."""

from __future__ import annotations

import pytest
from bench import Bench, outcome_of, tally

from include.sandbox.ipaas.platform import Record
from tests.unfinished import unfinished

pytestmark = pytest.mark.both_ledgers

TO, FROM = "contact_to_ipaas", "customer_from_ipaas"
CONTACT = "CT9|contact"


def both(bench: Bench) -> Record:
    """A contact of Business Central, and the customer of iPaaS.com that has its e-mail address."""
    bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
    bench.sandbox.bc.add_person("CT9", "Anna Berg", customer="C1", email="anna@example.net")
    bench.run("company_to_ipaas")
    values = {"email_address": "anna@example.net", "first_name": "Anna", "last_name": "Berg"}
    return bench.sandbox.ipaas.add("customer", values)


def customers(bench: Bench) -> set[str]:
    return {str(row["No."]) for row in bench.sandbox.bc.rows("Customer")}


def test_one_linked_after_it_was_read_is_not_made_a_second_time(bench: Bench) -> None:
    record = both(bench)

    def meanwhile(stage: str) -> None:
        if stage == "load":
            bench.run(TO)

    report = bench.run(FROM, before=meanwhile)
    assert tally(report) == {"read": 1, "waiting": 1}
    assert "contact CT9" in outcome_of(report, str(record["id"])).message
    assert customers(bench) == {"C1"}
    assert bench.linked("customer", CONTACT)["id"] == record["id"]
    assert tally(bench.run(FROM)) == {"read": 1, "skipped": 1}
    assert unfinished(bench.ledger, FROM) == []


def test_one_that_is_being_transferred_the_other_way_is_not_linked(bench: Bench) -> None:
    record = both(bench)
    claims = ("customer from iPaaS.com", [str(record["id"])], "another run")
    bench.ledger.claim(*claims)
    assert tally(bench.run(TO)) == {"read": 1, "waiting": 1}
    assert bench.linked("customer", CONTACT) is None
    assert tally(bench.run(TO, CONTACT, mode="plan")) == {"read": 1, "updated": 1}
    bench.ledger.release(*claims)
    assert tally(bench.run(TO)) == {"read": 1, "updated": 1}
    # The claim on the other direction's record is given up again.
    assert bench.ledger.claim(*claims)[str(record["id"])].held


def test_one_that_was_made_the_other_way_a_moment_ago_is_a_rejection_naming_both(bench: Bench) -> None:
    record = both(bench)
    bench.ledger.link([("customer", "C2", record["id"])], pushed=False)
    line = outcome_of(bench.run(TO), CONTACT)
    assert "'C2'" in line.message and repr(CONTACT) in line.message
    assert bench.linked("customer", CONTACT) is None

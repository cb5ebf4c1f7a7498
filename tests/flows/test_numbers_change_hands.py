"""Numbers that another record has now: each record stays what it was, on both sides, whichever is met first, and whatever
either side has changed meanwhile.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from test_links_changed_in_ipaas import item
from test_renumbered import renumber

from include.sandbox.faults import Fault
from include.sync.ledger import Ledger
from include.writers.ipaas_records import IPaaSWriter
from tests.counts.drift import unlink_by_hand


def company(bench: Bench, no: str, name: str) -> None:
    bench.sandbox.bc.add_customer(no, name, "Company", **{"E-Mail": f"{name.lower()}@example.net", "Address": name})


def person(bench: Bench, no: str, email: str, name: str = "Anna Berg", **fields: Any) -> None:
    bench.sandbox.bc.add_customer(no, name, "Person", **{"E-Mail": email, "Address": "1 Main Street", **fields})


def exchanged(bench: Bench, *numbers: str) -> dict[str, Any]:
    """Companies that have each the number of the one after it; answers the records of iPaaS.com by the number they had."""
    for no in numbers:
        company(bench, no, f"Company{no}")
    bench.run("company_to_ipaas")
    records = {no: bench.linked("company", no) for no in numbers}
    renumber(bench, "Customer", numbers[-1], "ASIDE")
    for old, new in reversed(list(pairwise(numbers))):
        renumber(bench, "Customer", old, new)
    renumber(bench, "Customer", "ASIDE", numbers[0])
    return records


def follows(bench: Bench, records: dict[str, Any]) -> None:
    """Each record is linked to the next number, and so is its address."""
    numbers = list(records)
    for old, new in zip(numbers, [*numbers[1:], numbers[0]], strict=True):
        assert bench.linked("company", new) is records[old]
        (address,) = records[old]["addresses"]
        table = "customer company address"
        assert bench.sandbox.ipaas.external_id(table, bench.sandbox.SYSTEM_ID, address["id"]) == f"{new}|address"
        assert (records[old]["name"], records[old]["account_number"]) == (f"Company{old}", new)
    assert len(bench.sandbox.ipaas.records["company"]) == len(numbers)


class TestExchanged:
    @pytest.mark.parametrize("numbers", [("C1", "C2"), ("C1", "C2", "C3")])
    def test_each_record_gets_the_number_that_it_has_now(self, bench: Bench, numbers: tuple[str, ...]) -> None:
        records = exchanged(bench, *numbers)
        assert tally(bench.run("company_to_ipaas")) == {"read": len(numbers), "updated": len(numbers)}
        follows(bench, records)
        assert tally(bench.run("company_to_ipaas")) == {"read": len(numbers), "unchanged": len(numbers)}

    def test_a_plan_says_so_of_each_and_changes_nothing(self, bench: Bench) -> None:
        exchanged(bench, "C1", "C2")
        bench.sandbox.counters.reset()
        report = bench.run("company_to_ipaas", mode="plan")
        changes = {o.key: [(c.field, c.before, c.after) for c in o.changes] for o in report.outcomes}
        assert changes == {"C1": [("account_number", "C2", "C1")], "C2": [("account_number", "C1", "C2")]}
        assert bench.writes() == 0

    @pytest.mark.parametrize("lost", [False, True])
    @pytest.mark.parametrize("after", [1, 3, 4, 7])
    def test_what_broke_off_in_the_middle_is_brought_to_its_end(self, bench: Bench, after: int, lost: bool) -> None:
        bench.at_once = 1
        records = exchanged(bench, "C1", "C2", "C3")
        path = "UpdateExternalId|v2/Customer"
        bench.sandbox.faults.add(Fault(system="ipaas", path=path, skip=after, times=99, lost=lost, cut=not lost))
        bench.run("company_to_ipaas")
        bench.sandbox.faults.clear()
        for hours in (6, 12, 18):
            now = datetime.now(UTC) + timedelta(hours=hours)
            bench.at(now)
            report = bench.run("company_to_ipaas", now=now)
        assert tally(report) == {"read": 3, "unchanged": 3}
        follows(bench, records)

    @pytest.mark.parametrize("order", ["to first", "from first"])
    def test_edits_in_ipaas_reach_their_own_record(self, bench: Bench, order: str) -> None:
        records = exchanged(bench, "C1", "C2")
        for no, record in records.items():
            bench.sandbox.ipaas.edit("company", record["id"], {"email_address": f"new{no.lower()}@example.net"})
        ids = [str(record["id"]) for record in records.values()]
        if order == "from first":
            assert tally(bench.run("company_from_ipaas", *ids)) == {"read": 2, "waiting": 2}
        bench.run("company_to_ipaas")
        assert tally(bench.run("company_from_ipaas", *ids)) == {"read": 2, "updated": 2}
        mails = {row["Name"]: row["E-Mail"] for row in bench.sandbox.bc.rows("Customer")}
        assert mails == {"CompanyC1": "newc1@example.net", "CompanyC2": "newc2@example.net"}

    @pytest.mark.parametrize("meanwhile", ["C1", "C2"])
    def test_another_run_that_has_moved_them_meanwhile_takes_nothing_from_either(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, meanwhile: str
    ) -> None:
        records = exchanged(bench, "C1", "C2")
        for no, record in records.items():
            bench.sandbox.ipaas.edit("company", record["id"], {"email_address": f"new{no.lower()}@example.net"})
        prepare, between = IPaaSWriter.prepare, [meanwhile]

        def prepared(*args: Any) -> None:
            prepare(*args)
            if between:
                bench.run("company_to_ipaas", between.pop())

        monkeypatch.setattr(IPaaSWriter, "prepare", prepared)
        bench.run("company_to_ipaas", "C2" if meanwhile == "C1" else "C1")
        bench.run("company_to_ipaas")
        bench.run("company_from_ipaas", *[str(record["id"]) for record in records.values()])
        follows(bench, records)
        mails = {row["Name"]: row["E-Mail"] for row in bench.sandbox.bc.rows("Customer")}
        assert mails == {"CompanyC1": "newc1@example.net", "CompanyC2": "newc2@example.net"}


@pytest.mark.parametrize("gone", ["C1", "C2"])
def test_one_that_is_gone_from_ipaas_is_in_nobody_s_way(bench: Bench, gone: str) -> None:
    for number in (1, 2):
        company(bench, f"C{number}", f"Company{number}")
    bench.run("company_to_ipaas")
    before = {f"C{number}": bench.linked("company", f"C{number}") for number in (1, 2)}
    for number in (2, 1):
        renumber(bench, "Customer", f"C{number}", f"C{number + 1}")
    company(bench, "C1", "Quite New")
    for address in before[gone]["addresses"]:
        unlink_by_hand(bench, "", address["id"], "customer company address")
    bench.sandbox.ipaas.unlink_all("company", before[gone]["id"])
    for _ in range(2):
        bench.run("company_to_ipaas", "C1")
    bench.run("company_to_ipaas")
    names = {number: bench.linked("company", number)["name"] for number in ("C1", "C2", "C3")}
    assert names == {"C1": "Quite New", "C2": "Company1", "C3": "Company2"}
    other = {"C1": "C2", "C2": "C1"}[gone]
    assert bench.linked("company", {"C1": "C2", "C2": "C3"}[other]) is before[other]


def test_numbers_that_each_record_passes_on_to_the_next(bench: Bench) -> None:
    for number in (1, 2, 3):
        company(bench, f"C{number}", f"Company{number}")
    bench.run("company_to_ipaas")
    before = {number: bench.linked("company", f"C{number}") for number in (1, 2, 3)}
    for number in (3, 2, 1):
        renumber(bench, "Customer", f"C{number}", f"C{number + 1}")
    assert tally(bench.run("company_to_ipaas")) == {"read": 3, "updated": 3}
    assert all(bench.linked("company", f"C{number + 1}") is before[number] for number in before)


def test_a_plan_of_them_says_what_applying_does(bench: Bench) -> None:
    for number in (1, 2):
        company(bench, f"C{number}", f"Company{number}")
    bench.run("company_to_ipaas")
    for number in (2, 1):
        renumber(bench, "Customer", f"C{number}", f"C{number + 1}")
    company(bench, "C1", "Quite New")
    assert tally(bench.run("company_to_ipaas", mode="plan")) == {"read": 3, "created": 1, "updated": 2}
    assert tally(bench.run("company_to_ipaas")) == {"read": 3, "created": 1, "updated": 2}


class TestGivenToAnother:
    """A number that a new record has, while the one that had it cannot be transferred."""

    def given(self, bench: Bench) -> Any:
        person(bench, "P1", "one@example.net")
        bench.run("customer_to_ipaas")
        record = bench.linked("customer", "P1")
        renumber(bench, "Customer", "P1", "P1000")
        bench.sandbox.bc.change("Customer", "P1000", **{"E-Mail": ""})
        person(bench, "P1", "new@example.net", "New Person")
        return record

    def test_the_one_that_had_it_is_not_overwritten(self, bench: Bench) -> None:
        record = self.given(bench)
        for _ in range(4):
            report = bench.run("customer_to_ipaas")
        assert tally(report) == {"read": 2, "skipped": 1, "unchanged": 1}
        assert (bench.linked("customer", "P1000"), record["email_address"]) == (record, "one@example.net")
        assert bench.linked("customer", "P1")["email_address"] == "new@example.net"

    def test_nor_when_the_new_one_has_its_e_mail(self, bench: Bench) -> None:
        record = self.given(bench)
        bench.sandbox.bc.change("Customer", "P1", **{"E-Mail": "one@example.net"})
        for _ in range(4):
            report = bench.run("customer_to_ipaas", "P1")
        assert "'P1000'" in outcome_of(report, "P1").message
        assert (record["first_name"], record["last_name"]) == ("Anna", "Berg")

    def test_an_edit_in_ipaas_is_not_written_to_the_new_one(self, bench: Bench) -> None:
        record = self.given(bench)
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        assert tally(bench.run("customer_from_ipaas", str(record["id"]))) == {"read": 1, "updated": 1}
        names = {row["No."]: row["Name"] for row in bench.sandbox.bc.rows("Customer")}
        assert names == {"P1000": "Anna Bergman", "P1": "New Person"}
        assert bench.linked("customer", "P1000") is record

    def test_nor_after_an_edit_in_ipaas_that_business_central_refuses(self, bench: Bench) -> None:
        record = self.given(bench)
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        bench.sandbox.faults.add(Fault(system="business_central", method="PATCH", times=9, status=400))
        bench.run("customer_from_ipaas", str(record["id"]))
        for _ in range(4):
            bench.run("customer_to_ipaas")
        assert (bench.linked("customer", "P1000"), record["email_address"]) == (record, "one@example.net")
        assert bench.linked("customer", "P1")["email_address"] == "new@example.net"


def changed_on_both_sides(bench: Bench) -> Any:
    """A person who has got another number, and changes on both sides since; answers its record."""
    person(bench, "P1", "one@example.net", **{"Phone No.": "+1 555 0100"})
    bench.run("customer_to_ipaas")
    record = bench.linked("customer", "P1")
    renumber(bench, "Customer", "P1", "P1000")
    bench.sandbox.bc.change("Customer", "P1000", **{"Phone No.": "+1 555 7777"})
    bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
    return record


@pytest.mark.parametrize("order", ["TF", "FT"])
def test_what_both_sides_change_of_a_renumbered_record_survives(bench: Bench, order: str) -> None:
    record = changed_on_both_sides(bench)
    for way in order:
        bench.run("customer_to_ipaas") if way == "T" else bench.run("customer_from_ipaas", str(record["id"]))
    card = bench.sandbox.bc.get("Customer", "P1000")
    assert card is not None and (card["Name"], card["Phone No."]) == ("Anna Bergman", "+1 555 7777")
    assert (record["last_name"], record["addresses"][0]["phone_number"]) == ("Bergman", "+1 555 7777")


def test_what_both_sides_change_survives_a_task_that_ends_while_it_notes_the_number(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = changed_on_both_sides(bench)

    def ends(*args: Any, **more: Any) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "renumber", ends)
        bench.run("customer_to_ipaas", "P1000")
    bench.run("customer_to_ipaas", "P1000")
    bench.run("customer_from_ipaas", str(record["id"]))
    card = bench.sandbox.bc.get("Customer", "P1000")
    assert card is not None and (card["Name"], card["Phone No."]) == ("Anna Bergman", "+1 555 7777")


def test_what_waits_under_a_number_is_not_forgotten_when_the_one_that_had_it_moves_on(bench: Bench) -> None:
    item(bench, "1000", "Bicycle")
    bench.run("product_to_ipaas")
    renumber(bench, "Item", "1000", "2000")
    bench.sandbox.bc.add("Item Category", {"Code": "NEW", "Description": "New"})
    item(bench, "1000", "Quite new")
    bench.sandbox.bc.change("Item", "1000", **{"Item Category Code": "NEW"})
    assert tally(bench.run("product_to_ipaas", "1000")) == {"read": 1, "waiting": 1}
    bench.run("product_to_ipaas", "2000")
    assert bench.ledger.due("product_to_ipaas", 9) == ["1000"]


def test_what_waits_under_a_number_that_nobody_has_any_more_is_forgotten(bench: Bench) -> None:
    item(bench, "1000", "Bicycle")
    bench.run("product_to_ipaas")
    bench.sandbox.bc.add("Item Category", {"Code": "NEW", "Description": "New"})
    bench.sandbox.bc.change("Item", "1000", **{"Item Category Code": "NEW"})
    assert tally(bench.run("product_to_ipaas")) == {"read": 1, "waiting": 1}
    renumber(bench, "Item", "1000", "2000")
    bench.run("product_category_to_ipaas")
    for _ in range(2):
        bench.run("product_to_ipaas")
    assert sorted(bench.ledger.transfers("product_to_ipaas", ["1000", "2000"])) == ["2000"]

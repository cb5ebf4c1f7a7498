"""What was renumbered in Business Central stays one record in iPaaS.com: it, what is nested in it, and its documents."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from shop import order, set_up, transaction

from include.sandbox.bc.rules import referring
from include.sandbox.faults import Fault


def renumber(bench: Bench, table: str, old: str, new: str) -> None:
    """Rename a record as a user of Business Central does: everything that refers to it follows."""
    bc = bench.sandbox.bc
    row = bc.get(table, old)
    assert row is not None
    field = "Code" if "Code" in row else "No."
    bc.rename(table, row, {field: new}, [*referring(table), ("Sales Header", "Sell-to Customer No.")])
    bc.touch(row)


def link_of(bench: Bench, table: str, internal_id: Any) -> str | None:
    return bench.sandbox.ipaas.external_id(table, bench.sandbox.SYSTEM_ID, internal_id)


class TestCompaniesAndCustomers:
    @pytest.mark.parametrize(
        ("record", "old", "table"),
        [("company", "C1", "customer company address"), ("customer", "P1", "Address")],
    )
    def test_the_same_record_has_the_new_number(self, bench: Bench, record: str, old: str, table: str) -> None:
        set_up(bench)
        before = bench.linked(record, old)
        renumber(bench, "Customer", old, f"{old}000")
        bench.sandbox.bc.change("Customer", f"{old}000", City="Oslo")
        assert tally(bench.run(f"{record}_to_ipaas")) == {"read": 1, "updated": 1}
        assert bench.linked(record, old) is None
        assert bench.linked(record, f"{old}000")["id"] == before["id"]
        (address,) = bench.linked(record, f"{old}000")["addresses"]
        assert (link_of(bench, table, address["id"]), address["city"]) == (f"{old}000|address", "Oslo")
        assert len(bench.sandbox.ipaas.records[record]) == 1
        assert tally(bench.run(f"{record}_to_ipaas")) == {"read": 1, "unchanged": 1}

    def test_there_and_back_again(self, bench: Bench) -> None:
        set_up(bench)
        before = bench.linked("company", "C1")
        numbers = ["C1", "C1\u00a0", "C1", "C2", "C1"]
        for old, number in pairwise(numbers):
            renumber(bench, "Customer", old, number)
            bench.run("company_to_ipaas")
            assert bench.linked("company", number)["id"] == before["id"]
        assert len(bench.linked("company", "C1")["addresses"]) == 1

    def test_its_documents_follow_it(self, bench: Bench) -> None:
        set_up(bench)
        company = bench.linked("company", "C1")
        renumber(bench, "Customer", "C1", "C1000")
        number = order(bench, customer="C1000")
        assert tally(bench.run("sales_order_to_ipaas")) == {"read": 1, "waiting": 1}
        bench.run("company_to_ipaas")
        bench.run("sales_order_to_ipaas")
        assert transaction(bench, number)["company_id"] == company["id"]

    @pytest.mark.parametrize("path", ["UpdateExternalId", "Customer/Company/[0-9]+$"])
    @pytest.mark.parametrize("lost", [True, False])
    def test_an_answer_that_is_lost_on_the_way_makes_no_second_one(self, bench: Bench, path: str, lost: bool) -> None:
        set_up(bench)
        before = bench.linked("company", "C1")
        renumber(bench, "Customer", "C1", "C1000")
        fault = {"lost": True} if lost else {"cut": True}
        bench.sandbox.faults.add(Fault(system="ipaas", path=path, times=9, **fault))
        bench.run("company_to_ipaas")
        bench.sandbox.faults.clear()
        bench.run("company_to_ipaas", "C1000")
        assert bench.linked("company", "C1000")["id"] == before["id"]
        assert len(bench.sandbox.ipaas.records["company"]) == 1
        assert len(bench.linked("company", "C1000")["addresses"]) == 1

    def test_a_new_number_that_is_linked_to_another_one_is_a_rejection_naming_both(self, bench: Bench) -> None:
        set_up(bench)
        link = [{"system_id": bench.sandbox.SYSTEM_ID, "external_id": "C1000"}]
        other = bench.sandbox.ipaas.add("company", {"name": "Other", "external_ids": link})
        renumber(bench, "Customer", "C1", "C1000")
        message = outcome_of(bench.run("company_to_ipaas"), "C1000").message
        assert str(other["id"]) in message and "'C1'" in message
        assert bench.linked("company", "C1")

    def test_another_one_that_takes_the_old_number_is_another_one(self, bench: Bench) -> None:
        set_up(bench)
        before = bench.linked("company", "C1")
        renumber(bench, "Customer", "C1", "C1000")
        bench.sandbox.bc.add_customer("C1", "Quite Another Ltd", "Company")
        for _ in range(2):
            bench.run("company_to_ipaas")
        assert len(bench.sandbox.ipaas.records["company"]) == 2
        assert bench.linked("company", "C1000")["id"] == before["id"]
        assert bench.linked("company", "C1")["name"] == "Quite Another Ltd"

    def test_one_that_comes_before_the_one_that_had_its_number_gives_that_its_new_one(self, bench: Bench) -> None:
        set_up(bench)
        before = bench.linked("company", "C1")
        renumber(bench, "Customer", "C1", "C1000")
        bench.sandbox.bc.add_customer("C1", "Quite Another Ltd", "Company")
        assert tally(bench.run("company_to_ipaas", "C1")) == {"read": 1, "created": 1}
        assert bench.linked("company", "C1000")["id"] == before["id"]
        assert before["name"] == "Adatum Corporation"
        assert bench.linked("company", "C1")["name"] == "Quite Another Ltd"

    def test_one_that_was_deleted_and_made_anew_is_the_same_record(self, bench: Bench) -> None:
        set_up(bench)
        before = bench.linked("company", "C1")
        bench.sandbox.bc.remove("Customer", bench.sandbox.bc.get("Customer", "C1"))
        bench.sandbox.bc.add_customer("C1", "Adatum Reborn", "Company")
        for _ in range(3):
            bench.run("company_to_ipaas")
        assert (bench.linked("company", "C1")["id"], before["name"]) == (before["id"], "Adatum Reborn")

    def test_a_plan_says_so_and_changes_nothing(self, bench: Bench) -> None:
        set_up(bench)
        renumber(bench, "Customer", "C1", "C1000")
        bench.sandbox.counters.reset()
        bench.run("company_to_ipaas", "C1000", mode="plan")
        assert bench.writes() == 0 and bench.linked("company", "C1")


@pytest.mark.parametrize(
    ("record", "old", "table"),
    [("company", "C1", "customer company address"), ("customer", "P1", "Address")],
)
def test_a_change_in_ipaas_finds_the_record_under_its_new_number(
    bench: Bench, record: str, old: str, table: str
) -> None:
    set_up(bench)
    before = bench.linked(record, old)
    renumber(bench, "Customer", old, f"{old}000")
    bench.sandbox.ipaas.edit(record, before["id"], {"email_address": "new@example.org"})
    assert tally(bench.run(f"{record}_from_ipaas", str(before["id"]))) == {"read": 1, "updated": 1}
    card = bench.sandbox.bc.get("Customer", f"{old}000")
    assert card is not None and card["E-Mail"] == "new@example.org"
    assert bench.linked(record, f"{old}000")["id"] == before["id"]
    assert link_of(bench, table, before["addresses"][0]["id"]) == f"{old}000|address"
    bench.run(f"{record}_to_ipaas")
    assert len(bench.linked(record, f"{old}000")["addresses"]) == len(bench.sandbox.ipaas.records[record]) == 1


def test_an_item_keeps_what_is_remembered_of_its_stock(bench: Bench) -> None:
    set_up(bench)
    bench.sandbox.bc.move_stock("1000", "MAIN", 5)
    bench.run("location_to_ipaas")
    bench.run("product_to_ipaas")
    before = bench.linked("product", "1000")
    renumber(bench, "Item", "1000", "1000-A")
    for entry in bench.sandbox.bc.rows("Item Ledger Entry"):
        if entry["Item No."] == "1000":
            entry["Item No."] = "1000-A"
    bench.run("product_to_ipaas")
    assert bench.linked("product", "1000-A")["id"] == before["id"]
    assert len(bench.sandbox.ipaas.records["product"]) == 2


def test_a_contact_and_its_relationship(make_bench: Any) -> None:
    bench = make_bench(bc_process_company_relationship=True)
    bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
    bench.sandbox.bc.add_person("CT9", "Ann Buyer", customer="C1", email="ann@example.net")
    for flow in ("company_to_ipaas", "contact_to_ipaas", "company_to_ipaas"):
        bench.run(flow)
    before = bench.linked("customer", "CT9|contact")
    renumber(bench, "Contact", "CT9", "CT10")
    for flow in ("contact_to_ipaas", "company_to_ipaas"):
        bench.run(flow)
    assert bench.linked("customer", "CT10|contact")["id"] == before["id"]
    (relationship,) = bench.sandbox.ipaas.records["company relationship"].values()
    assert link_of(bench, "company relationship", relationship["id"]) == "C1|CT10"


@pytest.mark.parametrize(("flow", "record", "table"), [
    ("location_to_ipaas", "location", "Location"),
    ("product_category_to_ipaas", "product category", "Item Category"),
])  # fmt: skip
def test_reference_records(bench: Bench, flow: str, record: str, table: str) -> None:
    bench.run(flow)
    code = bench.sandbox.bc.rows(table)[0]["Code"]
    before, count = bench.linked(record, code), len(bench.sandbox.ipaas.records[record])
    renumber(bench, table, code, "NEWCODE")
    bench.run(flow)
    assert bench.linked(record, "NEWCODE")["id"] == before["id"]
    assert (bench.linked(record, "NEWCODE")["name"], bench.linked(record, code)) == ("NEWCODE", None)
    assert len(bench.sandbox.ipaas.records[record]) == count

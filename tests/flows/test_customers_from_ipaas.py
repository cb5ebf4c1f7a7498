"""Customers from iPaaS.com, as docs/mappings.md says, through real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.sandbox.ipaas.platform import Record

FLOW = "customer_from_ipaas"
ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}


def customer(bench: Bench, email: str = "anna@example.net", **fields: Any) -> Record:
    values = {"email_address": email, "first_name": "Anna", "last_name": "Berg", "addresses": [ADDRESS], **fields}
    return bench.sandbox.ipaas.add("customer", {k: v for k, v in values.items() if v is not None})


def person(bench: Bench, no: str, name: str = "Anna Berg", **fields: str) -> None:
    bench.sandbox.bc.add_customer(no, name, "Person", **fields)


def card(bench: Bench, no: str) -> dict[str, Any]:
    found = bench.sandbox.bc.get("Customer", no)
    assert found is not None
    return found


def link_of(bench: Bench, record: Record, table: str = "customer") -> str | None:
    return bench.sandbox.ipaas.external_id(table, bench.sandbox.SYSTEM_ID, record["id"])


class TestCreating:
    def test_a_customer_becomes_a_customer_of_type_person(self, bench: Bench) -> None:
        record = customer(bench, customer_number="ANNA")
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        made = card(bench, "ANNA")
        assert (made["Name"], made["Contact Type"], made["Partner Type"]) == ("Anna Berg", "Person", "Person")
        assert (made["E-Mail"], made["City"]) == ("anna@example.net", "Atlanta")
        assert link_of(bench, record) == "ANNA"
        assert link_of(bench, record["addresses"][0], "Address") == "ANNA|address"

    @pytest.mark.parametrize("number", [None, "a number of 21 char.s"])
    def test_without_a_fitting_number_it_is_made_of_the_ipaas_id(self, bench: Bench, number: str | None) -> None:
        record = customer(bench, customer_number=number)
        bench.run(FLOW)
        assert link_of(bench, record) == f"C{record['id']}"

    @pytest.mark.parametrize(
        ("first", "last", "name"),
        [("Anna", "Berg", "Anna Berg"), ("Prince", "Prince", "Prince"), (None, "Berg", "Berg"), (" Anna ", "v  B", "Anna v B")],
    )  # fmt: skip
    def test_the_name_is_joined(self, bench: Bench, first: str | None, last: str | None, name: str) -> None:
        record = customer(bench, first_name=first, last_name=last)
        bench.run(FLOW)
        assert card(bench, f"C{record['id']}")["Name"] == name

    def test_the_single_category_counts_when_there_is_no_list(self, bench: Bench) -> None:
        bench.run("customer_category_to_ipaas")
        record = customer(bench, category_id=bench.linked("customer category", "VIP")["id"])
        bench.run(FLOW)
        assert card(bench, f"C{record['id']}")["Customer Price Group"] == "VIP"

    def test_a_contact_of_business_central_is_left_out(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        bench.sandbox.bc.add_person("CT9", "Anna Berg", customer="C1", email="anna@example.net")
        bench.run("company_to_ipaas")
        bench.run("contact_to_ipaas")
        contact = bench.linked("customer", "CT9|contact")
        report = bench.run(FLOW, str(contact["id"]))
        assert tally(report) == {"read": 1, "skipped": 1}
        assert "CT9" in outcome_of(report, str(contact["id"])).message
        assert len(bench.sandbox.bc.rows("Customer")) == 1

    def test_a_telephone_number_with_letters_is_refused_before_anything_is_made(self, bench: Bench) -> None:
        record = customer(bench, addresses=[{**ADDRESS, "phone_number": "+1 555 0100 ext. 12"}])
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "failed": 1}
        assert "ext. 12" in outcome_of(report, str(record["id"])).message
        assert not bench.sandbox.bc.rows("Customer")


class TestDefaults:
    @pytest.mark.parametrize(("also", "terms"), [(False, "14 DAYS"), (True, "30 DAYS")])
    def test_an_update_writes_them_only_when_asked_to(
        self, make_bench: Callable[..., Bench], also: bool, terms: str
    ) -> None:
        bench = make_bench(bc_create_defaults={"customer": {"Payment_Terms_Code": "30 DAYS", "also_on_update": also}})
        record = customer(bench)
        bench.run(FLOW)
        no = f"C{record['id']}"
        assert card(bench, no)["Payment Terms Code"] == "30 DAYS"
        bench.sandbox.bc.change("Customer", no, **{"Payment Terms Code": "14 DAYS"})
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergmann"})
        bench.run(FLOW, str(record["id"]))
        assert card(bench, no)["Name"] == "Anna Bergmann"
        assert card(bench, no)["Payment Terms Code"] == terms


class TestMatching:
    @pytest.mark.parametrize(("name", "mail"), [("Old Name", "Anna@example.net"), ("ANNA  Berg", "old@example.net")])
    def test_the_customer_number_and_the_e_mail_or_the_name(self, bench: Bench, name: str, mail: str) -> None:
        person(bench, "P1", name, **{"E-Mail": mail})
        record = customer(bench, customer_number="p1")
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert card(bench, "P1")["Name"].casefold().split() == ["anna", "berg"]
        assert link_of(bench, record) == "P1"

    @pytest.mark.parametrize("of_the_next", [False, True])
    def test_a_number_alone_says_nothing(self, bench: Bench, of_the_next: bool) -> None:
        person(bench, "70001", "Petra Other", **{"E-Mail": "petra@example.net"})
        record = customer(bench, "sam@example.net", first_name="Sam", last_name="Shop", customer_number="70001")
        if of_the_next:
            person(bench, f"C{record['id']}", "Quite Another", **{"E-Mail": "another@example.net"})
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        assert card(bench, "70001")["E-Mail"] == "petra@example.net"
        made = f"P{record['id']}" if of_the_next else f"C{record['id']}"
        assert (link_of(bench, record), card(bench, made)["Name"]) == (made, "Sam Shop")

    def test_the_first_of_several_addresses_and_the_others_stay(self, bench: Bench) -> None:
        several = "ann@example.org;office@example.org"
        person(bench, "P1", "Ann Berg", **{"E-Mail": several})
        record = customer(bench, "Ann@example.org", first_name="Ann")
        for _ in range(2):
            bench.run(FLOW)
        assert (link_of(bench, record), card(bench, "P1")["E-Mail"]) == ("P1", several)
        bench.sandbox.ipaas.edit("customer", record["id"], {"email_address": "ann@new.example"})
        bench.run(FLOW, str(record["id"]))
        assert card(bench, "P1")["E-Mail"] == "ann@new.example;office@example.org"
        assert tally(bench.run(FLOW, str(record["id"]))) == {"read": 1, "unchanged": 1}
        assert len(bench.sandbox.bc.rows("Customer")) == 1

    def test_one_of_several_addresses_that_is_not_the_first_is_no_match(self, bench: Bench) -> None:
        person(bench, "P1", "Ann Berg", **{"E-Mail": "ann@example.org;office@example.org"})
        customer(bench, "office@example.org", first_name="Otto")
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}

    def test_one_found_by_e_mail_is_changed_once_it_is_known_to_be_free(self, bench: Bench) -> None:
        person(bench, "P1", "Old Name", **{"E-Mail": "ANNA@example.net"})
        record = customer(bench)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "waiting": 1}
        assert "P1" in outcome_of(report, str(record["id"])).message
        assert card(bench, "P1")["Name"] == "Old Name"
        assert link_of(bench, record) is None
        # It is due at once.
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert card(bench, "P1")["Name"] == "Anna Berg"
        assert link_of(bench, record) == "P1"
        assert tally(bench.run(FLOW)) == {}

    def test_one_found_by_e_mail_that_belongs_to_somebody_else_is_never_touched(self, bench: Bench) -> None:
        person(bench, "P1", "Old Name", **{"E-Mail": "anna@example.net"})
        other = customer(bench, "other@example.net", external_ids=[
            {"system_id": bench.sandbox.SYSTEM_ID, "external_id": "P1"}
        ])  # fmt: skip
        record = customer(bench)
        bench.run(FLOW)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "failed": 1}
        message = outcome_of(report, str(record["id"])).message
        assert "P1" in message and str(other["id"]) in message
        assert card(bench, "P1")["Name"] == "Old Name"
        assert len(bench.sandbox.bc.rows("Customer")) == 1

    def test_the_number_of_one_that_was_deleted_in_ipaas_is_free(self, bench: Bench) -> None:
        person(bench, "P1", **{"E-Mail": "anna@example.net"})
        bench.run("customer_to_ipaas")
        bench.sandbox.ipaas.unlink_all("customer", bench.linked("customer", "P1")["id"])
        record = customer(bench, customer_number="P1")
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert link_of(bench, record) == "P1"
        assert [row["No."] for row in bench.sandbox.bc.rows("Customer")] == ["P1"]

    def test_a_number_that_belongs_to_somebody_else_is_rejected(self, bench: Bench) -> None:
        person(bench, "P1", **{"E-Mail": "anna@example.net"})
        bench.run("customer_to_ipaas")
        first = bench.linked("customer", "P1")
        second = customer(bench, "twin@example.net", customer_number="P1")
        bench.lose_ledger()
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "failed": 1}
        assert str(first["id"]) in outcome_of(report, str(second["id"])).message
        assert card(bench, "P1")["E-Mail"] == "anna@example.net"

    @pytest.mark.parametrize("number", ["P1", None])
    def test_several_that_it_may_be_are_rejected(self, bench: Bench, number: str | None) -> None:
        person(bench, "P1", **({} if number else {"E-Mail": "anna@example.net"}))
        person(bench, "P2", **{"E-Mail": "anna@example.net"})
        record = customer(bench, customer_number=number)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "failed": 1}
        message = outcome_of(report, str(record["id"])).message
        assert "P1" in message and "P2" in message

    def test_a_company_with_that_e_mail_is_no_match(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Anna Berg", "Company", **{"E-Mail": "anna@example.net"})
        customer(bench)
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}

    def test_two_customers_never_get_the_same_match(self, bench: Bench) -> None:
        person(bench, "P1", **{"E-Mail": "anna@example.net"})
        by_number = customer(bench, "other@example.net", customer_number="P1")
        by_mail = customer(bench)
        for _ in range(3):
            bench.run(FLOW)
        assert link_of(bench, by_number) == "P1"
        assert card(bench, "P1")["E-Mail"] == "other@example.net"
        # By then nobody in Business Central has that address any more.
        assert link_of(bench, by_mail) == f"C{by_mail['id']}"

    def test_a_plan_says_that_it_would_wait(self, bench: Bench) -> None:
        person(bench, "P1", **{"E-Mail": "anna@example.net"})
        customer(bench)
        assert tally(bench.run(FLOW, mode="plan")) == {"read": 1, "waiting": 1}
        assert list(bench.ledger.keys(FLOW)) == []

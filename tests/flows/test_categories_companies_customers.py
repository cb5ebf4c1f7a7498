"""Customer categories, companies and customers to iPaaS.com, as docs/mappings.md says, through real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from bench import Bench, outcome_of, tally

from include.errors import ErrorKind, InvalidId, ServiceError
from include.sandbox.credentials import OTHER_SYSTEM_ID
from include.sandbox.faults import Fault
from include.sync.runs import RunKind

COMPANY = {
    "E-Mail": "office@adatum.example",
    "Phone No.": "+1 555 0100",
    "Fax No.": "+1 555 0101",
    "Home Page": "https://adatum.example",
    "VAT Registration No.": "US123",
    "Contact": "Robert O'Brien",
    "Address": "1 Main Street",
    "City": "Atlanta",
    "County": "GA",
    "Post Code": "31772",
    "Country/Region Code": "US",
    "Customer Price Group": "RETAIL",
}


def company(bench: Bench, no: str = "C1", name: str = "Adatum Corporation", **fields: str) -> None:
    bench.sandbox.bc.add_customer(no, name, "Company", **{**COMPANY, **fields})


def person(bench: Bench, no: str = "P1", name: str = "Anna van der Berg", **fields: str) -> None:
    bench.sandbox.bc.add_customer(no, name, "Person", **{"E-Mail": "anna@example.net", **fields})


class TestCategories:
    def test_every_price_group_becomes_a_pricing_category(self, bench: Bench) -> None:
        assert tally(bench.run("customer_category_to_ipaas")) == {"read": 3, "created": 3}
        assert bench.linked("customer category", "RETAIL") | {"is_pricing_group": True} == bench.linked(
            "customer category", "RETAIL"
        )

    def test_a_category_of_the_same_name_is_linked_not_doubled(self, bench: Bench) -> None:
        present = bench.sandbox.ipaas.add("customer category", {"name": "Retail"})
        bench.run("customer_category_to_ipaas")
        assert bench.linked("customer category", "RETAIL")["id"] == present["id"]

    def test_a_backfill_transfers_everything_whatever_its_dates(self, bench: Bench) -> None:
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        report = bench.run(
            "customer_category_to_ipaas", kind=RunKind.backfill, interval=(long_ago, long_ago + timedelta(days=1))
        )
        assert tally(report) == {"read": 3, "created": 3}


class TestCompanies:
    def test_fields_address_and_category(self, bench: Bench) -> None:
        company(bench)
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "created": 1}
        record = bench.linked("company", "C1")
        assert record["name"] == "Adatum Corporation"
        assert record["account_number"] == "C1"
        assert record["tax_id_number"] == "US123"
        assert record["fax_number"] == "+1 555 0101"
        assert record["categories"] == [{"id": bench.linked("customer category", "RETAIL")["id"]}]
        (address,) = record["addresses"]
        assert (address["first_name"], address["last_name"]) == ("Robert", "O'Brien")
        assert address["company"] == "Adatum Corporation"
        assert address["is_primary_billing"] and address["is_primary_shipping"]
        assert bench.sandbox.ipaas.internal_id("customer company address", bench.sandbox.SYSTEM_ID, "C1|address")

    def test_unchanged_means_no_write(self, bench: Bench) -> None:
        company(bench)
        bench.run("company_to_ipaas")
        bench.sandbox.counters.reset()
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "unchanged": 1}
        assert bench.sandbox.counters.of("ipaas") == 0

    def test_a_change_is_one_write(self, bench: Bench) -> None:
        company(bench)
        bench.run("company_to_ipaas")
        bench.sandbox.bc.change("Customer", "C1", **{"Phone No.": "+1 555 9999"})
        bench.sandbox.counters.reset()
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "updated": 1}
        assert bench.sandbox.counters.of("ipaas", "PUT") == 1
        assert bench.linked("company", "C1")["phone_number"] == "+1 555 9999"

    def test_force_writes_what_has_not_changed(self, bench: Bench) -> None:
        company(bench)
        bench.run("company_to_ipaas")
        assert tally(bench.run("company_to_ipaas", "C1", force=True)) == {"read": 1, "updated": 1}

    def test_a_blank_never_blanks_the_other_side(self, bench: Bench) -> None:
        company(bench)
        bench.run("company_to_ipaas")
        bench.sandbox.bc.change("Customer", "C1", **{"Fax No.": "", "Phone No.": "1"})
        bench.run("company_to_ipaas")
        assert bench.linked("company", "C1")["fax_number"] == "+1 555 0101"

    @pytest.mark.parametrize("spelling", ["C1", "c1", "guid"])
    def test_by_number_in_any_case_or_by_guid(self, bench: Bench, spelling: str) -> None:
        company(bench)
        company(bench, "C2", "Other")
        asked = bench.sandbox.bc.get("Customer", "C1")["systemid"] if spelling == "guid" else spelling
        assert tally(bench.run("company_to_ipaas", asked)) == {"read": 1, "created": 1}
        assert bench.linked("company", "C2") is None

    def test_a_person_asked_for_is_skipped_with_the_reason(self, bench: Bench) -> None:
        person(bench)
        report = bench.run("company_to_ipaas", "P1")
        assert tally(report) == {"read": 1, "skipped": 1}
        assert "customer_to_ipaas" in outcome_of(report, "P1").message

    def test_an_id_that_does_not_exist_fails_by_name(self, bench: Bench) -> None:
        company(bench)
        report = bench.run("company_to_ipaas", "C1", "C404")
        assert tally(report) == {"read": 2, "created": 1, "failed": 1}
        assert "C404" in outcome_of(report, "C404").message

    def test_a_malformed_id_names_itself_before_any_call(self, bench: Bench) -> None:
        with pytest.raises(InvalidId, match=r"no\|such\|id"):
            bench.run("company_to_ipaas", "no|such|id")
        assert bench.sandbox.counters.of("business_central") == 0

    def test_of_several_companies_of_one_name_one_takes_the_unlinked_one(self, bench: Bench) -> None:
        present = bench.sandbox.ipaas.add("company", {"name": "Same Name Ltd"})
        for number in range(6):
            bench.sandbox.bc.add_customer(f"C{number}", "Same Name Ltd", "Company")
        assert tally(bench.run("company_to_ipaas")) == {"read": 6, "created": 5, "updated": 1}
        linked = [bench.linked("company", f"C{number}")["id"] for number in range(6)]
        assert len(set(linked)) == 6
        assert present["id"] in linked

    def test_an_unlinked_company_of_the_same_name_is_linked(self, bench: Bench) -> None:
        present = bench.sandbox.ipaas.add("company", {"name": "Adatum Corporation"})
        company(bench)
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "updated": 1}
        assert bench.linked("company", "C1")["id"] == present["id"]

    @pytest.mark.parametrize("links", [[], ["DELETED:C1|address"]], ids=["never linked", "no longer linked"])
    def test_its_primary_billing_address_is_taken_over(self, bench: Bench, links: list[str]) -> None:
        external_ids = [{"system_id": bench.sandbox.SYSTEM_ID, "external_id": link} for link in links]
        address = {"address_1": "old", "is_primary_billing": True, "external_ids": external_ids}
        bench.sandbox.ipaas.add("company", {"name": "Adatum Corporation", "addresses": [address]})
        company(bench)
        bench.run("company_to_ipaas")
        (found,) = bench.linked("company", "C1")["addresses"]
        assert found["address_1"] == "1 Main Street"

    def test_companies_may_share_a_name(self, bench: Bench) -> None:
        company(bench, "C1")
        bench.run("company_to_ipaas")
        company(bench, "C2")
        assert tally(bench.run("company_to_ipaas"))["created"] == 1
        assert bench.linked("company", "C1")["id"] != bench.linked("company", "C2")["id"]

    def test_several_free_ones_of_the_name_are_a_rejection_that_names_them(self, bench: Bench) -> None:
        first, second = (bench.sandbox.ipaas.add("company", {"name": "Adatum Corporation"}) for _ in range(2))
        company(bench)
        report = bench.run("company_to_ipaas")
        line = outcome_of(report, "C1")
        assert line.kind is ErrorKind.rejected
        assert str(first["id"]) in line.message and str(second["id"]) in line.message

    def test_a_rejected_record_does_not_stop_the_others_and_goes_through_once_corrected(self, bench: Bench) -> None:
        company(bench, "C1", name="")
        company(bench, "C2", name="Good")
        assert tally(bench.run("company_to_ipaas")) == {"read": 2, "created": 1, "failed": 1}
        # Unchanged it is not tried again at once, and does not wait: a person is needed. It does not disappear.
        report = bench.run("company_to_ipaas")
        assert tally(report) == {"read": 2, "unchanged": 1, "skipped": 1}
        assert "The customer has no name" in outcome_of(report, "C1").message
        bench.sandbox.bc.change("Customer", "C1", Name="Corrected")
        assert tally(bench.run("company_to_ipaas"))["created"] == 1

    def test_an_unknown_price_group_is_named(self, bench: Bench) -> None:
        company(bench, **{"Customer Price Group": "NOWHERE"})
        line = outcome_of(bench.run("company_to_ipaas"), "C1")
        assert line.kind is ErrorKind.rejected and "NOWHERE" in line.message

    def test_keys_with_odd_characters_travel(self, bench: Bench) -> None:
        company(bench, "N/7 %#?&+'X", "Söhne & Co")
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "created": 1}
        bench.lose_ledger()
        assert tally(bench.run("company_to_ipaas", "N/7 %#?&+'X")) == {"read": 1, "unchanged": 1}


class TestHierarchyAndRelationships:
    def test_the_parent_company_only_with_the_setting(self, make_bench: Callable[..., Bench]) -> None:
        for hierarchy in (False, True):
            bench = make_bench(bc_enable_company_hierarchy=hierarchy)
            company(bench, "C1", "Parent")
            company(bench, "C2", "Child", **{"Bill-to Customer No.": "C1"})
            assert tally(bench.run("company_to_ipaas")) == {"read": 2, "created": 2}
            parent = bench.linked("company", "C2").get("parent_company_id")
            assert parent == (bench.linked("company", "C1")["id"] if hierarchy else None)

    @pytest.mark.parametrize("creates", [False, True])
    def test_a_missing_parent_waits_or_is_created_first(self, make_bench: Callable[..., Bench], creates: bool) -> None:
        bench = make_bench(bc_enable_company_hierarchy=True, bc_processing_company_creation_in_prerequisite=creates)
        company(bench, "C1", "Parent")
        company(bench, "C2", "Child", **{"Bill-to Customer No.": "C1"})
        report = bench.run("company_to_ipaas", "C2")
        if creates:
            assert tally(report) == {"read": 1, "created": 1}
            assert bench.linked("company", "C2")["parent_company_id"] == bench.linked("company", "C1")["id"]
        else:
            assert tally(report) == {"read": 1, "waiting": 1}
            # It goes through by itself once the parent has arrived.
            bench.run("company_to_ipaas", "C1")
            bench.run("company_to_ipaas")
            assert bench.linked("company", "C2")["parent_company_id"] == bench.linked("company", "C1")["id"]

    def test_a_parent_that_is_brought_along_is_looked_for_beside_a_list_that_was_read_for_others(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench(bc_enable_company_hierarchy=True, bc_processing_company_creation_in_prerequisite=True)
        there = bench.sandbox.ipaas.add("company", {"name": "Parent"})
        company(bench, "C1", "Parent")
        children = [f"C2{number:02}" for number in range(12)]
        for child in children:
            company(bench, child, f"Child {child}", **{"Bill-to Customer No.": "C1"})
        bench.run("company_to_ipaas", *children)
        assert bench.linked("company", "C1")["id"] == there["id"]

    @pytest.mark.parametrize(
        "bill_to", [pytest.param("", id="nobody"), pytest.param("P1", id="a person"), pytest.param("C2", id="itself")]
    )
    def test_one_that_is_billed_to_no_other_company_any_more_waits_for_none_and_keeps_its_parent(
        self, make_bench: Callable[..., Bench], bill_to: str
    ) -> None:
        bench = make_bench(bc_enable_company_hierarchy=True)
        bench.sandbox.bc.add_customer("P1", "Anna Payer", "Person", **{"E-Mail": "anna@example.net"})
        company(bench, "C1", "Parent")
        company(bench, "C2", "Child", **{"Bill-to Customer No.": "C1"})
        bench.run("company_to_ipaas")
        bench.sandbox.bc.change("Customer", "C2", **{"Bill-to Customer No.": bill_to, "Phone No.": "555 01"})
        assert tally(bench.run("company_to_ipaas"))["updated"] == 1
        child = bench.linked("company", "C2")
        assert child["phone_number"] == "555 01"
        # What is blank in Business Central blanks nothing.
        assert child["parent_company_id"] == bench.linked("company", "C1")["id"]

    def test_the_parent_company_is_known_still_when_the_page_that_tells_it_is_gone(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench(bc_enable_company_hierarchy=True)
        company(bench, "C1", "Parent")
        company(bench, "C2", "Child", **{"Bill-to Customer No.": "C1"})
        bench.run("company_to_ipaas")
        bench.sandbox.switches.pages_ended = True
        bench.linked("company", "C2")["parent_company_id"] = None
        bench.run("company_to_ipaas", "C2", force=True)
        assert bench.linked("company", "C2")["parent_company_id"] == bench.linked("company", "C1")["id"]

    @pytest.mark.parametrize("creates", [False, True])
    @pytest.mark.parametrize("circle", [("C1", "C2"), ("C2", "C3", "C1")])
    def test_of_companies_that_are_billed_in_a_circle_one_gets_its_parent_afterwards(
        self, make_bench: Callable[..., Bench], creates: bool, circle: tuple[str, ...]
    ) -> None:
        bench = make_bench(bc_enable_company_hierarchy=True, bc_processing_company_creation_in_prerequisite=creates)
        parents = dict(zip(circle, (*circle[1:], circle[0]), strict=True))
        for no, parent in parents.items():
            company(bench, no, f"Company {no}", **{"Bill-to Customer No.": parent})
        # One that is billed to the circle waits for its own parent alone.
        company(bench, "C0", "Child", **{"Bill-to Customer No.": "C2"})
        report = bench.run("company_to_ipaas")
        assert tally(report) == {"read": len(circle) + 1, "created": len(circle) + 1}
        assert [outcome.key for outcome in report.outcomes if outcome.notes] == ["C1"]
        assert tally(bench.run("company_to_ipaas"))["updated"] == 1
        for no, parent in {**parents, "C0": "C2"}.items():
            assert bench.linked("company", no)["parent_company_id"] == bench.linked("company", parent)["id"]
        bench.sandbox.counters.reset()
        assert "updated" not in tally(bench.run("company_to_ipaas")) and not bench.writes()

    def test_whichever_of_a_circle_is_asked_for_both_come(self, make_bench: Callable[..., Bench]) -> None:
        for asked in ("C1", "C2"):
            bench = make_bench(bc_enable_company_hierarchy=True, bc_processing_company_creation_in_prerequisite=True)
            company(bench, "C1", "One", **{"Bill-to Customer No.": "C2"})
            company(bench, "C2", "Other", **{"Bill-to Customer No.": "C1"})
            assert tally(bench.run("company_to_ipaas", asked)) == {"read": 1, "created": 1}
            bench.run("company_to_ipaas")
            bench.run("company_to_ipaas")
            for no, parent in (("C1", "C2"), ("C2", "C1")):
                assert bench.linked("company", no)["parent_company_id"] == bench.linked("company", parent)["id"]

    def test_people_are_related_as_soon_as_they_are_there(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(bc_process_company_relationship=True)
        company(bench)
        bench.sandbox.bc.add_person("CT900", "Ann Buyer", customer="C1", email="ann@adatum.example")
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "created": 1}
        assert not bench.sandbox.ipaas.records["company relationship"]
        bench.run("contact_to_ipaas")
        # The company itself did not change, and yet the relationship is made.
        bench.run("company_to_ipaas")
        (relationship,) = bench.sandbox.ipaas.records["company relationship"].values()
        assert relationship["company_id"] == bench.linked("company", "C1")["id"]
        assert relationship["customer_id"] == bench.linked("customer", "CT900|contact")["id"]
        assert bench.linked("company relationship", "C1|CT900")["id"] == relationship["id"]

    def test_without_the_setting_there_are_none(self, bench: Bench) -> None:
        company(bench)
        bench.sandbox.bc.add_person("CT900", "Ann Buyer", customer="C1", email="ann@adatum.example")
        bench.run("contact_to_ipaas")
        bench.run("company_to_ipaas")
        assert not bench.sandbox.ipaas.records["company relationship"]

    def test_a_new_contact_of_an_old_company_is_noticed(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(bc_process_company_relationship=True)
        bench.sandbox.bc.add_customer("C1", "Old", "Company", modified=datetime.now(UTC) - timedelta(days=99))
        bench.run("company_to_ipaas")
        bench.sandbox.bc.add_person("CT901", "New Person", customer="C1", email="new@adatum.example")
        bench.run("contact_to_ipaas")
        bench.run("company_to_ipaas")
        assert bench.linked("company relationship", "C1|CT901")

    def test_a_company_that_changed_with_its_people_is_read_once(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(bc_process_company_relationship=True)
        bench.sandbox.bc.add_customer("C1", "Old", "Company")
        bench.run("company_to_ipaas")
        bench.sandbox.bc.add_person("CT901", "New Person", customer="C1", email="new@adatum.example")
        bench.sandbox.bc.change("Customer", "C1", Name="New")
        assert bench.run("company_to_ipaas").counts["read"] == 1


class TestCustomers:
    def test_fields_names_and_address(self, bench: Bench) -> None:
        person(bench, **{"Customer Price Group": "VIP", "City": "Zürich"})
        assert tally(bench.run("customer_to_ipaas")) == {"read": 1, "created": 1}
        record = bench.linked("customer", "P1")
        assert (record["first_name"], record["last_name"]) == ("Anna van der", "Berg")
        assert record["customer_number"] == "P1"
        assert record["category_id"] == bench.linked("customer category", "VIP")["id"]
        assert record["addresses"][0]["city"] == "Zürich"
        assert "company" not in record["addresses"][0]

    def test_one_word_is_first_and_last_name(self, bench: Bench) -> None:
        person(bench, name="Prince")
        bench.run("customer_to_ipaas")
        record = bench.linked("customer", "P1")
        assert (record["first_name"], record["last_name"]) == ("Prince", "Prince")

    def test_without_an_email_it_is_rejected(self, bench: Bench) -> None:
        person(bench, **{"E-Mail": ""})
        line = outcome_of(bench.run("customer_to_ipaas"), "P1")
        assert line.kind is ErrorKind.rejected and "e-mail" in line.message

    def test_the_same_email_links_a_free_customer(self, bench: Bench) -> None:
        present = bench.sandbox.ipaas.add("customer", {"email_address": "Anna@Example.net", "first_name": "A"})
        person(bench)
        assert tally(bench.run("customer_to_ipaas")) == {"read": 1, "updated": 1}
        assert bench.linked("customer", "P1")["id"] == present["id"]

    def test_the_first_of_several_addresses_is_the_one_that_links(self, bench: Bench) -> None:
        present = bench.sandbox.ipaas.add("customer", {"email_address": "ann@example.org", "first_name": "A"})
        person(bench, **{"E-Mail": "Ann@example.org;office@example.org"})
        assert tally(bench.run("customer_to_ipaas")) == {"read": 1, "updated": 1}
        assert bench.linked("customer", "P1")["id"] == present["id"]
        bench.run("customer_from_ipaas", str(present["id"]))
        card = bench.sandbox.bc.get("Customer", "P1")
        assert card is not None and card["E-Mail"] == "Ann@example.org;office@example.org"

    def test_an_email_of_another_linked_customer_is_a_rejection_naming_both(self, bench: Bench) -> None:
        person(bench, "P1")
        bench.run("customer_to_ipaas")
        person(bench, "P2")
        line = outcome_of(bench.run("customer_to_ipaas"), "P2")
        assert "'P1'" in line.message and "'P2'" in line.message

    def test_a_link_of_another_system_does_not_matter(self, bench: Bench) -> None:
        link = [{"system_id": OTHER_SYSTEM_ID, "external_id": "shop-9"}]
        body = {"email_address": "anna@example.net", "first_name": "A", "external_ids": link}
        present = bench.sandbox.ipaas.add("customer", body)
        person(bench)
        bench.run("customer_to_ipaas")
        assert bench.linked("customer", "P1")["id"] == present["id"]

    def test_custom_fields(self, make_bench: Callable[..., Bench]) -> None:
        entry = {"model": "customer", "direction": "to_ipaas"}
        bench = make_bench(
            bc_custom_fields=[
                {**entry, "target": "Town", "formula": "{{ City | upper }}"},
                {**entry, "target": "Origin", "static": "BC"},
                {
                    **entry,
                    "target": "Tier",
                    "lookup": {"source": "Customer_Price_Group", "table": {"VIP": "gold"}, "default": "none"},
                },
                {**entry, "target": "Shoe size", "source": "Shoe_Size"},
            ]
        )
        bench.sandbox.ipaas.custom_fields["customer"] = {"Town", "Origin", "Tier", "Shoe size"}
        bench.sandbox.bc.extend("CustomerCard", "Shoe_Size", "My Shoe Size")
        person(bench, **{"City": "Bern", "Customer Price Group": "VIP", "My Shoe Size": "42"})
        assert tally(bench.run("customer_to_ipaas")) == {"read": 1, "created": 1}
        values = {f["custom_field_name"]: f["value"] for f in bench.linked("customer", "P1")["custom_fields"]}
        assert values == {"Town": "BERN", "Origin": "BC", "Tier": "gold", "Shoe size": "42"}

    def test_a_custom_field_that_ipaas_does_not_have_is_named(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(
            bc_custom_fields=[{"model": "customer", "direction": "to_ipaas", "target": "Nope", "static": "x"}]
        )
        person(bench)
        assert "Nope" in outcome_of(bench.run("customer_to_ipaas"), "P1").message


class TestPlan:
    def test_it_says_what_would_happen_and_writes_nothing(self, bench: Bench) -> None:
        company(bench, "C1", "Known")
        bench.run("company_to_ipaas")
        bench.sandbox.bc.change("Customer", "C1", **{"Phone No.": "2"})
        company(bench, "C2", "New")
        bench.sandbox.counters.reset()
        report = bench.run("company_to_ipaas", "C1", "C2", mode="plan")
        assert tally(report) == {"read": 2, "created": 1, "updated": 1}
        assert outcome_of(report, "C1").fields == ("phone_number", "addresses[C1|address].phone_number")
        assert bench.writes() == 0
        # Nothing is remembered either: the run that applies does the work.
        assert tally(bench.run("company_to_ipaas", "C1", "C2")) == {"read": 2, "created": 1, "updated": 1}


class TestNothingDoubled:
    def test_without_a_ledger_nothing_is_created_again(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench("demo")
        bench.run("customer_category_to_ipaas")
        bench.run("company_to_ipaas")
        bench.lose_ledger()
        bench.sandbox.counters.reset()
        assert tally(bench.run("company_to_ipaas")) == {"read": 30, "unchanged": 30}
        assert bench.writes() == 0

    def test_an_answer_that_was_lost_is_found_again(self, bench: Bench) -> None:
        company(bench)
        bench.sandbox.faults.add(Fault(system="ipaas", method="POST", path="Customer/Company$", lost=True))
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "created": 1}
        assert len(bench.sandbox.ipaas.records["company"]) == 1

    def test_a_call_that_never_arrived_is_tried_later_and_not_at_once(self, bench: Bench) -> None:
        company(bench)
        bench.sandbox.faults.add(Fault(system="ipaas", method="POST", path="Customer/Company$", cut=True))
        report = bench.run("company_to_ipaas")
        assert tally(report) == {"read": 1, "retrying": 1}
        assert outcome_of(report, "C1").kind is ErrorKind.unavailable
        assert tally(bench.run("company_to_ipaas", "C1")) == {"read": 1, "created": 1}

    def test_throttling_is_waited_for(self, bench: Bench) -> None:
        company(bench)
        bench.sandbox.faults.add(Fault(system="ipaas", status=429, headers={"Retry-After": "0"}, times=2))
        bench.sandbox.faults.add(Fault(system="business_central", status=503, body="<html>", times=2))
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "created": 1}

    def test_a_bulk_first_load_stays_within_its_budget(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench("demo")
        bench.run("customer_category_to_ipaas")
        bench.sandbox.counters.reset()
        bench.run("company_to_ipaas")
        calls = bench.sandbox.counters.of("ipaas")
        assert calls <= 1.1 * 30 + 2  # and the two of the login

    def test_a_poll_without_changes_asks_ipaas_nothing(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench("demo")
        bench.run("customer_category_to_ipaas")
        bench.run("company_to_ipaas")
        bench.sandbox.counters.reset()
        bench.run("company_to_ipaas")
        assert bench.sandbox.counters.of("ipaas") == 0
        # The company by its name, the feed, the details.
        assert bench.sandbox.counters.of("business_central") <= 3


class TestMisconfigured:
    @pytest.mark.parametrize(
        ("extra", "advice"),
        [
            ({"secret": "wrong-secret-value"}, "client secret is wrong"),
            ({"company_name": "cronus usa, inc."}, "CRONUS USA, Inc."),
            ({"environment": "Nowhere"}, "environment"),
            ({"tenant_id": "11111111-1111-1111-1111-111111111111"}, "tenant"),
        ],
    )
    def test_the_run_stops_at_once_with_advice(self, bench: Bench, extra: dict[str, str], advice: str) -> None:
        company(bench)
        with pytest.raises(ServiceError) as caught:
            bench.run("company_to_ipaas", bc=bench.bc(**extra))
        assert caught.value.stops_run
        assert advice in f"{caught.value} {caught.value.advice}"
        assert "wrong-secret-value" not in f"{caught.value!r} {caught.value} {caught.value.advice}"

    def test_an_unpublished_page_says_what_to_publish(self, bench: Bench) -> None:
        company(bench)
        bench.sandbox.bc.unpublish("CustomerCard")
        with pytest.raises(ServiceError) as caught:
            bench.run("company_to_ipaas")
        assert caught.value.kind is ErrorKind.misconfigured
        assert "page 21" in caught.value.advice and "CustomerCard" in caught.value.advice

    def test_where_pages_have_ended_the_api_does_and_what_is_lost_is_said(self, bench: Bench) -> None:
        company(bench)
        bench.sandbox.switches.pages_ended = True
        report = bench.run("company_to_ipaas")
        assert tally(report) == {"read": 1, "created": 1}
        assert "Fax_No" in report.warnings[0]
        assert bench.linked("company", "C1")["name"] == "Adatum Corporation"

    def test_a_page_under_another_name(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(bc_service_names={"CustomerCard": "MyCustomers"})
        bench.sandbox.bc.unpublish("CustomerCard")
        bench.sandbox.bc.publish("CustomerCard", "MyCustomers")
        company(bench)
        assert tally(bench.run("company_to_ipaas")) == {"read": 1, "created": 1}

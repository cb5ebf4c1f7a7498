"""Companies from iPaaS.com, as docs/mappings.md says, through real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.errors import ErrorKind
from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.settings import SettingsError
from include.sync.runs import RunKind

FLOW = "company_from_ipaas"
DEFAULTS = {
    "bc_create_defaults": {
        "company": {
            "Gen_Bus_Posting_Group": "DOMESTIC",
            "Customer_Posting_Group": "DOMESTIC",
            "Payment_Terms_Code": "30 DAYS",
            "Tax_Area_Code": "ATLANTA",
        }
    }
}
ADDRESS = {
    "address_1": "1 Main Street",
    "address_2": "2nd floor",
    "city": "Atlanta",
    "region": "GA",
    "country": "US",
    "postal_code": "31772",
    "phone_number": "+1 555 0100",
    "is_primary_billing": True,
}


def company(bench: Bench, name: str = "Adatum Corporation", **fields: Any) -> Record:
    values = {"name": name, "email_address": "office@adatum.example", "addresses": [ADDRESS], **fields}
    return bench.sandbox.ipaas.add("company", {k: v for k, v in values.items() if v is not None})


def customer(bench: Bench, no: Any) -> dict[str, Any]:
    found = bench.sandbox.bc.get("Customer", str(no))
    assert found is not None
    return found


def link_of(bench: Bench, record: Record, table: str = "customer company") -> str | None:
    return bench.sandbox.ipaas.external_id(table, bench.sandbox.SYSTEM_ID, record["id"])


class TestCreating:
    def test_a_company_becomes_a_customer_of_type_company(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(**DEFAULTS)
        record = company(bench, account_number="ADATUM")
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        made = customer(bench, "ADATUM")
        assert {name: made.get(name) for name in (
            "Name", "Contact Type", "Partner Type", "E-Mail", "Address", "Address 2", "City", "County",
            "Country/Region Code", "Post Code", "Phone No.", "Gen. Bus. Posting Group", "Customer Posting Group",
            "Payment Terms Code", "Tax Area Code",
        )} == {
            "Name": "Adatum Corporation", "Contact Type": "Company", "Partner Type": "Company",
            "E-Mail": "office@adatum.example", "Address": "1 Main Street", "Address 2": "2nd floor",
            "City": "Atlanta", "County": "GA", "Country/Region Code": "US", "Post Code": "31772",
            "Phone No.": "+1 555 0100", "Gen. Bus. Posting Group": "DOMESTIC", "Customer Posting Group": "DOMESTIC",
            "Payment Terms Code": "30 DAYS", "Tax Area Code": "ATLANTA",
        }  # fmt: skip
        assert link_of(bench, record) == "ADATUM"
        assert link_of(bench, record["addresses"][0], "customer company address") == "ADATUM|address"

    @pytest.mark.parametrize("account", [None, "a number of 21 char.s", "A|1"])
    def test_without_a_fitting_account_number_the_number_is_the_iPaaS_com_id(
        self, bench: Bench, account: str | None
    ) -> None:
        record = company(bench, account_number=account)
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        assert link_of(bench, record) == str(record["id"])

    def test_a_number_that_is_in_use_is_not_taken(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("ADATUM", "Somebody Else", "Company")
        record = company(bench, account_number="ADATUM")
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        assert customer(bench, "ADATUM")["Name"] == "Somebody Else"
        assert link_of(bench, record) == str(record["id"])

    def test_the_price_group_is_the_first_category_that_is_one(self, bench: Bench) -> None:
        bench.run("customer_category_to_ipaas")
        foreign = bench.sandbox.ipaas.add("customer category", {"name": "Newsletter"})
        group = bench.linked("customer category", "WHOLESALE")
        other = bench.linked("customer category", "VIP")
        record = company(bench, categories=[{"id": c["id"]} for c in (foreign, group, other)])
        for ledger in ("kept", "lost"):
            if ledger == "lost":
                bench.lose_ledger()
            bench.run(FLOW)
            assert customer(bench, record["id"])["Customer Price Group"] == "WHOLESALE"

    def test_the_primary_billing_address_counts(self, bench: Bench) -> None:
        other = {**ADDRESS, "city": "Chicago", "is_primary_billing": False, "is_primary_shipping": True}
        record = company(bench, addresses=[other, ADDRESS])
        bench.run(FLOW)
        assert customer(bench, record["id"])["City"] == "Atlanta"

    def test_or_else_the_first(self, bench: Bench) -> None:
        record = company(bench, addresses=[{**ADDRESS, "is_primary_billing": False}])
        bench.run(FLOW)
        assert customer(bench, record["id"])["City"] == "Atlanta"

    def test_a_company_without_an_address_goes_through(self, bench: Bench) -> None:
        company(bench, addresses=None)
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}

    def test_requests_of_a_creation(self, bench: Bench) -> None:
        company(bench)
        bench.sandbox.counters.reset()
        bench.run(FLOW)
        assert bench.writes() == 1 + 1 + 2  # the customer, what the API does not know of it, two links


class TestUpdating:
    def test_an_update_is_one_patch_of_what_differs(self, bench: Bench) -> None:
        record = company(bench)
        bench.run(FLOW)
        bench.sandbox.ipaas.edit("company", record["id"], {"name": "Adatum Ltd"})
        bench.sandbox.counters.reset()
        report = bench.run(FLOW, str(record["id"]))
        assert tally(report) == {"read": 1, "updated": 1}
        assert outcome_of(report, str(record["id"])).fields == ("Name",)
        assert customer(bench, record["id"])["Name"] == "Adatum Ltd"
        assert bench.sandbox.counters.of("business_central", "PATCH") == bench.writes() == 1
        # The company's id, one batched read, one write.
        assert bench.sandbox.counters.of("business_central") == 3

    def test_many_updates_share_their_reads(self, bench: Bench) -> None:
        records = [company(bench, f"Company {n}") for n in range(40)]
        bench.run(FLOW)
        for record in records:
            bench.sandbox.ipaas.edit("company", record["id"], {"name": f"{record['name']} Ltd"})
        bench.sandbox.counters.reset()
        assert tally(bench.run(FLOW, *(str(r["id"]) for r in records))) == {"read": 40, "updated": 40}
        assert bench.sandbox.counters.of("business_central") == 1 + 1 + 40

    def test_an_update_never_touches_what_accounting_has_set(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(**DEFAULTS)
        record = company(bench)
        bench.run(FLOW)
        bench.sandbox.bc.change("Customer", str(record["id"]), **{"Payment Terms Code": "14 DAYS"})
        bench.sandbox.ipaas.edit("company", record["id"], {"name": "Adatum Ltd"})
        bench.run(FLOW, str(record["id"]))
        assert customer(bench, record["id"])["Payment Terms Code"] == "14 DAYS"

    def test_an_empty_value_never_blanks_business_central(self, bench: Bench) -> None:
        record = company(bench)
        bench.run(FLOW)
        bench.sandbox.ipaas.edit("company", record["id"], {"email_address": "", "name": "Adatum Ltd"})
        bench.run(FLOW, str(record["id"]))
        assert customer(bench, record["id"])["E-Mail"] == "office@adatum.example"

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    def test_what_is_equal_is_not_written(self, bench: Bench, ledger: str) -> None:
        record = company(bench)
        bench.run(FLOW)
        if ledger == "lost":
            bench.lose_ledger()
        bench.sandbox.counters.reset()
        assert tally(bench.run(FLOW, str(record["id"]))) == {"read": 1, "unchanged": 1}
        assert bench.writes() == 0

    def test_force_writes_it_all_the_same(self, bench: Bench) -> None:
        record = company(bench)
        bench.run(FLOW)
        assert tally(bench.run(FLOW, str(record["id"]), force=True)) == {"read": 1, "updated": 1}

    def test_a_record_that_somebody_changes_meanwhile_is_merged(self, bench: Bench) -> None:
        record = company(bench)
        bench.run(FLOW)
        bench.sandbox.ipaas.edit("company", record["id"], {"name": "Adatum Ltd"})
        stale = '{"error":{"code":"Request_EntityChanged","message":"Another user has already changed the record."}}'
        bench.sandbox.faults.add(Fault(system="business_central", method="PATCH", status=409, body=stale, times=2))
        assert tally(bench.run(FLOW, str(record["id"]))) == {"read": 1, "updated": 1}
        assert customer(bench, record["id"])["Name"] == "Adatum Ltd"

    def test_a_customer_deleted_in_business_central_is_not_made_again_silently(self, bench: Bench) -> None:
        record = company(bench)
        bench.run(FLOW)
        bench.sandbox.bc.remove("Customer", customer(bench, record["id"]))
        bench.sandbox.ipaas.edit("company", record["id"], {"name": "Adatum Ltd"})
        report = bench.run(FLOW, str(record["id"]))
        assert tally(report) == {"read": 1, "failed": 1}
        assert "does not exist in Business Central any more" in outcome_of(report, str(record["id"])).message
        assert bench.sandbox.bc.rows("Customer") == []


class TestMatching:
    def test_the_account_number_and_the_name(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "ADATUM  Corporation", "Company", **{"Payment Terms Code": "14 DAYS"})
        record = company(bench, account_number="c1")
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "updated": 1}
        assert link_of(bench, record) == "C1"
        assert customer(bench, "C1")["City"] == "Atlanta"
        assert customer(bench, "C1")["Payment Terms Code"] == "14 DAYS"
        assert len(bench.sandbox.bc.rows("Customer")) == 1

    def test_the_ipaas_id(self, bench: Bench) -> None:
        record = company(bench)
        bench.sandbox.bc.add_customer(str(record["id"]), "Old Name", "Company", **{"E-Mail": "OFFICE@adatum.example"})
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert customer(bench, record["id"])["Name"] == "Adatum Corporation"

    @pytest.mark.parametrize("account", [None, "C7"])
    def test_a_number_alone_says_nothing(self, bench: Bench, account: str | None) -> None:
        record = company(bench, account_number=account)
        for number in (str(record["id"]), "C7"):
            bench.sandbox.bc.add_customer(number, "Quite Another Ltd", "Company")
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        assert link_of(bench, record) == f"C{record['id']}"
        assert customer(bench, record["id"])["Name"] == "Quite Another Ltd"

    def test_the_name_once_it_is_known_to_be_free(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "ADATUM Corporation", "Company")
        record = company(bench)
        assert tally(bench.run(FLOW)) == {"read": 1, "waiting": 1}
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert link_of(bench, record) == "C1"

    def test_a_person_is_no_match(self, bench: Bench) -> None:
        record = company(bench, account_number="C1")
        bench.sandbox.bc.add_customer("C1", "Adatum Corporation", "Person")
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        assert link_of(bench, record) == str(record["id"])

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    def test_a_customer_linked_to_another_company_does_not_count(self, bench: Bench, ledger: str) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum Corporation", "Company")
        bench.run("company_to_ipaas")
        twin = company(bench, account_number="C1", email_address="twin@adatum.example")
        if ledger == "lost":
            bench.lose_ledger()
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        assert link_of(bench, twin) == str(twin["id"])
        assert customer(bench, "C1").get("E-Mail") != "twin@adatum.example"

    def test_two_that_it_may_be_are_rejected_by_name(self, bench: Bench) -> None:
        record = company(bench, account_number="C1")
        bench.sandbox.bc.add_customer("C1", "Adatum Corporation", "Company")
        bench.sandbox.bc.add_customer("C2", "Adatum Corporation", "Company")
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "failed": 1}
        message = outcome_of(report, str(record["id"])).message
        assert "C1, C2" in message

    def test_two_companies_with_one_number_and_name_become_two_customers(self, bench: Bench) -> None:
        records = [company(bench, account_number="C1") for _ in range(2)]
        assert tally(bench.run(FLOW)) == {"read": 2, "created": 2}
        assert len({link_of(bench, record) for record in records}) == 2


class TestLinks:
    def test_a_link_that_could_not_be_told_is_told_by_the_next_run(self, bench: Bench) -> None:
        record = company(bench)
        bench.sandbox.faults.add(Fault(system="ipaas", path="UpdateExternalId", status=503, times=100))
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "created": 1} and report.warnings
        assert link_of(bench, record) is None
        bench.sandbox.faults.clear()
        bench.run(FLOW)
        assert link_of(bench, record) == str(record["id"])
        assert len(bench.sandbox.bc.rows("Customer")) == 1

    def test_a_link_that_ipaas_refuses_is_a_rejection_that_names_both(self, bench: Bench) -> None:
        record, other = company(bench, account_number="C1"), company(bench, "Other")

        def take_the_number(stage: str) -> None:
            if stage == "load":
                bench.sandbox.ipaas.link("customer company", bench.sandbox.SYSTEM_ID, other["id"], "C1")

        report = bench.run(FLOW, str(record["id"]), before=take_the_number)
        assert tally(report) == {"read": 1, "failed": 1}
        message = outcome_of(report, str(record["id"])).message
        assert "C1" in message and str(other["id"]) in message
        # What was made for it is found again, not made twice.
        assert tally(bench.run(FLOW, str(record["id"]))) == {"read": 1, "failed": 1}
        assert [row["No."] for row in bench.sandbox.bc.rows("Customer")] == ["C1"]

    def test_a_link_removed_by_hand_is_looked_for_again(self, bench: Bench) -> None:
        record = company(bench)
        bench.run(FLOW)
        table = bench.sandbox.ipaas.links["customer company"]
        table.pop((bench.sandbox.SYSTEM_ID, record["id"]))
        bench.sandbox.ipaas._by_external.pop(("customer company", bench.sandbox.SYSTEM_ID, str(record["id"])))
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert link_of(bench, record) == str(record["id"])
        assert len(bench.sandbox.bc.rows("Customer")) == 1


class TestRefusals:
    def test_a_text_that_is_too_long_is_named_before_anything_is_sent(self, bench: Bench) -> None:
        record = company(bench, addresses=[{**ADDRESS, "country": "United States"}])
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "failed": 1}
        outcome = outcome_of(report, str(record["id"]))
        assert "Country_Region_Code" in outcome.message and "10" in outcome.message
        assert bench.sandbox.bc.rows("Customer") == []

    def test_a_refusal_names_record_and_value(self, bench: Bench) -> None:
        company(bench, account_number="C1")
        body = (
            '{"error":{"code":"Internal_InvalidTableRelation","message":"The field Country/Region Code of table '
            'Customer contains a value (US) that cannot be found in the related table (Country/Region)."}}'
        )
        bench.sandbox.faults.add(Fault(system="business_central", method="POST", status=400, body=body))
        report = bench.run(FLOW)
        (outcome,) = report.outcomes
        assert outcome.kind is ErrorKind.rejected
        assert "C1" in outcome.message and "Country_Region_Code 'US'" in outcome.message

    def test_a_record_that_cannot_be_read_is_named_and_the_others_go_on(self, bench: Bench) -> None:
        record = company(bench)
        company(bench, "Other")
        bench.sandbox.ipaas.records["company"][record["id"]]["name"] = {"en": "Adatum"}
        report = bench.run(FLOW)
        assert tally(report) == {"read": 2, "created": 1, "failed": 1}
        assert outcome_of(report, str(record["id"])).message.startswith("name of the company cannot be read")

    def test_what_failed_is_not_read_again_until_it_is_due(self, bench: Bench) -> None:
        company(bench, addresses=[{**ADDRESS, "country": "United States"}])
        bench.run(FLOW)
        bench.sandbox.counters.reset()
        assert tally(bench.run(FLOW)) == {}
        assert bench.sandbox.counters.of("ipaas") == 3  # the two of the login, and the list of what is missing

    def test_but_once_a_day(self, bench: Bench) -> None:
        record = company(bench, addresses=[{**ADDRESS, "country": "United States"}])
        bench.run(FLOW)
        bench.sandbox.ipaas.records["company"][record["id"]]["addresses"][0]["country"] = "US"
        tomorrow = datetime.now(UTC) + timedelta(hours=25)
        assert tally(bench.run(FLOW, now=tomorrow)) == {"read": 1, "created": 1}


class TestCustomFields:
    def fields(self, **entry: Any) -> dict[str, Any]:
        return {"bc_custom_fields": [{"model": "company", "direction": "from_ipaas", **entry}]}

    def test_a_source_is_converted_to_the_type_of_its_target(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(**self.fields(target="Credit_Limit_LCY", source="Limit"))
        bench.sandbox.ipaas.custom_fields["company"] = {"Limit"}
        record = company(bench, custom_fields=[{"custom_field_name": "Limit", "value": "2500.50"}])
        bench.run(FLOW)
        assert float(customer(bench, record["id"])["Credit Limit (LCY)"]) == 2500.5

    def test_a_value_that_does_not_fit_rejects_its_record(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(**self.fields(target="Credit_Limit_LCY", source="Limit"))
        bench.sandbox.ipaas.custom_fields["company"] = {"Limit"}
        company(bench, custom_fields=[{"custom_field_name": "Limit", "value": "much"}])
        company(bench, "Other")
        report = bench.run(FLOW)
        assert tally(report) == {"read": 2, "created": 1, "failed": 1}
        assert "Credit_Limit_LCY" in report.outcomes[0].message and "'much'" in report.outcomes[0].message

    def test_a_target_that_the_page_lacks_stops_the_run_naming_the_entry(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench(**self.fields(target="Nowhere", static="x"))
        company(bench)
        with pytest.raises(SettingsError, match=r"entry 1.*Nowhere"):
            bench.run(FLOW)
        assert bench.sandbox.bc.rows("Customer") == []


class TestRuns:
    def test_a_plan_writes_nothing_anywhere(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum Corporation", "Company")
        record, other = company(bench, account_number="C1"), company(bench, "Other")
        bench.sandbox.counters.reset()
        report = bench.run(FLOW, mode="plan")
        assert tally(report) == {"read": 2, "created": 1, "updated": 1}
        assert "City" in outcome_of(report, str(record["id"])).fields
        assert "Name" in outcome_of(report, str(other["id"])).fields
        assert bench.writes() == 0
        assert list(bench.ledger.keys(FLOW)) == [] and bench.ledger.unpushed() == []

    def test_idle_it_asks_for_what_is_missing_and_no_more(self, bench: Bench) -> None:
        bench.run(FLOW)
        bench.sandbox.counters.reset()
        report = bench.run(FLOW)
        assert tally(report) == {}
        assert bench.sandbox.counters.of("business_central") == 0
        assert bench.sandbox.counters.of("ipaas") == 3

    def test_an_id_that_does_not_exist_fails_by_name(self, bench: Bench) -> None:
        report = bench.run(FLOW, "404")
        assert tally(report) == {"read": 1, "failed": 1}
        assert "'404' in iPaaS.com" in outcome_of(report, "404").message

    def test_a_hook_is_dealt_with_once(self, bench: Bench) -> None:
        record = company(bench)
        bench.run(FLOW)
        bench.sandbox.ipaas.edit("company", record["id"], {"name": "Adatum Ltd"})
        bench.ledger.receive([(FLOW, str(record["id"]), "company/updated")])
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert tally(bench.run(FLOW)) == {}

    def test_a_backfill_transfers_what_was_modified_in_its_interval(self, bench: Bench) -> None:
        record, old = company(bench), company(bench, "Old")
        old["updated_datetime"] = "2020-01-01T00:00:00+00:00"
        now = datetime.now(UTC)
        interval = (now - timedelta(days=1), now + timedelta(days=1))
        assert tally(bench.run(FLOW, kind=RunKind.backfill, interval=interval)) == {"read": 1, "created": 1}
        assert link_of(bench, record) and not link_of(bench, old)

    def test_without_the_page_the_api_takes_over_and_says_what_is_lost(self, bench: Bench) -> None:
        bench.sandbox.switches.pages_ended = True
        record = company(bench)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "created": 1}
        assert any("Customer_Price_Group" in text for text in report.warnings)
        bench.sandbox.ipaas.edit("company", record["id"], {"name": "Adatum Ltd"})
        assert tally(bench.run(FLOW, str(record["id"]))) == {"read": 1, "updated": 1}
        assert customer(bench, record["id"])["Name"] == "Adatum Ltd"

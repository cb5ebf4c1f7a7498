"""Both systems hold a record, and both are edited: each side receives what the other changed, and nothing of its own is
overwritten by what comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sync.report import Report

BILLING: dict[str, Any] = {
    "first_name": "Rob",
    "last_name": "Brien",
    "company": "The Office",
    "address_1": "1 Main Street",
    "city": "Atlanta",
    "region": "GA",
    "country": "US",
    "postal_code": "31772",
    "phone_number": "+1 555 0100",
    "is_primary_billing": True,
    "is_primary_shipping": False,
}
SHIPPING = {**BILLING, "address_1": "9 Dock Road", "is_primary_billing": False, "is_primary_shipping": True}
ORDERS = ("FTFT", "TFTF", "FTTF", "FFTT")
ledgers = pytest.mark.parametrize("ledger", ["kept", "lost"])
orders = pytest.mark.parametrize("order", ["FT", "FTF", "FTFT", "TFT"])


def ids(bench: Bench, name: str) -> list[str]:
    return [str(record_id) for record_id in bench.sandbox.ipaas.records[name]]


def run(bench: Bench, name: str, way: str) -> Report:
    """A poll to iPaaS.com (T), or from it (F) as hooks for every record would start it."""
    if way == "T":
        return bench.run(f"{name}_to_ipaas")
    return bench.run(f"{name}_from_ipaas", *ids(bench, name))


def stands(bench: Bench, name: str, order: str, *, lose: bool = False) -> None:
    """Neither system is written to, whichever flow runs."""
    for way in order:
        if lose:
            bench.lose_ledger()
        bench.sandbox.counters.reset()
        report = run(bench, name, way)
        assert (tally(report).keys() <= {"read", "unchanged"}, bench.writes()) == (True, 0), (way, report.outcomes)


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "a long description": (
        "product",
        {
            "sku": "1000",
            "name": "Bicycle",
            "description": "A bicycle for every day, with a bell." * 5,
            "default_price": 50,
            "type": "Physical",
            "status": "Active",
            "tracking_method": "Product",
        },
    ),
    "another shipping address": (
        "customer",
        {
            "first_name": "Anna",
            "last_name": "Berg",
            "email_address": "anna@example.net",
            "addresses": [BILLING, SHIPPING],
        },
    ),
    "only a shipping address": (
        "customer",
        {"first_name": "Anna", "last_name": "Berg", "email_address": "anna@example.net", "addresses": [SHIPPING]},
    ),
    "a phone of its own": (
        "company",
        {"name": "Adatum", "phone_number": "+1 555 9999", "addresses": [BILLING]},
    ),
}


class TestWhatTheShopOwns:
    """It came from iPaaS.com, and nobody touches anything: nothing changes on either side."""

    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("order", ["TFT", "TTF", "FT"])
    @ledgers
    def test_stays_as_it_is(self, bench: Bench, case: str, order: str, ledger: str) -> None:
        name, body = CASES[case]
        record = bench.sandbox.ipaas.add(name, body)
        assert tally(bench.run(f"{name}_from_ipaas")) == {"read": 1, "created": 1}
        before = shown(bench, name, record)
        stands(bench, name, order, lose=ledger == "lost")
        assert shown(bench, name, record) == before
        assert list(bench.sandbox.ipaas.records[name]) == [record["id"]]

    @ledgers
    def test_a_second_category_stays(self, bench: Bench, ledger: str) -> None:
        record = with_categories(bench)
        bench.run("customer_from_ipaas")
        assert bench.sandbox.bc.rows("Customer")[-1]["Customer Price Group"] == "VIP"
        stands(bench, "customer", "TFT", lose=ledger == "lost")
        assert len(record["categories"]) == 2

    def test_a_second_category_outlives_a_change_of_the_price_group(self, bench: Bench) -> None:
        record = with_categories(bench)
        bench.run("customer_from_ipaas")
        group = bench.sandbox.bc.add("Customer Price Group", {"Code": "GOLD", "Description": "Gold"})
        bench.sandbox.bc.change("Customer", f"C{record['id']}", **{"Customer Price Group": group["Code"]})
        assert tally(run(bench, "customer", "T")) == {"read": 1, "updated": 1}
        names = {bench.sandbox.ipaas.records["customer category"][int(c["id"])]["name"] for c in record["categories"]}
        assert names == {"GOLD", "Newsletter"}
        stands(bench, "customer", "FT")
        assert bench.sandbox.bc.get("Customer", f"C{record['id']}")["Customer Price Group"] == "GOLD"

    def test_an_address_that_is_no_billing_one_is_the_one_that_comes_back(self, bench: Bench) -> None:
        body = CASES["only a shipping address"][1]
        record = bench.sandbox.ipaas.add("customer", body)
        bench.run("customer_from_ipaas")
        bench.sandbox.bc.change("Customer", f"C{record['id']}", **{"Address": "2 Main Street"})
        bench.lose_ledger()
        run(bench, "customer", "T")
        assert [address["address_1"] for address in record["addresses"]] == ["2 Main Street"]


def with_categories(bench: Bench) -> Record:
    bench.sandbox.bc.add("Customer Price Group", {"Code": "VIP", "Description": "Very important"})
    bench.run("customer_category_to_ipaas")
    vip = bench.linked("customer category", "VIP")
    news = bench.sandbox.ipaas.add("customer category", {"name": "Newsletter"})
    body = {"first_name": "Anna", "last_name": "Berg", "email_address": "anna@example.net", "addresses": [BILLING]}
    record: Record = bench.sandbox.ipaas.add(
        "customer", {**body, "categories": [{"id": news["id"]}, {"id": vip["id"]}]}
    )
    return record


def shown(bench: Bench, name: str, record: Record) -> Any:
    found = bench.sandbox.ipaas.shown(name, record)
    return {field: value for field, value in found.items() if field not in ("external_ids", "addresses")}, [
        {field: value for field, value in address.items() if field != "external_ids"}
        for address in found.get("addresses", ())
    ]


class TestEditsOnBothSides:
    def made_in_bc(self, bench: Bench) -> Record:
        bench.sandbox.bc.add_customer(
            "K1",
            "Anna Berg",
            "Person",
            **{
                "E-Mail": "anna@example.net",
                "Phone No.": "+1 555 0100",
                "Address": "1 Main Street",
                "City": "Atlanta",
                "Country/Region Code": "US",
            },
        )
        run(bench, "customer", "T")
        record: Record = bench.linked("customer", "K1")
        return record

    def made_in_ipaas(self, bench: Bench) -> Record:
        body = {"first_name": "Anna", "last_name": "Berg", "email_address": "anna@example.net", "addresses": [BILLING]}
        record: Record = bench.sandbox.ipaas.add("customer", {**body, "customer_number": "K1"})
        run(bench, "customer", "F")
        return record

    def matched(self, bench: Bench, first: str) -> Record:
        """Both sides have the record, alike but for what only one of them has, and one flow has linked it."""
        body = {"first_name": "Anna", "last_name": "Berg", "email_address": "anna@example.net", "addresses": [BILLING]}
        record: Record = bench.sandbox.ipaas.add("customer", {**body, "customer_number": "K1"})
        fields = {"E-Mail": "anna@example.net", "Phone No.": "+1 555 0100"}
        bench.sandbox.bc.add_customer("K1", "Anna Berg", "Person", **fields)
        run(bench, "customer", first)
        assert bench.linked("customer", "K1")["id"] == record["id"]
        return record

    @pytest.mark.parametrize("made", ["made_in_bc", "made_in_ipaas"])
    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("settled", [False, True])
    def test_both_survive_on_both_sides(self, bench: Bench, made: str, order: str, settled: bool) -> None:
        record = getattr(self, made)(bench)
        if settled:
            run(bench, "customer", "F")
            run(bench, "customer", "T")
        bench.sandbox.bc.change("Customer", "K1", **{"Phone No.": "+1 555 7777"})
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        for way in order:
            assert not run(bench, "customer", way).counts["failed"]
        card = bench.sandbox.bc.get("Customer", "K1")
        assert (card["Name"], card["Phone No."]) == ("Anna Bergman", "+1 555 7777")
        assert (record["last_name"], record["addresses"][0]["phone_number"]) == ("Bergman", "+1 555 7777")
        stands(bench, "customer", "FTFT")

    @pytest.mark.parametrize("tried", [False, True])
    def test_an_edit_that_has_not_been_sent_yet_is_not_put_back(self, bench: Bench, tried: bool) -> None:
        """The flow the other way comes to the record for the first time."""
        record = self.made_in_bc(bench)
        bench.sandbox.bc.change("Customer", "K1", **{"Phone No.": "+1 555 7777"})
        if tried:
            bench.sandbox.faults.add(Fault(system="ipaas", method="PUT", status=503, times=100))
            run(bench, "customer", "T")
            bench.sandbox.faults.clear()
        assert tally(run(bench, "customer", "F")) == {"read": 1, "unchanged": 1}
        assert bench.sandbox.bc.get("Customer", "K1")["Phone No."] == "+1 555 7777"
        bench.run("customer_to_ipaas", "K1")
        assert record["addresses"][0]["phone_number"] == "+1 555 7777"
        stands(bench, "customer", "FTFT")

    def test_what_was_sent_without_being_known_to_have_arrived_is_no_edit_of_the_shop(self, bench: Bench) -> None:
        """It has arrived, and was taken back meanwhile."""
        record, path = self.made_in_bc(bench), "addresses[K1|address].phone_number"
        bench.ledger.sending("customer_to_ipaas", "K1", {path: "+1 555 7777"}, {})
        bench.sandbox.ipaas.edit(
            "customer",
            record["id"],
            {"addresses": [{"id": record["addresses"][0]["id"], "phone_number": "+1 555 7777"}]},
        )
        assert tally(run(bench, "customer", "F")) == {"read": 1, "unchanged": 1}
        assert bench.sandbox.bc.get("Customer", "K1")["Phone No."] == "+1 555 0100"

    def test_an_edit_that_has_not_been_brought_yet_is_not_put_back(self, bench: Bench) -> None:
        record = self.made_in_ipaas(bench)
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        bench.sandbox.faults.add(Fault(system="business_central", method="PATCH", status=503, times=100))
        run(bench, "customer", "F")
        bench.sandbox.faults.clear()
        assert tally(run(bench, "customer", "T")) == {"read": 1, "unchanged": 1}
        assert record["last_name"] == "Bergman"
        run(bench, "customer", "F")
        assert bench.sandbox.bc.get("Customer", "K1")["Name"] == "Anna Bergman"

    def test_an_edit_that_is_rejected_is_not_put_back(self, bench: Bench) -> None:
        self.made_in_bc(bench)
        bench.sandbox.bc.change("Customer", "K1", **{"E-Mail": ""})
        assert run(bench, "customer", "T").counts["failed"] == 1
        run(bench, "customer", "F")
        assert bench.sandbox.bc.get("Customer", "K1")["E-Mail"] == ""

    @pytest.mark.parametrize("order", ["F", "FT", "TF"])
    def test_nor_is_an_edit_of_a_record_that_was_only_matched(self, bench: Bench, order: str) -> None:
        """What the shop alone had before, and has edited since, comes over all the same."""
        record = self.matched(bench, "T")
        bench.sandbox.bc.change("Customer", "K1", **{"Phone No.": "+1 555 7777"})
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        for way in order:
            run(bench, "customer", way)
        card = bench.sandbox.bc.get("Customer", "K1")
        assert (card["Name"], card["Phone No."]) == ("Anna Bergman", "+1 555 7777")
        run(bench, "customer", "T")
        assert (record["last_name"], record["addresses"][0]["phone_number"]) == ("Bergman", "+1 555 7777")
        stands(bench, "customer", "FTFT")

    @pytest.mark.parametrize("order", ["T", "FT", "TF"])
    def test_nor_is_one_of_the_shop_s(self, bench: Bench, order: str) -> None:
        record = self.matched(bench, "F")
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        bench.sandbox.bc.change("Customer", "K1", **{"Phone No.": "+1 555 7777"})
        for way in order:
            run(bench, "customer", way)
        assert (record["last_name"], record["addresses"][0]["phone_number"]) == ("Bergman", "+1 555 7777")
        run(bench, "customer", "F")
        card = bench.sandbox.bc.get("Customer", "K1")
        assert (card["Name"], card["Phone No."]) == ("Anna Bergman", "+1 555 7777")
        stands(bench, "customer", "FTFT")

    @pytest.mark.parametrize("first", ["F", "T"])
    def test_what_nothing_is_known_of_is_not_taken_for_agreed(self, bench: Bench, first: str) -> None:
        """A field that no flow from iPaaS.com carries."""
        body = {"name": "Acme", "account_number": "K1", "email_address": "acme@example.net", "fax_number": "1"}
        record: Record = bench.sandbox.ipaas.add("company", body)
        bench.sandbox.bc.add_customer("K1", "Acme", "Company", **{"E-Mail": "acme@example.net", "Fax No.": "2"})
        for way in (first, "T"):
            report = run(bench, "company", way)
        assert bench.linked("company", "K1")["id"] == record["id"]
        assert record["fax_number"] == bench.sandbox.bc.get("Customer", "K1")["Fax No."] == "2"
        assert not [note for outcome in report.outcomes for note in outcome.notes]
        stands(bench, "company", "FTFT")

    def test_a_category_of_ours_that_no_base_names_is_replaced(self, bench: Bench) -> None:
        """The flow from iPaaS.com, which does not carry categories, came first."""
        for one in ("CHAIR", "DESK"):
            bench.sandbox.bc.add("Item Category", {"Code": one, "Description": one})
        bench.run("product_category_to_ipaas")
        ids = {one: bench.linked("product category", one)["id"] for one in ("CHAIR", "DESK")}
        _, body = CASES["a long description"]
        record = bench.sandbox.ipaas.add("product", {**body, "categories": [{"category_id": ids["CHAIR"]}]})
        fields = {
            "Description": "Bicycle",
            "Type": "Inventory",
            "Unit Price": Decimal(50),
            "Item Category Code": "DESK",
        }
        bench.sandbox.bc.add("Item", {"No.": "1000", **fields})
        for way in "FT":
            run(bench, "product", way)
        assert [one["category_id"] for one in record["categories"]] == [ids["DESK"]]
        stands(bench, "product", "FTFT")

    def test_an_update_sends_what_changed_and_says_from_what_to_what(self, bench: Bench) -> None:
        self.made_in_bc(bench)
        bench.sandbox.bc.change("Customer", "K1", **{"City": "Macon"})
        [change] = outcome_of(run(bench, "customer", "T"), "K1").changes
        assert (change.field, change.before, change.after) == ("addresses[K1|address].city", "Atlanta", "Macon")

    def test_coming_back_it_says_so_too(self, bench: Bench) -> None:
        record = self.made_in_bc(bench)
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        [change] = outcome_of(run(bench, "customer", "F"), str(record["id"])).changes
        assert (change.field, change.before, change.after) == ("Name", "Anna Berg", "Anna Bergman")

    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("later", ["bc", "ipaas"])
    def test_of_two_changes_of_a_name_the_later_wins_and_the_other_is_named(
        self, bench: Bench, order: str, later: str
    ) -> None:
        record = self.made_in_bc(bench)
        run(bench, "customer", "F")

        def bc() -> None:
            bench.sandbox.bc.change("Customer", "K1", Name="Anna Bergen")

        def ipaas() -> None:
            bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})

        for edit in (ipaas, bc) if later == "bc" else (bc, ipaas):
            edit()
        if later == "bc":
            record["updated_datetime"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        notes = [note for way in order for o in run(bench, "customer", way).outcomes for note in o.notes]
        name = bench.sandbox.bc.get("Customer", "K1")["Name"]
        assert name == ("Anna Bergen" if later == "bc" else "Anna Bergman")
        assert f"Anna {record['last_name']}" == name
        lost = "Bergman" if later == "bc" else "Bergen"
        assert any("gave way" in note and lost in note for note in notes), notes
        stands(bench, "customer", "FTFT")

    @pytest.mark.parametrize("order", ORDERS)
    def test_of_two_changes_of_a_price_business_central_decides(self, bench: Bench, order: str) -> None:
        fields = {"No.": "1000", "Description": "Bicycle", "Unit Price": Decimal(50), "Type": "Inventory"}
        bench.sandbox.bc.add("Item", fields)
        run(bench, "product", "T")
        record = bench.linked("product", "1000")
        run(bench, "product", "F")
        bench.sandbox.bc.change("Item", "1000", **{"Unit Price": Decimal(55)})
        bench.sandbox.ipaas.edit("product", record["id"], {"default_price": Decimal(60)})
        notes = [note for way in order for o in run(bench, "product", way).outcomes for note in o.notes]
        assert bench.sandbox.bc.get("Item", "1000")["Unit Price"] == record["default_price"] == 55
        assert any("60" in note and "gave way" in note for note in notes), notes
        stands(bench, "product", "FTFT")

    def test_a_place_is_one_value(self, bench: Bench) -> None:
        record = self.made_in_bc(bench)
        run(bench, "customer", "F")
        bench.sandbox.bc.change("Customer", "K1", Address="2 Main Street")
        address = record["addresses"][0]
        bench.sandbox.ipaas.edit("customer", record["id"], {"addresses": [{"id": address["id"], "city": "Chicago"}]})
        for way in "FTFT":
            run(bench, "customer", way)
        card = bench.sandbox.bc.get("Customer", "K1")
        here, there = (card["Address"], card["City"]), (address["address_1"], address["city"])
        assert here == there in [("2 Main Street", "Atlanta"), ("1 Main Street", "Chicago")]

    def test_what_was_left_to_the_other_direction_is_carried_though_no_hook_told_of_it(self, bench: Bench) -> None:
        record = self.made_in_bc(bench)
        run(bench, "customer", "F")
        bench.sandbox.bc.change("Customer", "K1", Name="Anna Bergen")
        bench.sandbox.ipaas.edit("customer", record["id"], {"last_name": "Bergman"})
        run(bench, "customer", "T")
        bench.run("customer_from_ipaas")
        assert bench.sandbox.bc.get("Customer", "K1")["Name"] == "Anna Bergman"


class TestCategoriesLinkedLater:
    def test_the_price_group_arrives_with_the_next_run(self, bench: Bench) -> None:
        sandbox = bench.sandbox
        news, vip = (sandbox.ipaas.add("customer category", {"name": name}) for name in ("Newsletter", "VIP"))
        body = {"first_name": "Anna", "last_name": "Berg", "email_address": "anna@example.net", "addresses": [BILLING]}
        record = sandbox.ipaas.add("customer", {**body, "categories": [{"id": news["id"]}, {"id": vip["id"]}]})
        bench.run("customer_from_ipaas")
        assert not sandbox.bc.get("Customer", f"C{record['id']}").get("Customer Price Group")
        assert tally(bench.run("customer_from_ipaas")) == {}
        sandbox.bc.add("Customer Price Group", {"Code": "VIP", "Description": "Very important"})
        bench.run("customer_category_to_ipaas")
        assert tally(bench.run("customer_from_ipaas")) == {"read": 1, "updated": 1}
        assert sandbox.bc.get("Customer", f"C{record['id']}")["Customer Price Group"] == "VIP"
        assert tally(bench.run("customer_from_ipaas")) == {}

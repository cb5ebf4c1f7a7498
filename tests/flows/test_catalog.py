"""Locations, shipping methods, product categories, contacts and products to iPaaS.com, through real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.errors import ErrorKind
from include.sandbox.faults import Fault
from include.sync.runs import RunKind

LONG_AGO = datetime.now(UTC) - timedelta(days=200)


def item(bench: Bench, no: str = "1000", *, modified: datetime | None = None, **fields: Any) -> None:
    base = {"No.": no, "Description": "Bicycle", "Unit Price": 4000, "Type": "Inventory", "Base Unit of Measure": "PCS"}
    bench.sandbox.bc.add("Item", {**base, **fields}, modified=modified)


def price(bench: Bench, code: str = "RETAIL", amount: float = 10, **fields: Any) -> None:
    base = {"Item No.": "1000", "Sales Type": "Customer Price Group", "Sales Code": code, "Unit Price": amount}
    bench.sandbox.bc.add("Sales Price", {**base, **fields})


def stock(bench: Bench, no: str) -> dict[str, Decimal]:
    """Quantity by location name, as iPaaS.com has it."""
    names = {r["id"]: r["name"] for r in bench.sandbox.ipaas.records["location"].values()}
    return {names[row["location_id"]]: row["qty_on_hand"] for row in bench.linked("product", no)["inventory"]}


def custom(record: Any) -> dict[str, str]:
    return {f["custom_field_name"]: f["value"] for f in record.get("custom_fields", ())}


class TestLocationsAndShippingMethods:
    def test_a_location_with_its_address(self, bench: Bench) -> None:
        assert tally(bench.run("location_to_ipaas")) == {"read": 4, "created": 4}
        record = bench.linked("location", "MAIN")
        assert (record["name"], record["description"]) == ("MAIN", "Main Warehouse")
        assert record["address"]["address_1"] == "1 Dock Road"
        assert record["address"]["contact"] == "The foreman"

    @pytest.mark.parametrize("by", ["code", "guid"])
    def test_by_code_or_guid(self, bench: Bench, by: str) -> None:
        asked = "main" if by == "code" else bench.sandbox.bc.get("Location", "MAIN")["systemid"]
        assert tally(bench.run("location_to_ipaas", asked)) == {"read": 1, "created": 1}

    def test_the_location_of_the_same_name_is_linked(self, bench: Bench) -> None:
        present = bench.sandbox.ipaas.add("location", {"name": "MAIN"})
        bench.run("location_to_ipaas", "MAIN")
        assert bench.linked("location", "MAIN")["id"] == present["id"]

    def test_a_blank_agent_name_is_the_code(self, bench: Bench) -> None:
        assert tally(bench.run("shipping_method_to_ipaas")) == {"read": 4, "created": 4}
        assert bench.linked("shipping method", "OWNLOG")["description"] == "OWNLOG"
        assert bench.linked("shipping method", "DHL")["description"] == "DHL Systems, Inc."

    @pytest.mark.parametrize("flow", ["customer_category_to_ipaas", "location_to_ipaas", "shipping_method_to_ipaas"])
    def test_initialization_transfers_everything_and_again_nothing(self, bench: Bench, flow: str) -> None:
        interval = (LONG_AGO, LONG_AGO + timedelta(days=1))
        first = bench.run(flow, kind=RunKind.backfill, interval=interval)
        assert first.counts["created"] == first.counts["read"] > 0
        again = bench.run(flow, kind=RunKind.backfill, interval=interval)
        assert again.counts["unchanged"] == again.counts["read"]


class TestProductCategories:
    def test_the_tree(self, bench: Bench) -> None:
        assert tally(bench.run("product_category_to_ipaas")) == {"read": 6, "created": 6}
        swivel, chair = bench.linked("product category", "SWIVEL"), bench.linked("product category", "CHAIR")
        assert swivel["parent_id"] == chair["id"]
        assert (chair["name"], chair["description"]) == ("CHAIR", "Chairs")

    def test_one_category_brings_its_parents(self, bench: Bench) -> None:
        assert tally(bench.run("product_category_to_ipaas", "SWIVEL")) == {"read": 1, "created": 1}
        assert bench.linked("product category", "FURN")

    @pytest.mark.parametrize("ids", [("SWIVEL", "FURN"), ("FURN", "SWIVEL")])
    def test_what_a_parent_needs_in_turn_is_written_once_when_the_run_writes_it_anyway(
        self, bench: Bench, ids: tuple[str, str]
    ) -> None:
        slow = Fault(system="ipaas", method="POST", path="Category$", delay=0.1, times=9)
        bench.sandbox.faults.add(slow)
        assert tally(bench.run("product_category_to_ipaas", *ids)) == {"read": 2, "created": 2}
        assert len(bench.sandbox.ipaas.records["product category"]) == 3
        assert bench.linked("product category", "CHAIR")["parent_id"] == bench.linked("product category", "FURN")["id"]

    def test_a_circle_of_parents_is_rejected_and_ends(self, bench: Bench) -> None:
        bench.sandbox.bc.change("Item Category", "FURN", **{"Parent Category": "SWIVEL"})
        report = bench.run("product_category_to_ipaas", "SWIVEL")
        assert tally(report) == {"read": 1, "failed": 1}
        assert "itself first" in outcome_of(report, "SWIVEL").message

    def test_without_the_card_page_there_are_no_parents(self, bench: Bench) -> None:
        bench.sandbox.bc.unpublish("ItemCategoryCard")
        bench.run("product_category_to_ipaas")
        assert "parent_id" not in bench.linked("product category", "SWIVEL")

    def test_excluded_ones_are_skipped_and_their_children_go_without_them(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench(bc_product_category_exclude=["CH*"])
        assert tally(bench.run("product_category_to_ipaas")) == {"read": 6, "skipped": 1, "created": 5}
        assert "parent_id" not in bench.linked("product category", "SWIVEL")
        item(bench, **{"Item Category Code": "CHAIR"})
        bench.run("product_to_ipaas")
        assert not bench.linked("product", "1000").get("categories")


class TestContacts:
    def company_with_person(self, bench: Bench, **fields: Any) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        bench.sandbox.bc.add_person("CT900", "Ann Buyer", customer="C1", email="ann@adatum.example", **fields)

    def test_a_person_with_its_company_and_the_five_fields(self, bench: Bench) -> None:
        self.company_with_person(bench, **{"Job Title": "Buyer"})
        bench.run("company_to_ipaas")
        assert tally(bench.run("contact_to_ipaas", "CT900|contact")) == {"read": 1, "created": 1}
        record, company = bench.linked("customer", "CT900|contact"), bench.linked("company", "C1")
        assert record["customer_number"] == "CT900|contact"
        assert (record["first_name"], record["last_name"], record["company"]) == ("Ann", "Buyer", "Adatum")
        assert record["company_id"] == company["id"]
        assert custom(record) == {
            "Customer Type": "Person",
            "Record Type": "Contact",
            "Role": "Buyer",
            "Active": "true",
            "iPaaS.com Company ID": str(company["id"]),
        }

    @pytest.mark.parametrize("spelling", ["CT900|contact", "CT900", "guid|contact", "guid"])
    def test_every_way_to_name_one(self, bench: Bench, spelling: str) -> None:
        self.company_with_person(bench)
        bench.run("company_to_ipaas")
        asked = spelling.replace("guid", bench.sandbox.bc.get("Contact", "CT900")["systemid"])
        assert tally(bench.run("contact_to_ipaas", asked)) == {"read": 1, "created": 1}

    @pytest.mark.parametrize("creates", [False, True])
    def test_a_missing_company_is_waited_for_or_created(self, make_bench: Callable[..., Bench], creates: bool) -> None:
        bench = make_bench(bc_processing_company_creation_in_prerequisite=creates)
        self.company_with_person(bench)
        report = bench.run("contact_to_ipaas", "CT900")
        assert tally(report) == {"read": 1, "created" if creates else "waiting": 1}
        assert bool(bench.linked("company", "C1")) == creates
        if not creates:
            bench.run("company_to_ipaas")
            assert tally(bench.run("contact_to_ipaas"))["created"] == 1

    def test_who_is_left_out_and_why(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("P1", "Anna Berg", "Person", **{"E-Mail": "anna@example.net"})
        self.company_with_person(bench)
        bench.sandbox.bc.add_person("CT901", "No Mail", customer="C1", email="")
        bench.run("company_to_ipaas")
        report = bench.run("contact_to_ipaas", "CTP1", "CT901", "CTC1", "CT900")
        assert tally(report) == {"read": 4, "skipped": 3, "created": 1}
        assert "customer itself" in outcome_of(report, "CTP1|contact").message
        assert "e-mail" in outcome_of(report, "CT901|contact").message

    def test_another_contacts_endpoint(self, make_bench: Callable[..., Bench]) -> None:
        entry = {"model": "contact", "direction": "to_ipaas", "target": "Web role", "source": "Web_Role"}
        bench = make_bench(bc_contacts_endpoint="ContactCard", bc_custom_fields=[entry])
        bench.sandbox.bc.publish("ContactCard")
        bench.sandbox.bc.extend("ContactCard", "Web_Role", "My Web Role")
        bench.sandbox.ipaas.custom_fields["customer"].add("Web role")
        self.company_with_person(bench, **{"My Web Role": "admin"})
        bench.run("company_to_ipaas")
        bench.run("contact_to_ipaas")
        assert custom(bench.linked("customer", "CT900|contact")) == {"Web role": "admin"}


class TestProducts:
    def test_fields(self, bench: Bench) -> None:
        bench.run("product_category_to_ipaas")
        fields = {"Description 2": "blue", "Net Weight": 12.5, "GTIN": "4006381333931", "Tax Group Code": "FURNITURE"}
        item(bench, **fields, **{"Item Category Code": "CHAIR"})
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "created": 1}
        record = bench.linked("product", "1000")
        assert (record["sku"], record["name"], record["description"]) == ("1000", "Bicycle", "Bicycle blue")
        assert (record["default_price"], record["weight"]) == (4000, Decimal("12.5"))
        assert (record["type"], record["status"], record["tracking_method"]) == ("Physical", "Active", "Product")
        (assigned,) = record["categories"]
        assert assigned["category_id"] == bench.linked("product category", "CHAIR")["id"]

    @pytest.mark.parametrize(
        ("fields", "name", "value"),
        [
            ({"Type": "Service"}, "type", "Service Items"),
            ({"Type": "Non-Inventory"}, "type", "Virtual"),
            ({"Blocked": True}, "status", "Inactive"),
            ({"Sales Blocked": True}, "status", "Inactive"),
        ],
    )
    def test_type_and_status(self, bench: Bench, fields: dict[str, Any], name: str, value: str) -> None:
        item(bench, **fields)
        bench.run("product_to_ipaas")
        assert bench.linked("product", "1000")[name] == value

    def test_stock_by_location_brings_the_location(self, bench: Bench) -> None:
        item(bench)
        bench.sandbox.bc.move_stock("1000", "MAIN", 5)
        bench.sandbox.bc.move_stock("1000", "EAST", 2)
        bench.sandbox.bc.move_stock("1000", "", 99)
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "created": 1}
        assert stock(bench, "1000") == {"MAIN": 5, "EAST": 2}

    def test_stock_that_moves_is_noticed_although_the_item_did_not_change(self, bench: Bench) -> None:
        item(bench, modified=LONG_AGO)
        bench.sandbox.bc.move_stock("1000", "MAIN", 5, modified=LONG_AGO)
        bench.run("product_to_ipaas")
        assert tally(bench.run("product_to_ipaas")) == {}
        bench.sandbox.bc.move_stock("1000", "MAIN", -2)
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "updated": 1}
        assert stock(bench, "1000") == {"MAIN": 3}

    def test_a_location_that_fell_out_is_sent_once_with_zero(self, bench: Bench) -> None:
        item(bench)
        bench.sandbox.bc.move_stock("1000", "MAIN", 5)
        bench.run("product_to_ipaas")
        bench.sandbox.bc.tables["Item Ledger Entry"].clear()
        assert tally(bench.run("product_to_ipaas", "1000")) == {"read": 1, "updated": 1}
        assert stock(bench, "1000") == {"MAIN": 0}

    def test_the_sku_of_a_linked_product_never_changes(self, bench: Bench) -> None:
        item(bench)
        bench.run("product_to_ipaas")
        internal = bench.linked("product", "1000")["id"]
        bench.sandbox.ipaas.edit("product", internal, {"sku": "OTHER"})
        bench.sandbox.bc.change("Item", "1000", **{"Unit Price": 1})
        bench.run("product_to_ipaas")
        assert bench.linked("product", "1000")["sku"] == "OTHER"

    def test_an_unlinked_product_of_the_same_sku_is_linked(self, bench: Bench) -> None:
        base = {"name": "x", "default_price": 1, "type": "Physical", "status": "Active", "tracking_method": "Product"}
        present = bench.sandbox.ipaas.add("product", {"sku": "1000", **base})
        item(bench)
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "updated": 1}
        assert bench.linked("product", "1000")["id"] == present["id"]

    def test_a_category_that_is_not_there_yet_is_waited_for(self, bench: Bench) -> None:
        item(bench, **{"Item Category Code": "CHAIR"})
        report = bench.run("product_to_ipaas")
        assert tally(report) == {"read": 1, "waiting": 1}
        bench.run("product_category_to_ipaas")
        assert tally(bench.run("product_to_ipaas"))["created"] == 1

    def test_a_backfill_takes_its_intervals_one_by_one(self, bench: Bench) -> None:
        for number in range(3):
            item(bench, f"{number}", modified=LONG_AGO + timedelta(days=number, hours=1))
        for day, expected in ((0, "0"), (1, "1")):
            interval = (LONG_AGO + timedelta(days=day), LONG_AGO + timedelta(days=day + 1))
            report = bench.run("product_to_ipaas", kind=RunKind.backfill, interval=interval)
            assert tally(report) == {"read": 1, "created": 1}
            assert bench.linked("product", expected)
            again = bench.run("product_to_ipaas", kind=RunKind.backfill, interval=interval)
            assert tally(again) == {"read": 1, "unchanged": 1}
        assert bench.linked("product", "2") is None

    def test_an_item_without_a_description_is_rejected(self, bench: Bench) -> None:
        item(bench, Description="")
        assert outcome_of(bench.run("product_to_ipaas"), "1000").kind is ErrorKind.rejected


class TestPrices:
    def bench_with(self, make_bench: Callable[..., Bench], **settings: Any) -> Bench:
        bench = make_bench(**{"bc_transfer_customer_price_groups": True, **settings})
        bench.sandbox.bc.publish("SalesPrices")
        bench.sandbox.ipaas.custom_fields["product"] = {"Sales Prices RETAIL", "Sales Prices VIP"}
        item(bench)
        price(bench, "RETAIL", 10, **{"Minimum Quantity": 1, "Currency Code": "EUR"})
        price(bench, "RETAIL", 9, **{"Minimum Quantity": 10, "Currency Code": "EUR"})
        price(bench, "VIP", 8, **{"Ending Date": "2020-12-31"})
        return bench

    def test_off_by_default(self, make_bench: Callable[..., Bench]) -> None:
        bench = self.bench_with(make_bench, bc_transfer_customer_price_groups=False)
        bench.run("product_to_ipaas")
        assert custom(bench.linked("product", "1000")) == {}

    def test_one_field_per_sales_code(self, make_bench: Callable[..., Bench]) -> None:
        bench = self.bench_with(make_bench)
        bench.run("product_to_ipaas")
        assert custom(bench.linked("product", "1000")) == {
            "Sales Prices RETAIL": "RETAIL|1|10|EUR||||;RETAIL|10|9|EUR||||",
            "Sales Prices VIP": "VIP|0|8|||||2020-12-31",
        }

    def test_separators_codes_and_expired_rules(self, make_bench: Callable[..., Bench]) -> None:
        settings = {"bc_sales_price_field_separator": ",", "bc_sales_price_record_delimiter": "/"}
        bench = self.bench_with(make_bench, bc_sales_codes_for_customer_price_groups=("retail",), **settings)
        bench.run("product_to_ipaas")
        assert custom(bench.linked("product", "1000")) == {
            "Sales Prices RETAIL": "RETAIL,1,10,EUR,,,,/RETAIL,10,9,EUR,,,,"
        }

    def test_expired_ones_are_left_out_on_demand(self, make_bench: Callable[..., Bench]) -> None:
        bench = self.bench_with(make_bench, bc_exclude_expired_rules=True)
        bench.run("product_to_ipaas")
        assert set(custom(bench.linked("product", "1000"))) == {"Sales Prices RETAIL"}

    def test_a_code_without_a_price_any_more_is_sent_as_none(self, make_bench: Callable[..., Bench]) -> None:
        bench = self.bench_with(make_bench)
        bench.run("product_to_ipaas")
        bench.sandbox.bc.tables["Sales Price"] = [
            row for row in bench.sandbox.bc.rows("Sales Price") if row["Sales Code"] == "RETAIL"
        ]
        bench.run("product_to_ipaas", "1000")
        assert custom(bench.linked("product", "1000"))["Sales Prices VIP"] == "none"

    def test_from_price_lists(self, make_bench: Callable[..., Bench]) -> None:
        bench = self.bench_with(make_bench)
        bench.sandbox.bc.unpublish("SalesPrices")
        for page in ("SalesPriceLists", "PriceListLines"):
            bench.sandbox.bc.publish(page)
        for code, status in (("L1", "Active"), ("L2", "Draft")):
            header = {"Code": code, "Status": status, "SourceType": "Customer Price Group", "Source No.": "RETAIL"}
            bench.sandbox.bc.add("Price List Header", header)
            line = {
                "Price List Code": code,
                "Line No.": 1,
                "Source No.": "RETAIL",
                "Asset Type": "Item",
                "Asset No.": "1000",
            }
            bench.sandbox.bc.add("Price List Line", {**line, "Unit Price": 7, "Minimum Quantity": 2})
        bench.run("product_to_ipaas")
        assert custom(bench.linked("product", "1000")) == {"Sales Prices RETAIL": "RETAIL|2|7|||||"}

    def test_a_price_that_changes_ends_or_goes_is_noticed_although_the_item_did_not_change(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench(bc_transfer_customer_price_groups=True, bc_exclude_expired_rules=True)
        bench.sandbox.bc.publish("SalesPrices")
        bench.sandbox.ipaas.custom_fields["product"] = {"Sales Prices RETAIL", "Sales Prices VIP"}
        for no in ("1000", "2000"):
            item(bench, no, modified=LONG_AGO)
        ends = datetime.now(UTC).date() + timedelta(days=2)
        price(bench, "VIP", 8, **{"Ending Date": ends.isoformat()})
        price(bench, "RETAIL", 9)
        assert tally(bench.run("product_to_ipaas")) == {"read": 2, "created": 2}
        assert tally(bench.run("product_to_ipaas")) == {}
        bench.sandbox.bc.rows("Sales Price")[1]["Unit Price"] = 7
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "updated": 1}
        assert custom(bench.linked("product", "1000"))["Sales Prices RETAIL"] == "RETAIL|0|7|||||"
        later = datetime.now(UTC) + timedelta(days=3)
        assert tally(bench.run("product_to_ipaas", now=later)) == {"read": 1, "updated": 1}
        assert custom(bench.linked("product", "1000"))["Sales Prices VIP"] == "none"
        bench.sandbox.bc.tables["Sales Price"].clear()
        assert tally(bench.run("product_to_ipaas", now=later)) == {"read": 1, "updated": 1}
        assert set(custom(bench.linked("product", "1000")).values()) == {"none"}
        assert tally(bench.run("product_to_ipaas", now=later)) == {}

    @pytest.mark.parametrize("fields", [{"Amount Type": "Discount"}, {"SourceType": "Customer"}])
    def test_what_is_no_price_of_a_group_in_a_price_list_is_left_out(
        self, make_bench: Callable[..., Bench], fields: dict[str, str]
    ) -> None:
        bench = self.bench_with(make_bench)
        bench.sandbox.bc.unpublish("SalesPrices")
        for page in ("SalesPriceLists", "PriceListLines"):
            bench.sandbox.bc.publish(page)
        header = {"Code": "L1", "Status": "Active", "SourceType": "Customer Price Group"}
        bench.sandbox.bc.add("Price List Header", header)
        line = {"Price List Code": "L1", "Asset Type": "Item", "Asset No.": "1000", "Source No.": "VIP"}
        bench.sandbox.bc.add("Price List Line", {**line, "Line No.": 1, "Unit Price": 7})
        bench.sandbox.bc.add("Price List Line", {**line, "Line No.": 2, "Unit Price": 0, **fields})
        bench.run("product_to_ipaas")
        assert custom(bench.linked("product", "1000")) == {"Sales Prices VIP": "VIP|0|7|||||"}

    def test_prices_that_cannot_be_read_any_more_stay_as_they_are(self, make_bench: Callable[..., Bench]) -> None:
        bench = self.bench_with(make_bench)
        bench.run("product_to_ipaas")
        before = custom(bench.linked("product", "1000"))
        bench.sandbox.bc.unpublish("SalesPrices")
        bench.sandbox.bc.change("Item", "1000", **{"Unit Price": 1})
        assert bench.run("product_to_ipaas").counts["updated"] == 1
        assert custom(bench.linked("product", "1000")) == before
        bench.sandbox.bc.publish("SalesPrices")
        bench.sandbox.bc.tables["Sales Price"].clear()
        bench.run("product_to_ipaas", "1000")
        assert set(custom(bench.linked("product", "1000")).values()) == {"none"}

    def test_without_either_service_the_run_says_what_to_publish(self, make_bench: Callable[..., Bench]) -> None:
        bench = self.bench_with(make_bench)
        bench.sandbox.bc.unpublish("SalesPrices")
        report = bench.run("product_to_ipaas")
        assert tally(report) == {"read": 1, "created": 1}
        assert "page 7002" in report.warnings[0]


class TestPagesEnded:
    def test_products_and_locations_go_on_with_the_api(self, bench: Bench) -> None:
        item(bench)
        bench.sandbox.switches.pages_ended = True
        assert tally(bench.run("location_to_ipaas")) == {"read": 4, "created": 4}
        report = bench.run("product_to_ipaas")
        assert tally(report) == {"read": 1, "created": 1}
        assert "Net_Weight" in report.warnings[0]

    def test_what_the_api_does_not_know_is_said(self, bench: Bench) -> None:
        bench.sandbox.switches.pages_ended = True
        report = bench.run("shipping_method_to_ipaas")
        assert tally(report) == {}
        assert "shipping method" in report.warnings[0]

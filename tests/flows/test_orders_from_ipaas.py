"""Sales orders from iPaaS.com, as docs/mappings.md says, through real HTTP."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from webshop import ADDRESS, CARD, Outage, Shop, line, orders, rejection, the_order

from include.business_central.client import BusinessCentralClient
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sandbox.spoils import Spoil
from include.sync.report import Report

FLOW = "sales_order_from_ipaas"
Row = dict[str, Any]


@pytest.fixture
def make_shop(make_bench: Callable[..., Bench]) -> Callable[..., Shop]:
    """Makes shops with a customer and two items, with Variables of one's choice."""

    def make(**settings: Any) -> Shop:
        shop = Shop(make_bench(**settings))
        shop.customer()
        shop.item("1000")
        shop.item("1001")
        return shop

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A shop with a customer and two items."""
    return make_shop()


def lines(shop: Shop, order: Row | None = None) -> list[tuple[int, str, Decimal, Decimal]]:
    """(number, item, quantity, price) of an order's lines."""
    no = (order or the_order(shop))["No."]
    found = shop.bench.sandbox.sales.lines(no)
    return [(row["Line No."], row["No."], row["Quantity"], row["Unit Price"]) for row in found]


def run(shop: Shop, *records: Record, **options: Any) -> Report:
    return shop.bench.run(FLOW, *(str(record["id"]) for record in records), **options)


class TestCreating:
    def test_a_pending_transaction_becomes_an_order(self, shop: Shop) -> None:
        record = shop.order()
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        order = the_order(shop)
        assert order["Sell-to Customer No."] == "P1"
        assert order["External Document No."] == "WEB-1"
        assert order["Order Date"] == "2026-03-01"
        assert order["Status"] == "Open"
        assert lines(shop) == [(10000, "1000", 2, 10), (20000, "1001", 3, 10)]
        assert shop.link_of(record) == order["No."]
        assert [shop.link_of(entry, "Transaction Line") for entry in record["lines"]] == [
            f"{order['No.']}|10000",
            f"{order['No.']}|20000",
        ]

    def test_addresses_are_the_transactions_and_not_mixed_with_the_customers(self, shop: Shop) -> None:
        shop.order()
        shop.bench.run(FLOW)
        order = the_order(shop)
        for side in ("Ship-to", "Bill-to"):
            assert (order[f"{side} Address"], order[f"{side} Address 2"], order[f"{side} City"]) == (
                "2 Dock Road",
                "",
                "Chicago",
            )
            assert (order[f"{side} County"], order[f"{side} Post Code"]) == ("IL", "61236")
            assert order[f"{side} Contact"] == "Anna Berg"
        assert order["Ship-to Name"] == "Anna Berg"
        assert order["Bill-to Name"] == "Anna P1"
        assert order["Sell-to Address"] == CARD["Address"]

    def test_the_bill_to_name_where_the_page_lets_it_be_written(self, make_bench: Callable[..., Bench]) -> None:
        shop = Shop(make_bench())
        shop.customer(**{"Disable Search by Name": True})
        shop.item("1000")
        shop.order(lines=[line("1000")])
        shop.bench.run(FLOW)
        assert the_order(shop)["Bill-to Name"] == "Anna Berg"

    def test_without_addresses_they_are_the_customers(self, shop: Shop) -> None:
        shop.order(addresses=[])
        shop.bench.run(FLOW)
        assert the_order(shop)["Ship-to Address"] == CARD["Address"]

    def test_agent_and_service_are_the_customers(self, make_bench: Callable[..., Bench]) -> None:
        shop = Shop(make_bench())
        shop.customer(**{"Shipping Agent Code": "DHL", "Shipping Agent Service Code": "OVERNIGHT"})
        shop.bench.sandbox.bc.add(
            "Shipping Agent Services", **{"Shipping Agent Code": "DHL", "Code": "OVERNIGHT", "Description": "Fast"}
        )
        shop.item("1000")
        shop.order(lines=[line("1000")])
        shop.bench.run(FLOW)
        order = the_order(shop)
        assert (order["Shipping Agent Code"], order["Shipping Agent Service Code"]) == ("DHL", "OVERNIGHT")

    def test_the_transactions_price_and_discount_hold_not_the_items(self, make_bench: Callable[..., Bench]) -> None:
        shop = Shop(make_bench())
        shop.customer()
        shop.item("1000", price=99)
        shop.order(lines=[line("1000", 4, 2.5, discount_amount=3)], total=7)
        shop.bench.run(FLOW)
        (row,) = shop.bench.sandbox.sales.lines(the_order(shop)["No."])
        assert (row["Unit Price"], row["Line Discount Amount"], row["Line Amount"]) == (Decimal("2.5"), 3, 7)

    def test_what_the_lines_do_not_carry_of_the_discount_is_the_orders(self, shop: Shop) -> None:
        shop.order(discount_amount=8, lines=[line("1000", discount_amount=3), line("1001", 3)])
        shop.bench.run(FLOW)
        order = the_order(shop)
        (row, _) = shop.bench.sandbox.sales.lines(order["No."])
        assert row["Invoice_Discount_Amount"] == 5

    @pytest.mark.parametrize(
        ("stated", "customers", "orders"),
        [("EUR", "", "EUR"), ("usd", "EUR", ""), ("EUR", "EUR", "EUR"), ("USD", "", ""), (None, "EUR", "EUR")],
    )
    def test_the_currency_is_the_transactions(
        self, shop: Shop, stated: str | None, customers: str, orders: str
    ) -> None:
        shop.customer("P2", **{"Currency Code": customers})
        record = shop.order(currency_code=stated, customer_id=shop.bench.linked("customer", "P2")["id"])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        (order,) = shop.bench.sandbox.bc.rows("Sales Header")
        assert (order["Currency Code"], order["Amount Including VAT"]) == (orders, 50)
        assert tally(shop.bench.run(FLOW, str(record["id"]))) == {"read": 1, "unchanged": 1}

    def test_location_and_number_as_configured(self, make_shop: Callable[..., Shop]) -> None:
        defaults = {"sales_order": {"Location_Code": "MAIN", "number_from_transaction": True}}
        shop = make_shop(bc_create_defaults=defaults)
        shop.bench.sandbox.bc.get("No. Series", "S-ORD")["Manual Nos."] = True
        shop.order()
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert (the_order(shop)["No."], the_order(shop)["Location Code"]) == ("WEB-1", "MAIN")

    def test_excluded_skus_and_other_types_are_left_out(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_excluded_lineitem_skus_from_preprocessing="1001")
        shop.order(lines=[line("1000"), line("1001"), line("1000", type="Service")])
        shop.bench.run(FLOW)
        assert lines(shop) == [(10000, "1000", 2, 10)]

    def test_custom_fields_of_order_and_line(self, make_shop: Callable[..., Shop]) -> None:
        fields = [
            {"model": "transaction", "direction": "from_ipaas", "target": "Your_Reference", "source": "PO Number"},
            {"model": "transaction line", "direction": "from_ipaas", "target": "Description_2", "source": "Gift"},
        ]
        shop = make_shop(bc_custom_fields=fields)
        shop.bench.sandbox.ipaas.define("transaction", "PO Number")
        shop.bench.sandbox.ipaas.define("transaction line", "Gift")
        shop.order(
            custom_fields=[{"custom_field_name": "PO Number", "value": "PO-7"}],
            lines=[line("1000", custom_fields=[{"custom_field_name": "Gift", "value": "wrapped"}])],
        )
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert the_order(shop)["Your Reference"] == "PO-7"
        assert shop.bench.sandbox.sales.lines(the_order(shop)["No."])[0]["Description 2"] == "wrapped"

    def test_a_second_transfer_writes_nothing(self, shop: Shop) -> None:
        record = shop.order()
        run(shop, record)
        shop.bench.sandbox.counters.reset()
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}
        assert shop.bench.writes() == 0

    def test_a_second_transfer_writes_nothing_without_a_ledger_either(self, shop: Shop) -> None:
        record = shop.order(discount_amount=5)
        run(shop, record)
        shop.bench.lose_ledger()
        shop.bench.sandbox.counters.reset()
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}
        assert shop.bench.sandbox.counters.of("business_central", "POST", "PATCH", "DELETE") == 0

    def test_ids_may_be_strings(self, shop: Shop) -> None:
        shop.bench.sandbox.switches.ipaas_ids_are_strings = True
        record = shop.order()
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert lines(shop) == [(10000, "1000", 5, 10), (20000, "1001", 3, 10)]

    def test_a_plan_writes_nothing_and_says_so(self, shop: Shop) -> None:
        record = shop.order()
        report = run(shop, record, mode="plan")
        assert tally(report) == {"read": 1, "created": 1}
        assert shop.bench.writes() == 0
        assert not orders(shop)
        assert list(shop.bench.ledger.keys(FLOW)) == []


class TestWhoBuys:
    def test_a_company(self, shop: Shop) -> None:
        company = shop.company("C1")
        shop.order(company_id=company["id"])
        shop.bench.run(FLOW)
        assert the_order(shop)["Sell-to Customer No."] == "C1"

    def test_a_contact_buys_for_its_company(self, shop: Shop) -> None:
        company = shop.company("C1")
        shop.bench.sandbox.bc.add_person("CT9", "Bo Buyer", customer="C1", email="bo@example.org")
        contact = shop.link_customer("CT9|contact", company_id=company["id"])
        shop.order(customer_id=contact["id"])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        order = the_order(shop)
        assert (order["Sell-to Customer No."], order["Sell-to Contact No."]) == ("C1", "CT9")

    def test_a_contact_without_company_is_rejected(self, shop: Shop) -> None:
        contact = shop.link_customer("CT9|contact")
        record = shop.order(customer_id=contact["id"])
        assert "CT9" in rejection(run(shop, record), record)

    def test_a_contact_whose_company_is_on_its_way_is_waited_for(self, shop: Shop) -> None:
        shop.bench.sandbox.bc.add_customer("C1", "Office", "Company", **CARD)
        shop.bench.sandbox.bc.add_person("CT9", "Bo Buyer", customer="C1", email="bo@example.org")
        contact = shop.link_customer("CT9|contact")
        record = shop.order(customer_id=contact["id"])
        assert tally(shop.bench.run("contact_to_ipaas"))["waiting"] == 1
        report = shop.bench.run(FLOW)
        assert tally(report) == {"read": 1, "waiting": 1}
        assert "contact CT9, whose company is not in iPaaS.com yet" in outcome_of(report, str(record["id"])).message
        shop.bench.run("company_to_ipaas")
        shop.bench.run("contact_to_ipaas")
        assert tally(shop.bench.run(FLOW, str(record["id"]))) == {"read": 1, "created": 1}
        assert the_order(shop)["Sell-to Contact No."] == "CT9"

    def test_a_customer_who_turns_out_to_be_a_contact_meanwhile_buys_for_its_company(self, shop: Shop) -> None:
        buyer = shop.unlinked_contact()
        record = shop.order(customer_id=buyer["id"])
        report = shop.bench.run(FLOW, before=shop.linking_customers)
        assert tally(report) == {"read": 1, "waiting": 1}
        assert "contact CT9" in outcome_of(report, str(record["id"])).message
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert the_order(shop)["Sell-to Customer No."] == "C1"

    def test_a_customer_whose_external_id_was_corrected(self, shop: Shop) -> None:
        buyer = shop.customer("P9")
        shop.bench.run("customer_to_ipaas")
        shop.bench.sandbox.bc.add_customer("P0", "Anna P0", "Person", **CARD)
        shop.bench.sandbox.ipaas.link("customer", SYSTEM_ID, buyer["id"], "P0")
        shop.bench.run("customer_from_ipaas", str(buyer["id"]))
        shop.order(customer_id=buyer["id"])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert the_order(shop)["Sell-to Customer No."] == "P0"

    def test_a_customer_that_is_not_there_yet_is_waited_for(self, shop: Shop) -> None:
        customer = shop.bench.sandbox.ipaas.add("customer", {"email_address": "new@example.net", "first_name": "New"})
        record = shop.order(customer_id=customer["id"])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "waiting": 1}
        assert not orders(shop)
        shop.bench.sandbox.bc.add_customer("P9", "New", "Person", **CARD)
        shop.bench.sandbox.ipaas.link("customer", SYSTEM_ID, customer["id"], "P9")
        shop.bench.ledger.link([("customer", "P9", customer["id"])])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert shop.link_of(record) == the_order(shop)["No."]

    def test_a_missing_company_is_created_first_when_the_setting_says_so(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_processing_company_creation_in_prerequisite="TRUE")
        company = shop.company(account_number="NEWCO")
        shop.order(company_id=company["id"])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert the_order(shop)["Sell-to Customer No."] == "NEWCO"
        assert shop.link_of(company, "customer company") == "NEWCO"

    def test_else_it_is_waited_for_and_goes_through_by_itself(self, shop: Shop) -> None:
        company = shop.company(account_number="NEWCO")
        shop.order(company_id=company["id"])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "waiting": 1}
        shop.bench.run("company_from_ipaas")
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert the_order(shop)["Sell-to Customer No."] == "NEWCO"


class TestLeftOut:
    @pytest.mark.parametrize(
        "fields", [{"system_id": SYSTEM_ID}, {"status": "Complete"}, {"status": "Cancelled"}, {"type": "Invoice"}]
    )
    def test_the_filter(self, shop: Shop, fields: dict[str, Any]) -> None:
        record = shop.order(**fields)
        report = run(shop, record)
        assert tally(report) == {"read": 1, "skipped": 1}
        assert outcome_of(report, str(record["id"])).message
        assert not orders(shop)

    def test_what_is_left_out_costs_one_read(self, shop: Shop) -> None:
        record = shop.order(status="Cancelled")
        assert run(shop, record).counts["bc_requests"] == 0
        assert sum("/v2/" in path for _, _, path in shop.bench.sandbox.counters.paths if "/transactions/" in path) == 1


class TestUpdating:
    @pytest.fixture
    def record(self, shop: Shop) -> Record:
        """An order that has been transferred."""
        record = shop.order()
        run(shop, record)
        shop.bench.sandbox.counters.reset()
        return record

    def test_a_changed_address_is_one_write_of_the_whole_address(self, shop: Shop, record: Record) -> None:
        shop.change(record, addresses=[{"id": record["addresses"][0]["id"], **ADDRESS, "address_2": "Gate 4"}])
        report = run(shop, record)
        assert tally(report) == {"read": 1, "updated": 1}
        assert shop.bench.sandbox.counters.of("business_central", "PATCH") == 1
        order = the_order(shop)
        assert (order["Ship-to Address"], order["Ship-to Address 2"]) == ("2 Dock Road", "Gate 4")
        assert (order["Bill-to City"], order["Bill-to Address 2"]) == ("Chicago", "Gate 4")
        assert "Ship_to_Address_2" in outcome_of(report, str(record["id"])).fields

    def test_a_changed_line_is_one_write_and_keeps_its_price(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.bc.change("Item", "1000", **{"Unit Price": Decimal(77)})
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert shop.bench.sandbox.counters.of("business_central", "PATCH") == 1
        assert lines(shop) == [(10000, "1000", 5, 10), (20000, "1001", 3, 10)]

    def test_a_new_line_gets_the_next_number(self, shop: Shop, record: Record) -> None:
        shop.item("1002")
        shop.change(record, lines=[line("1002", 1, 5, sequence_number=-1)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert lines(shop) == [(10000, "1000", 2, 10), (20000, "1001", 3, 10), (30000, "1002", 1, 5)]
        assert shop.link_of(record["lines"][2], "Transaction Line") == f"{the_order(shop)['No.']}|30000"

    def test_a_removed_line_is_removed(self, shop: Shop, record: Record) -> None:
        shop.drop_line(record, "1000")
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert lines(shop) == [(20000, "1001", 3, 10)]

    def test_a_line_that_becomes_another_item(self, shop: Shop, record: Record) -> None:
        shop.item("1002", price=55)
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "sku": "1002"}])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert lines(shop)[0] == (10000, "1002", 2, 10)

    def test_what_somebody_added_in_business_central_stays(self, shop: Shop, record: Record) -> None:
        no = the_order(shop)["No."]
        shop.bench.sandbox.sales.add_line(no, **{"Type": "Item", "No.": "1001", "Quantity": 1, "Unit Price": 1})
        shop.item("1002")
        shop.change(record, lines=[line("1001", 9, 9)])
        run(shop, record)
        assert lines(shop) == [
            (10000, "1000", 2, 10),
            (20000, "1001", 3, 10),
            (30000, "1001", 1, 1),
            (40000, "1001", 9, 9),
        ]

    def test_a_discount_comes_and_goes(self, shop: Shop, record: Record) -> None:
        shop.change(record, discount_amount=5)
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert shop.bench.sandbox.sales.lines(the_order(shop)["No."])[0]["Invoice_Discount_Amount"] == 5
        shop.change(record, discount_amount=0)
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert shop.bench.sandbox.sales.lines(the_order(shop)["No."])[0]["Invoice_Discount_Amount"] == 0

    def test_what_the_clerk_decided_stays(self, shop: Shop, record: Record) -> None:
        no = the_order(shop)["No."]
        shop.bench.sandbox.sales.change_order(no, **{"Shipping Agent Code": "UPS", "Location Code": "EAST"})
        shop.change(record, transaction_number="WEB-1B")
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        order = the_order(shop)
        assert (order["Shipping Agent Code"], order["Location Code"]) == ("UPS", "EAST")
        assert order["External Document No."] == "WEB-1B"

    def test_a_released_order_that_differs_is_left_alone_and_says_in_what(self, shop: Shop, record: Record) -> None:
        no = the_order(shop)["No."]
        shop.bench.sandbox.sales.release(no)
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}])
        words = rejection(run(shop, record), record)
        assert (
            no in words and "Released" in words and f"lines[{no}|10000].Quantity ('2' there, '5' in iPaaS.com)" in words
        )
        assert lines(shop)[0] == (10000, "1000", 2, 10)
        shop.bench.sandbox.sales.reopen(no)
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert lines(shop)[0] == (10000, "1000", 5, 10)

    def test_a_released_order_that_does_not_differ_is_unchanged(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.release(the_order(shop)["No."])
        shop.bench.lose_ledger()
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}
        assert tally(run(shop, record, force=True)) == {"read": 1, "unchanged": 1}

    def test_a_shipped_order_that_differs_is_left_alone(self, shop: Shop, record: Record) -> None:
        no = the_order(shop)["No."]
        shop.bench.sandbox.sales.ship(no, {10000: 1})
        shop.bench.sandbox.sales.reopen(no)
        shop.drop_line(record, "1001")
        assert "shipped" in rejection(run(shop, record), record)
        assert len(lines(shop)) == 2

    def test_a_posted_order_is_never_made_again(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.post(the_order(shop)["No."])
        shop.bench.lose_ledger()
        report = run(shop, record)
        assert tally(report) == {"read": 1, "unchanged": 1}
        assert "posted as invoice" in outcome_of(report, str(record["id"])).notes[0]
        assert not orders(shop)

    def test_a_posted_order_whose_transaction_changes_says_so(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.post(the_order(shop)["No."])
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}])
        assert "has changed since" in rejection(run(shop, record), record)
        assert not orders(shop)

    def test_a_deleted_order_is_not_made_again_by_itself(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.delete_order(the_order(shop)["No."])
        shop.change(record, discount_amount=1)
        assert "not in Business Central any more" in rejection(run(shop, record), record)
        assert not orders(shop)

    def test_another_customer_is_rejected(self, shop: Shop, record: Record) -> None:
        other = shop.customer("P2")
        shop.change(record, customer_id=other["id"])
        words = rejection(run(shop, record), record)
        assert "P1" in words and "P2" in words

    def test_another_currency_is_rejected(self, shop: Shop, record: Record) -> None:
        shop.change(record, currency_code="EUR")
        words = rejection(run(shop, record), record)
        assert "EUR" in words and "the company's own currency" in words
        assert lines(shop) == [(10000, "1000", 2, 10), (20000, "1001", 3, 10)]

    def test_force_writes_what_has_not_changed(self, shop: Shop, record: Record) -> None:
        assert tally(run(shop, record, force=True)) == {"read": 1, "updated": 1}
        assert lines(shop) == [(10000, "1000", 2, 10), (20000, "1001", 3, 10)]

    def test_a_change_by_somebody_else_at_the_same_moment_is_read_and_compared_again(
        self, shop: Shop, record: Record
    ) -> None:
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}])
        stale = '{"error":{"code":"Request_EntityChanged","message":"Another user has already changed the record."}}'
        shop.bench.sandbox.faults.add(Fault(method="PATCH", status=409, body=stale))
        shop.bench.sandbox.faults.add(Fault(method="PATCH", status=412, body=stale))
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert lines(shop)[0] == (10000, "1000", 5, 10)

    def test_a_plan_names_what_would_change(self, shop: Shop, record: Record) -> None:
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}], discount_amount=2)
        report = run(shop, record, mode="plan")
        assert tally(report) == {"read": 1, "updated": 1}
        assert shop.bench.writes() == 0
        no = the_order(shop)["No."]
        changes = outcome_of(report, str(record["id"])).changes
        assert [(c.field, c.before, c.after) for c in changes] == [
            (f"lines[{no}|10000].Quantity", 2, 5),
            ("discount", 0, 2),
        ]


class TestRefusals:
    def test_an_item_that_ipaas_has_is_waited_for(self, shop: Shop) -> None:
        product = shop.product("9000")
        record = shop.order(lines=[line("1000"), line("9000")])
        report = shop.bench.run(FLOW)
        assert tally(report) == {"read": 1, "waiting": 1}
        assert "9000" in outcome_of(report, str(record["id"])).message
        assert not orders(shop)
        shop.bench.sandbox.bc.add("Item", **{"No.": "9000", "Gen. Prod. Posting Group": "RETAIL"})
        shop.bench.ledger.link([("product", "9000", product["id"])])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert [entry[1] for entry in lines(shop)] == ["1000", "9000"]

    def test_an_item_that_nobody_has_is_rejected(self, shop: Shop) -> None:
        product = shop.product("9000")
        record = shop.order(lines=[line("9000")])
        shop.bench.sandbox.ipaas.unlink_all("product", product["id"])
        assert "9000" in rejection(run(shop, record), record)
        assert not orders(shop)

    @pytest.mark.parametrize("field", ["Blocked", "Sales Blocked"])
    def test_a_blocked_item_stops_the_order_before_anything_is_written(self, shop: Shop, field: str) -> None:
        shop.bench.sandbox.bc.change("Item", "1001", **{field: True})
        record = shop.order()
        assert "1001" in rejection(run(shop, record), record)
        assert not orders(shop)

    def test_a_blocked_customer(self, shop: Shop) -> None:
        shop.bench.sandbox.bc.change("Customer", "P1", Blocked="All")
        record = shop.order()
        assert "blocked with type All" in rejection(run(shop, record), record)

    def test_a_series_without_manual_numbers(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_create_defaults={"sales_order": {"number_from_transaction": True}})
        shop.bench.sandbox.bc.get("No. Series", "S-ORD")["Manual Nos."] = False
        record = shop.order()
        assert "Manual Nos." in rejection(run(shop, record), record)

    def test_a_number_of_another_order(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_create_defaults={"sales_order": {"number_from_transaction": True}})
        shop.bench.sandbox.bc.get("No. Series", "S-ORD")["Manual Nos."] = True
        shop.bench.sandbox.sales.add_order("WEB-1", customer="P1")
        record = shop.order()
        assert "WEB-1" in rejection(run(shop, record), record)
        assert len(orders(shop)) == 1

    def test_an_unknown_currency_is_named(self, shop: Shop) -> None:
        record = shop.order(currency_code="XXX")
        assert "Currency_Code 'XXX'" in rejection(run(shop), record)
        assert not orders(shop)

    def test_an_unknown_country_is_named(self, shop: Shop) -> None:
        record = shop.order(addresses=[{**ADDRESS, "country": "XX"}])
        words = rejection(run(shop, record), record)
        assert "XX" in words and "Country_Region_Code" in words

    def test_a_text_too_long_is_named_with_its_length(self, shop: Shop) -> None:
        record = shop.order(addresses=[{**ADDRESS, "city": "C" * 31}])
        words = rejection(run(shop, record), record)
        assert "_City" in words and "31" in words and "30" in words

    def test_a_number_is_too_long_as_business_central_counts_it(self, shop: Shop) -> None:
        record = shop.order(transaction_number="W" * 34 + "🚲")
        words = rejection(run(shop, record), record)
        assert "transaction_number is too long for External_Document_No: 36" in words and "35" in words
        shop.order(transaction_number="W" * 33 + "🚲")
        assert tally(shop.bench.run(FLOW))["created"] == 1

    def test_a_customer_that_is_gone(self, shop: Shop) -> None:
        gone = shop.link_customer("GONE")
        record = shop.order(customer_id=gone["id"])
        assert "GONE" in rejection(run(shop, record), record)

    def test_one_rejection_does_not_stop_the_others(self, shop: Shop) -> None:
        shop.order(addresses=[{**ADDRESS, "country": "XX"}])
        shop.order(transaction_number="WEB-2")
        assert tally(shop.bench.run(FLOW)) == {"read": 2, "created": 1, "failed": 1}


class TestMatching:
    def test_an_order_that_somebody_entered_is_linked_not_doubled(self, shop: Shop) -> None:
        order = shop.bench.sandbox.sales.add_order(
            customer="P1",
            **{"External Document No.": "WEB-1"},
            lines=[{"Type": "Item", "No.": "1001", "Quantity": 3, "Unit Price": 10}],
        )
        record = shop.order()
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert shop.link_of(record) == order["No."]
        # The line that is there is taken for what it is; what is missing comes after it.
        assert lines(shop) == [(10000, "1001", 3, 10), (20000, "1000", 2, 10)]

    @pytest.mark.parametrize("number", ['" "', '""', "null", None])
    def test_one_whose_number_was_not_answered_is_looked_for(self, shop: Shop, number: str | None) -> None:
        odd = Spoil(
            system="business_central", path="/SalesOrders$", name="", value=None, at=("No",), raw=number, method="POST"
        )
        shop.bench.sandbox.spoils.append(odd)
        record = shop.order()
        shop.bench.run(FLOW)
        assert odd.hits
        shop.bench.sandbox.spoils.clear()
        run(shop, record)
        (order,) = orders(shop)
        assert shop.link_of(record) == order["No."]

    def test_two_systems_may_number_their_orders_alike(self, shop: Shop) -> None:
        first, second = shop.order(), shop.order()
        assert tally(shop.bench.run(FLOW)) == {"read": 2, "created": 2}
        assert {shop.link_of(first), shop.link_of(second)} == {order["No."] for order in orders(shop)}

    def test_even_when_the_ledger_is_lost_between_them(self, shop: Shop) -> None:
        first = shop.order()
        shop.bench.run(FLOW)
        shop.bench.lose_ledger()
        second = shop.order(lines=[line("1001", 1)])
        assert tally(run(shop, second)) == {"read": 1, "created": 1}
        assert shop.link_of(first) != shop.link_of(second)
        assert len(orders(shop)) == 2

    def test_several_orders_are_a_rejection_that_names_them(self, shop: Shop) -> None:
        sales = shop.bench.sandbox.sales
        numbers = [sales.add_order(customer="P1", **{"External Document No.": "WEB-1"})["No."] for _ in range(2)]
        record = shop.order()
        words = rejection(run(shop, record), record)
        assert all(number in words for number in numbers)

    def test_an_order_of_another_customer_is_not_this_one(self, shop: Shop) -> None:
        shop.customer("P2")
        shop.bench.sandbox.sales.add_order(customer="P2", **{"External Document No.": "WEB-1"})
        shop.order()
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}

    def test_an_order_whose_link_was_lost_after_it_was_posted_is_not_made_again(self, shop: Shop) -> None:
        record = shop.order()
        run(shop, record)
        shop.bench.sandbox.sales.post(the_order(shop)["No."])
        shop.bench.lose_ledger()
        shop.bench.sandbox.ipaas.links["transaction"].clear()
        shop.bench.sandbox.ipaas.links["Transaction Line"].clear()
        report = run(shop, record)
        assert tally(report) == {"read": 1, "unchanged": 1}
        assert not orders(shop)


def intact(shop: Shop, record: Record) -> None:
    """One order, with exactly its lines, and every link."""
    order = the_order(shop)
    assert lines(shop) == [(10000, "1000", 2, 10), (20000, "1001", 3, 10)]
    assert shop.bench.sandbox.sales.lines(order["No."])[0]["Invoice_Discount_Amount"] == 5
    assert shop.link_of(record) == order["No."]
    assert [shop.link_of(entry, "Transaction Line") for entry in record["lines"]] == [
        f"{order['No.']}|10000",
        f"{order['No.']}|20000",
    ]


def dying(method: Callable[..., Any], nth: int) -> Callable[..., Any]:
    """The method, whose process dies right after its nth call, counted from 0."""
    calls = itertools.count()

    def call(*args: Any, **options: Any) -> Any:
        result = method(*args, **options)
        if next(calls) == nth:
            raise SystemExit
        return result

    return call


# The writes of a first transfer: the header, two lines, the discount.
WRITES = [("POST", 0), ("POST", 1), ("POST", 2), ("PATCH", 0)]


class TestFaults:
    @pytest.mark.parametrize("what", ["lost", "cut"])
    @pytest.mark.parametrize(("method", "nth"), WRITES)
    def test_any_write_may_fail_without_anything_doubled(self, shop: Shop, what: str, method: str, nth: int) -> None:
        record = shop.order(discount_amount=5)
        fault = Fault(system="business_central", method=method, path="/Sales|salesOrders", skip=nth, **{what: True})
        shop.bench.sandbox.faults.add(fault)
        run(shop, record)
        run(shop, record)
        assert fault.times == 0
        intact(shop, record)

    def test_a_line_that_was_there_all_the_same_is_told_by_409_too(self, shop: Shop) -> None:
        record = shop.order(discount_amount=5)
        shop.bench.sandbox.switches.duplicate_key_status = 409
        refused = '{"error":{"code":"Internal_EntityWithSameKeyExists","message":"The record already exists."}}'
        shop.bench.sandbox.faults.add(Fault(method="POST", path="/SalesOrderLines", status=409, body=refused))
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        intact(shop, record)

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    @pytest.mark.parametrize(("method", "nth"), WRITES)
    def test_a_run_that_dies_after_any_write_is_taken_up(self, shop: Shop, method: str, nth: int, ledger: str) -> None:
        record = shop.order(discount_amount=5)
        # The write happens, and from then on Business Central answers nothing at all.
        last = Fault(system="business_central", method=method, path="/Sales|salesOrders", skip=nth, lost=True)
        shop.bench.sandbox.faults.rules += [last, Outage(after=last)]
        run(shop, record)
        shop.bench.sandbox.faults.clear()
        if ledger == "lost":
            shop.bench.lose_ledger()
        run(shop, record)
        intact(shop, record)

    @pytest.mark.parametrize("what", ["lost", "cut"])
    @pytest.mark.parametrize(("method", "nth"), [("PATCH", 0), ("PATCH", 1), ("PATCH", 2), ("POST", 0), ("DELETE", 0)])
    def test_so_may_any_write_of_an_update(self, shop: Shop, what: str, method: str, nth: int) -> None:
        record = shop.order()
        run(shop, record)
        shop.item("1002")
        first = record["lines"][0]["id"]
        shop.drop_line(record, "1001")
        changes = {"lines": [{"id": first, "qty": 5}, line("1002", 1, 7)], "transaction_number": "WEB-1B"}
        shop.change(record, **changes, discount_amount=5)
        fault = Fault(system="business_central", method=method, path="/Sales|salesOrders", skip=nth, **{what: True})
        shop.bench.sandbox.faults.add(fault)
        run(shop, record)
        run(shop, record)
        assert fault.times == 0
        assert lines(shop) == [(10000, "1000", 5, 10), (30000, "1002", 1, 7)]
        assert the_order(shop)["External Document No."] == "WEB-1B"
        assert shop.bench.sandbox.sales.lines(the_order(shop)["No."])[0]["Invoice_Discount_Amount"] == 5

    @pytest.mark.parametrize("nth", [0, 1, 2])
    def test_a_task_that_was_killed_is_taken_up_when_its_claim_has_run_out(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, nth: int
    ) -> None:
        record = shop.order(discount_amount=5)
        monkeypatch.setattr(BusinessCentralClient, "create", dying(BusinessCentralClient.create, nth))
        with pytest.raises(SystemExit):
            run(shop, record)
        monkeypatch.undo()
        # iPaaS.com may hear of the link meanwhile, and does not list the transaction as missing any more.
        shop.bench.run("company_from_ipaas")
        shop.later(FLOW)
        intact(shop, record)

    def test_while_it_may_still_be_alive_it_is_left_alone(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        record = shop.order()
        shop.bench.ledger.claim("transaction from iPaaS.com", [str(record["id"])], "another run")
        monkeypatch.setattr("include.sync.load.BUSY_WAIT", 0.1)
        assert tally(run(shop, record)) == {"read": 1, "waiting": 1}
        assert not orders(shop)

    def test_the_other_flow_does_not_free_what_is_being_written(self, shop: Shop) -> None:
        record = shop.order()
        claims, key = "transaction from iPaaS.com", str(record["id"])
        shop.bench.ledger.claim(claims, [key], "another run")
        assert tally(shop.bench.run("invoice_from_ipaas")) == {"read": 1, "skipped": 1}
        assert not shop.bench.ledger.claim(claims, [key], "a third run")[key].held

    @pytest.mark.parametrize("what", ["lost", "cut"])
    def test_links_that_could_not_be_told_are_told_later(self, shop: Shop, what: str) -> None:
        record = shop.order(discount_amount=5)
        shop.bench.sandbox.faults.add(Fault(path="/UpdateExternalId", times=100, **{what: True}))
        run(shop, record)
        shop.bench.sandbox.faults.clear()
        shop.bench.run(FLOW)
        intact(shop, record)

    def test_two_runs_of_the_same_record_make_one_order(self, shop: Shop) -> None:
        record = shop.order(discount_amount=5)
        shop.bench.sandbox.latency["business_central"] = 0.05
        runs = [threading.Thread(target=run, args=(shop, record)) for _ in range(2)]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
        intact(shop, record)


class TestThereAndBack:
    """What sales_order_to_ipaas and sales_invoice_to_ipaas make of an order that came from another system."""

    @pytest.fixture
    def record(self, shop: Shop) -> Record:
        """A transaction whose order has been released."""
        record = shop.order()
        run(shop, record)
        shop.bench.sandbox.sales.release(the_order(shop)["No."])
        return record

    def test_it_comes_back_onto_the_same_transaction_with_what_fulfilment_adds(
        self, shop: Shop, record: Record
    ) -> None:
        before = shop.bench.sandbox.ipaas.shown("transaction", record)
        shop.bench.sandbox.sales.ship(the_order(shop)["No."], {10000: 1}, tracking="1Z999")
        assert shop.bench.run("sales_order_to_ipaas").counts["failed"] == 0
        assert list(shop.bench.sandbox.ipaas.records["transaction"]) == [record["id"]]
        after = shop.bench.sandbox.ipaas.shown("transaction", record)
        assert [entry.get("qty_shipped") or 0 for entry in after["lines"]] == [1, 0]
        kept = ("system_id", "transaction_number", "customer_id", "total", "status", "addresses", "payments")
        assert {name: after.get(name) for name in kept} == {name: before.get(name) for name in kept}
        assert [entry["unit_price"] for entry in after["lines"]] == [10, 10]

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    def test_the_echo_writes_nothing_either_way(self, shop: Shop, record: Record, ledger: str) -> None:
        shop.bench.sandbox.sales.ship(the_order(shop)["No."], {10000: 1})
        shop.bench.run("sales_order_to_ipaas")
        for flow, *ids in ((FLOW, str(record["id"])), ("sales_order_to_ipaas",), (FLOW, str(record["id"]))):
            if ledger == "lost":
                shop.bench.lose_ledger()
            shop.bench.sandbox.counters.reset()
            assert tally(shop.bench.run(flow, *ids)) == {"read": 1, "unchanged": 1}
            assert shop.bench.writes() == 0

    def test_when_it_is_posted_the_transaction_is_complete_and_left_alone(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.post(the_order(shop)["No."])
        shop.bench.run("sales_invoice_to_ipaas")
        assert shop.bench.sandbox.ipaas.records["transaction"][record["id"]]["status"] == "Complete"
        assert tally(run(shop, record)) == {"read": 1, "skipped": 1}
        assert not orders(shop)


class TestCost:
    def test_an_update_of_a_line_is_one_write_and_shares_of_reads(self, shop: Shop) -> None:
        records = [shop.order(transaction_number=f"WEB-{n}") for n in range(20)]
        shop.bench.run(FLOW)
        for record in records:
            shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}])
        shop.bench.sandbox.counters.reset()
        report = run(shop, *records)
        assert tally(report) == {"read": 20, "updated": 20}
        assert shop.bench.sandbox.counters.of("business_central", "PATCH") == 20
        assert shop.bench.sandbox.counters.of("business_central", "GET") <= 8

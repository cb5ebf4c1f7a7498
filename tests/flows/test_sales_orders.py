"""Released sales orders to iPaaS.com, over HTTP: what is transferred, when, whose it is, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from shop import BELL, BICYCLE, OTHER_SYSTEM, children, days_ago, foreign, order, set_up, transaction, transactions

from include.errors import ErrorKind
from include.sync.runs import RunKind

FLOW = "sales_order_to_ipaas"
Make = Callable[..., Bench]


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A company whose customers and items iPaaS.com knows."""
    return set_up(bench)


class TestWhatIsTransferred:
    def test_a_released_order_becomes_a_transaction(self, shop: Bench) -> None:
        number = order(shop, BICYCLE, BELL, **{"Order Date": "2026-05-07"})
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        record = transaction(shop, number)
        assert record["system_id"] == shop.sandbox.SYSTEM_ID
        assert (record["transaction_number"], record["type"], record["status"]) == (number, "Order", "Pending")
        assert record["company_id"] == shop.linked("company", "C1")["id"]
        assert record["email_address"] == "office@adatum.example"
        assert record["created_datetime"] == "2026-05-07T00:00:00+00:00"
        assert (record["subtotal"], record["tax_amount"], record["total"]) == (130, 13, 143)
        assert (record["shipping_amount"], record["discount_amount"], record["total_qty"]) == (0, 0, 5)
        lines = children(shop, record, "lines")
        assert list(lines) == [f"{number}|10000", f"{number}|20000"]
        first = lines[f"{number}|10000"]
        assert (first["sku"], first["type"], first["qty"], first["extended_price"]) == ("1000", "Product", 2, 100)
        assert set(children(shop, record, "addresses")) == {f"{number}|billing", f"{number}|shipping"}
        assert children(shop, record, "taxes")[f"{number}|tax"]["authority"] == "DOMESTIC"
        payment = children(shop, record, "payments")[f"{number}|payment"]
        assert (payment["method"], payment["amount"], payment["status"]) == ("30 DAYS", 143, "Pending")

    def test_the_payment_method_is_created_once_and_on_the_spot(self, shop: Bench) -> None:
        for _ in range(3):
            order(shop)
        assert tally(shop.run(FLOW)) == {"read": 3, "created": 3}
        methods = list(shop.sandbox.ipaas.records["payment method"].values())
        assert [(method["name"], shop.linked("payment method", "30 DAYS")["id"]) for method in methods] == [
            ("30 DAYS", methods[0]["id"])
        ]

    def test_what_several_orders_need_at_once_is_asked_for_once(self, shop: Bench) -> None:
        from include.sandbox.faults import Fault

        for _ in range(3):
            order(shop)
        slow = Fault(system="ipaas", path="LookupSpecial", body_contains="30 DAYS", delay=0.2, times=10)
        shop.sandbox.faults.add(slow)
        shop.run(FLOW)
        assert slow.times == 9

    def test_a_payment_method_of_that_name_is_linked(self, shop: Bench) -> None:
        present = shop.sandbox.ipaas.add("payment method", {"name": "30 DAYS"})
        number = order(shop)
        shop.run(FLOW, number)
        assert shop.linked("payment method", "30 DAYS")["id"] == present["id"]

    @pytest.mark.parametrize("status", ["Open", "Pending Approval", "Pending Prepayment"])
    def test_an_order_is_skipped_until_it_is_released(self, shop: Bench, status: str) -> None:
        number = order(shop, released=False, Status=status)
        assert tally(shop.run(FLOW)) == {"read": 1, "skipped": 1}
        assert status in outcome_of(shop.run(FLOW, number), number).message
        shop.sandbox.sales.release(number)
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}

    @pytest.mark.parametrize("spelling", [str.upper, str.lower])
    @pytest.mark.parametrize("by", ["No.", "systemid"])
    def test_by_number_or_guid(self, shop: Bench, by: str, spelling: Callable[[str], str]) -> None:
        number = order(shop)
        asked = spelling(str(shop.sandbox.sales.order(number)[by]))
        assert tally(shop.run(FLOW, asked)) == {"read": 1, "created": 1}
        assert transaction(shop, number)

    def test_by_both_it_comes_once(self, shop: Bench) -> None:
        number = order(shop)
        asked = (number.lower(), number, str(shop.sandbox.sales.order(number)["systemid"]))
        assert tally(shop.run(FLOW, *asked)) == {"read": 1, "created": 1}

    def test_comments_services_and_charges(self, make_bench: Make) -> None:
        bench = set_up(make_bench(bc_create_defaults={"sales_order": {"shipping_account": "40410"}}))
        comment = {"Type": " ", "Description": "Ring twice"}
        freight = {"Type": "G/L Account", "No.": "40410", "Quantity": 1, "Unit Price": 7}
        labour = {"Type": "G/L Account", "No.": "40100", "Quantity": 1, "Unit Price": 20}
        number = order(bench, BICYCLE, comment, freight, labour)
        bench.run(FLOW)
        record = transaction(bench, number)
        assert {line["type"] for line in record["lines"]} == {"Product", "Service"}
        assert [note["text"] for note in record["notes"]] == ["Ring twice"]
        assert (record["subtotal"], record["shipping_amount"]) == (120, 7)

    def test_excluded_skus_are_left_out(self, make_bench: Make) -> None:
        bench = set_up(make_bench(bc_excluded_lineitem_skus_from_preprocessing="2000, 3000"))
        number = order(bench, BICYCLE, BELL)
        report = bench.run(FLOW)
        record = transaction(bench, number)
        assert [line["sku"] for line in record["lines"]] == ["1000"]
        assert record["subtotal"] == 130
        assert outcome_of(report, number).notes == ()

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    @pytest.mark.parametrize("options", [{}, {"compares": True, "kind": RunKind.backfill}], ids=["poll", "reconcile"])
    def test_a_deleted_line_stays_with_nothing_in_it(self, shop: Bench, ledger: str, options: dict[str, Any]) -> None:
        number = order(shop, BICYCLE, BELL)
        shop.run(FLOW)
        shop.sandbox.sales.reopen(number)
        shop.sandbox.sales.remove_line(number, 20000)
        shop.sandbox.sales.release(number)
        if ledger == "lost":
            shop.lose_ledger()
        assert tally(shop.run(FLOW, **options)) == {"read": 1, "updated": 1}
        record = transaction(shop, number)
        assert (record["subtotal"], len(record["lines"])) == (100, 2)
        gone = children(shop, record, "lines")[f"{number}|20000"]
        assert [gone[name] for name in ("qty", "qty_shipped", "extended_price", "discount_amount")] == [0, 0, 0, 0]
        assert tally(shop.run(FLOW, **options)) == {"read": 1, "unchanged": 1}

    def test_one_that_was_left_over_by_an_earlier_version_is_found_by_a_comparison(self, shop: Bench) -> None:
        number = order(shop, BICYCLE)
        shop.run(FLOW)
        record = transaction(shop, number)
        link = {"system_id": shop.sandbox.SYSTEM_ID, "external_id": f"{number}|20000"}
        line = {"sku": "2000", "type": "Product", "status": "Pending", "qty": 3, "external_ids": [link]}
        shop.sandbox.ipaas.edit("transaction", record["id"], {"lines": [line]})
        assert tally(shop.run(FLOW, compares=True, kind=RunKind.backfill)) == {"read": 1, "updated": 1}
        assert children(shop, record, "lines")[f"{number}|20000"]["qty"] == 0

    def test_a_line_that_did_not_come_from_the_order_is_left_alone(self, shop: Bench) -> None:
        number = order(shop, BICYCLE)
        shop.run(FLOW)
        record = transaction(shop, number)
        line = {"sku": "2000", "type": "Product", "status": "Pending", "qty": 3}
        linked = {**line, "external_ids": [{"system_id": shop.sandbox.SYSTEM_ID, "external_id": f"{number}0|10000"}]}
        shop.sandbox.ipaas.edit("transaction", record["id"], {"lines": [line, linked]})
        shop.lose_ledger()
        assert tally(shop.run(FLOW)) == {"read": 1, "unchanged": 1}

    def test_one_whose_sku_is_excluded_by_now_stays_as_it_was_sent(self, make_bench: Make) -> None:
        bench = set_up(make_bench())
        number = order(bench, BICYCLE, BELL)
        bench.run(FLOW)
        bench.settings["bc_excluded_lineitem_skus_from_preprocessing"] = "2000"
        bench.run(FLOW, force=True)
        assert children(bench, transaction(bench, number), "lines")[f"{number}|20000"]["qty"] == 3

    def test_custom_fields_on_transaction_line_and_tracking(self, make_bench: Make) -> None:
        entries = [
            {"model": "transaction", "direction": "to_ipaas", "target": "Reference", "source": "Your_Reference"},
            {"model": "transaction line", "direction": "to_ipaas", "target": "Unit", "source": "Unit_of_Measure_Code"},
            {"model": "tracking", "direction": "to_ipaas", "target": "Posted", "source": "Posting_Date"},
        ]
        bench = set_up(make_bench(bc_custom_fields=entries))
        bench.sandbox.bc.publish("PostedSalesShipments")
        for model, name in (("transaction", "Reference"), ("transaction line", "Unit"), ("tracking", "Posted")):
            bench.sandbox.ipaas.custom_fields.setdefault(model, set()).add(name)
        number = order(bench, {**BICYCLE, "Unit of Measure Code": "PCS"}, **{"Your Reference": "PO 7"})
        bench.sandbox.sales.ship(number, tracking="TRACK-1")
        bench.run(FLOW)
        record = transaction(bench, number)
        for owner, value in ((record, "PO 7"), (record["lines"][0], "PCS")):
            assert [field["value"] for field in owner["custom_fields"]] == [value]
        assert record["tracking"][0]["custom_fields"][0]["custom_field_name"] == "Posted"

    def test_a_formula_takes_business_centrals_blanks_for_none(self, make_bench: Make) -> None:
        said = "{% if FIELD %}{{ FIELD }}{% else %}none{% endif %}"
        blanks = {"transaction": "Requested_Delivery_Date", "transaction line": "Tax_Area_Code"}
        entries = [
            {"model": model, "direction": "to_ipaas", "target": target, "formula": formula.replace("FIELD", field)}
            for model, field in blanks.items()
            for target, formula in (("Said", said), ("Nothing", "{{ FIELD ~ FIELD }}"))
        ]
        bench = set_up(make_bench(bc_custom_fields=entries))
        for model in blanks:
            bench.sandbox.ipaas.custom_fields.setdefault(model, set()).update({"Said", "Nothing"})
        number = order(bench)
        bench.run(FLOW)
        record = transaction(bench, number)
        for owner in (record, record["lines"][0]):
            assert {one["custom_field_name"]: one["value"] for one in owner["custom_fields"]} == {"Said": "none"}


class TestAmounts:
    @pytest.mark.parametrize("currency", ["", "JPY", "KWD"])
    @pytest.mark.parametrize("includes_tax", [False, True])
    @pytest.mark.parametrize("pages_ended", [False, True])
    def test_they_add_up_in_every_currency(
        self, shop: Bench, currency: str, includes_tax: bool, pages_ended: bool
    ) -> None:
        shop.sandbox.switches.pages_ended = pages_ended
        lines = [{**BICYCLE, "Quantity": 3, "Unit Price": Decimal("33.333"), "Line Discount %": Decimal("12.5")}, BELL]
        fields = {"Currency Code": currency, "Prices Including VAT": includes_tax, "Invoice Discount": 7}
        number = order(shop, *lines, **fields)
        report = shop.run(FLOW)
        assert tally(report) == {"read": 1, "created": 1}
        assert outcome_of(report, number).notes == ()
        record = transaction(shop, number)
        tax = 0 if includes_tax else record["tax_amount"]
        assert record["subtotal"] + record["shipping_amount"] - 7 + tax == record["total"]
        discounts = sum(line["discount_amount"] for line in record["lines"])
        assert record["discount_amount"] == discounts + 7

    def test_a_difference_is_told_with_both_figures_and_the_order_goes_on(self, shop: Bench) -> None:
        number = order(shop)
        for line in shop.sandbox.sales.lines(number):
            line["Total_Amount_Incl_VAT"] = Decimal("110.01")
        report = shop.run(FLOW)
        (note,) = outcome_of(report, number).notes
        assert "make 110;" in note
        assert "110.01" in note
        assert transaction(shop, number)["total"] == Decimal("110.01")


class TestWhenItComes:
    def test_released_five_days_ago_comes_and_six_days_ago_does_not(self, shop: Bench) -> None:
        recent = order(shop, modified=days_ago(5))
        old = order(shop, modified=days_ago(6))
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        assert transaction(shop, recent)
        assert shop.linked("transaction", old) is None
        shop.settings["bc_transaction_poll_search_days"] = 6
        assert tally(shop.run(FLOW)) == {"read": 2, "unchanged": 1, "created": 1}

    def test_the_days_begin_in_the_companys_time_zone(self, shop: Bench) -> None:
        # It is the 7th in Auckland while it is still the 6th in UTC: the window begins at 12:00 UTC on the 6th.
        now = days_ago(0).replace(hour=13, minute=0)
        order(shop, modified=now.replace(hour=11))
        shop.settings |= {"bc_transaction_poll_search_days": 0, "bc_time_zone": "Pacific/Kiritimati"}
        assert tally(shop.run(FLOW, now=now)) == {"read": 1, "created": 1}
        # Only a first run reads no more than these days: later ones begin where the last one did, if that is earlier.
        shop.lose_ledger()
        shop.settings["bc_time_zone"] = "Etc/GMT-12"
        assert tally(shop.run(FLOW, now=now)) == {}

    def test_a_shipment_posted_today_brings_its_old_order(self, shop: Bench) -> None:
        number = order(shop, modified=days_ago(30))
        assert tally(shop.run(FLOW)) == {}
        shop.sandbox.sales.ship(number, {10000: 1})
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        assert transaction(shop, number)["lines"][0]["qty_shipped"] == 1

    def test_an_order_that_is_in_both_comes_once(self, shop: Bench) -> None:
        number = order(shop)
        shop.sandbox.sales.ship(number, {10000: 1})
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}

    def test_where_shipments_are_not_set_up_orders_come_all_the_same(self, shop: Bench) -> None:
        from include.sandbox.faults import Fault

        body = '{"error":{"code":"Application_DialogException","message":"Data required by the API was not set up."}}'
        shop.sandbox.faults.add(Fault(path="salesShipments", status=400, body=body))
        order(shop)
        report = shop.run(FLOW)
        assert tally(report) == {"read": 1, "created": 1}
        assert "not set up" in report.warnings[0]

    def test_a_backfill_takes_the_orders_of_its_interval(self, shop: Bench) -> None:
        number = order(shop, modified=days_ago(100))
        order(shop, modified=days_ago(90))
        interval = (days_ago(101), days_ago(99))
        assert tally(shop.run(FLOW, kind=RunKind.backfill, interval=interval)) == {"read": 1, "created": 1}
        assert transaction(shop, number)


class TestShipping:
    def test_shipped_quantities_and_statuses_follow(self, shop: Bench) -> None:
        number = order(shop, BICYCLE, BELL)
        shop.run(FLOW)
        shop.sandbox.sales.ship(number, {10000: 2, 20000: 1})
        assert tally(shop.run(FLOW)) == {"read": 1, "updated": 1}
        lines = children(shop, transaction(shop, number), "lines")
        assert [(line["qty_shipped"], line["status"]) for line in lines.values()] == [(2, "Shipped"), (1, "Pending")]
        assert transaction(shop, number)["status"] == "Pending"
        shop.sandbox.sales.ship(number)
        shop.run(FLOW)
        assert transaction(shop, number)["status"] == "Shipped"

    def test_tracking_of_the_order_and_of_its_shipments(self, shop: Bench) -> None:
        shop.sandbox.bc.publish("PostedSalesShipments")
        fields = {"Package Tracking No.": "TRACK-0", "Shipping Agent Code": "UPS"}
        number = order(shop, BICYCLE, BELL, **fields)
        shop.sandbox.sales.ship(number, {10000: 2}, tracking="TRACK-1", agent="DHL")
        shop.sandbox.sales.ship(number, {20000: 1}, tracking="TRACK-2", agent="DHL")
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        found = children(shop, transaction(shop, number), "tracking")
        assert {key: entry["shipping_method"] for key, entry in found.items()} == {
            f"{number}|TRACK-0": "UPS",
            f"{number}|TRACK-1": "DHL",
            f"{number}|TRACK-2": "DHL",
        }
        # The shipping methods that they name were transferred on the spot.
        assert shop.linked("shipping method", "DHL")["description"] == "DHL Systems, Inc."
        shipping = children(shop, transaction(shop, number), "addresses")[f"{number}|shipping"]
        assert (shipping["shipping_method"], shipping["shipping_method_description"]) == (
            "UPS",
            "United Parcel Service",
        )

    def test_without_the_page_of_shipments_only_the_orders_own_number(self, shop: Bench) -> None:
        number = order(shop, **{"Package Tracking No.": "TRACK-0"})
        shop.sandbox.sales.ship(number, tracking="TRACK-1")
        shop.run(FLOW)
        assert list(children(shop, transaction(shop, number), "tracking")) == [f"{number}|TRACK-0"]


class TestPrerequisites:
    @pytest.mark.parametrize("creates", [False, True])
    def test_a_missing_company_is_waited_for_or_created_first(self, make_bench: Make, creates: bool) -> None:
        bench = set_up(make_bench(bc_processing_company_creation_in_prerequisite=creates), transferred=False)
        bench.run("product_to_ipaas")
        number = order(bench)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "created" if creates else "waiting": 1}
        assert bool(bench.linked("company", "C1")) == creates
        if not creates:
            assert "'C1'" in outcome_of(report, number).message
            bench.run("company_to_ipaas")
            assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}

    def test_a_person_is_a_customer(self, shop: Bench) -> None:
        number = order(shop, customer="P1")
        shop.run(FLOW)
        record = transaction(shop, number)
        assert record["customer_id"] == shop.linked("customer", "P1")["id"]
        assert "company_id" not in record

    def test_the_product_of_a_line_is_waited_for(self, make_bench: Make) -> None:
        bench = set_up(make_bench(), transferred=False)
        bench.run("company_to_ipaas")
        number = order(bench)
        outcome = outcome_of(bench.run(FLOW), number)
        assert (outcome.kind, "'1000'" in outcome.message) == (ErrorKind.waiting, True)
        bench.run("product_to_ipaas")
        # Nobody's help: the poll that follows carries it, even one whose window lies behind it.
        assert tally(bench.run(FLOW, now=days_ago(-30))) == {"read": 1, "created": 1}

    def test_an_item_that_is_excluded_needs_no_product(self, make_bench: Make) -> None:
        bench = set_up(make_bench(bc_excluded_lineitem_skus_from_preprocessing="2000"), transferred=False)
        bench.run("company_to_ipaas")
        bench.run("product_to_ipaas", "1000")
        order(bench, BICYCLE, BELL)
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}


class TestMatching:
    def body(self, bench: Bench, number: str, **fields: Any) -> dict[str, Any]:
        base = {
            "system_id": bench.sandbox.SYSTEM_ID,
            "transaction_number": number,
            "type": "Order",
            "status": "Pending",
        }
        return {**base, "total": 1, "company_id": bench.linked("company", "C1")["id"], **fields}

    def test_our_unlinked_order_of_that_number_is_linked(self, shop: Bench) -> None:
        number = order(shop)
        present = shop.sandbox.ipaas.add("transaction", self.body(shop, number))
        assert tally(shop.run(FLOW)) == {"read": 1, "updated": 1}
        assert transaction(shop, number)["id"] == present["id"]

    @pytest.mark.parametrize("other", [{"type": "Invoice"}, {"system_id": OTHER_SYSTEM}])
    def test_one_of_another_type_or_system_is_no_match(self, shop: Bench, other: dict[str, Any]) -> None:
        number = order(shop)
        present = shop.sandbox.ipaas.add("transaction", self.body(shop, number, **other))
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        assert transaction(shop, number)["id"] != present["id"]
        assert present["total"] == 1

    def test_several_are_rejected_with_their_ids(self, shop: Bench) -> None:
        number = order(shop)
        found = [shop.sandbox.ipaas.add("transaction", self.body(shop, number)) for _ in range(2)]
        outcome = outcome_of(shop.run(FLOW), number)
        assert outcome.kind is ErrorKind.rejected
        assert all(str(record["id"]) in outcome.message for record in found)


class TestWhoOwnsIt:
    def test_another_systems_transaction_gets_what_fulfilment_adds_and_nothing_else(self, shop: Bench) -> None:
        number = order(shop, **{"Package Tracking No.": "TRACK-1"})
        before = foreign(shop, number)
        kept = {name: before[name] for name in ("transaction_number", "system_id", "total", "email_address", "status")}
        shop.sandbox.sales.ship(number, {10000: 1})
        assert tally(shop.run(FLOW)) == {"read": 1, "updated": 1}
        record = transaction(shop, number)
        assert {name: record[name] for name in kept} == kept
        assert not record.get("addresses")
        assert not record.get("payments")
        (line,) = record["lines"]
        assert (line["qty_shipped"], line["status"], line["unit_price"]) == (1, "Pending", 49)
        assert [entry["tracking_number"] for entry in record["tracking"]] == ["TRACK-1"]
        shop.sandbox.sales.ship(number)
        shop.run(FLOW)
        assert transaction(shop, number)["status"] == "Shipped"
        assert len(transactions(shop)) == 1

    def test_an_order_that_came_from_ipaas_is_an_echo(self, shop: Bench) -> None:
        number = order(shop)
        foreign(shop, number)
        shop.sandbox.counters.reset()
        assert tally(shop.run(FLOW)) == {"read": 1, "unchanged": 1}
        assert shop.writes() == 0
        before = dict(transaction(shop, number))
        shop.run(FLOW, number, force=True)
        assert {**transaction(shop, number), "updated_datetime": before["updated_datetime"]} == before

    def test_what_another_system_owns_waits_for_nothing_that_is_not_written(self, make_bench: Make) -> None:
        bench = set_up(make_bench(), transferred=False)
        bench.run("company_to_ipaas")
        product = {"sku": "1000", "name": "Bicycle", "default_price": 1, "type": "Physical", "status": "Active"}
        bench.sandbox.ipaas.add("product", {**product, "tracking_method": "Product"})  # the shop's, not linked to ours
        number = order(bench)
        foreign(bench, number)
        bench.sandbox.sales.ship(number)
        assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
        assert list(bench.sandbox.ipaas.records["payment method"]) == []

    def test_a_line_that_business_central_added_is_not_put_into_it(self, shop: Bench) -> None:
        number = order(shop, BICYCLE, BELL)
        foreign(shop, number)
        shop.sandbox.sales.ship(number)
        shop.run(FLOW)
        assert [line["sku"] for line in transaction(shop, number)["lines"]] == ["1000"]

    @pytest.mark.parametrize("status", ["Complete", "Cancelled", "Refunded"])
    def test_a_settled_one_is_not_opened_again(self, shop: Bench, status: str) -> None:
        number = order(shop)
        foreign(shop, number, status=status)
        shop.sandbox.sales.ship(number)
        shop.run(FLOW)
        assert transaction(shop, number)["status"] == status

    def test_our_own_is_ours_to_change_until_it_is_settled(self, shop: Bench) -> None:
        number = order(shop)
        shop.run(FLOW)
        shop.sandbox.ipaas.edit("transaction", transaction(shop, number)["id"], {"status": "Complete"})
        shop.sandbox.sales.ship(number)
        assert tally(shop.run(FLOW)) == {"read": 1, "updated": 1}
        record = transaction(shop, number)
        assert (record["status"], record["lines"][0]["status"]) == ("Complete", "Shipped")


class TestVanished:
    @pytest.mark.parametrize("by", ["No.", "systemid"])
    def test_one_that_was_posted_is_found_among_the_invoices(self, shop: Bench, by: str) -> None:
        number = order(shop)
        asked = str(shop.sandbox.sales.order(number)[by])
        invoice = shop.sandbox.sales.post(number)
        report = shop.run(FLOW, asked)
        assert tally(report) == {"read": 1, "skipped": 1}
        message = outcome_of(report, number).message
        assert number in message
        assert str(invoice["No."]) in message

    def test_one_that_waited_is_not_retried_any_more_and_the_run_says_why(self, make_bench: Make) -> None:
        bench = set_up(make_bench(), transferred=False)
        number = order(bench)
        bench.run(FLOW)
        bench.sandbox.sales.post(number)
        bench.run("company_to_ipaas")
        bench.run("product_to_ipaas")
        report = bench.run(FLOW)
        assert any(number in warning and "posted" in warning for warning in report.warnings)
        assert list(bench.ledger.keys(FLOW)) == []

    def test_one_that_was_deleted_does_not_exist(self, shop: Bench) -> None:
        number = order(shop)
        shop.sandbox.sales.delete_order(number)
        assert "no sales order" in outcome_of(shop.run(FLOW, number), number).message


class TestPagesEnded:
    def test_the_api_carries_orders_on_and_the_run_says_what_is_lost(self, shop: Bench) -> None:
        number = order(shop, BICYCLE, {"Type": " ", "Description": "Ring twice"}, **{"Invoice Discount": 10})
        shop.sandbox.sales.ship(number, {10000: 1})
        shop.sandbox.switches.pages_ended = True
        report = shop.run(FLOW)
        assert tally(report) == {"read": 1, "created": 1}
        said = " ".join(report.warnings)
        assert all(
            word in said for word in ("SalesOrders", "SalesOrderLines", "Payment_Method_Code", "Package_Tracking_No")
        )
        record = transaction(shop, number)
        assert (record["subtotal"], record["tax_amount"], record["total"]) == (100, 9, 99)
        assert [(line["qty_shipped"], line["tax_percent"]) for line in record["lines"]] == [(1, 10)]
        assert record["payments"][0]["method"] == "30 DAYS"
        assert [note["text"] for note in record["notes"]] == ["Ring twice"]

    def test_before_that_a_page_that_is_not_published_stops_the_run(self, shop: Bench) -> None:
        from include.errors import ServiceNotPublished

        order(shop)
        shop.sandbox.bc.unpublish("SalesOrderLines")
        with pytest.raises(ServiceNotPublished, match="SalesOrderLines"):
            shop.run(FLOW)


class TestBudget:
    def test_a_poll_without_changes_asks_ipaas_nothing(self, make_bench: Make) -> None:
        bench = set_up(make_bench())
        for _ in range(130):
            order(bench)
        bench.run(FLOW)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 130, "unchanged": 130}
        assert report.counts["ipaas_requests"] == 0
        # The company, the feed and the shipments once; headers and lines for each hundred; customers and terms once.
        assert report.counts["bc_requests"] <= 10

    def test_a_first_transfer_takes_three_requests(self, shop: Bench) -> None:
        order(shop)
        shop.run(FLOW)  # the payment method is there then
        order(shop)
        shop.sandbox.counters.reset()
        assert shop.run(FLOW).counts["created"] == 1
        assert shop.data_calls() == 3

    def test_an_update_takes_one_write(self, shop: Bench) -> None:
        number = order(shop)
        shop.run(FLOW)
        shop.sandbox.sales.ship(number)
        shop.sandbox.counters.reset()
        assert shop.run(FLOW).counts["updated"] == 1
        assert shop.writes() == 1

    def test_many_at_once_read_the_list_instead_of_asking_for_each(self, make_bench: Make) -> None:
        bench = set_up(make_bench())
        for _ in range(60):
            order(bench)
        bench.sandbox.counters.reset()
        assert bench.run(FLOW).counts["created"] == 60
        assert bench.data_calls() < 70


class TestNothingDoubled:
    def test_a_lost_ledger(self, shop: Bench) -> None:
        number = order(shop)
        shop.run(FLOW)
        shop.lose_ledger()
        assert tally(shop.run(FLOW)) == {"read": 1, "unchanged": 1}
        assert [record["transaction_number"] for record in transactions(shop)] == [number]

    def test_plan_writes_nothing(self, shop: Bench) -> None:
        number = order(shop)
        report = shop.run(FLOW, mode="plan")
        assert tally(report) == {"read": 1, "created": 1}
        assert transactions(shop) == []
        assert list(shop.sandbox.ipaas.records["payment method"]) == []
        assert outcome_of(report, number).fields

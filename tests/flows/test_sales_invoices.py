"""Posted sales invoices to iPaaS.com, over HTTP: the invoice itself, and what it says about its order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from shop import BELL, BICYCLE, Json, children, days_ago, foreign, order, set_up, transaction, transactions

from include.errors import ErrorKind
from include.sync.runs import RunKind

FLOW = "sales_invoice_to_ipaas"
ORDERS = "sales_order_to_ipaas"
Make = Callable[..., Bench]


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A company whose customers and items iPaaS.com knows, with page 132 published."""
    bench.sandbox.bc.publish("PostedSalesInvoice", "PostedSalesInvoices")
    return set_up(bench)


def posted(bench: Bench, *lines: Json, transferred: bool = True, **more: Any) -> tuple[str, Json]:
    """An order, transferred or not, and the invoice that it was posted as: (order No, invoice)."""
    number = order(bench, *lines, **more)
    if transferred:
        bench.run(ORDERS)
    invoice = bench.sandbox.sales.post(number)
    assert invoice
    return number, invoice


def draft(bench: Bench, *lines: Json, **more: Any) -> Json:
    """A draft invoice without an order."""
    return dict(bench.sandbox.sales.add_draft_invoice(customer="C1", lines=list(lines) or [BICYCLE], **more))


def guid(bench: Bench, invoice: Json) -> str:
    """The id under which the API shows a posted invoice."""
    rows = bench.sandbox.bc.rows("Sales Invoice Entity Aggregate")
    return next(str(row["Id"]) for row in rows if row["No."] == invoice["No."])


class TestWhatIsTransferred:
    def test_a_posted_invoice_becomes_a_transaction_below_its_orders(self, shop: Bench) -> None:
        number, invoice = posted(shop, BICYCLE, BELL, **{"Invoice Discount": 10})
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        own = str(invoice["No."])
        record = transaction(shop, own)
        assert record["system_id"] == shop.sandbox.SYSTEM_ID
        assert (record["transaction_number"], record["type"], record["status"]) == (own, "Invoice", "Complete")
        assert record["transaction_parent_id"] == transaction(shop, number)["id"]
        assert record["company_id"] == shop.linked("company", "C1")["id"]
        assert (record["subtotal"], record["discount_amount"]) == (130, 10)
        assert (record["tax_amount"], record["total"], record["total_qty"]) == (12, 132, 5)
        lines = children(shop, record, "lines")
        assert list(lines) == [f"{own}|10000", f"{own}|20000"]
        first = lines[f"{own}|10000"]
        assert (first["qty"], first["qty_shipped"], first["status"], first["tax_percent"]) == (2, 2, "Shipped", 10)
        assert set(children(shop, record, "addresses")) == {f"{own}|billing", f"{own}|shipping"}
        payment = children(shop, record, "payments")[f"{own}|payment"]
        assert (payment["method"], payment["amount"], payment["status"]) == ("30 DAYS", 132, "Pending")
        assert len(transactions(shop)) == 2

    @pytest.mark.parametrize("currency", ["", "JPY", "KWD"])
    @pytest.mark.parametrize("includes_tax", [False, True])
    @pytest.mark.parametrize("pages_ended", [False, True])
    def test_the_amounts_add_up_in_every_currency(
        self, make_bench: Make, currency: str, includes_tax: bool, pages_ended: bool
    ) -> None:
        bench = set_up(make_bench(bc_create_defaults={"invoice": {"shipping_account": "40410"}}))
        lines = [{**BICYCLE, "Quantity": 3, "Unit Price": Decimal("33.333"), "Line Discount %": Decimal("12.5")}, BELL]
        freight = {"Type": "G/L Account", "No.": "40410", "Quantity": 1, "Unit Price": 8}
        fields = {"Currency Code": currency, "Prices Including VAT": includes_tax, "Invoice Discount": 7}
        _, invoice = posted(bench, *lines, freight, transferred=False, **fields)
        bench.sandbox.switches.pages_ended = pages_ended
        report = bench.run(FLOW)
        assert outcome_of(report, str(invoice["No."])).notes == ()
        record = transaction(bench, str(invoice["No."]))
        assert record["shipping_amount"] == 8
        tax = 0 if includes_tax else record["tax_amount"]
        assert record["subtotal"] + record["shipping_amount"] - 7 + tax == record["total"]

    def test_prices_that_include_tax_add_up(self, shop: Bench) -> None:
        fields = {"Prices Including VAT": True, "Invoice Discount": 7}
        _, invoice = posted(shop, {**BICYCLE, "Line Discount %": 10}, BELL, transferred=False, **fields)
        report = shop.run(FLOW)
        assert outcome_of(report, str(invoice["No."])).notes == ()
        assert transaction(shop, str(invoice["No."]))["subtotal"] == 120

    @pytest.mark.parametrize("spelling", ["Invoice|{guid}", "invoice|{GUID}", "INVOICE|{no}", "{no}"])
    def test_every_way_to_name_one(self, shop: Bench, spelling: str) -> None:
        _, invoice = posted(shop, transferred=False)
        own = guid(shop, invoice)
        asked = spelling.format(guid=own, GUID=own.upper(), no=invoice["No."])
        assert tally(shop.run(FLOW, asked)) == {"read": 1, "created": 1}

    def test_a_draft_is_skipped(self, shop: Bench) -> None:
        row = draft(shop)
        assert tally(shop.run(FLOW)) == {"read": 1, "skipped": 1}
        assert "Draft" in outcome_of(shop.run(FLOW, f"Invoice|{row['No.']}"), str(row["No."])).message

    def test_a_payment_completes_the_payment_and_nothing_else(self, shop: Bench) -> None:
        _, invoice = posted(shop)
        own = str(invoice["No."])
        shop.run(FLOW)
        shop.sandbox.sales.pay_invoice(own)
        assert tally(shop.run(FLOW)) == {"read": 1, "updated": 1}
        record = transaction(shop, own)
        assert (record["status"], record["payments"][0]["status"]) == ("Complete", "Complete")

    def test_tracking_comes_from_the_invoice_and_the_shipments_of_its_order(self, shop: Bench) -> None:
        shop.sandbox.bc.publish("PostedSalesShipments")
        number = order(shop, **{"Package Tracking No.": "TRACK-0", "Shipping Agent Code": "UPS"})
        shop.sandbox.sales.ship(number, tracking="TRACK-1", agent="DHL")
        invoice = shop.sandbox.sales.invoice(number)
        own = str(invoice["No."])
        shop.run(FLOW)
        found = children(shop, transaction(shop, own), "tracking")
        assert {key: entry["shipping_method"] for key, entry in found.items()} == {
            f"{own}|TRACK-0": "UPS",
            f"{own}|TRACK-1": "DHL",
        }

    def test_shipping_and_excluded_skus(self, make_bench: Make) -> None:
        settings = {
            "bc_create_defaults": {"invoice": {"shipping_account": "40410"}},
            "bc_excluded_lineitem_skus_from_preprocessing": "2000",
        }
        bench = set_up(make_bench(**settings))
        freight = {"Type": "G/L Account", "No.": "40410", "Quantity": 1, "Unit Price": 7}
        _, invoice = posted(bench, BICYCLE, BELL, freight, transferred=False)
        bench.run(FLOW)
        record = transaction(bench, str(invoice["No."]))
        assert [line["sku"] for line in record["lines"]] == ["1000"]
        assert (record["subtotal"], record["shipping_amount"]) == (130, 7)


class TestWhichArePosted:
    def test_with_the_posted_page_a_released_draft_is_told_from_an_unpaid_invoice(self, shop: Bench) -> None:
        row = draft(shop, Status="Released")
        _, invoice = posted(shop, transferred=False)
        assert tally(shop.run(FLOW)) == {"read": 2, "skipped": 1, "created": 1}
        assert shop.linked("transaction", str(row["No."])) is None
        assert transaction(shop, str(invoice["No."]))
        assert "draft" in outcome_of(shop.run(FLOW, f"invoice|{row['No.']}"), str(row["No."])).message

    def test_without_it_the_number_tells_and_the_run_says_so(self, bench: Bench) -> None:
        set_up(bench)
        draft(bench)
        row = draft(bench, Status="Released")
        first = bench.sandbox.sales.post_invoice(str(draft(bench)["No."]))
        report = bench.run(FLOW)
        assert tally(report) == {"read": 3, "skipped": 2, "created": 1}
        assert transaction(bench, str(first["No."]))
        assert bench.linked("transaction", str(row["No."])) is None
        assert "PostedSalesInvoices" in report.warnings[0]

    def test_numbers_of_drafts_in_approval_count_as_well(self, bench: Bench) -> None:
        set_up(bench)
        bench.sandbox.sales.set_status(str(draft(bench)["No."]), "Pending Approval", "Invoice")
        row = draft(bench, Status="Released")
        assert tally(bench.run(FLOW)) == {"read": 2, "skipped": 2}
        assert bench.linked("transaction", str(row["No."])) is None

    def test_a_released_draft_comes_once_it_is_posted_and_only_then(self, shop: Bench) -> None:
        row = draft(shop, Status="Released")
        shop.run(FLOW)
        shop.sandbox.sales.post_invoice(str(row["No."]))
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        assert len(transactions(shop)) == 1

    def test_the_list_of_posted_invoices_serves_as_well(self, bench: Bench) -> None:
        bench.sandbox.bc.publish("PostedSalesInvoices")
        set_up(bench)
        posted(bench, transferred=False)
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}


class TestItsOrder:
    def test_once_posted_in_full_its_transaction_is_complete_and_shipped(self, shop: Bench) -> None:
        number, _ = posted(shop, BICYCLE, BELL)
        shop.run(FLOW)
        record = transaction(shop, number)
        assert record["status"] == "Complete"
        assert [(line["qty_shipped"], line["status"]) for line in record["lines"]] == [(2, "Shipped"), (3, "Shipped")]

    def test_while_it_is_open_its_lines_get_their_shipped_quantities(self, shop: Bench) -> None:
        number = order(shop, BICYCLE, BELL)
        shop.run(ORDERS)
        shop.sandbox.sales.ship(number, {10000: 2, 20000: 1})
        invoice = shop.sandbox.sales.invoice(number)
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        lines = children(shop, transaction(shop, number), "lines")
        assert [(line["qty_shipped"], line["status"]) for line in lines.values()] == [(2, "Shipped"), (1, "Pending")]
        assert transaction(shop, number)["status"] == "Pending"
        # The invoice has what was invoiced, and only that.
        own = children(shop, transaction(shop, str(invoice["No."])), "lines")
        assert [line["qty"] for line in own.values()] == [2, 1]
        # The rest is posted: the order is gone, and the second invoice settles it.
        shop.sandbox.sales.post(number)
        shop.run(FLOW)
        assert transaction(shop, number)["status"] == "Complete"
        assert len(transactions(shop)) == 3

    def test_another_systems_order_is_completed_too_and_keeps_all_else(self, shop: Bench) -> None:
        number = order(shop)
        before = foreign(shop, number)
        kept = {name: before[name] for name in ("transaction_number", "system_id", "total", "email_address")}
        shop.sandbox.sales.post(number)
        shop.run(FLOW)
        record = transaction(shop, number)
        assert record["status"] == "Complete"
        assert (record["lines"][0]["status"], record["lines"][0]["qty_shipped"]) == ("Shipped", 2)
        assert {name: record[name] for name in kept} == kept

    @pytest.mark.parametrize("status", ["Cancelled", "Refunded"])
    def test_what_another_system_has_settled_keeps_its_status(self, shop: Bench, status: str) -> None:
        number = order(shop)
        foreign(shop, number, status=status)
        shop.sandbox.sales.post(number)
        shop.run(FLOW)
        record = transaction(shop, number)
        assert (record["status"], record["lines"][0]["status"]) == (status, "Shipped")

    def test_another_systems_order_that_is_shipped_in_part_keeps_its_status(self, shop: Bench) -> None:
        number = order(shop)
        foreign(shop, number, status="Backorder")
        shop.sandbox.sales.ship(number, {10000: 1})
        shop.sandbox.sales.invoice(number)
        shop.run(FLOW)
        record = transaction(shop, number)
        assert (record["status"], record["lines"][0]["qty_shipped"]) == ("Backorder", 1)

    def test_without_a_transaction_of_the_order_the_invoice_stands_alone(self, shop: Bench) -> None:
        _, invoice = posted(shop, transferred=False)
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        assert "transaction_parent_id" not in transaction(shop, str(invoice["No."]))

    def test_an_order_that_waits_is_there_before_its_invoices(self, make_bench: Make) -> None:
        bench = set_up(make_bench(), transferred=False)
        bench.run("product_to_ipaas")
        number = order(bench, BICYCLE, BELL)
        assert tally(bench.run(ORDERS)) == {"read": 1, "waiting": 1}
        bench.sandbox.sales.ship(number, {10000: 1})
        invoice = bench.sandbox.sales.invoice(number)
        bench.run("company_to_ipaas")
        assert tally(bench.run(FLOW)) == {"read": 1, "waiting": 1}
        bench.run(ORDERS)
        assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
        record = transaction(bench, str(invoice["No."]))
        assert record["transaction_parent_id"] == transaction(bench, number)["id"]

    def test_a_cancelled_invoice_is_cancelled_and_its_order_stays(self, shop: Bench) -> None:
        number, invoice = posted(shop)
        shop.run(FLOW)
        shop.sandbox.sales.cancel_invoice(str(invoice["No."]))
        assert tally(shop.run(FLOW)) == {"read": 1, "updated": 1}
        assert transaction(shop, str(invoice["No."]))["status"] == "Cancelled"
        assert transaction(shop, number)["status"] == "Complete"

    def test_a_number_that_an_order_has_already_is_refused_by_name(self, shop: Bench) -> None:
        _, invoice = posted(shop, transferred=False)
        own = str(invoice["No."])
        present = {"system_id": shop.sandbox.SYSTEM_ID, "transaction_number": own, "type": "Order", "status": "Pending"}
        link = {"system_id": shop.sandbox.SYSTEM_ID, "external_id": own}
        company = shop.linked("company", "C1")["id"]
        shop.sandbox.ipaas.add("transaction", {**present, "total": 1, "company_id": company, "external_ids": [link]})
        outcome = outcome_of(shop.run(FLOW), own)
        assert outcome.kind is ErrorKind.rejected
        assert "number series" in outcome.advice
        assert transaction(shop, own)["type"] == "Order"


class TestMadeFromIPaaS:
    def invoiced(self, shop: Bench) -> tuple[Json, Json]:
        """A web shop's transaction and the invoice that was made from it: linked by the posted invoice's GUID."""
        row = draft(shop)
        invoice = shop.sandbox.sales.post_invoice(str(row["No."]))
        record = foreign(shop, "S-NONE", status="Complete")
        shop.sandbox.ipaas.link("transaction", shop.sandbox.SYSTEM_ID, record["id"], f"invoice|{guid(shop, invoice)}")
        return record, dict(invoice)

    @pytest.mark.parametrize("change", ["pay_invoice", "cancel_invoice"])
    def test_it_belongs_to_that_transaction_and_no_second_one_is_made(self, shop: Bench, change: str) -> None:
        record, invoice = self.invoiced(shop)
        before = dict(record)
        report = shop.run(FLOW)
        assert tally(report) == {"read": 1, "unchanged": 1}
        assert str(record["id"]) in outcome_of(report, str(invoice["No."])).notes[0]
        getattr(shop.sandbox.sales, change)(str(invoice["No."]))
        assert tally(shop.run(FLOW)) == {"read": 1, "unchanged": 1}
        shop.lose_ledger()
        assert tally(shop.run(FLOW)) == {"read": 1, "unchanged": 1}
        assert transactions(shop) == [before]

    def test_among_many(self, shop: Bench) -> None:
        record, _ = self.invoiced(shop)
        for _ in range(15):
            posted(shop, transferred=False)
        assert tally(shop.run(FLOW)) == {"read": 16, "unchanged": 1, "created": 15}
        assert record["type"] == "Order"
        assert len(transactions(shop)) == 16


class TestWhenItComes:
    def test_posted_five_days_ago_comes_and_six_days_ago_does_not(self, shop: Bench) -> None:
        for days in (5, 6):
            number = order(shop, modified=days_ago(10))
            shop.sandbox.sales.post(number, modified=days_ago(days))
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        shop.settings["bc_transaction_poll_search_days"] = 6
        assert tally(shop.run(FLOW)) == {"read": 2, "unchanged": 1, "created": 1}

    def test_a_backfill_takes_the_invoices_of_its_interval(self, shop: Bench) -> None:
        number = order(shop, modified=days_ago(101))
        shop.sandbox.sales.post(number, modified=days_ago(100))
        report = shop.run(FLOW, kind=RunKind.backfill, interval=(days_ago(101), days_ago(99)))
        assert tally(report) == {"read": 1, "created": 1}

    def test_the_product_of_a_line_is_waited_for(self, make_bench: Make) -> None:
        bench = set_up(make_bench(), transferred=False)
        bench.run("company_to_ipaas")
        _, invoice = posted(bench, transferred=False)
        assert outcome_of(bench.run(FLOW), str(invoice["No."])).kind is ErrorKind.waiting
        bench.run("product_to_ipaas")
        assert tally(bench.run(FLOW, now=days_ago(-30))) == {"read": 1, "created": 1}


class TestPagesEnded:
    def test_the_api_carries_invoices_on(self, shop: Bench) -> None:
        number = order(shop, BICYCLE, BELL)
        shop.run(ORDERS)
        shop.sandbox.sales.ship(number, {10000: 1})
        invoice = shop.sandbox.sales.invoice(number)
        shop.sandbox.switches.pages_ended = True
        assert tally(shop.run(FLOW)) == {"read": 1, "created": 1}
        assert transaction(shop, str(invoice["No."]))["payments"][0]["method"] == "30 DAYS"
        lines = children(shop, transaction(shop, number), "lines")
        assert [line["qty_shipped"] for line in lines.values()] == [1, 0]


class TestBudget:
    def test_a_poll_without_changes_asks_ipaas_nothing(self, shop: Bench) -> None:
        for _ in range(3):
            posted(shop, transferred=False)
        shop.run(FLOW)
        report = shop.run(FLOW)
        assert tally(report) == {"read": 3, "unchanged": 3}
        assert report.counts["ipaas_requests"] == 0

    def test_a_first_transfer_takes_three_requests(self, shop: Bench) -> None:
        posted(shop, transferred=False)
        shop.run(FLOW)  # the payment method is there then
        for make in (lambda: posted(shop, transferred=False), lambda: self.direct(shop)):
            make()
            shop.sandbox.counters.reset()
            assert shop.run(FLOW).counts["created"] == 1
            assert shop.data_calls() == 3

    def test_an_update_takes_one_write(self, shop: Bench) -> None:
        _, invoice = posted(shop)
        shop.run(FLOW)
        shop.sandbox.sales.pay_invoice(str(invoice["No."]))
        shop.sandbox.counters.reset()
        assert shop.run(FLOW).counts["updated"] == 1
        assert shop.writes() == 1

    @staticmethod
    def direct(shop: Bench) -> None:
        shop.sandbox.sales.post_invoice(str(draft(shop)["No."]))


class TestNothingDoubled:
    def test_a_lost_ledger(self, shop: Bench) -> None:
        posted(shop)
        shop.run(FLOW)
        shop.lose_ledger()
        assert tally(shop.run(FLOW)) == {"read": 1, "unchanged": 1}
        assert len(transactions(shop)) == 2

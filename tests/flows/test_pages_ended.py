"""From Business Central 30 on Microsoft's pages are served no more: records of iPaaS.com are written through API v2.0."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from bench import Bench, outcome_of, tally
from webshop import Outage, Shop, line, orders, rejection, the_order

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.check import check
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.faults import Fault
from include.sandbox.world import Size
from include.sync.ledger.tables import transfers
from include.sync.runs import RunKind

ORDERS, INVOICES = "sales_order_from_ipaas", "invoice_from_ipaas"
Row = dict[str, Any]
SELLING = {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC"}
SETTINGS: dict[str, Any] = {
    "bc_transfer_customer_price_groups": "TRUE",
    "bc_create_defaults": {
        "company": SELLING,
        "customer": SELLING,
        "product": {"Gen_Prod_Posting_Group": "RETAIL", "Inventory_Posting_Group": "RESALE"},
        "sales_order": {"shipping_account": "40410"},
        "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"},
    },
}
# What API v2.0 cannot carry to Business Central: an item's weight, an order's own date.
LOST_IN_BC = ("Net Weight", "Order Date")


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> Shop:
    """A shop with a customer and two items, after Microsoft's pages have ended."""
    defaults = {
        "sales_order": {"Location_Code": "MAIN"},
        "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"},
    }
    bench = make_bench(bc_create_defaults=defaults)
    shop = Shop(bench)
    shop.customer()
    shop.item("1000")
    shop.item("1001")
    bench.sandbox.switches.pages_ended = True
    return shop


@pytest.fixture
def make_demo(tmp_path: Path) -> Iterator[Callable[[], Bench]]:
    """Makes the demo's world, in small."""
    with Sandbox(
        "demo", size=Size(companies=4, persons=4, contacts=2, items=6, orders=8, invoices=4, prices=3)
    ) as sandbox:
        bench = Bench(sandbox, tmp_path, SETTINGS)
        yield lambda: bench
        bench.close()


def lines(shop: Shop) -> list[tuple[int, str, Any, Any]]:
    found = shop.bench.sandbox.sales.lines(the_order(shop)["No."])
    return [(row["Line No."], row["No."], row["Quantity"], row["Unit Price"]) for row in found]


class TestOrders:
    def test_a_pending_transaction_becomes_an_order(self, shop: Shop) -> None:
        record = shop.order(lines=[line("1000", discount_amount=1), line("1001", 3)], discount_amount=5)
        report = shop.bench.run(ORDERS)
        assert tally(report) == {"read": 1, "created": 1}
        order = the_order(shop)
        assert (order["Sell-to Customer No."], order["External Document No."]) == ("P1", "WEB-1")
        assert (order["Document Date"], order["Status"], order["Invoice Discount"]) == ("2026-03-01", "Open", 4)
        assert (order["Ship-to Address"], order["Ship-to Address 2"], order["Ship-to City"]) == (
            "2 Dock Road",
            "",
            "Chicago",
        )
        assert (order["Ship-to Post Code"], order["Ship-to Contact"]) == ("61236", "Anna Berg")
        assert lines(shop) == [(10000, "1000", 2, 10), (20000, "1001", 3, 10)]
        assert shop.bench.sandbox.sales.lines(order["No."])[0]["Line Discount Amount"] == 1
        assert shop.link_of(record) == order["No."]
        assert shop.link_of(record["lines"][1], "Transaction Line") == f"{order['No.']}|20000"

    def test_the_run_names_what_is_lost_and_nobody_is_told_to_publish_microsofts_pages(self, shop: Shop) -> None:
        shop.order()
        said = " ".join(shop.bench.run(ORDERS).warnings)
        for part in (
            "SalesOrders and SalesOrderLines are not published",
            "bill-to address",
            "Order_Date",
            "copy of the page",
        ):
            assert part in said

    def test_nothing_is_told_of_that_cannot_be_written(self, shop: Shop) -> None:
        record = shop.order()
        (planned,) = shop.bench.run(ORDERS, mode="plan").outcomes
        assert not [name for name in planned.fields if name.startswith(("Bill_to", "BillTo", "Sell_to_Contact"))]
        shop.bench.run(ORDERS)
        shop.change(record, addresses=[{**record["addresses"][0], "address_1": "7 Pier Road"}])
        outcome = outcome_of(shop.bench.run(ORDERS, str(record["id"])), str(record["id"]))
        assert (outcome.result, outcome.fields) == ("updated", ("Ship_to_Address",))
        assert the_order(shop)["Ship-to Address"] == "7 Pier Road"

    def test_what_is_there_alike_is_not_written_again(self, shop: Shop) -> None:
        record = shop.order(currency_code="USD", discount_amount=5)
        shop.bench.run(ORDERS)
        shop.bench.sandbox.counters.reset()
        assert tally(shop.bench.run(ORDERS, str(record["id"]), force=False)) == {"read": 1, "unchanged": 1}
        shop.bench.lose_ledger()
        assert tally(shop.bench.run(ORDERS, str(record["id"]))) == {"read": 1, "unchanged": 1}
        assert shop.bench.sandbox.counters.of("business_central", "POST", "PATCH", "DELETE") == 0

    def test_lines_are_changed_added_removed_and_made_anew(self, shop: Shop) -> None:
        record = shop.order(lines=[line("1000"), line("1001", 3), line("1001", 4)])
        shop.bench.run(ORDERS)
        first, second, third = (dict(entry) for entry in record["lines"])
        shop.change(record, lines=[{**first, "qty": 7}, {**second, "sku": "1000"}, line("1000", 1, 3)])
        record["lines"] = [entry for entry in record["lines"] if entry["id"] != third["id"]]
        report = shop.bench.run(ORDERS, str(record["id"]))
        assert tally(report) == {"read": 1, "updated": 1}
        assert lines(shop) == [(10000, "1000", 7, 10), (20000, "1000", 3, 10), (40000, "1000", 1, 3)]

    def test_a_released_order_is_not_changed(self, shop: Shop) -> None:
        record = shop.order()
        shop.bench.run(ORDERS)
        shop.bench.sandbox.sales.release(the_order(shop)["No."])
        shop.change(record, lines=[{**record["lines"][0], "qty": 9}])
        said = rejection(shop.bench.run(ORDERS, str(record["id"])), record)
        assert "is Released" in said and "Quantity" in said

    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    @pytest.mark.parametrize("part", ["/salesOrders", "/salesOrderLines"])
    @pytest.mark.parametrize("dies", [False, True])
    def test_a_lost_answer_doubles_nothing(self, shop: Shop, method: str, part: str, dies: bool) -> None:
        record = shop.order()
        if method == "PATCH":
            shop.bench.run(ORDERS)
            changed = [{**record["lines"][0], "qty": 9}, *record["lines"][1:]]
            shop.change(record, lines=changed, discount_amount=2)
        fault = Fault(system="business_central", method=method, path=part, lost=True)
        shop.bench.sandbox.faults.add(fault)
        if dies:
            shop.bench.sandbox.faults.add(Outage(after=fault))
        try:
            shop.bench.run(ORDERS, str(record["id"]))
        except Exception:  # noqa: BLE001 - the run may die; what it leaves behind is what counts
            assert dies
        assert fault.times == 0
        shop.bench.sandbox.faults.clear()
        report = shop.bench.run(ORDERS, str(record["id"]))
        assert not report.counts["failed"] and not report.counts["waiting"]
        assert lines(shop) == [(10000, "1000", 9 if method == "PATCH" else 2, 10), (20000, "1001", 3, 10)]
        assert shop.link_of(record) == the_order(shop)["No."]

    def test_an_order_that_somebody_else_changes_meanwhile_is_read_again(self, shop: Shop) -> None:
        record = shop.order()
        shop.bench.run(ORDERS)
        shop.change(record, lines=[{**record["lines"][0], "qty": 9}, *record["lines"][1:]])
        stale = Fault(
            system="business_central",
            method="PATCH",
            path="/salesOrderLines",
            status=409,
            body='{"error": {"code": "Request_EntityChanged", "message": "changed"}}',
        )
        shop.bench.sandbox.faults.add(stale)
        assert tally(shop.bench.run(ORDERS, str(record["id"]))) == {"read": 1, "updated": 1}
        assert lines(shop)[0][2] == 9

    def test_an_unknown_sku_waits_or_is_rejected_as_with_pages(self, shop: Shop) -> None:
        shop.bench.sandbox.switches.ipaas_skus_must_exist = False
        record = shop.order(lines=[line("4711")])
        assert "4711" in rejection(shop.bench.run(ORDERS), record)
        shop.bench.sandbox.bc.change("Item", "1000", Blocked=True)
        other = shop.order(transaction_number="WEB-2", lines=[line("1000")])
        assert "blocked" in rejection(shop.bench.run(ORDERS, str(other["id"])), other)


class TestInvoices:
    def test_a_complete_transaction_becomes_a_posted_invoice_with_its_payment(self, shop: Shop) -> None:
        shop.bench.sandbox.ipaas.add("payment method", {"name": "card", "description": "Card"})
        paid = {"amount": 50, "method": "card", "status": "Complete"}
        record = shop.order(status="Complete", total=50, payments=[paid])
        assert tally(shop.bench.run(INVOICES)) == {"read": 1, "created": 1}
        (posted,) = shop.bench.sandbox.bc.rows("Sales Invoice Header")
        assert (posted["External Document No."], posted["Amount Including VAT"]) == ("WEB-1", 50)
        assert str(shop.link_of(record)).startswith("invoice|")
        (payment,) = shop.bench.sandbox.bc.rows("Gen. Journal Line")
        assert payment["Amount"] == -50
        assert tally(shop.bench.run(INVOICES)) == {}

    def test_a_transaction_that_is_an_open_order_is_left_to_that(self, shop: Shop) -> None:
        record = shop.order()
        shop.bench.run(ORDERS)
        shop.change(record, status="Complete")
        report = shop.bench.run(INVOICES, str(record["id"]))
        assert tally(report) == {"read": 1, "skipped": 1}
        assert not shop.bench.sandbox.bc.rows("Sales Invoice Header")


class TestTheSubscribersOwnCopies:
    def test_they_take_over_and_their_own_fields_are_written(self, shop: Shop) -> None:
        bench = shop.bench
        for page, name in (("SalesOrders", "OurOrders"), ("SalesOrderLines", "OurLines"), ("ItemCard", "OurItems")):
            bench.sandbox.bc.publish(page, name)
        bench.settings["bc_service_names"] = {
            "SalesOrders": "OurOrders",
            "SalesOrderLines": "OurLines",
            "ItemCard": "OurItems",
        }
        bench.settings["bc_custom_fields"] = [
            {"model": "transaction", "direction": "from_ipaas", "target": "Your_Reference", "source": "email_address"}
        ]
        shop.order()
        report = bench.run(ORDERS)
        assert tally(report) == {"read": 1, "created": 1}
        assert not [text for text in report.warnings if "SalesOrders" in text or "OurOrders" in text]
        assert (the_order(shop)["Your Reference"], the_order(shop)["Bill-to Address"]) == (
            "anna@example.net",
            "2 Dock Road",
        )

    def test_one_that_is_named_and_not_published_stops_the_run(self, shop: Shop) -> None:
        shop.bench.settings["bc_service_names"] = {"SalesOrders": "OurOrders"}
        shop.order()
        with pytest.raises(Exception, match="OurOrders is not published") as caught:
            shop.bench.run(ORDERS)
        assert "bc_service_names" in caught.value.advice and "extension of your own" in caught.value.advice  # type: ignore[attr-defined]
        assert not orders(shop)


def test_the_links_are_those_of_our_system(shop: Shop) -> None:
    record = shop.order()
    shop.bench.run(ORDERS)
    shown = shop.bench.sandbox.ipaas.shown("transaction", record)
    assert {link["system_id"] for link in shown["external_ids"]} == {SYSTEM_ID}


class TestMasters:
    """Customers and items: what API v2.0 has by an id goes there by its code, and nothing is told of that it lacks."""

    def test_terms_and_tax_area_of_a_new_customer_arrive(self, make_bench: Callable[..., Bench]) -> None:
        terms = {"Payment_Terms_Code": "30 days", "Tax_Area_Code": "ATLANTA", "Customer_Posting_Group": "DOMESTIC"}
        bench = make_bench(bc_create_defaults={"company": terms})
        bench.sandbox.switches.pages_ended = True
        record = bench.sandbox.ipaas.add("company", {"name": "Adatum", "account_number": "A1"})
        report = bench.run("company_from_ipaas")
        assert tally(report) == {"read": 1, "created": 1}
        assert "Customer_Posting_Group" not in outcome_of(report, str(record["id"])).fields
        (said,) = [text for text in report.warnings if "CustomerCard" in text]
        assert "Customer_Posting_Group" in said and "Payment_Terms_Code" not in said
        row = bench.sandbox.bc.get("Customer", "A1")
        assert (row["Payment Terms Code"], row["Tax Area Code"]) == ("30 DAYS", "ATLANTA")
        bench.sandbox.counters.reset()
        assert tally(bench.run("company_from_ipaas", str(record["id"]), force=False)) == {"read": 1, "unchanged": 1}
        assert bench.sandbox.counters.of("business_central", "POST", "PATCH") == 0

    def test_a_code_that_is_not_there_is_named(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(bc_create_defaults={"customer": {"Payment_Terms_Code": "NEVER"}})
        bench.sandbox.switches.pages_ended = True
        body = {"email_address": "a@example.net", "first_name": "Ann", "last_name": "Berg"}
        record = bench.sandbox.ipaas.add("customer", body)
        said = rejection(bench.run("customer_from_ipaas"), record)
        assert "Payment_Terms_Code 'NEVER'" in said and "bc_create_defaults" in said
        assert not [row for row in bench.sandbox.bc.rows("Customer") if row["Name"] == "Ann Berg"]


class TestTheDayOnWhichThePagesEnd:
    """A ledger that was filled through pages goes on through API v2.0: nothing is written anew, made up or blanked."""

    @pytest.fixture
    def world(self, make_demo: Callable[[], Bench]) -> Bench:
        """A world whose records have gone both ways through pages."""
        bench = make_demo()
        for _ in range(2):
            for flow in FLOWS:
                bench.run(flow)
        bench.sandbox.switches.pages_ended = True
        bench.sandbox.counters.reset()
        return bench

    def test_no_flow_writes_anything(self, world: Bench) -> None:
        before = copy.deepcopy(world.sandbox.ipaas.records)
        for flow in FLOWS:
            report = world.run(flow)
            assert not [o for o in report.outcomes if o.result in ("failed", "waiting", "created", "updated")], flow
        assert world.writes() == 0
        assert world.sandbox.ipaas.records == before

    def test_a_ledger_that_an_earlier_version_filled_learns_it_from_a_poll(self, world: Bench) -> None:
        world.sandbox.switches.pages_ended = False
        with world.ledger._writing() as db:
            db.execute(sa.update(transfers).values(memory="{}"))
        for flow in FLOWS:
            world.run(flow, kind=RunKind.backfill)
        assert world.writes() == 0
        world.sandbox.switches.pages_ended = True
        for flow in FLOWS:
            world.run(flow)
        assert world.writes() == 0

    def test_what_changes_afterwards_changes_and_the_rest_stays(self, world: Bench) -> None:
        bc = world.sandbox.bc
        company, product = world.linked("company", "C10000"), world.linked("product", "1001")
        fax, weight, person = company["fax_number"], product["weight"], company["addresses"][0]["first_name"]
        assert fax and weight
        bc.change("Customer", "C10000", City="Denver")
        bc.change("Item", "1001", **{"Unit Price": 7})
        order = next(
            str(row["No."])
            for row in bc.rows("Sales Header")
            if row["Status"] == "Released"
            and row.get("Payment Method Code")
            and world.linked("transaction", row["No."])
        )
        transaction = world.linked("transaction", order)
        method, day = transaction["payments"][0]["method"], transaction["created_datetime"]
        world.sandbox.sales.ship(order)
        for flow in ("company_to_ipaas", "product_to_ipaas", "sales_order_to_ipaas"):
            assert world.run(flow).counts["updated"] == 1, flow
        assert (company["addresses"][0]["city"], product["default_price"]) == ("Denver", 7)
        assert (company["fax_number"], product["weight"]) == (fax, weight)
        assert company["addresses"][0]["first_name"] == person
        assert (transaction["payments"][0]["method"], transaction["created_datetime"]) == (method, day)
        assert {line["status"] for line in transaction["lines"] if line["type"] == "Product"} == {"Shipped"}


class TestAWholeWorldWithoutPages:
    """Every flow over every record: nothing stops, and the second time nothing is written."""

    def test_both_ways_and_again(self, make_demo: Callable[[], Bench]) -> None:
        bench = make_demo()
        bench.sandbox.switches.pages_ended = True
        for flow in FLOWS:
            report = bench.run(flow)
            assert not [o for o in report.outcomes if o.result in ("failed", "waiting")], flow
            assert not [text for text in report.warnings if "Search for Web Services" in text]
        bench.sandbox.counters.reset()
        for flow in FLOWS:
            report = bench.run(flow)
            assert report.counts["read"] == report.counts["unchanged"] + report.counts["skipped"], flow
        assert bench.writes() == 0
        kinds = {"order from iPaaS.com", "invoice from iPaaS.com", "payment from iPaaS.com", "product from iPaaS.com"}
        verdict = check(bench.sandbox.bc, bench.sandbox.ipaas)
        assert not [d for d in verdict.differences if d["type"] in kinds and d["field"] not in LOST_IN_BC]
        assert kinds - {"payment from iPaaS.com"} <= verdict.compared.keys()

    def test_a_lost_ledger_doubles_nothing(self, make_demo: Callable[[], Bench]) -> None:
        bench = make_demo()
        bench.sandbox.switches.pages_ended = True
        for flow in FLOWS:
            bench.run(flow)
        bench.lose_ledger()
        bench.sandbox.counters.reset()
        for flow in FLOWS:
            report = bench.run(flow)
            assert not report.counts["created"] and not report.counts["failed"], (flow, report.outcomes)
        assert bench.sandbox.counters.of("business_central", "PATCH", "DELETE") == 0

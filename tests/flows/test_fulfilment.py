"""What was shipped of an order, as its transaction learns it from the order and from its invoices, whoever owns that:
in the unit that the owner counts in, no more than was shipped, and complete only when all of it was."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from shop import BELL, BICYCLE, foreign, order, set_up, transaction
from webshop import Shop, line

from include.sandbox.bc.units import add_unit
from include.sandbox.ipaas.platform import Record

ORDERS, INVOICES = "sales_order_to_ipaas", "sales_invoice_to_ipaas"
TEN = {**BICYCLE, "Quantity": 10}
Make = Callable[..., Bench]


@pytest.fixture
def company(bench: Bench) -> Bench:
    """A company that sells bicycles and bells, with page 132 published."""
    bench.sandbox.bc.publish("PostedSalesInvoice", "PostedSalesInvoices")
    return set_up(bench)


def own(company: Bench, number: str) -> None:
    """The order's transaction is our own."""
    company.run(ORDERS, number)


def shops(company: Bench, number: str) -> None:
    """The order's transaction is the web shop's, with a line for each of the order's."""
    link = {"system_id": company.sandbox.SYSTEM_ID}
    foreign(
        company,
        number,
        lines=[
            {
                "sku": row["No."],
                "type": "Product",
                "status": "Pending",
                "qty": row["Quantity"],
                "qty_shipped": 0,
                "unit_price": 49,
                "external_ids": [{**link, "external_id": f"{number}|{row['Line No.']}"}],
            }
            for row in company.sandbox.sales.lines(number)
        ],
    )


owned = pytest.mark.parametrize("owner", [own, shops], ids=["ours", "the shop's"])


def lines_of(record: Record) -> list[tuple[Any, ...]]:
    """(ordered, shipped, status) of a transaction's lines."""
    return [(entry["qty"], entry.get("qty_shipped") or 0, entry["status"]) for entry in record["lines"]]


def state(company: Bench, number: str) -> tuple[str, list[tuple[Any, ...]]]:
    """The status of an order's transaction, and its lines."""
    record = transaction(company, number)
    return record["status"], lines_of(record)


def part(company: Bench, number: str, **quantities: float) -> str:
    """Ship and invoice a part of an order: quantities by line number, as `_10000`; answers the invoice's number."""
    company.sandbox.sales.ship(number, {int(name[1:]): quantity for name, quantity in quantities.items()})
    invoice = company.sandbox.sales.invoice(number)
    assert invoice
    return str(invoice["No."])


@pytest.mark.parametrize(("invoiced", "status"), [(4, "Pending"), (10, "Complete")])
def test_of_a_transaction_whose_lines_nobody_has_linked_the_quantities_tell(
    company: Bench, invoiced: int, status: str
) -> None:
    number = order(company, TEN)
    lines = [{"sku": "1000", "type": "Product", "status": "Pending", "qty": 10, "qty_shipped": 0, "unit_price": 49}]
    foreign(company, number, lines=lines)
    invoice = part(company, number, _10000=invoiced)
    if invoiced < 10:
        company.sandbox.sales.delete_order(number)
    line = outcome_of(company.run(INVOICES), invoice)
    assert transaction(company, number)["status"] == status
    assert bool(line.notes) is (invoiced < 10)


@owned
class TestTheRestIsDeleted:
    """An order that was invoiced in part, and the rest of which somebody has deleted, is gone as one posted in full is."""

    def test_its_transaction_keeps_its_status_and_has_what_was_invoiced(
        self, company: Bench, owner: Callable[[Bench, str], None]
    ) -> None:
        number = order(company, TEN)
        owner(company, number)
        invoice = part(company, number, _10000=4)
        company.run(INVOICES)
        assert state(company, number) == ("Pending", [(10, 4, "Pending")])
        company.sandbox.sales.delete_order(number)
        company.sandbox.sales.pay_invoice(invoice)
        assert tally(company.run(INVOICES)) == {"read": 1, "updated": 1}
        assert state(company, number) == ("Pending", [(10, 4, "Pending")])

    def test_a_note_has_both_quantities(self, company: Bench, owner: Callable[[Bench, str], None]) -> None:
        number = order(company, TEN, BELL)
        owner(company, number)
        invoice = part(company, number, _10000=4, _20000=3)
        company.sandbox.sales.delete_order(number)
        (note,) = outcome_of(company.run(INVOICES), invoice).notes
        assert f"Order {number} is gone from Business Central" in note
        assert "4 of 10 of line 10000 (1000)" in note and "20000" not in note
        assert state(company, number) == ("Pending", [(10, 4, "Pending"), (3, 3, "Shipped")])

    def test_what_several_invoices_hold_counts_together(
        self, company: Bench, owner: Callable[[Bench, str], None]
    ) -> None:
        number = order(company, TEN)
        owner(company, number)
        for quantity in (4, 3):
            part(company, number, _10000=quantity)
        company.sandbox.sales.delete_order(number)
        company.run(INVOICES)
        assert state(company, number) == ("Pending", [(10, 7, "Pending")])

    def test_a_line_that_was_taken_out_was_not_shipped(
        self, company: Bench, owner: Callable[[Bench, str], None]
    ) -> None:
        number = order(company, BICYCLE, BELL)
        owner(company, number)
        company.sandbox.sales.remove_line(number, 20000)
        company.sandbox.sales.post(number)
        company.run(INVOICES)
        assert state(company, number) == ("Pending", [(2, 2, "Shipped"), (3, 0, "Pending")])

    def test_what_a_person_settles_then_stays_settled(
        self, company: Bench, owner: Callable[[Bench, str], None]
    ) -> None:
        number = order(company, TEN)
        owner(company, number)
        invoice = part(company, number, _10000=4)
        company.sandbox.sales.delete_order(number)
        company.run(INVOICES)
        record = transaction(company, number)
        settled = {"status": "Cancelled", "lines": [{"id": record["lines"][0]["id"], "status": "Cancelled"}]}
        company.sandbox.ipaas.edit("transaction", record["id"], settled)
        company.sandbox.sales.pay_invoice(invoice)
        assert outcome_of(company.run(INVOICES), invoice).notes == ()
        assert state(company, number) == ("Cancelled", [(10, 4, "Cancelled")])

    def test_the_order_flow_and_reconcile_change_nothing_of_it(
        self, company: Bench, owner: Callable[[Bench, str], None]
    ) -> None:
        number = order(company, TEN)
        owner(company, number)
        part(company, number, _10000=4)
        company.sandbox.sales.delete_order(number)
        company.run(INVOICES)
        company.sandbox.counters.reset()
        company.run(ORDERS, number)
        for flow in (ORDERS, INVOICES):
            assert company.run(flow, compares=True).counts["updated"] == 0
        assert company.writes() == 0

    def test_where_the_pages_are_gone_too(self, company: Bench, owner: Callable[[Bench, str], None]) -> None:
        number = order(company, TEN)
        owner(company, number)
        part(company, number, _10000=4)
        company.sandbox.sales.delete_order(number)
        company.sandbox.switches.pages_ended = True
        company.run(INVOICES)
        assert state(company, number) == ("Pending", [(10, 4, "Pending")])


@owned
class TestAllOfItIsInvoiced:
    def test_by_several_invoices(self, company: Bench, owner: Callable[[Bench, str], None]) -> None:
        number = order(company, TEN, BELL)
        owner(company, number)
        part(company, number, _10000=4)
        company.run(INVOICES)
        company.sandbox.sales.post(number)
        report = company.run(INVOICES)
        assert not any(outcome.notes for outcome in report.outcomes)
        assert state(company, number) == ("Complete", [(10, 10, "Shipped"), (3, 3, "Shipped")])

    def test_the_last_invoice_alone_is_asked_for(self, company: Bench, owner: Callable[[Bench, str], None]) -> None:
        number = order(company, TEN)
        owner(company, number)
        part(company, number, _10000=4)
        last = company.sandbox.sales.post(number)
        assert last
        company.run(INVOICES, str(last["No."]))
        assert state(company, number) == ("Complete", [(10, 10, "Shipped")])

    @pytest.mark.parametrize("told", ["before", "after"])
    def test_one_that_is_cancelled_later_takes_nothing_back(
        self, company: Bench, owner: Callable[[Bench, str], None], told: str
    ) -> None:
        number = order(company, TEN)
        owner(company, number)
        first, last = part(company, number, _10000=4), part(company, number, _10000=6)
        if told == "before":
            company.run(INVOICES)
        else:
            company.run(INVOICES, first)
        company.sandbox.sales.cancel_invoice(first)
        company.sandbox.sales.pay_invoice(last)
        company.run(INVOICES)
        assert state(company, number) == ("Complete", [(10, 10, "Shipped")])

    def test_goods_that_come_back_are_shipped_the_other_way(
        self, company: Bench, owner: Callable[[Bench, str], None]
    ) -> None:
        number = order(company, BICYCLE, {**BELL, "Quantity": -1})
        owner(company, number)
        company.sandbox.sales.post(number)
        company.run(INVOICES)
        assert state(company, number) == ("Complete", [(2, 2, "Shipped"), (-1, -1, "Shipped")])


def test_of_our_own_transaction_it_goes_by_what_business_central_has_ordered_by_now(company: Bench) -> None:
    number = order(company, TEN)
    own(company, number)
    company.sandbox.sales.change_line(number, 10000, Quantity=12)
    part(company, number, _10000=10)
    company.run(INVOICES)
    assert state(company, number) == ("Pending", [(10, 10, "Pending")])
    company.run(ORDERS)
    assert state(company, number) == ("Pending", [(12, 10, "Pending")])


class TestCancelledInPart:
    """Of an order whose rest is deleted an invoice is cancelled: what it said of the order stays as it is."""

    def test_before_the_rest_was_deleted_it_no_longer_counts(self, company: Bench) -> None:
        number = order(company, TEN)
        first, last = part(company, number, _10000=4), part(company, number, _10000=3)
        company.sandbox.sales.cancel_invoice(first)
        own(company, number)
        company.sandbox.ipaas.edit(
            "transaction",
            transaction(company, number)["id"],
            {"lines": [{"id": transaction(company, number)["lines"][0]["id"], "qty_shipped": 3}]},
        )
        company.sandbox.sales.delete_order(number)
        company.run(INVOICES, last)
        assert state(company, number) == ("Pending", [(10, 3, "Pending")])

    def test_afterwards_it_takes_nothing_back(self, company: Bench) -> None:
        number = order(company, TEN)
        own(company, number)
        first, last = part(company, number, _10000=4), part(company, number, _10000=3)
        company.sandbox.sales.delete_order(number)
        company.run(INVOICES)
        company.sandbox.sales.cancel_invoice(first)
        company.sandbox.sales.pay_invoice(last)
        company.run(INVOICES)
        assert state(company, number) == ("Pending", [(10, 7, "Pending")])


class TestCost:
    def test_the_invoices_of_orders_that_are_gone_are_read_a_hundred_at_once(self, company: Bench) -> None:
        for _ in range(30):
            number = order(company, TEN)
            part(company, number, _10000=4)
            company.sandbox.sales.post(number)
        company.run(INVOICES)
        company.sandbox.counters.reset()
        report = company.run(INVOICES)
        assert tally(report) == {"read": 60, "unchanged": 60}
        assert report.counts["ipaas_requests"] == 0
        assert report.counts["bc_requests"] <= 12


@pytest.fixture
def shop(make_bench: Make) -> Shop:
    """A web shop, and a company that stocks item 1000 in pieces, and sells it in boxes of six and pallets of sixty."""
    shop = Shop(make_bench(bc_create_defaults={}))
    shop.bench.sandbox.bc.publish("ItemUnitsOfMeasure")
    shop.bench.sandbox.bc.publish("PostedSalesInvoice", "PostedSalesInvoices")
    shop.customer()
    for no in ("1000", "1001"):
        shop.item(no)
    for code, size in (("BOX", 6), ("PALLET", 60), ("THIRD", Decimal("0.33333"))):
        add_unit(shop.bench.sandbox.bc, "1000", code, size)
    return shop


def released(shop: Shop, *lines: Record) -> tuple[Record, str]:
    """A transaction that has become an order, which is released."""
    record = shop.order(lines=list(lines))
    assert tally(shop.bench.run("sales_order_from_ipaas")) == {"read": 1, "created": 1}
    number = shop.link_of(record)
    assert number
    shop.bench.sandbox.sales.release(number)
    return record, number


class TestTheOwnersUnit:
    """What was shipped is told in the unit that the owner's line is in: its quantity is in that, too."""

    @pytest.mark.parametrize("flow", [ORDERS, INVOICES])
    def test_boxes_are_told_in_boxes(self, shop: Shop, flow: str) -> None:
        record, number = released(shop, line("1000", 2, 60, unit="BOX"))
        part(shop.bench, number, _10000=1)
        report = shop.bench.run(flow)
        assert (record["status"], lines_of(record)) == ("Pending", [(2, 1, "Pending")])
        assert not any("were sent" in note for outcome in report.outcomes for note in outcome.notes)

    def test_when_all_are_shipped_the_order_is(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 2, 60, unit="BOX"))
        shop.bench.sandbox.sales.ship(number)
        shop.bench.run(ORDERS)
        assert (record["status"], lines_of(record)) == ("Shipped", [(2, 2, "Shipped")])

    def test_when_all_are_invoiced_it_is_complete(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 2, 60, unit="BOX"))
        part(shop.bench, number, _10000=1)
        shop.bench.sandbox.sales.post(number)
        shop.bench.run(INVOICES)
        assert (record["status"], lines_of(record)) == ("Complete", [(2, 2, "Shipped")])

    def test_when_the_rest_is_deleted_it_is_told_in_boxes(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 2, 60, unit="BOX"))
        invoice = part(shop.bench, number, _10000=1)
        shop.bench.sandbox.sales.delete_order(number)
        report = shop.bench.run(INVOICES)
        assert (record["status"], lines_of(record)) == ("Pending", [(2, 1, "Pending")])
        assert any("1 of 2 of line 10000" in note for note in outcome_of(report, invoice).notes)

    @pytest.mark.parametrize("unit", ["PCS", None, "CRATE"])
    def test_the_base_unit_and_one_that_the_item_lacks_are_told_in_base_units(
        self, shop: Shop, unit: str | None
    ) -> None:
        record, number = released(shop, line("1000", 12, unit=unit) if unit else line("1000", 12))
        part(shop.bench, number, _10000=6)
        shop.bench.run(ORDERS)
        assert lines_of(record) == [(12, 6, "Pending")]

    @pytest.mark.parametrize("flow", [ORDERS, INVOICES])
    @pytest.mark.parametrize(
        ("unit", "all_of_it", "shipped", "told"),
        [("PCS", 12, 6, 1), ("PCS", 12, 3, Decimal("0.5")), ("PALLET", 1, 1, 10), ("BOX", 2, 1, 1)],
    )
    def test_a_unit_that_was_changed_in_business_central_is_converted(
        self, shop: Shop, flow: str, unit: str, all_of_it: int, shipped: int, told: int | Decimal
    ) -> None:
        record, number = released(shop, line("1000", 10 if unit == "PALLET" else 2, 60, unit="BOX"))
        sales = shop.bench.sandbox.sales
        sales.change_line(number, 10000, **{"Unit of Measure Code": unit, "Quantity": all_of_it})
        sales.ship(number, {10000: shipped})
        if flow == INVOICES:
            sales.invoice(number)
        shop.bench.run(flow)
        assert record["lines"][0]["qty_shipped"] == told

    def test_a_quantity_in_the_owners_unit_is_the_one_that_was_shipped_to_the_last_decimal(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", Decimal("4.5"), 60, unit="THIRD"))
        shop.bench.sandbox.sales.ship(number, {10000: Decimal("1.5")})
        shop.bench.run(ORDERS)
        assert lines_of(record) == [(Decimal("4.5"), Decimal("1.5"), "Pending")]

    def test_told_once_it_is_an_echo(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 2, 60, unit="BOX"))
        part(shop.bench, number, _10000=1)
        for flow in (ORDERS, INVOICES):
            shop.bench.run(flow)
        shop.bench.lose_ledger()
        shop.bench.sandbox.counters.reset()
        for flow in (ORDERS, INVOICES):
            shop.bench.run(flow)
        shop.bench.run("sales_order_from_ipaas", str(record["id"]))
        assert shop.bench.writes() == 0


class TestWhatTheOwnerOrdered:
    """Whether it is all shipped goes by what the owner's transaction has, whatever became of the order."""

    def test_a_line_that_was_lowered_is_not_shipped_in_full(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 10), line("1001", 3))
        shop.bench.sandbox.sales.change_line(number, 10000, Quantity=6)
        shop.bench.sandbox.sales.ship(number)
        shop.bench.run(ORDERS)
        assert (record["status"], lines_of(record)) == ("Pending", [(10, 6, "Pending"), (3, 3, "Shipped")])
        shop.bench.sandbox.sales.invoice(number)
        shop.bench.run(INVOICES)
        assert (record["status"], lines_of(record)) == ("Pending", [(10, 6, "Pending"), (3, 3, "Shipped")])

    def test_a_line_that_was_raised_is_shipped_once_it_has_what_was_ordered(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 4))
        shop.bench.sandbox.sales.change_line(number, 10000, Quantity=6)
        shop.bench.sandbox.sales.ship(number, {10000: 4})
        shop.bench.run(ORDERS)
        assert lines_of(record) == [(4, 4, "Shipped")]

    def test_a_line_that_was_taken_out_keeps_what_was_shipped_of_it(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 10), line("1001", 3))
        part(shop.bench, number, _10000=4)
        shop.bench.run(ORDERS)
        shop.bench.sandbox.sales.remove_line(number, 10000)
        shop.bench.sandbox.sales.ship(number)
        shop.bench.run(ORDERS)
        assert (record["status"], lines_of(record)) == ("Pending", [(10, 4, "Pending"), (3, 3, "Shipped")])

    def test_a_line_that_was_added_is_no_part_of_it(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 2))
        shop.bench.sandbox.sales.add_line(number, **{"Type": "Item", "No.": "1001", "Quantity": 1, "Unit Price": 5})
        shop.bench.sandbox.sales.ship(number, {10000: 2})
        shop.bench.run(ORDERS)
        assert lines_of(record) == [(2, 2, "Shipped")]
        shop.bench.sandbox.sales.post(number)
        shop.bench.run(INVOICES)
        assert (record["status"], lines_of(record)) == ("Complete", [(2, 2, "Shipped")])

    def test_an_order_that_is_deleted_before_anything_was_shipped_leaves_it_alone(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 2))
        shop.bench.run(ORDERS)
        before = shop.bench.sandbox.ipaas.shown("transaction", record)
        shop.bench.sandbox.sales.delete_order(number)
        for flow in (ORDERS, INVOICES):
            shop.bench.run(flow, compares=True)
        assert shop.bench.sandbox.ipaas.shown("transaction", record) == before

    def test_an_invoice_that_is_taken_back_by_a_credit_memo_leaves_it_complete(self, shop: Shop) -> None:
        record, number = released(shop, line("1000", 2))
        invoice = shop.bench.sandbox.sales.post(number)
        assert invoice
        shop.bench.run(INVOICES)
        shop.bench.sandbox.sales.cancel_invoice(str(invoice["No."]))
        shop.bench.run(INVOICES)
        assert (record["status"], lines_of(record)) == ("Complete", [(2, 2, "Shipped")])

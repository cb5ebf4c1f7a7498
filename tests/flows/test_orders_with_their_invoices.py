"""A shop that has its orders and their invoices as transactions, one below the other: each sale becomes one document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from webshop import Shop

from include.sandbox.ipaas.platform import Record
from include.sync.report import Report

INVOICES, ORDERS = "invoice_from_ipaas", "sales_order_from_ipaas"


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> Shop:
    """A shop with a customer and two items."""
    shop = Shop(make_bench())
    shop.customer()
    shop.item("1000")
    shop.item("1001")
    return shop


def invoice_of(shop: Shop, order: Record, **fields: Any) -> Record:
    """The shop's invoice of one of its orders."""
    body = {"type": "Invoice", "status": "Complete", "transaction_number": "INV-1", **fields}
    return shop.order(transaction_parent_id=order["id"], **body)


def run(shop: Shop, flow: str, *records: Record, **options: Any) -> Report:
    return shop.bench.run(flow, *(str(record["id"]) for record in records), **options)


def documents(shop: Shop) -> list[str]:
    """What Business Central has sold: numbers of the shop's transactions, of orders and of posted invoices."""
    bc = shop.bench.sandbox.bc
    rows = (*bc.rows("Sales Header"), *bc.rows("Sales Invoice Header"))
    return [str(row["External Document No."]) for row in rows]


def test_of_both_in_one_run_the_order_alone_is_invoiced(shop: Shop) -> None:
    order = shop.order(status="Complete")
    invoice = invoice_of(shop, order)
    report = run(shop, INVOICES, order, invoice)
    assert tally(report) == {"read": 2, "created": 1, "waiting": 1}
    assert f"belongs to transaction {order['id']}" in outcome_of(report, str(invoice["id"])).message
    assert tally(shop.bench.run(INVOICES)) == {"read": 1, "skipped": 1}
    assert documents(shop) == ["WEB-1"]
    assert shop.link_of(invoice) is None


def test_the_invoice_of_an_order_that_is_yet_to_come_waits_for_it(shop: Shop) -> None:
    order = shop.order()
    invoice = invoice_of(shop, order)
    assert tally(run(shop, INVOICES, invoice)) == {"read": 1, "waiting": 1}
    run(shop, ORDERS, order)
    assert tally(run(shop, INVOICES, invoice)) == {"read": 1, "skipped": 1}
    assert documents(shop) == ["WEB-1"]


@pytest.mark.parametrize("status", ["Pending", "Shipped"])
def test_where_no_orders_are_made_of_orders_the_order_is_invoiced_once_it_is_complete(shop: Shop, status: str) -> None:
    order = shop.order(status=status)
    invoice = invoice_of(shop, order)
    report = run(shop, INVOICES, invoice, off=[ORDERS])
    assert tally(report) == {"read": 1, "waiting": 1}
    assert "invoice.types" in outcome_of(report, str(invoice["id"])).advice
    shop.change(order, status="Complete")
    run(shop, INVOICES, order, off=[ORDERS])
    assert tally(run(shop, INVOICES, invoice, off=[ORDERS])) == {"read": 1, "skipped": 1}
    assert documents(shop) == ["WEB-1"]


@pytest.mark.parametrize("parent", ["cancelled", "of types that are left out", "set aside"])
def test_the_invoice_of_an_order_that_becomes_no_document_is_posted(shop: Shop, parent: str) -> None:
    order = shop.order(status="Cancelled" if parent == "cancelled" else "Pending")
    invoice = invoice_of(shop, order)
    off: list[str] = []
    if parent == "of types that are left out":
        shop.bench.settings["bc_create_defaults"] = {"invoice": {"types": ["Invoice"]}}
        off = [ORDERS]
    if parent == "set aside":
        shop.change(order, created_datetime=None)
        assert tally(run(shop, ORDERS, order)) == {"read": 1, "failed": 1}
        shop.bench.ledger.ignore(ORDERS, [str(order["id"])], "admin")
    assert tally(run(shop, INVOICES, invoice, off=off)) == {"read": 1, "created": 1}
    assert documents(shop) == ["INV-1"]


@pytest.mark.parametrize("last", ["Invoice", "invoice of its invoice"])
def test_of_those_that_stand_above_each_other_the_first_goes_first(shop: Shop, last: str) -> None:
    order = shop.order(status="Complete")
    below = [invoice_of(shop, order)]
    if last != "Invoice":
        below.append(invoice_of(shop, below[0], transaction_number="INV-2"))
    shop.change(order, transaction_parent_id=below[-1]["id"])
    assert tally(run(shop, INVOICES, *below)) == {"read": len(below), "waiting": len(below)}
    assert tally(run(shop, INVOICES, order)) == {"read": 1, "created": 1}
    assert tally(run(shop, INVOICES, *below)) == {"read": len(below), "skipped": len(below)}
    assert documents(shop) == ["WEB-1"]


@pytest.mark.parametrize("status", ["Pending", "Complete"])
def test_what_is_below_the_invoice_of_an_order_is_of_the_same_sale(shop: Shop, status: str) -> None:
    order = shop.order(status=status)
    invoice = invoice_of(shop, order)
    below = invoice_of(shop, invoice, transaction_number="INV-2")
    assert tally(run(shop, INVOICES, invoice, below)) == {"read": 2, "waiting": 2}
    assert tally(run(shop, ORDERS if status == "Pending" else INVOICES, order)) == {"read": 1, "created": 1}
    assert tally(run(shop, INVOICES, invoice, below)) == {"read": 2, "skipped": 2}
    assert documents(shop) == ["WEB-1"]


def test_the_invoice_of_an_order_that_cannot_be_read_waits_until_somebody_has_corrected_it(shop: Shop) -> None:
    order = shop.order(status="Complete")
    invoice = invoice_of(shop, order)
    total, order["total"] = order["total"], "a lot"
    assert tally(run(shop, INVOICES, order, invoice)) == {"read": 2, "failed": 1, "waiting": 1}
    order["total"] = total
    assert tally(run(shop, INVOICES, order)) == {"read": 1, "created": 1}
    assert tally(run(shop, INVOICES, invoice)) == {"read": 1, "skipped": 1}
    assert documents(shop) == ["WEB-1"]

"""A transaction whose document was begun, and that is to be none any more: what was begun is not forgotten, nor made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, tally
from webshop import Outage, Shop, orders, rejection

from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sync.ledger.entries import State

ORDERS, INVOICES = "sales_order_from_ipaas", "invoice_from_ipaas"
Row = dict[str, Any]


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> Shop:
    """A shop with two customers and two items."""
    shop = Shop(make_bench(bc_create_defaults={"invoice": {"payment_journal": "WEBSHOP"}}))
    for no in ("P1", "P2"):
        shop.customer(no)
    for no in ("1000", "1001"):
        shop.item(no)
    return shop


def invoices(shop: Shop) -> list[Row]:
    bc = shop.bench.sandbox.bc
    drafts = [row for row in bc.rows("Sales Header") if row["Document Type"] == "Invoice"]
    return [*drafts, *bc.rows("Sales Invoice Header")]


def state(shop: Shop, flow: str, record: Record) -> State:
    key = str(record["id"])
    return shop.bench.ledger.transfers(flow, [key])[key].state


def begin(shop: Shop, path: str, *, skip: int = 0, arrives: bool = True) -> Record:
    """A transaction whose order is begun; this side dies at a call."""
    record = shop.order()
    last = Fault(system="business_central", method="POST", path=path, skip=skip, lost=arrives, cut=not arrives)
    shop.bench.sandbox.faults.rules += [last, Outage(after=last)]
    assert tally(shop.bench.run(ORDERS)) == {"read": 1, "retrying": 1}
    shop.bench.sandbox.faults.clear()
    return record


def test_an_order_that_lacks_a_line_needs_a_person(shop: Shop) -> None:
    record = begin(shop, "/SalesOrderLines$", skip=1, arrives=False)
    (order,) = orders(shop)
    shop.change(record, status="Complete")
    words = rejection(shop.later(ORDERS), record)
    assert "status is Complete" in words and order["No."] in words
    shop.later(INVOICES)
    shop.later(ORDERS)
    assert state(shop, ORDERS, record) == State.failed
    assert len(orders(shop)) == 1 and not invoices(shop)


def test_it_is_finished_when_its_transaction_is_what_it_was(shop: Shop) -> None:
    record = begin(shop, "/SalesOrderLines$", skip=1, arrives=False)
    shop.change(record, status="Complete")
    shop.later(ORDERS)
    shop.change(record, status="Pending")
    shop.bench.run(ORDERS, str(record["id"]))
    assert state(shop, ORDERS, record) == State.done
    assert len(shop.bench.sandbox.sales.lines(orders(shop)[0]["No."])) == 2


def test_one_that_comes_to_another_amount_still_needs_one(shop: Shop) -> None:
    record = shop.order(total=45)
    rejection(shop.bench.run(ORDERS), record)
    shop.change(record, status="Complete")
    assert orders(shop)[0]["No."] in rejection(shop.later(ORDERS), record)
    assert state(shop, ORDERS, record) == State.failed


def test_one_that_nobody_heard_of_is_not_invoiced_beside_it(shop: Shop) -> None:
    record = begin(shop, "/SalesOrders$")
    shop.change(record, status="Complete")
    rejection(shop.later(ORDERS), record)
    assert tally(shop.later(INVOICES)) == {"read": 1, "skipped": 1}
    (order,) = orders(shop)
    assert not invoices(shop)
    assert shop.link_of(record) == order["No."]
    assert order["No."] in rejection(shop.bench.run(ORDERS, str(record["id"])), record)


def test_one_that_was_never_made_is_invoiced_and_forgotten(shop: Shop) -> None:
    record = begin(shop, "/SalesOrders$", arrives=False)
    shop.change(record, status="Complete")
    rejection(shop.later(ORDERS), record)
    assert tally(shop.later(INVOICES)) == {"read": 1, "created": 1}
    shop.bench.run(ORDERS, str(record["id"]))
    assert state(shop, ORDERS, record) == State.done
    assert not orders(shop) and len(invoices(shop)) == 1


def test_one_that_was_refused_is_left_out_like_any_other(shop: Shop) -> None:
    record = shop.order()
    refused = Fault(
        system="business_central",
        method="POST",
        path="/SalesOrders$",
        status=400,
        body='{"error": {"code": "Application_DialogException", "message": "The customer is on hold."}}',
    )
    shop.bench.sandbox.faults.add(refused)
    rejection(shop.bench.run(ORDERS), record)
    shop.change(record, status="Complete")
    assert tally(shop.later(ORDERS)) == {"read": 1, "skipped": 1}
    assert state(shop, ORDERS, record) == State.done


def test_a_draft_invoice_that_was_not_posted_needs_a_person_too(shop: Shop) -> None:
    record = shop.order(status="Complete", total=45)
    rejection(shop.bench.run(INVOICES), record)
    shop.change(record, status="Cancelled")
    assert "status is Cancelled" in rejection(shop.later(INVOICES), record)
    assert state(shop, INVOICES, record) == State.failed


@pytest.mark.parametrize(("customer", "made"), [("P1", 0), ("P2", 1)])
def test_an_order_that_somebody_entered_for_the_same_customer_is_not_invoiced_beside_it(
    shop: Shop, customer: str, made: int
) -> None:
    order = shop.bench.sandbox.sales.add_order(customer=customer, **{"External Document No.": "WEB-1"})
    record = shop.order(status="Complete")
    shop.bench.run(INVOICES)
    assert len(invoices(shop)) == made
    assert (shop.link_of(record) == order["No."]) == (made == 0)


def test_an_order_of_another_transaction_does_not_count(shop: Shop) -> None:
    shop.order()
    shop.bench.run(ORDERS)
    record = shop.order(status="Complete")
    shop.bench.run(INVOICES, str(record["id"]))
    assert len(orders(shop)) == len(invoices(shop)) == 1

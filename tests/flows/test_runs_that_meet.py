"""Two runs meet at a record: what the first one sent, and heard nothing of, is found by the second, which looked before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, tally
from webshop import Outage, Shop

from include.flows import FLOWS
from include.sandbox.faults import Fault

ORDERS, INVOICES = "sales_order_from_ipaas", "invoice_from_ipaas"
Row = dict[str, Any]


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> Shop:
    """A shop with two customers and two items."""
    shop = Shop(make_bench())
    for no in ("P1", "P2"):
        shop.customer(no)
    for no in ("1000", "1001"):
        shop.item(no)
    return shop


def meet(bench: Bench, monkeypatch: pytest.MonkeyPatch, flow: str, key: str, path: str) -> None:
    """Both runs have read what there is before the first one writes the record. The second goes on once the first one has
    ended: its write took effect, it heard nothing of that, and could not look for it either."""
    prepared, over = threading.Event(), threading.Event()
    second = threading.Thread(target=bench.run, args=(flow, key))
    writer = type(FLOWS[flow].writer)
    prepare = writer.prepare

    def prepare_both(*args: Any) -> None:
        prepare(*args)
        if threading.current_thread() is second:
            prepared.set()
            over.wait(60)
        else:
            second.start()
            assert prepared.wait(60)

    monkeypatch.setattr(writer, "prepare", prepare_both)
    unheard = Fault(system="business_central", method="POST", path=path, lost=True)
    bench.sandbox.faults.rules += [unheard, Outage(after=unheard)]
    assert tally(bench.run(flow, key)) == {"read": 1, "retrying": 1}
    bench.sandbox.faults.clear()
    over.set()
    second.join()


def sales(shop: Shop) -> list[Row]:
    """Orders, draft invoices and posted ones."""
    bc = shop.bench.sandbox.bc
    return [*bc.rows("Sales Header"), *bc.rows("Sales Invoice Header")]


@pytest.mark.parametrize("number", ["its own", "its id"])
@pytest.mark.parametrize(
    ("flow", "path", "fields"),
    [(ORDERS, "/SalesOrders$", {}), (INVOICES, "/salesInvoices$", {"status": "Complete"})],
)
def test_of_a_transaction_one_document_is_made(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, flow: str, path: str, fields: Row, number: str
) -> None:
    record = shop.order(**fields)
    if number == "its id":
        shop.change(record, transaction_number=str(record["id"]))
    meet(shop.bench, monkeypatch, flow, str(record["id"]), path)
    assert len(sales(shop)) == 1
    assert shop.link_of(record)


@pytest.mark.parametrize(("flow", "status"), [(ORDERS, "Pending"), (INVOICES, "Complete")])
def test_a_document_that_is_linked_nowhere_is_found_beside_another_of_its_number(
    shop: Shop, flow: str, status: str
) -> None:
    """Two shops number alike, for two customers; all links are lost."""
    for no in ("P1", "P2"):
        shop.order(status=status, customer_id=shop.bench.linked("customer", no)["id"])
    assert shop.bench.run(flow).counts["created"] == 2
    for table in ("transaction", "Transaction Line"):
        shop.bench.sandbox.ipaas.links[table].clear()
    shop.bench.lose_ledger()
    assert shop.bench.run(flow).counts["created"] == 0
    assert len(sales(shop)) == 2


def test_an_order_that_was_not_heard_of_is_found_beside_another_of_its_number(shop: Shop) -> None:
    other = shop.order()
    record = shop.order(customer_id=shop.bench.linked("customer", "P2")["id"])
    unheard = Fault(system="business_central", method="POST", path="/SalesOrders$", lost=True)
    shop.bench.sandbox.faults.rules += [unheard, Outage(after=unheard)]
    shop.bench.run(ORDERS, str(record["id"]))
    shop.bench.sandbox.faults.clear()
    shop.bench.run(ORDERS, str(other["id"]), str(record["id"]))
    assert len(sales(shop)) == 2
    assert shop.link_of(other) != shop.link_of(record)


def test_a_draft_of_ours_is_completed_behind_another_of_its_number(shop: Shop) -> None:
    first, second = (
        shop.order(status="Complete", customer_id=shop.bench.linked("customer", no)["id"]) for no in ("P1", "P2")
    )
    unheard = Fault(system="business_central", method="POST", path="/salesInvoices$", lost=True)
    shop.bench.sandbox.faults.rules += [unheard, Outage(after=unheard)]
    assert tally(shop.bench.run(INVOICES, str(second["id"]))) == {"read": 1, "retrying": 1}
    shop.bench.sandbox.faults.clear()
    assert tally(shop.bench.run(INVOICES, str(first["id"]), str(second["id"]))) == {"read": 2, "created": 2}
    assert len(sales(shop)) == 2


def test_an_order_that_was_posted_between_two_of_its_number_is_not_made_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second transaction's order stood when all was read, and is invoiced by the time it is its turn."""
    first, record = shop.order(), shop.order(customer_id=shop.bench.linked("customer", "P2")["id"])
    shop.bench.run(ORDERS)
    number = str(shop.link_of(record))
    for table in ("transaction", "Transaction Line"):
        shop.bench.sandbox.ipaas.links[table].clear()
    shop.bench.lose_ledger()
    writer = type(FLOWS[ORDERS].writer)
    prepare = writer.prepare

    def then_it_is_posted(*args: Any) -> None:
        prepare(*args)
        shop.bench.sandbox.sales.post(number)

    monkeypatch.setattr(writer, "prepare", then_it_is_posted)
    assert tally(shop.bench.run(ORDERS, str(first["id"]), str(record["id"]))) == {"read": 2, "unchanged": 2}
    assert len(sales(shop)) == 2

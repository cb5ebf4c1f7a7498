"""Documents that were made from transactions whose links iPaaS.com did not take before the ledger was lost: neither side
makes a second one, whichever flow comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from shop import children, transactions
from test_links_in_bulk import asked
from webshop import Shop

from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.ipaas.platform import Record
from include.sync.outcomes import Result
from include.sync.runs import RunKind
from include.sync.staging import chunks

ORDER_FROM, INVOICE_FROM = "sales_order_from_ipaas", "invoice_from_ipaas"
ORDER_TO, INVOICE_TO = "sales_order_to_ipaas", "sales_invoice_to_ipaas"


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> Shop:
    """A shop with a customer and two items."""
    shop = Shop(make_bench())
    shop.bench.sandbox.bc.publish("PostedSalesInvoice", "PostedSalesInvoices")
    shop.customer()
    shop.item("1000")
    shop.item("1001")
    return shop


def orders(shop: Shop) -> list[str]:
    return [row["No."] for row in shop.bench.sandbox.bc.rows("Sales Header") if row["Document Type"] == "Order"]


def untold(shop: Shop, flow: str, **fields: Any) -> Record:
    """A transaction that became a document of which iPaaS.com took no link, and of which nothing is remembered."""
    record = shop.order(**fields)
    shop.bench.sandbox.faults.add(Fault(system="ipaas", path="UpdateExternalId", times=1_000, **GATEWAY["503"]))
    assert tally(shop.bench.run(flow)) == {"read": 1, "created": 1}
    shop.bench.sandbox.faults.clear()
    assert shop.link_of(record) is None
    shop.bench.lose_ledger()
    return record


def released(shop: Shop, **fields: Any) -> tuple[Record, str]:
    """Such an order, released; its number."""
    record = untold(shop, ORDER_FROM, **fields)
    (number,) = orders(shop)
    shop.bench.sandbox.sales.release(number)
    return record, number


def entered(shop: Shop, number: str | None = "WEB-1", customer: str = "P1") -> str:
    """A released order that somebody has entered, with an External_Document_No."""
    sales, named = shop.bench.sandbox.sales, {"External Document No.": number} if number else {}
    no = str(sales.add_order(customer=customer, lines=[{"Type": "Item", "No.": "1000", "Quantity": 1}], **named)["No."])
    sales.release(no)
    return no


def test_an_order_waits_for_the_transaction_that_it_was_made_from(shop: Shop) -> None:
    bench = shop.bench
    record, number = released(shop)
    report = bench.run(ORDER_TO)
    line = outcome_of(report, number)
    assert (tally(report), line.result) == ({"read": 1, "waiting": 1}, Result.waiting)
    assert f"transaction {record['id']} (WEB-1)" in line.message and ORDER_FROM in line.advice
    assert transactions(bench) == [record]
    assert tally(bench.run(ORDER_FROM)) == {"read": 1, "unchanged": 1}
    assert tally(bench.run(ORDER_TO)) == {"read": 1, "unchanged": 1}
    assert transactions(bench) == [record] and orders(shop) == [number] == [shop.link_of(record)]


def test_what_is_shipped_of_it_is_told_of_that_transaction_then(shop: Shop) -> None:
    bench = shop.bench
    record, number = released(shop)
    for flow in (ORDER_TO, ORDER_FROM):
        bench.run(flow)
    bench.sandbox.sales.ship(number, {10000: 1})
    bench.run(ORDER_TO)
    lines = children(bench, record, "lines")
    assert {key: line.get("qty_shipped") or 0 for key, line in lines.items()} == {
        f"{number}|10000": 1,
        f"{number}|20000": 0,
    }


@pytest.mark.parametrize("first", [ORDER_FROM, INVOICE_TO])
def test_an_order_that_was_posted_meanwhile_is_the_parent_of_its_invoice(shop: Shop, first: str) -> None:
    bench = shop.bench
    record, number = released(shop)
    bench.sandbox.sales.post(number)
    for flow in (first, ORDER_FROM, INVOICE_TO):
        bench.run(flow)
    (invoice,) = (one for one in transactions(bench) if one is not record)
    assert (invoice["type"], invoice["transaction_parent_id"]) == ("Invoice", record["id"])
    assert (shop.link_of(record), record["status"]) == (number, "Complete")


def test_an_invoice_waits_for_the_transaction_that_it_was_made_from(shop: Shop) -> None:
    bench = shop.bench
    record = untold(shop, INVOICE_FROM, status="Complete")
    report = bench.run(INVOICE_TO)
    assert tally(report) == {"read": 1, "waiting": 1} and INVOICE_FROM in report.outcomes[0].advice
    assert tally(bench.run(INVOICE_FROM)) == {"read": 1, "unchanged": 1}
    assert tally(bench.run(INVOICE_TO)) == {"read": 1, "unchanged": 1}
    assert transactions(bench) == [record] and str(shop.link_of(record)).startswith("invoice|")
    assert len(bench.sandbox.bc.rows("Sales Invoice Header")) == 1


def test_so_does_one_whose_buyer_is_a_contact_of_its_customer(shop: Shop) -> None:
    bench = shop.bench
    company = shop.company("C1")
    bench.sandbox.bc.add_person("CT9", "Bo Buyer", customer="C1", email="bo@example.org")
    contact = shop.link_customer("CT9|contact", company_id=company["id"])
    record, number = released(shop, customer_id=contact["id"])
    assert tally(bench.run(ORDER_TO)) == {"read": 1, "waiting": 1}
    bench.run(ORDER_FROM)
    bench.run(ORDER_TO)
    assert transactions(bench) == [record] and shop.link_of(record) == number


@pytest.mark.parametrize("chunk", [24, 12])
def test_many_wait_by_the_list_that_is_read_once(shop: Shop, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CHUNK", chunk), ("FEWEST", chunk), ("SPLIT_FROM", chunk + 1)):
        monkeypatch.setattr(chunks, name, value)
    bench = shop.bench
    for n in range(24):
        shop.order(transaction_number=f"WEB-{n}")
        entered(shop, f"web-{n}")
    bench.sandbox.counters.reset()
    assert tally(bench.run(ORDER_TO)) == {"read": 24, "waiting": 24}
    assert asked(bench, "GET", "v2/Transaction") == 1


def test_a_comparison_of_everything_finds_it_in_its_list(shop: Shop) -> None:
    record, _ = released(shop)
    report = shop.bench.run(ORDER_TO, compares=True, kind=RunKind.backfill)
    assert tally(report) == {"read": 1, "waiting": 1} and transactions(shop.bench) == [record]


def test_a_plan_says_so_too(shop: Shop) -> None:
    released(shop)
    assert tally(shop.bench.run(ORDER_TO, mode="plan")) == {"read": 1, "waiting": 1}


def test_for_a_transaction_that_was_rejected_it_says_what_to_do_and_for_one_set_aside_it_waits_no_more(
    shop: Shop,
) -> None:
    bench = shop.bench
    record = shop.order(
        lines=[{"description": "Work", "type": "Service", "status": "Pending", "qty": 1, "unit_price": 10}]
    )
    number = entered(shop)
    assert tally(bench.run(ORDER_FROM)) == {"read": 1, "failed": 1}
    waiting = outcome_of(bench.run(ORDER_TO), number)
    assert (waiting.result, waiting.advice.partition(":")[0]) == (
        "waiting",
        f"{ORDER_FROM} has rejected that transaction",
    )
    bench.ledger.ignore(ORDER_FROM, [str(record["id"])], "somebody")
    assert outcome_of(bench.run(ORDER_TO, number), number).result == "created"


def test_while_that_flow_is_paused_it_says_what_to_do(shop: Shop) -> None:
    _, number = released(shop)
    line = outcome_of(shop.bench.run(ORDER_TO, off=(ORDER_FROM,)), number)
    assert line.advice.startswith(f"Unpause {ORDER_FROM}")


@pytest.mark.parametrize(
    "apart",
    [
        {"transaction_number": "WEB-2"},
        {"status": "Cancelled"},
        {"type": "Invoice"},
        {"system_id": SYSTEM_ID},
        {"external_ids": [{"system_id": SYSTEM_ID, "external_id": "S-OLD"}]},
        {"buyer": "P2"},
        {"total": "much"},
    ],
    ids=lambda apart: next(iter(apart)),
)
def test_nothing_is_waited_for_in_vain(shop: Shop, apart: dict[str, Any]) -> None:
    """Of another number or buyer, linked to another order, or taken by no flow: the order is one of its own."""
    fields = dict(apart)
    if buyer := fields.pop("buyer", None):
        fields["customer_id"] = shop.customer(buyer)["id"]
    odd = fields.pop("total", None)
    record = shop.order(**fields)
    if odd:
        shop.bench.sandbox.ipaas.change("transaction", record["id"], {"total": odd})
    number = entered(shop)
    assert tally(shop.bench.run(ORDER_TO)) == {"read": 1, "created": 1}
    assert shop.bench.linked("transaction", number)["system_id"] == SYSTEM_ID


@pytest.mark.parametrize(("number", "searches"), [(None, 1), ("WEB-1", 2)])
def test_it_takes_one_request_of_those_with_such_a_number_alone(shop: Shop, number: str | None, searches: int) -> None:
    bench = shop.bench
    no = entered(shop, number)
    bench.sandbox.counters.reset()
    assert tally(bench.run(ORDER_TO)) == {"read": 1, "created": 1}
    assert asked(bench, "GET", "v2/Transactions") == searches
    # Of one that is linked nobody asks.
    bench.sandbox.sales.change_line(no, 10000, Quantity=2)
    bench.sandbox.counters.reset()
    assert tally(bench.run(ORDER_TO)) == {"read": 1, "updated": 1}
    assert asked(bench, "GET", "v2/Transactions") == 0

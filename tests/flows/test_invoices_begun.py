"""A draft invoice that was begun for a transaction is its, whatever the transaction, a person or another flow does meanwhile;
and what a person has made is nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from test_invoices_from_ipaas import (
    API_INVOICES,
    DEFAULTS,
    begin_unheard,
    complete,
    drafts,
    journal,
    pay_unheard,
    payment,
    posted,
    run,
)
from webshop import Outage, Shop, line, orders, rejection

from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sync.ledger.entries import State
from include.writers.bc_invoices import InvoiceWriter

ORDERS = "sales_order_from_ipaas"


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> Shop:
    shop = Shop(make_bench(bc_create_defaults=DEFAULTS))
    for no in ("P1", "P2"):
        shop.customer(no)
    for no in ("1000", "1001"):
        shop.item(no)
    shop.bench.sandbox.ipaas.add("payment method", {"name": "Card"})
    return shop


def refused(shop: Shop) -> Record:
    """A transaction whose draft is there, and is not posted since it comes to another total."""
    record = complete(shop, total=99, payments=[])
    rejection(run(shop, record), record)
    return record


class TestTheTransactionChanges:
    def test_with_another_number_the_same_draft_is_completed(self, shop: Shop) -> None:
        record = refused(shop)
        shop.change(record, transaction_number="WEB-1A", total=60)
        run(shop, record)
        assert (len(drafts(shop)), len(posted(shop))) == (0, 1)

    def test_with_another_buyer_a_person_deletes_the_draft(self, shop: Shop) -> None:
        record = refused(shop)
        shop.change(record, customer_id=shop.bench.linked("customer", "P2")["id"], total=60)
        assert "made out to customer P1" in rejection(run(shop, record), record)
        assert (len(drafts(shop)), len(posted(shop))) == (1, 0)

    def test_with_another_buyer_it_is_told_that_the_first_one_was_invoiced(self, shop: Shop) -> None:
        record = refused(shop)
        shop.bench.sandbox.sales.post_invoice(drafts(shop)[0]["No."])
        shop.change(record, customer_id=shop.bench.linked("customer", "P2")["id"], total=60)
        assert "made out to customer P1" in rejection(run(shop, record), record)
        assert (len(drafts(shop)), len(posted(shop))) == (0, 1)

    def test_no_order_is_made_beside_it(self, shop: Shop) -> None:
        record = refused(shop)
        shop.change(record, status="Pending", total=60)
        words = rejection(shop.bench.run(ORDERS, str(record["id"])), record)
        assert drafts(shop)[0]["No."] in words
        assert not orders(shop)
        shop.delete_draft(drafts(shop)[0]["No."])
        shop.bench.run(ORDERS, str(record["id"]))
        assert len(orders(shop)) == 1

    def test_an_invoice_of_another_buyer_with_the_same_number_stands_in_nobodys_way(self, shop: Shop) -> None:
        first = complete(shop, total=99, payments=[], customer_id=shop.bench.linked("customer", "P2")["id"])
        rejection(run(shop, first), first)
        record = complete(shop, payments=[])
        last = Fault(system="business_central", method="POST", path="/salesInvoices$", cut=True)
        shop.bench.sandbox.faults.rules += [last, Outage(after=last)]
        run(shop, record)
        shop.bench.sandbox.faults.clear()
        shop.change(record, status="Pending")
        shop.bench.run(ORDERS, str(record["id"]))
        assert [row["Sell-to Customer No."] for row in orders(shop)] == ["P1"]


def test_a_payment_that_was_sent_for_a_cancelled_invoice_is_found_in_the_journal(shop: Shop) -> None:
    record = complete(shop)
    pay_unheard(shop, record)
    (first,) = posted(shop)
    shop.bench.sandbox.sales.cancel_invoice(first["No."])
    shop.bench.ledger.unlink("transaction", f"invoice|{first['systemid']}")
    shop.bench.sandbox.ipaas.links["transaction"].clear()
    assert tally(run(shop, record)) == {"read": 1, "created": 1}
    assert len(posted(shop)) == 2
    assert len(journal(shop)) == 1


def test_a_persons_draft_in_its_place_is_not_posted(shop: Shop) -> None:
    record = refused(shop)
    shop.delete_draft(drafts(shop)[0]["No."])
    shop.bench.bc().create(API_INVOICES, {"customerNumber": "P1", "externalDocumentNumber": "WEB-1"})
    shop.change(record, total=60)
    assert "entered by somebody" in rejection(run(shop, record), record)
    assert not posted(shop)


@pytest.mark.parametrize("why", ["the ledger is lost", "nobody heard of it"])
def test_released_it_does_not_pass_for_posted_where_there_is_no_other_draft(shop: Shop, why: str) -> None:
    if why == "the ledger is lost":
        record = refused(shop)
        shop.bench.lose_ledger()
    else:
        record = complete(shop, payments=[payment(60)])
        begin_unheard(shop, record)
        shop.bench.sandbox.faults.clear()
    shop.bench.sandbox.sales.release(drafts(shop)[0]["No."], "Invoice")
    report = run(shop, record)
    assert posted(shop) or outcome_of(report, str(record["id"])).result == "failed"


def test_posted_it_is_posted_whatever_holds_its_payments_up(shop: Shop) -> None:
    """Where drafts and posted invoices share a number series, and the page of posted ones is not published."""
    shop.bench.sandbox.switches.posting_draws_numbers = False
    record = complete(shop, payments=[payment(20), payment(40, status="Partially Refunded")])
    run(shop, record)
    shop.change(record, payments=[{"id": record["payments"][1]["id"], "status": "Complete"}])
    run(shop, record)
    assert len(journal(shop)) == 2


def test_a_payment_that_is_posted_while_its_invoice_is_read_is_not_written_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = complete(shop)
    pay_unheard(shop, record)
    prepare = InvoiceWriter.prepare

    def then_the_journal_is_posted(*args: Any) -> None:
        prepare(*args)
        shop.post_journal()

    monkeypatch.setattr(InvoiceWriter, "prepare", then_the_journal_is_posted)
    run(shop, record)
    assert journal(shop) == []


class TestWhatTheOrdersFlowForgets:
    def test_an_invoice_that_was_begun_is_no_order_that_was(self, shop: Shop) -> None:
        item = shop.bench.sandbox.bc.get("Item", "1000")
        assert item is not None
        item["Blocked"] = True
        record = shop.order(lines=[line("1000", 5)], total=50)
        rejection(shop.bench.run(ORDERS, str(record["id"])), record)
        item["Blocked"] = False
        shop.change(record, status="Complete", total=99)
        rejection(run(shop, record), record)
        assert outcome_of(shop.bench.run(ORDERS, str(record["id"])), str(record["id"])).result == "skipped"

    def test_an_order_that_is_done_is_done_though_it_is_to_be_looked_at_again(self, shop: Shop) -> None:
        record = shop.order()
        key = str(record["id"])
        shop.bench.run(ORDERS, key)
        shop.bench.ledger.look_again(ORDERS, [key])
        shop.change(record, status="Complete")
        assert outcome_of(shop.bench.run(ORDERS, key), key).result == "skipped"

    def test_a_change_of_it_that_failed_needs_a_person_who_is_not_told_to_delete_it(self, shop: Shop) -> None:
        record = shop.order()
        key = str(record["id"])
        shop.bench.run(ORDERS, key)
        shop.bench.sandbox.sales.release(orders(shop)[0]["No."])
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 9}], total=120)
        rejection(shop.bench.run(ORDERS, key), record)
        shop.change(record, status="Complete")
        assert "delete" not in rejection(shop.bench.run(ORDERS, key), record)
        assert shop.bench.ledger.transfers(ORDERS, [key])[key].state is State.failed

"""Drafts of invoice_from_ipaas that people release, approve, post or cancel: `Open` says both, released and posted."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from bench import Bench, outcome_of, tally
from test_invoices_from_ipaas import (
    API_INVOICES,
    DEFAULTS,
    FLOW,
    complete,
    drafts,
    journal,
    lines,
    payment,
    posted,
    run,
    the_invoice,
)
from webshop import Outage, Shop, line, rejection

from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record

PAGE = "PostedSalesInvoices"


@pytest.fixture(params=["page", "number"])
def shop(request: pytest.FixtureRequest, make_bench: Callable[..., Bench]) -> Shop:
    """A shop with all that invoices need; which are posted is told by their page, or by their numbers."""
    shop = Shop(make_bench(bc_create_defaults=DEFAULTS))
    shop.customer()
    shop.item("1000")
    shop.item("1001")
    shop.bench.sandbox.ipaas.add("payment method", {"name": "Card"})
    if request.param == "page":
        shop.bench.sandbox.bc.publish(PAGE)
    return shop


def the_draft(shop: Shop) -> str:
    (draft,) = drafts(shop)
    return str(draft["No."])


def refused(shop: Shop, **fields: object) -> Record:
    """A transaction whose draft of 60 was not posted, since it was said to come to 99."""
    record = complete(shop, **{"total": 99, "payments": [], **fields})
    words = rejection(run(shop, record), record)
    assert "60" in words and "99" in words
    return record


def release(shop: Shop) -> str:
    no = the_draft(shop)
    shop.bench.sandbox.sales.release(no, "Invoice")
    return no


class TestReleased:
    def test_it_is_no_invoice_and_still_does_not_come_to_its_transaction(self, shop: Shop) -> None:
        record = refused(shop)
        release(shop)
        words = rejection(run(shop, record), record)
        assert "60" in words and "99" in words
        assert not posted(shop) and shop.link_of(record) is None

    @pytest.mark.parametrize("payments", [[], [payment(60)]])
    def test_it_is_posted_and_paid_once_the_transaction_comes_to_it(self, shop: Shop, payments: list[Record]) -> None:
        record = refused(shop)
        release(shop)
        shop.change(record, total=60, payments=payments)
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        invoice = the_invoice(shop)
        assert not drafts(shop)
        assert str(shop.link_of(record)).startswith("invoice|")
        assert [entry[1:] for entry in journal(shop)] == [(Decimal(-60), invoice["No."])] * len(payments)

    def test_one_that_is_to_be_changed_first_is_reopened_by_a_person(self, shop: Shop) -> None:
        record = refused(shop)
        no = release(shop)
        first = record["lines"][0]["id"]
        shop.change(record, lines=[{"id": first, "qty": 4}], total=80)
        words = rejection(run(shop, record), record)
        assert no in words and "line 10000" in words and "Reopen" in words
        assert not posted(shop)
        shop.bench.sandbox.sales.reopen(no, "Invoice")
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        assert lines(shop)[0] == (10000, "1000", 4, 10)

    def test_so_is_one_whose_header_is_to_be_changed(self, shop: Shop) -> None:
        record = refused(shop)
        no = release(shop)
        shop.change(record, email_address="bo@example.net", total=60)
        words = rejection(run(shop, record), record)
        assert no in words and "email" in words and "Reopen" in words
        assert the_draft(shop) == no

    def test_so_is_one_whose_discount_is_to_be_changed(self, shop: Shop) -> None:
        record = refused(shop)
        no = release(shop)
        shop.change(record, discount_amount=10, total=50)
        words = rejection(run(shop, record), record)
        assert no in words and "discountAmount" in words and "Reopen" in words

    def test_a_plan_says_that_it_will_be_posted(self, shop: Shop) -> None:
        record = refused(shop)
        release(shop)
        shop.change(record, total=60)
        assert tally(run(shop, record, mode="plan")) == {"read": 1, "created": 1}
        assert not posted(shop)

    def test_one_that_somebody_entered_in_its_place_is_not_taken_for_posted(self, shop: Shop) -> None:
        record = refused(shop)
        shop.delete_draft(the_draft(shop))
        entered = {"customerNumber": "P1", "externalDocumentNumber": "WEB-1"}
        shop.bench.bc().create(API_INVOICES, entered)
        no = release(shop)
        shop.bench.bc().create(API_INVOICES, {"customerNumber": "P1"})
        assert no in rejection(run(shop, record), record)
        assert not posted(shop) and shop.link_of(record) is None

    def test_one_that_the_ledger_does_not_know_is_a_persons(self, shop: Shop) -> None:
        record = refused(shop)
        no = release(shop)
        shop.bench.bc().create(API_INVOICES, {"customerNumber": "P1"})
        shop.bench.lose_ledger()
        words = rejection(run(shop, record), record)
        assert no in words and ("the ledger does not know of it" in words or "cannot be told" in words)
        assert not posted(shop) and shop.link_of(record) is None


class TestPostedByAPerson:
    @pytest.mark.parametrize("released", [False, True])
    def test_it_is_linked_and_paid(self, shop: Shop, released: bool) -> None:
        record = refused(shop)
        no = release(shop) if released else the_draft(shop)
        shop.bench.sandbox.sales.post_invoice(no)
        shop.change(record, payments=[payment(20)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert journal(shop)[0][2] == the_invoice(shop)["No."]
        assert str(shop.link_of(record)).startswith("invoice|")


class TestOneSeriesOfNumbers:
    """Where posting draws no number, a posted invoice has that of its draft."""

    @pytest.fixture(autouse=True)
    def keeping(self, shop: Shop) -> None:
        shop.bench.sandbox.switches.posting_draws_numbers = False

    @pytest.mark.parametrize("released", [False, True])
    def test_a_posting_whose_answer_is_lost_is_not_asked_for_again(self, shop: Shop, released: bool) -> None:
        record = refused(shop, payments=[payment(60)]) if released else complete(shop)
        if released:
            release(shop)
            shop.change(record, total=60)
        lost = Fault(system="business_central", method="POST", path="/Microsoft.NAV.post$", lost=True)
        shop.bench.sandbox.faults.add(lost)
        report = run(shop, record)
        if released and PAGE in outcome_of(report, str(record["id"])).advice:
            shop.bench.sandbox.bc.publish(PAGE)
            run(shop, record)
        assert len(posted(shop)) == len(journal(shop)) == 1
        assert str(shop.link_of(record)).startswith("invoice|")

    @pytest.mark.parametrize("told", [True, False])
    def test_a_task_that_dies_as_it_posts_leaves_nothing_that_is_posted_or_sent_twice(
        self, shop: Shop, told: bool
    ) -> None:
        record = complete(shop)
        last = Fault(system="business_central", method="POST", path="/Microsoft.NAV.post$", lost=True)
        shop.bench.sandbox.faults.rules += [last, Outage(after=last)]
        if not told:
            shop.bench.sandbox.faults.add(Fault(path="/UpdateExternalId", times=100, cut=True))
        run(shop, record)
        shop.bench.sandbox.faults.clear()
        report = run(shop, record)
        if outcome_of(report, str(record["id"])).result == "failed":
            assert PAGE in outcome_of(report, str(record["id"])).advice
            assert shop.bench.run("sales_invoice_to_ipaas").counts["created"] == 0
            shop.bench.sandbox.bc.publish(PAGE)
            run(shop, record)
        assert len(posted(shop)) == len(journal(shop)) == 1
        assert list(shop.bench.sandbox.ipaas.records["transaction"]) == [record["id"]]

    def test_a_later_payment_is_added(self, shop: Shop) -> None:
        record = complete(shop, payments=[payment(20)])
        run(shop, record)
        shop.bench.bc().create(API_INVOICES, {"customerNumber": "P1", "externalDocumentNumber": "WEB-9"})
        shop.change(record, payments=[payment(40)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}


class TestInApproval:
    def test_it_waits_and_is_posted_once_it_is_approved(self, shop: Shop) -> None:
        record = refused(shop)
        no = the_draft(shop)
        shop.bench.sandbox.sales.set_status(no, "Pending Approval", "Invoice")
        shop.change(record, total=60)
        report = run(shop, record)
        assert tally(report) == {"read": 1, "waiting": 1}
        assert no in outcome_of(report, str(record["id"])).message
        shop.bench.sandbox.sales.release(no, "Invoice")
        assert tally(shop.later(FLOW)) == {"read": 1, "created": 1}
        assert not drafts(shop)


def of_an_order(shop: Shop) -> tuple[Record, str]:
    """A transaction with a payment, whose order has been posted, and the number of its invoice."""
    record = shop.order(payments=[payment(50)])
    shop.bench.run("sales_order_from_ipaas", str(record["id"]))
    shop.change(record, status="Complete")
    (order,) = [row for row in shop.bench.sandbox.bc.rows("Sales Header") if row["Document Type"] == "Order"]
    invoice = shop.bench.sandbox.sales.post(str(order["No."]))
    assert invoice is not None
    return record, str(invoice["No."])


class TestCorrective:
    def test_it_is_owed_as_any_other(self, shop: Shop) -> None:
        """It takes a credit memo back."""
        record, invoice = of_an_order(shop)
        shop.bench.sandbox.sales.correct_invoice(invoice)
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert journal(shop)[0][2] == invoice


class TestLinked:
    def test_a_later_payment_is_added_however_many_drafts_there_are(self, shop: Shop) -> None:
        record = complete(shop, payments=[payment(20)])
        run(shop, record)
        for number in ("WEB-8", "WEB-9"):
            shop.bench.bc().create(API_INVOICES, {"customerNumber": "P1", "externalDocumentNumber": number})
        shop.change(record, payments=[payment(40)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert len(journal(shop)) == 2

    def test_one_that_was_linked_and_never_posted_is_found_by_the_page(self, shop: Shop) -> None:
        shop.bench.sandbox.bc.publish(PAGE)
        record = refused(shop)
        no = release(shop)
        draft = shop.bench.sandbox.sales.draft(no)
        shop.bench.sandbox.ipaas.link("transaction", SYSTEM_ID, record["id"], f"invoice|{draft['systemid']}")
        shop.bench.lose_ledger()
        assert no in rejection(run(shop, record), record)
        assert not posted(shop)


class TestCancelled:
    def test_a_payment_that_comes_after_its_cancellation_is_said(self, shop: Shop) -> None:
        record = complete(shop, payments=[])
        run(shop, record)
        shop.bench.sandbox.sales.cancel_invoice(the_invoice(shop)["No."])
        shop.change(record, payments=[payment(60)])
        words = rejection(run(shop, record), record)
        assert "cancelled" in words and the_invoice(shop)["No."] in words
        assert journal(shop) == []

    def test_without_one_nothing_happens(self, shop: Shop) -> None:
        record = complete(shop, payments=[])
        run(shop, record)
        shop.bench.sandbox.sales.cancel_invoice(the_invoice(shop)["No."])
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}

    def test_an_order_all_of_whose_invoices_were_cancelled_is_said(self, shop: Shop) -> None:
        record, invoice = of_an_order(shop)
        shop.bench.sandbox.sales.cancel_invoice(invoice)
        words = rejection(run(shop, record), record)
        assert "cancelled" in words and invoice in words
        assert journal(shop) == []


def test_terms_salesperson_and_shipment_method_are_the_customers(shop: Shop) -> None:
    card = shop.bench.sandbox.bc.get("Customer", "P1")
    card |= {"Payment Terms Code": "14 DAYS", "Salesperson Code": "JO", "Shipment Method Code": "EXW"}
    complete(shop, lines=[line("1000", 5)])
    assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
    invoice = the_invoice(shop)
    assert (invoice["Payment Terms Code"], invoice["Due Date"]) == ("14 DAYS", "2026-03-15")
    assert (invoice["Salesperson Code"], invoice["Shipment Method Code"]) == ("JO", "EXW")

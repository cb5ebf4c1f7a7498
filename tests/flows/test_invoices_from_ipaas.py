"""Posted invoices with payments from iPaaS.com, as docs/mappings.md says, through real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from bench import Bench, outcome_of, tally
from webshop import ADDRESS, Outage, Shop, line, rejection

from include.business_central.client import BusinessCentralClient
from include.business_central.odata import Api, equals
from include.errors import ErrorKind, ServiceError
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.ipaas.platform import Record
from include.sandbox.spoils import Spoil
from include.sync.outcomes import Difference
from include.sync.report import Report
from include.sync.runs import RunKind
from include.writers import bc_invoice_draft
from include.writers.bc_invoice_book import InvoiceBook
from include.writers.bc_invoices import InvoiceWriter

FLOW = "invoice_from_ipaas"
SHIPPING, TAX, JOURNAL = "40410", "22700", "WEBSHOP"
DEFAULTS = {"invoice": {"shipping_account": SHIPPING, "tax_account": TAX, "payment_journal": JOURNAL}}
API_INVOICES = Api("salesInvoices")
# Calls that write sales documents and payments.
WRITTEN = "/(salesInvoices|customerPaymentJournals)"
# Of a posted line.
AMOUNTS = ("Unit Price", "Line Amount", "Amount", "Amount Including VAT")
Row = dict[str, Any]


@pytest.fixture
def make_shop(make_bench: Callable[..., Bench]) -> Callable[..., Shop]:
    """Makes shops with a customer and two items, with Variables of one's choice."""

    def make(**settings: Any) -> Shop:
        shop = Shop(make_bench(**{"bc_create_defaults": DEFAULTS, **settings}))
        shop.customer()
        shop.item("1000")
        shop.item("1001")
        shop.bench.sandbox.ipaas.add("payment method", {"name": "Card"})
        return shop

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A shop with all that invoices need."""
    return make_shop()


def complete(shop: Shop, **fields: Any) -> Record:
    """A Complete transaction of two lines, shipping and a tax, that comes to 60, with one payment."""
    body = {
        "status": "Complete",
        "shipping_amount": 6,
        "tax_amount": 4,
        "taxes": [{"authority": "GA STATE", "amount": 4}],
        "total": 60,
        "payments": [payment(60)],
        **fields,
    }
    return shop.order(**body)


def payment(amount: object, **fields: Any) -> Row:
    return {"method": "Card", "amount": amount, "status": "Complete", **fields}


def posted(shop: Shop) -> list[Row]:
    return list(shop.bench.sandbox.bc.rows("Sales Invoice Header"))


def the_invoice(shop: Shop) -> Row:
    (invoice,) = posted(shop)
    return invoice


def drafts(shop: Shop) -> list[Row]:
    return [row for row in shop.bench.sandbox.bc.rows("Sales Header") if row["Document Type"] == "Invoice"]


def lines(shop: Shop) -> list[tuple[int, str, Decimal, Decimal]]:
    """(number, item or account, quantity, price) of the posted invoice's lines."""
    found = shop.bench.sandbox.bc.lines("Sales Invoice Line", the_invoice(shop)["No."])
    return [(row["Line No."], row["No."], row["Quantity"], row["Unit Price"]) for row in found]


def journal(shop: Shop) -> list[tuple[str, Decimal, str]]:
    """(reference, amount, invoice) of the journal's lines."""
    return [
        (row["External Document No."], row["Amount"], row["appliesToInvoiceNumber"])
        for row in shop.bench.sandbox.bc.rows("Gen. Journal Line")
    ]


def run(shop: Shop, *records: Record, **options: Any) -> Report:
    return shop.bench.run(FLOW, *(str(record["id"]) for record in records), **options)


def pay_unheard(shop: Shop, record: Record, *, cut: bool = False) -> None:
    """A payment gets into the journal, or is cut off before it does, nobody hears of it, and Business Central answers
    nothing more."""
    lost = Fault(system="business_central", method="POST", path="/customerPaymentJournals", lost=not cut, cut=cut)
    shop.bench.sandbox.faults.rules += [lost, Outage(after=lost)]
    run(shop, record)
    shop.bench.sandbox.faults.clear()
    assert lost.times == 0


def begin_unheard(shop: Shop, record: Record) -> None:
    """A draft is made, nobody hears of it, and Business Central answers nothing more."""
    odd = Fault(system="business_central", method="POST", path="/salesInvoices$", after=True, **GATEWAY["200 empty"])
    shop.bench.sandbox.faults.rules += [odd, Outage(after=odd)]
    run(shop, record)


class TestCreating:
    def test_a_complete_transaction_is_invoiced_posted_and_paid(self, shop: Shop) -> None:
        record = complete(shop)
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        invoice = the_invoice(shop)
        assert not drafts(shop)
        assert invoice["Sell-to Customer No."] == "P1"
        assert invoice["External Document No."] == "WEB-1"
        assert (invoice["Posting Date"], invoice["Document Date"]) == ("2026-03-01", "2026-03-01")
        assert (invoice["Sell-to Address"], invoice["Sell-to Address 2"]) == ("2 Dock Road", "")
        assert invoice["Sell-to E-Mail"] == "anna@example.net"
        assert invoice["Amount Including VAT"] == 60
        assert lines(shop) == [
            (10000, "1000", 2, 10),
            (20000, "1001", 3, 10),
            (30000, SHIPPING, 1, 6),
            (40000, TAX, 1, 4),
        ]
        assert journal(shop) == [(str(record["payments"][0]["id"]), Decimal(-60), invoice["No."])]

    def test_links_of_the_invoice_its_lines_and_its_payments(self, shop: Shop) -> None:
        record = complete(shop)
        shop.bench.run(FLOW)
        guid = str(shop.link_of(record)).removeprefix("invoice|")
        (shown,) = shop.bench.bc().read(API_INVOICES, filter=equals("id", guid))
        assert shown["number"] == the_invoice(shop)["No."]
        rows = {row["systemid"] for row in shop.bench.sandbox.bc.lines("Sales Invoice Line", shown["number"])}
        assert {shop.link_of(entry, "Transaction Line") for entry in record["lines"]} <= rows
        (entry,) = shop.bench.sandbox.bc.rows("Gen. Journal Line")
        assert shop.link_of(record["payments"][0], "transaction payment") == f"{guid}|{entry['systemid']}"

    def test_salesperson_and_discount(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_create_defaults={"invoice": {**DEFAULTS["invoice"], "salesperson": "JO"}})
        complete(shop, discount_amount=10, total=50, payments=[])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert the_invoice(shop)["Salesperson Code"] == "JO"
        assert the_invoice(shop)["Amount Including VAT"] == 50

    def test_a_customer_who_turns_out_to_be_a_contact_meanwhile(self, shop: Shop) -> None:
        buyer = shop.unlinked_contact()
        record = complete(shop, customer_id=buyer["id"])
        report = shop.bench.run(FLOW, before=shop.linking_customers)
        assert tally(report) == {"read": 1, "waiting": 1}
        assert "contact CT9" in outcome_of(report, str(record["id"])).message
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}

    def test_a_customer_whose_company_pays(self, shop: Shop) -> None:
        company = shop.company("C1")
        customer = shop.bench.linked("customer", "P1")
        complete(shop, customer_id=customer["id"], company_id=company["id"])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        invoice = the_invoice(shop)
        assert (invoice["Sell-to Customer No."], invoice["Bill-to Customer No."]) == ("P1", "C1")
        (entry,) = shop.bench.sandbox.bc.rows("Gen. Journal Line")
        assert entry["Account No."] == "C1"

    def test_excluded_skus_are_left_out_and_out_of_the_total(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_excluded_lineitem_skus_from_preprocessing="1001")
        complete(shop)
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "created": 1}
        assert the_invoice(shop)["Amount Including VAT"] == 30

    def test_a_second_transfer_writes_nothing(self, shop: Shop) -> None:
        record = complete(shop)
        run(shop, record)
        shop.bench.sandbox.counters.reset()
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}
        assert shop.bench.writes() == 0

    def test_nor_without_a_ledger(self, shop: Shop) -> None:
        record = complete(shop)
        run(shop, record)
        shop.bench.lose_ledger()
        shop.bench.sandbox.counters.reset()
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}
        assert shop.bench.sandbox.counters.of("business_central", "POST", "PATCH", "DELETE") == 0

    def test_what_changes_after_posting_changes_nothing(self, shop: Shop) -> None:
        record = complete(shop)
        run(shop, record)
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 9}], total=130)
        report = run(shop, record)
        assert tally(report) == {"read": 1, "unchanged": 1}
        assert the_invoice(shop)["Amount Including VAT"] == 60
        (note,) = outcome_of(report, str(record["id"])).notes
        assert "comes to 60" in note and "to 130" in note

    def test_of_what_has_changed_after_posting_a_comparison_tells_both_figures_until_it_is_set_aside(
        self, shop: Shop
    ) -> None:
        record = complete(shop)
        run(shop, record)
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 1}], total=50)
        shop.bench.run(FLOW, str(record["id"]))
        for _ in range(2):
            found = outcome_of(shop.bench.run(FLOW, compares=True, kind=RunKind.backfill), str(record["id"]))
            assert found.difference is Difference.stale
            assert "comes to 60" in found.message and "to 50" in found.message
        shop.bench.ledger.ignore(FLOW, [str(record["id"])], "admin")
        aside = shop.bench.run(FLOW, compares=True, kind=RunKind.backfill)
        assert tally(aside) == {"read": 1, "skipped": 1} and not aside.outcomes

    def test_what_business_central_has_rounded_is_no_change(self, shop: Shop) -> None:
        record = complete(shop)
        run(shop, record)
        bc, invoice, by = shop.bench.sandbox.bc, the_invoice(shop), Decimal("0.02")
        first = bc.lines("Sales Invoice Line", invoice["No."])[0]
        own = {"Line No.": 50_000, "Type": "G/L Account", "No.": "9140", "Quantity": 1, "systemid": str(uuid4())}
        bc.add("Sales Invoice Line", {**first, **own, **dict.fromkeys(AMOUNTS, by)})
        invoice |= {"Amount Including VAT": 60 + by, "Remaining Amount": 60 + by}
        shop.bench.sandbox.sales.pay_invoice(invoice["No."], 0)
        report = run(shop, record, compares=True)
        assert tally(report) == {"read": 1, "unchanged": 1} and not report.outcomes

    def test_a_plan_writes_nothing(self, shop: Shop) -> None:
        record = complete(shop)
        assert tally(run(shop, record, mode="plan")) == {"read": 1, "created": 1}
        assert shop.bench.writes() == 0
        assert not posted(shop) and not drafts(shop)


class TestLeftOut:
    @pytest.mark.parametrize(
        ("fields", "settings"),
        [
            ({"system_id": SYSTEM_ID}, {}),
            ({"status": "Pending"}, {}),
            ({"type": "Return"}, {}),
            ({}, {"bc_create_defaults": {"invoice": {**DEFAULTS["invoice"], "types": ["Invoice"]}}}),
        ],
    )
    def test_the_filter(self, make_shop: Callable[..., Shop], fields: dict[str, Any], settings: dict[str, Any]) -> None:
        shop = make_shop(**settings)
        record = complete(shop, **fields)
        report = run(shop, record)
        assert tally(report) == {"read": 1, "skipped": 1}
        assert outcome_of(report, str(record["id"])).message
        assert not posted(shop) and not drafts(shop)


class TestRefusals:
    def test_another_total_is_not_posted_and_both_figures_are_said(self, shop: Shop) -> None:
        record = complete(shop, total=61)
        words = rejection(run(shop, record), record)
        assert "60" in words and "61" in words
        assert len(drafts(shop)) == 1 and not posted(shop)
        assert not journal(shop)

    @pytest.mark.parametrize("key", ["shipping_account", "tax_account", "payment_journal"])
    def test_what_is_not_configured_is_named_before_anything_is_written(
        self, make_shop: Callable[..., Shop], key: str
    ) -> None:
        defaults = {name: value for name, value in DEFAULTS["invoice"].items() if name != key}
        shop = make_shop(bc_create_defaults={"invoice": defaults})
        record = complete(shop)
        assert f"invoice.{key}" in rejection(run(shop, record), record)
        assert not drafts(shop) and not posted(shop)

    def test_a_journal_that_does_not_exist_stops_the_run(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_create_defaults={"invoice": {**DEFAULTS["invoice"], "payment_journal": "NOSUCH"}})
        complete(shop)
        with pytest.raises(ServiceError, match="NOSUCH") as stopped:
            shop.bench.run(FLOW)
        assert stopped.value.kind is ErrorKind.misconfigured
        assert not drafts(shop) and not posted(shop)

    @pytest.mark.parametrize(("field", "raw"), [("code", '"OTHER"'), ("id", '"x"'), ("id", "{}"), ("id", None)])
    def test_a_journal_that_cannot_be_read_stops_only_what_needs_it(
        self, shop: Shop, field: str, raw: str | None
    ) -> None:
        paid, unpaid = complete(shop), complete(shop, transaction_number="WEB-2", payments=[])
        shop.bench.sandbox.spoils.append(
            Spoil(
                system="business_central",
                path="/customerPaymentJournals$",
                name="code",
                value=JOURNAL,
                at=(field,),
                raw=raw,
            )
        )
        report = run(shop, paid, unpaid)
        assert f"journal {JOURNAL}" in rejection(report, paid)
        assert report.counts["created"] == len(posted(shop)) == 1
        shop.bench.sandbox.spoils.clear()
        assert run(shop, paid).counts["created"] == 1

    def test_an_account_that_does_not_exist(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_create_defaults={"invoice": {**DEFAULTS["invoice"], "shipping_account": "NOSUCH"}})
        record = complete(shop)
        assert "Account does not exist" in rejection(run(shop, record), record)
        assert not posted(shop)

    def test_an_item_that_nobody_has(self, shop: Shop) -> None:
        product = shop.product("9000")
        record = complete(shop, lines=[line("9000")])
        shop.bench.sandbox.ipaas.unlink_all("product", product["id"])
        assert "9000" in rejection(run(shop, record), record)
        assert not drafts(shop)

    def test_an_item_that_ipaas_has_is_waited_for(self, shop: Shop) -> None:
        shop.product("9000")
        complete(shop, lines=[line("9000")])
        assert tally(shop.bench.run(FLOW)) == {"read": 1, "waiting": 1}
        assert not drafts(shop)

    def test_a_blocked_customer(self, shop: Shop) -> None:
        shop.bench.sandbox.bc.change("Customer", "P1", Blocked="All")
        record = complete(shop)
        assert "blocked" in rejection(run(shop, record), record)

    def test_an_unknown_country(self, shop: Shop) -> None:
        record = complete(shop, addresses=[{**ADDRESS, "country": "XX"}])
        words = rejection(run(shop, record), record)
        assert "XX" in words and "sellToCountry" in words
        assert not drafts(shop)

    def test_a_text_too_long(self, shop: Shop) -> None:
        record = complete(shop, addresses=[{**ADDRESS, "city": "C" * 31}])
        words = rejection(run(shop, record), record)
        assert "sellToCity" in words and "31" in words

    def test_a_number_is_too_long_as_business_central_counts_it(self, shop: Shop) -> None:
        record = complete(shop, transaction_number="W" * 34 + "🚲")
        words = rejection(run(shop, record), record)
        assert "transaction_number is too long for External_Document_No: 36" in words and "35" in words

    def test_a_closed_period(self, shop: Shop) -> None:
        shop.bench.sandbox.switches.posting_allowed_from = "2026-04-01"
        record = complete(shop)
        assert "Posting Date" in rejection(run(shop, record), record)
        assert len(drafts(shop)) == 1 and not posted(shop)


class TestDrafts:
    """A draft that an earlier failure has left: the ledger knows it, or else Update Non-Existing Invoice Lines decides."""

    def failed(self, shop: Shop) -> Record:
        shop.bench.sandbox.switches.posting_allowed_from = "2026-04-01"
        record = complete(shop)
        run(shop, record)
        shop.bench.sandbox.switches.posting_allowed_from = ""
        return record

    def test_of_ours_is_posted_once_nothing_refuses_it_any_more(self, shop: Shop) -> None:
        record = self.failed(shop)
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        assert not drafts(shop)

    @pytest.mark.parametrize("times", [1, 2])
    def test_of_ours_gets_the_lines_that_were_refused(self, shop: Shop, times: int) -> None:
        shop.bench.sandbox.switches.deep_insert = "torn"
        record = complete(shop)
        refused = Fault(
            system="business_central",
            method="POST",
            path="/salesInvoiceLines$",
            skip=1,
            times=times,
            status=400,
            body='{"error": {"code": "Internal_InvalidTableRelation", "message": "The unit does not exist."}}',
            headers={"Content-Type": "application/json"},
        )
        shop.bench.sandbox.faults.add(refused)
        for _ in range(times):
            assert "The unit does not exist" in rejection(run(shop, record), record)
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        assert len(lines(shop)) == 4 and not drafts(shop)

    @pytest.mark.parametrize("deep_insert", ["one", "parts"])
    def test_one_whose_line_is_refused_is_not_there_or_is_ours_and_finished(self, shop: Shop, deep_insert: str) -> None:
        """Whether header and lines are one transaction is not known: one draft, and no other, comes of either."""
        shop.bench.sandbox.switches.deep_insert = deep_insert
        account = shop.bench.sandbox.bc.get("G/L Account", TAX)
        shop.bench.sandbox.bc.remove("G/L Account", account)
        record = complete(shop)
        words = rejection(run(shop, record), record)
        left = drafts(shop)
        named = f"line 40000 ({TAX})" if deep_insert == "one" else f"line 40000 of draft invoice {left[0]['No.']}"
        assert named in words
        assert len(left) == (deep_insert == "parts")
        shop.bench.sandbox.bc.add("G/L Account", account)
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        assert len(lines(shop)) == 4 and not drafts(shop)

    def test_lines_beyond_those_that_go_with_it_follow_one_by_one(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bc_invoice_draft, "TOGETHER", 2)
        record = complete(shop)
        said = run(shop, record, mode="plan")
        done = run(shop, record)
        assert said.applying is not None
        assert said.applying.bc_requests == pytest.approx(done.counts["bc_requests"], abs=2)
        assert len(lines(shop)) == 4 and not drafts(shop)

    @pytest.mark.parametrize("raw", ["{}", "7", "null", None, f'"{"X" * 11}"'])
    def test_is_not_begun_for_an_item_whose_unit_cannot_be_read(self, shop: Shop, raw: str | None) -> None:
        record = complete(shop)
        odd = Spoil(
            system="business_central",
            path="/ItemCard$",
            name="No",
            value="1001",
            at=("Base_Unit_of_Measure",),
            raw=raw,
        )
        shop.bench.sandbox.spoils.append(odd)
        assert "Base_Unit_of_Measure of item 1001" in rejection(run(shop, record), record)
        assert not drafts(shop)

    def test_false_rejects_one_that_the_ledger_does_not_know(self, shop: Shop) -> None:
        record = self.failed(shop)
        shop.bench.lose_ledger()
        (draft,) = drafts(shop)
        assert draft["No."] in rejection(run(shop, record), record)
        assert not posted(shop)

    def test_true_gives_it_the_lines_it_lacks_and_posts_it(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_update_non_existing_invoice_lines="TRUE")
        record = self.failed(shop)
        shop.bench.lose_ledger()
        (draft,) = drafts(shop)
        for row in shop.bench.sandbox.bc.lines("Sales Line", "Invoice", draft["No."])[1:3]:
            shop.bench.sandbox.bc.remove("Sales Line", row)
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        assert [entry[1] for entry in lines(shop)] == ["1000", "1001", SHIPPING, TAX]
        assert not drafts(shop)

    def test_true_brings_it_to_what_the_transaction_is_now(self, make_shop: Callable[..., Shop]) -> None:
        shop = make_shop(bc_update_non_existing_invoice_lines="TRUE")
        record = self.failed(shop)
        shop.bench.lose_ledger()
        shop.item("1002")
        first = record["lines"][0]["id"]
        shop.change(record, lines=[{"id": first, "sku": "1002", "qty": 3, "unit_price": 5}], total=55)
        assert tally(run(shop, record)) == {"read": 1, "created": 1}
        assert lines(shop)[0] == (10000, "1002", 3, 5)

    def test_a_draft_that_was_deleted_is_made_again(self, shop: Shop) -> None:
        record = self.failed(shop)
        (draft,) = drafts(shop)
        shop.delete_draft(draft["No."])
        assert tally(run(shop, record)) == {"read": 1, "created": 1}


class TestPayments:
    def test_a_later_payment_is_added(self, shop: Shop) -> None:
        record = complete(shop, payments=[payment(20)])
        run(shop, record)
        shop.change(record, payments=[payment(40)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        number = the_invoice(shop)["No."]
        assert [entry[1:] for entry in journal(shop)] == [(Decimal(-20), number), (Decimal(-40), number)]
        assert all(shop.link_of(entry, "transaction payment") for entry in record["payments"])

    def test_invoices_written_at_the_same_time_share_the_journal(self, shop: Shop) -> None:
        records = [complete(shop, transaction_number=f"WEB-{n}") for n in range(6)]
        assert tally(shop.bench.run(FLOW)) == {"read": 6, "created": 6}
        paid = {(reference, number) for reference, _, number in journal(shop)}
        assert len(paid) == len(journal(shop)) == 6
        assert {reference for reference, _ in paid} == {str(record["payments"][0]["id"]) for record in records}

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    def test_a_payment_is_never_repeated_after_its_journal_was_posted(self, shop: Shop, ledger: str) -> None:
        record = complete(shop, payments=[payment(20)])
        run(shop, record)
        shop.post_journal()
        assert journal(shop) == []
        if ledger == "lost":
            shop.bench.lose_ledger()
        shop.change(record, payments=[payment(40)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert [entry[1] for entry in journal(shop)] == [Decimal(-40)]

    def test_a_payment_whose_link_is_lost_after_posting_is_not_written_again(self, shop: Shop) -> None:
        record = complete(shop)
        run(shop, record)
        shop.post_journal()
        shop.bench.lose_ledger()
        shop.bench.sandbox.ipaas.links["transaction payment"].clear()
        assert "has been paid" in rejection(run(shop, record), record)
        assert journal(shop) == []

    def test_nor_one_of_more_than_what_was_due(self, shop: Shop) -> None:
        """Business Central settles no more than is due, so the invoice does not tell how much was paid."""
        record = complete(shop, payments=[payment(70)])
        run(shop, record)
        shop.post_journal()
        shop.bench.lose_ledger()
        shop.bench.sandbox.ipaas.links["transaction payment"].clear()
        assert "has been paid 60" in rejection(run(shop, record), record)
        assert journal(shop) == []

    def test_what_was_paid_too_much_explains_no_other_payment(self, shop: Shop) -> None:
        record = complete(shop, payments=[payment(70)])
        run(shop, record)
        shop.post_journal()
        shop.change(record, payments=[payment(5)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert [entry[1] for entry in journal(shop)] == [Decimal(-5)]

    def test_a_payment_of_more_than_what_is_due_is_told_with_both_figures(self, shop: Shop) -> None:
        record = complete(shop, payments=[payment(70)])
        notes = outcome_of(run(shop, record), str(record["id"])).notes
        assert [note for note in notes if "of 70" in note and "60 is due" in note]
        assert [entry[1] for entry in journal(shop)] == [Decimal(-70)]

    @pytest.mark.parametrize("unheard", [False, True])
    def test_a_line_of_the_same_reference_that_another_customer_has_is_not_taken_for_it(
        self, shop: Shop, unheard: bool
    ) -> None:
        record = complete(shop, payments=[payment(60, status="Pending")])
        run(shop, record)
        shop.customer("P2")
        (code,) = [row for row in shop.bench.sandbox.bc.rows("Gen. Journal Batch") if row["Name"] == JOURNAL]
        lines = Api(f"customerPaymentJournals({code['systemid']})/customerPayments")
        reference = str(record["payments"][0]["id"])
        shop.bench.bc().create(
            lines, {"customerNumber": "P2", "externalDocumentNumber": reference, "amount": Decimal(-9)}
        )
        shop.change(record, payments=[{"id": record["payments"][0]["id"], "status": "Complete"}])
        if unheard:
            cut_off = Fault(system="business_central", method="POST", path="/customerPaymentJournals", cut=True)
            shop.bench.sandbox.faults.add(cut_off)
            assert tally(run(shop, record)) == {"read": 1, "retrying": 1}
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert sorted(entry[1] for entry in journal(shop)) == [Decimal(-60), Decimal(-9)]

    def test_a_pending_payment_follows_when_it_is_received(self, shop: Shop) -> None:
        record = complete(shop, payments=[payment(60, status="Pending")])
        report = run(shop, record)
        assert any("Pending" in note for note in outcome_of(report, str(record["id"])).notes)
        assert journal(shop) == []
        shop.change(record, payments=[{"id": record["payments"][0]["id"], "status": "Complete"}])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert len(journal(shop)) == 1

    @pytest.mark.parametrize(
        "status", ["Refunded", "void", "Voided", "EXPIRED", "Error", "Chargeback", "charged_back", "Declined"]
    )
    def test_what_was_not_received_or_given_back_is_left_out_with_its_status(self, shop: Shop, status: str) -> None:
        record = complete(shop, payments=[payment(60, status=status)])
        report = run(shop, record)
        assert tally(report) == {"read": 1, "created": 1}
        assert any(status in note for note in outcome_of(report, str(record["id"])).notes)
        assert journal(shop) == []

    def test_one_that_is_given_back_after_it_was_transferred_is_told(self, shop: Shop) -> None:
        record = complete(shop)
        run(shop, record)
        shop.change(record, payments=[{"id": record["payments"][0]["id"], "status": "Refunded"}])
        report = run(shop, record)
        assert tally(report) == {"read": 1, "unchanged": 1}
        assert "has been transferred, and now" in outcome_of(report, str(record["id"])).notes[0]
        assert len(journal(shop)) == 1

    @pytest.mark.parametrize("status", ["Partially Refunded", "Bezahlt"])
    def test_a_status_that_nobody_knows_is_asked_about_once_the_rest_is_transferred(
        self, shop: Shop, make_shop: Callable[..., Shop], status: str
    ) -> None:
        record = complete(shop, payments=[payment(20), payment(40, status=status)])
        for _ in range(2):
            report = run(shop, record)
            found = outcome_of(report, str(record["id"]))
            assert status in found.message and "40" in found.message and "invoice.received_statuses" in found.advice
            assert [entry[1:] for entry in journal(shop)] == [(Decimal(-20), the_invoice(shop)["No."])]
        assert found.result == "failed"
        shop.bench.settings["bc_create_defaults"] = {
            "invoice": {**DEFAULTS["invoice"], "received_statuses": ["Complete", status.lower()]}
        }
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert [entry[1] for entry in journal(shop)] == [Decimal(-20), Decimal(-40)]


class TestOrders:
    @pytest.fixture
    def record(self, shop: Shop) -> Record:
        """A transaction that has become a sales order, and is Complete now."""
        record = shop.order(payments=[payment(50)])
        shop.bench.run("sales_order_from_ipaas", str(record["id"]))
        shop.change(record, status="Complete")
        return record

    def order_no(self, shop: Shop) -> str:
        return next(str(r["No."]) for r in shop.bench.sandbox.bc.rows("Sales Header") if r["Document Type"] == "Order")

    def test_an_open_order_is_to_be_posted_in_business_central(self, shop: Shop, record: Record) -> None:
        report = run(shop, record)
        assert tally(report) == {"read": 1, "skipped": 1}
        assert self.order_no(shop) in outcome_of(report, str(record["id"])).message
        assert not posted(shop) and not drafts(shop)

    def test_once_its_invoice_exists_its_payments_follow_by_themselves(self, shop: Shop, record: Record) -> None:
        run(shop, record)
        shop.bench.sandbox.sales.post(self.order_no(shop))
        assert tally(shop.later(FLOW)) == {"read": 1, "updated": 1}
        assert [entry[1:] for entry in journal(shop)] == [(Decimal(-50), the_invoice(shop)["No."])]
        assert not drafts(shop)

    def in_two_parts(self, shop: Shop) -> dict[Decimal, str]:
        """The numbers of the two invoices of the order, by what they come to."""
        sales, number = shop.bench.sandbox.sales, self.order_no(shop)
        sales.release(number)
        sales.ship(number, {10_000: 2})
        sales.invoice(number)
        sales.post(number)
        found = {row["Amount Including VAT"]: row["No."] for row in posted(shop)}
        assert sorted(found) == [20, 30]
        return found

    def test_each_payment_of_an_order_in_two_parts_goes_to_the_part_that_it_pays(
        self, shop: Shop, record: Record
    ) -> None:
        invoices = self.in_two_parts(shop)
        first = record["payments"][0]["id"]
        shop.change(record, payments=[{"id": first, "amount": 20}, payment(30)])
        assert tally(run(shop, record)) == {"read": 1, "updated": 1}
        assert sorted(entry[1:] for entry in journal(shop)) == [
            (-30, invoices[Decimal(30)]),
            (-20, invoices[Decimal(20)]),
        ]
        assert str(shop.link_of(record["payments"][0], "transaction payment"))

    def test_one_payment_of_both_parts_is_told_with_what_is_due_on_each(self, shop: Shop, record: Record) -> None:
        invoices = self.in_two_parts(shop)
        (note,) = outcome_of(run(shop, record), str(record["id"])).notes
        assert "of 50" in note and f"{invoices[Decimal(30)]}, on which 30 is due" in note
        assert f"20 on invoice {invoices[Decimal(20)]}" in note
        assert [entry[1:] for entry in journal(shop)] == [(-50, invoices[Decimal(30)])]

    def test_what_waits_in_the_journal_is_due_no_more(self, shop: Shop, record: Record) -> None:
        invoices = self.in_two_parts(shop)
        shop.change(record, payments=[{"id": record["payments"][0]["id"], "amount": 30}])
        run(shop, record)
        shop.change(record, payments=[payment(25)])
        (note,) = outcome_of(run(shop, record), str(record["id"])).notes
        assert "of 25" in note and f"{invoices[Decimal(20)]}, on which 20 is due" in note
        assert [entry[1:] for entry in journal(shop)] == [
            (-30, invoices[Decimal(30)]),
            (-25, invoices[Decimal(20)]),
        ]

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    @pytest.mark.parametrize("second", [20, 25])
    def test_a_payment_of_the_second_part_that_was_posted_unheard_is_not_written_again(
        self, shop: Shop, record: Record, second: int, ledger: str
    ) -> None:
        self.in_two_parts(shop)
        shop.change(record, payments=[{"id": record["payments"][0]["id"], "amount": 30}])
        run(shop, record)
        shop.post_journal()
        shop.change(record, payments=[payment(second)])
        pay_unheard(shop, record)
        shop.post_journal()
        if ledger == "lost":
            shop.bench.lose_ledger()
        assert "not written a second time" in rejection(run(shop, record), record)
        assert journal(shop) == []

    def test_also_before_ipaas_was_told_of_the_order(self, shop: Shop) -> None:
        record = shop.order(payments=[payment(50)])
        shop.bench.sandbox.faults.add(Fault(path="/UpdateExternalId", times=100, cut=True))
        shop.bench.run("sales_order_from_ipaas", str(record["id"]))
        shop.change(record, status="Complete")
        assert tally(run(shop, record)) == {"read": 1, "skipped": 1}
        assert not posted(shop) and not drafts(shop)

    def test_the_invoice_of_an_order_is_not_a_second_one(self, shop: Shop, record: Record) -> None:
        invoice = complete(
            shop, type="Invoice", transaction_number="INV-1", transaction_parent_id=record["id"], payments=[payment(50)]
        )
        assert tally(run(shop, invoice)) == {"read": 1, "skipped": 1}
        shop.bench.sandbox.sales.post(self.order_no(shop))
        assert tally(run(shop, invoice)) == {"read": 1, "updated": 1}
        assert len(posted(shop)) == 1

    def test_an_order_that_was_deleted_is_said(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.delete_order(self.order_no(shop))
        assert "not in Business Central any more" in rejection(run(shop, record), record)
        assert not posted(shop)


class TestThereAndBack:
    """What sales_invoice_to_ipaas makes of an invoice that came from another system."""

    @pytest.mark.parametrize("told", [True, False])
    def test_no_second_transaction_is_made_of_it(self, shop: Shop, told: bool) -> None:
        if not told:
            shop.bench.sandbox.faults.add(Fault(path="/UpdateExternalId", times=100, cut=True))
        record = complete(shop)
        run(shop, record)
        shop.bench.sandbox.faults.clear()
        assert shop.bench.run("sales_invoice_to_ipaas").counts["failed"] == 0
        assert list(shop.bench.sandbox.ipaas.records["transaction"]) == [record["id"]]
        shop.bench.sandbox.counters.reset()
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}
        assert shop.bench.sandbox.counters.of("business_central", "POST", "PATCH", "DELETE") == 0


def intact(shop: Shop, record: Record) -> None:
    """One posted invoice with exactly its lines, one payment, and every link."""
    assert not drafts(shop)
    assert [entry[1:] for entry in lines(shop)] == [("1000", 2, 10), ("1001", 3, 10), (SHIPPING, 1, 6), (TAX, 1, 4)]
    assert the_invoice(shop)["Amount Including VAT"] == 55
    assert len(journal(shop)) == 1
    assert str(shop.link_of(record)).startswith("invoice|")
    assert all(shop.link_of(entry, "Transaction Line") for entry in record["lines"])
    assert shop.link_of(record["payments"][0], "transaction payment")


# The writes of a first transfer: the draft with its lines, the discount, the posting, the payment. Where a draft breaks off
# after its first line, the other three besides.
WRITES = [
    (deep_insert, method, nth)
    for deep_insert, posts in (("one", 3), ("torn", 6))
    for method, nth in [*(("POST", nth) for nth in range(posts)), ("PATCH", 0)]
]


class TestFaults:
    @pytest.fixture
    def record(self, shop: Shop) -> Record:
        """A transaction with everything: lines, shipping, tax, discount, payment."""
        return complete(shop, discount_amount=5, total=55, payments=[payment(55)])

    @pytest.mark.parametrize("field", ["id", "number"])
    @pytest.mark.parametrize("raw", ['" "', "null", None])
    def test_a_draft_whose_answer_does_not_say_which_it_is_is_looked_for(
        self, shop: Shop, record: Record, field: str, raw: str | None
    ) -> None:
        odd = Spoil(
            system="business_central", path="/salesInvoices$", name="", value=None, at=(field,), raw=raw, method="POST"
        )
        shop.bench.sandbox.spoils.append(odd)
        run(shop, record)
        assert odd.hits
        intact(shop, record)

    @pytest.mark.parametrize("what", ["lost", "cut"])
    @pytest.mark.parametrize(("deep_insert", "method", "nth"), WRITES)
    def test_any_write_may_fail_without_anything_doubled(
        self, shop: Shop, record: Record, what: str, deep_insert: str, method: str, nth: int
    ) -> None:
        shop.bench.sandbox.switches.deep_insert = deep_insert
        fault = Fault(system="business_central", method=method, path=WRITTEN, skip=nth, **{what: True})
        shop.bench.sandbox.faults.add(fault)
        run(shop, record)
        run(shop, record)
        assert fault.times == 0
        intact(shop, record)

    @pytest.mark.parametrize("name", GATEWAY)
    @pytest.mark.parametrize(
        ("deep_insert", "method", "nth"),
        [("one", "POST", 0), ("torn", "POST", 0), ("one", "POST", 1), ("one", "POST", 2), ("one", "PATCH", 0)],
    )
    def test_any_write_may_be_answered_by_somebody_else_once_it_took_effect(
        self, shop: Shop, record: Record, name: str, deep_insert: str, method: str, nth: int
    ) -> None:
        shop.bench.sandbox.switches.deep_insert = deep_insert
        fault = Fault(system="business_central", method=method, path=WRITTEN, skip=nth, after=True, **GATEWAY[name])
        shop.bench.sandbox.faults.add(fault)
        run(shop, record)
        run(shop, record)
        assert fault.times == 0
        intact(shop, record)

    def test_a_draft_whose_create_was_answered_oddly_is_ours_whatever_keeps_it_waiting_meanwhile(
        self, shop: Shop, record: Record
    ) -> None:
        begin_unheard(shop, record)
        shop.bench.sandbox.faults.clear()
        item = shop.bench.sandbox.bc.get("Item", "1000")
        item["Blocked"] = True
        assert "blocked" in rejection(run(shop, record), record)
        item["Blocked"] = False
        run(shop, record)
        intact(shop, record)

    def test_a_draft_that_was_begun_is_ours_though_the_flow_of_orders_leaves_the_transaction_out(
        self, shop: Shop, record: Record
    ) -> None:
        """A webhook announces it to both flows."""
        begin_unheard(shop, record)
        shop.bench.sandbox.faults.rules = [Fault(system="ipaas", method="GET", times=100, **GATEWAY["400 page"])]
        shop.bench.sandbox.faults.rules[0].path = f"v2/Transaction/{record['id']}$"
        assert "cannot be read" in rejection(run(shop, record), record)
        shop.bench.sandbox.faults.clear()
        assert tally(shop.bench.run("sales_order_from_ipaas"))["skipped"] == 1
        run(shop, record)
        intact(shop, record)

    def test_a_draft_that_somebody_has_entered_is_left_alone(self, shop: Shop, record: Record) -> None:
        client = shop.bench.bc()
        client.create(API_INVOICES, {"customerNumber": "P1", "externalDocumentNumber": "WEB-1"})
        assert "entered by somebody" in rejection(run(shop, record), record)
        assert len(drafts(shop)) == 1 and not posted(shop)

    def test_also_while_another_task_writes_a_transaction_of_its_number(
        self, shop: Shop, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.bench.bc().create(API_INVOICES, {"customerNumber": "P1", "externalDocumentNumber": "WEB-1"})
        claim = ("transaction by natural key", ["web-1"], "another task")
        shop.bench.ledger.claim(*claim)
        prepare = InvoiceWriter.prepare

        def then_the_other_one_is_done(*args: Any) -> None:
            prepare(*args)
            shop.bench.ledger.release(*claim)

        monkeypatch.setattr(InvoiceWriter, "prepare", then_the_other_one_is_done)
        assert "entered by somebody" in rejection(run(shop, record), record)
        assert len(drafts(shop)) == 1 and not posted(shop)

    @pytest.mark.parametrize(("deep_insert", "method", "nth"), WRITES)
    def test_a_run_that_dies_after_any_write_is_taken_up(
        self, shop: Shop, record: Record, deep_insert: str, method: str, nth: int
    ) -> None:
        shop.bench.sandbox.switches.deep_insert = deep_insert
        last = Fault(system="business_central", method=method, path=WRITTEN, skip=nth, lost=True)
        shop.bench.sandbox.faults.rules += [last, Outage(after=last)]
        run(shop, record)
        shop.bench.sandbox.faults.clear()
        run(shop, record)
        intact(shop, record)

    def test_a_draft_of_a_task_that_was_killed_is_taken_up_whatever_the_setting(
        self, shop: Shop, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(*_: Any) -> None:
            raise SystemExit

        monkeypatch.setattr(BusinessCentralClient, "action", die)
        with pytest.raises(SystemExit):
            run(shop, record)
        monkeypatch.undo()
        assert len(drafts(shop)) == 1
        shop.bench.run("company_from_ipaas")  # iPaaS.com hears of the link
        shop.later(FLOW)
        intact(shop, record)

    def test_a_draft_of_another_customer_is_never_posted(
        self, shop: Shop, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(*_: Any) -> None:
            raise SystemExit

        monkeypatch.setattr(BusinessCentralClient, "action", die)
        with pytest.raises(SystemExit):
            run(shop, record)
        monkeypatch.undo()
        shop.bench.run("company_from_ipaas")  # iPaaS.com hears of the link
        shop.change(record, customer_id=shop.customer("P2")["id"])
        outcome = outcome_of(shop.later(FLOW), str(record["id"]))
        assert "P1" in outcome.message and "P2" in outcome.message
        assert not posted(shop)

    @pytest.mark.parametrize("amount", [20, 55, 70])
    def test_a_payment_whose_answer_is_lost_is_not_repeated_when_its_journal_is_posted_meanwhile(
        self, shop: Shop, amount: int
    ) -> None:
        record = complete(shop, payments=[payment(amount)])
        pay_unheard(shop, record)
        shop.post_journal()
        for _ in range(2):
            words = rejection(run(shop, record), record)
            assert "not written a second time" in words
            assert f"external document number {record['payments'][0]['id']}" in words
        assert journal(shop) == []

    def test_one_that_never_arrived_is_written_while_its_invoice_is_owed_as_before(
        self, shop: Shop, record: Record
    ) -> None:
        pay_unheard(shop, record, cut=True)
        assert journal(shop) == []
        run(shop, record)
        intact(shop, record)

    def test_and_left_to_a_person_when_anything_was_paid_since(self, shop: Shop, record: Record) -> None:
        pay_unheard(shop, record, cut=True)
        shop.bench.sandbox.sales.pay_invoice(the_invoice(shop)["No."], 5)
        assert "was sent for invoice" in rejection(run(shop, record), record)
        assert journal(shop) == []

    def test_nor_when_another_journal_is_configured_meanwhile(self, shop: Shop, record: Record) -> None:
        pay_unheard(shop, record)
        shop.bench.bc().create(Api("customerPaymentJournals"), {"code": "OTHER", "displayName": "Another"})
        shop.bench.settings["bc_create_defaults"] = {"invoice": {**DEFAULTS["invoice"], "payment_journal": "OTHER"}}
        assert "the other journals" in rejection(run(shop, record), record)
        assert len(journal(shop)) == 1

    def test_one_that_a_person_has_looked_up_and_linked_is_settled(self, shop: Shop, record: Record) -> None:
        pay_unheard(shop, record)
        shop.post_journal()
        words = rejection(run(shop, record), record)
        guid = str(shop.link_of(record)).removeprefix("invoice|")
        assert f"external id {guid}|{{id of the payment}}" in words
        shop.bench.sandbox.ipaas.link("transaction payment", SYSTEM_ID, record["payments"][0]["id"], f"{guid}|1")
        assert tally(run(shop, record)) == {"read": 1, "unchanged": 1}

    def test_one_that_was_refused_is_written_when_it_is_refused_no_more(self, shop: Shop, record: Record) -> None:
        refused = Fault(
            system="business_central",
            method="POST",
            path="/customerPaymentJournals",
            status=400,
            body='{"error": {"code": "Application_DialogException", "message": "The journal is locked."}}',
            headers={"Content-Type": "application/json"},
        )
        shop.bench.sandbox.faults.add(refused)
        assert "The journal is locked" in rejection(run(shop, record), record)
        run(shop, record)
        intact(shop, record)

    def test_one_that_may_have_been_posted_before_it_could_be_looked_for_is_not_repeated(
        self, shop: Shop, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A gateway gives up on it after minutes, in which it was written and posted."""
        look = InvoiceBook.payments

        def posted_first(book: InvoiceBook, references: Sequence[str], payer: str) -> Mapping[str, Row]:
            shop.post_journal()
            return look(book, references, payer)

        shop.bench.sandbox.faults.add(
            Fault(system="business_central", method="POST", path="/customerPaymentJournals", lost=True)
        )
        monkeypatch.setattr(InvoiceBook, "payments", posted_first)
        run(shop, record)
        monkeypatch.undo()
        assert "was sent for invoice" in rejection(run(shop, record), record)
        assert journal(shop) == []

    def test_two_runs_of_the_same_record_make_one_invoice(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.latency["business_central"] = 0.05
        runs = [threading.Thread(target=run, args=(shop, record)) for _ in range(2)]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
        intact(shop, record)

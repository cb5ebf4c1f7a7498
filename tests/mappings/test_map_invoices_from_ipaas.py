"""Complete transactions of other systems as invoices with payments: the filter and the mapping, field by field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from foreign import OURS, SHIPPING, context, line, read, transaction

from include.errors import Rejected
from include.mappings.invoices_from_ipaas import invoice_from_ipaas, skip_foreign_invoice
from include.sync.records import Json, Mapped, MappingContext

DEFAULTS = {"invoice": {"shipping_account": "8430", "tax_account": "5610", "payment_journal": "PAYMENTS"}}


def complete(**fields: Any) -> Json:
    return transaction(status="Complete", **fields)


def mapped(record: Json, settings: MappingContext | None = None, **more: Any) -> Mapped:
    return invoice_from_ipaas(read(record, **more), settings or context(bc_create_defaults=DEFAULTS))


def payment(identifier: int, value: object, **fields: Any) -> Json:
    return {"id": identifier, "amount": value, "method": "Card", "status": "Complete", **fields}


class TestFilter:
    @pytest.mark.parametrize("kind", ["Order", "Invoice"])
    def test_complete_orders_and_invoices_go_through(self, kind: str) -> None:
        assert skip_foreign_invoice(read(complete(type=kind)), context()) is None

    def test_the_types_are_the_subscribers_choice(self) -> None:
        settings = context(bc_create_defaults={"invoice": {"types": ["Invoice"]}})
        assert "type Order" in str(skip_foreign_invoice(read(complete()), settings))
        assert skip_foreign_invoice(read(complete(type="Invoice")), settings) is None

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"system_id": OURS}, "Business Central itself"),
            ({"status": "Pending"}, "Pending"),
            ({"type": "Return"}, "type Return"),
            ({"customer_id": None}, "neither"),
        ],
    )
    def test_others_are_left_out_with_the_reason(self, fields: dict[str, object], reason: str) -> None:
        assert reason in str(skip_foreign_invoice(read(transaction(**{"status": "Complete", **fields})), context()))

    def test_what_was_invoiced_with_its_parent_is_not_invoiced_again(self) -> None:
        data = read(complete(type="Invoice"), parent_link="invoice|3f2504e0")
        assert "invoiced already" in str(skip_foreign_invoice(data, context()))

    def test_payments_of_what_was_invoiced_with_its_parent_are_told(self) -> None:
        paid = complete(type="Invoice", payments=[payment(5, "60.00")])
        assert "5 of 60.00" in str(skip_foreign_invoice(read(paid, parent_link="invoice|3f2504e0"), context()))


class TestHeader:
    def test_fields_in_the_order_in_which_they_are_set(self) -> None:
        settings = context(bc_create_defaults={"invoice": {**DEFAULTS["invoice"], "salesperson": "JO"}})
        header = mapped(complete(currency_code="EUR"), settings).body["header"]
        assert next(iter(header)) == "customerNumber"
        assert header["externalDocumentNumber"] == "WEB-1"
        assert header["invoiceDate"] == header["postingDate"]
        assert header["invoiceDate"].isoformat() == "2026-03-02"
        assert (header["salesperson"], header["email"], header["currencyCode"]) == ("JO", "anna@example.net", "EUR")
        assert (header["sellToAddressLine1"], header["sellToCity"], header["sellToState"]) == (
            SHIPPING["address_1"],
            SHIPPING["city"],
            SHIPPING["region"],
        )
        assert "billToCustomerNumber" not in header
        place = [name for name in header if name in ("sellToPostCode", "sellToCity", "sellToState")]
        assert place[0] == "sellToPostCode"

    def test_a_currency_is_a_code(self) -> None:
        assert mapped(complete(currency_code="eur"), context()).body["header"]["currencyCode"] == "EUR"

    def test_a_customer_whose_company_pays(self) -> None:
        header = mapped(complete(company_id=9), bill_to={"table": "customer company", "id": 9}).body["header"]
        assert (header["customerNumber"].table, header["billToCustomerNumber"].table) == (
            "customer",
            "customer company",
        )

    def test_custom_fields_that_the_api_has(self) -> None:
        def entry(target: str) -> Json:
            return {"model": "transaction", "direction": "from_ipaas", "target": target, "static": "X"}

        settings = context(
            bc_create_defaults=DEFAULTS,
            bc_custom_fields=[entry("customerPurchaseOrderReference"), entry("Your_Reference")],
        )
        header = mapped(complete(), settings).body["header"]
        assert header["customerPurchaseOrderReference"] == "X"
        assert "Your_Reference" not in header


class TestLines:
    def test_items_then_shipping_then_taxes_with_numbers_of_their_own(self) -> None:
        record = complete(
            shipping_amount="7.50",
            taxes=[{"id": 1, "authority": "GA STATE", "amount": 4}, {"id": 2, "authority": "ATLANTA", "amount": 1}],
        )
        lines = mapped(record).body["lines"]
        assert [entry["fields"]["sequence"] for entry in lines] == [10000, 20000, 30000, 40000, 50000]
        assert list(lines[0]["fields"])[:4] == ["sequence", "lineType", "lineObjectNumber", "quantity"]
        assert [entry.get("id") for entry in lines] == [1, 2, None, None, None]
        shipping, state, city = (entry["fields"] for entry in lines[2:])
        assert (shipping["lineType"], shipping["lineObjectNumber"], shipping["unitPrice"]) == (
            "Account",
            "8430",
            Decimal("7.50"),
        )
        assert [(tax["lineObjectNumber"], tax["description"], tax["unitPrice"]) for tax in (state, city)] == [
            ("5610", "GA STATE", Decimal("4.00")),
            ("5610", "ATLANTA", Decimal("1.00")),
        ]

    def test_a_tax_amount_without_taxes_is_one_line(self) -> None:
        *_, tax = mapped(complete(tax_amount=5)).body["lines"]
        assert (tax["fields"]["lineObjectNumber"], tax["fields"]["unitPrice"]) == ("5610", 5)

    @pytest.mark.parametrize(
        ("fields", "key"),
        [
            ({"shipping_amount": 5}, "invoice.shipping_account"),
            ({"tax_amount": 5}, "invoice.tax_account"),
            ({"payments": [payment(1, 50)]}, "invoice.payment_journal"),
        ],
    )
    def test_what_is_not_configured_is_named(self, fields: dict[str, object], key: str) -> None:
        with pytest.raises(Rejected) as rejected:
            mapped(complete(**fields), context())
        assert key in rejected.value.advice

    def test_what_is_not_needed_need_not_be_configured(self) -> None:
        assert mapped(complete(), context()).body["payments"] == []

    def test_the_total_is_less_what_was_excluded(self) -> None:
        settings = context(bc_excluded_lineitem_skus_from_preprocessing="GIFT", bc_create_defaults=DEFAULTS)
        lines = [line(1, "1000", 2, 10), line(2, "GIFT", 1, 30, discount_amount=5)]
        body = mapped(complete(lines=lines, total=45, discount_amount=5), settings).body
        assert (body["total"], body["discount"]) == (Decimal("20.00"), 0)
        lines[1]["extended_price"] = 24
        assert mapped(complete(lines=lines, total=44), settings).body["total"] == 20


class TestPayments:
    def test_a_payment_lowers_what_is_owed_and_is_found_again_by_its_id(self) -> None:
        (entry,) = mapped(complete(payments=[payment(88, "50.00", description="Visa 4242")])).body["payments"]
        assert entry["id"] == 88
        assert entry["fields"] == {
            "externalDocumentNumber": "88",
            "amount": Decimal("-50.00"),
            "description": "Visa 4242",
        }

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"status": "Pending"}, "status is Pending"),
            ({"status": "Declined"}, "status is Declined"),
            ({"amount": 0}, "zero"),
            ({"amount": -5}, "refund"),
        ],
    )
    def test_what_is_no_money_received_is_left_out_and_said(self, fields: dict[str, object], words: str) -> None:
        result = mapped(complete(payments=[{**payment(1, 50), **fields}]))
        assert result.body["payments"] == []
        assert any(words in note for note in result.notes)

    def test_the_day_of_a_payment_is_its_own_when_it_has_one(self) -> None:
        record = complete(payments=[payment(1, 50, created_datetime="2026-04-01T12:00:00Z")])
        assert mapped(record).body["payments"][0]["fields"]["postingDate"].isoformat() == "2026-04-01"


class TestOrders:
    @pytest.mark.parametrize("name", ["link", "parent_link"])
    def test_what_became_an_order_is_invoiced_there_and_only_paid_here(self, name: str) -> None:
        # No account is needed for lines that are not written.
        settings = context(bc_create_defaults={"invoice": {"payment_journal": "PAYMENTS"}})
        record = complete(shipping_amount=5, payments=[payment(1, 50)])
        body = mapped(record, settings, **{name: "SO-7"}).body
        assert body["order"] == "SO-7"
        assert len(body["payments"]) == 1
        assert set(body) == {"order", "payments"}

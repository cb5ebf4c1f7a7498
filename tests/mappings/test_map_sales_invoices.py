"""Posted invoices as transactions (docs/mappings.md, "sales_invoice_to_ipaas")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sales import GUID, api_line, comment, context, ids, line

from include.mappings.rows import InvoiceRow
from include.mappings.sales_invoices import POSTED_ORDER, SHIPPED_ORDER, invoice_header, invoice_to_ipaas, skip_invoice
from include.mappings.sales_lines import line_from_api
from include.sync.records import Json, Mapped, Missing, Ref


def invoice(
    *, lines: list[Json] | None = None, posted: Json | None = None, data: Json | None = None, **feed: Any
) -> InvoiceRow:
    """A posted invoice as its source reads it; `posted` is its row of the posted page."""
    record: Json = {
        "id": GUID,
        "number": "PS-1",
        "status": "Open",
        "invoiceDate": "2026-05-08",
        "customerNumber": "C1",
        "customerName": "Adatum",
        "orderNumber": "",
        "email": "office@adatum.example",
        "pricesIncludeTax": False,
        "discountAmount": 10,
        "totalTaxAmount": 18,
        "totalAmountIncludingTax": 108,
        **feed,
    }
    incl = bool(record["pricesIncludeTax"])
    rows = [line_from_api(row, prices_include_tax=incl) for row in lines or [api_line()]]
    detail = invoice_header(record, posted, "30 DAYS")
    return InvoiceRow(feed=record, detail=detail, lines=rows, customer_type="Company", **(data or {}))


def mapped(row: InvoiceRow, **settings: Any) -> Mapped:
    return invoice_to_ipaas(row, context(**settings))


class TestFilter:
    @pytest.mark.parametrize("status", ["Open", "Paid", "Canceled", "Corrective"])
    def test_posted_ones_go_through(self, status: str) -> None:
        assert skip_invoice(invoice(status=status), context()) is None

    @pytest.mark.parametrize("status", ["Draft", "In_x0020_Review", "_x0020_"])
    def test_others_are_left_out_with_the_reason(self, status: str) -> None:
        assert "not posted" in str(skip_invoice(invoice(status=status), context()))

    def test_a_released_draft_is_left_out_with_the_sources_reason(self) -> None:
        assert skip_invoice(invoice(data={"unposted": "It is a draft."}), context()) == "It is a draft."


class TestHeader:
    @pytest.mark.parametrize(
        ("status", "expected", "payment"),
        [
            ("Open", "Complete", "Pending"),
            ("Paid", "Complete", "Complete"),
            ("Canceled", "Cancelled", "Pending"),
            ("Corrective", "Complete", "Pending"),
        ],
    )
    def test_status_and_payment(self, status: str, expected: str, payment: str) -> None:
        body = mapped(invoice(status=status)).body
        assert (body["type"], body["status"]) == ("Invoice", expected)
        assert body["payments"][0]["status"] == payment

    def test_number_date_and_amounts(self) -> None:
        found = mapped(invoice(), bc_time_zone="Europe/Berlin")
        assert (found.source_id, found.body["transaction_number"]) == ("PS-1", "PS-1")
        assert found.body["created_datetime"] == "2026-05-08T00:00:00+02:00"
        assert (found.body["subtotal"], found.body["discount_amount"]) == (100, 30)
        assert (found.body["tax_amount"], found.body["total"]) == (18, 108)
        assert found.notes == ()

    def test_prices_that_include_tax_add_up_without_it(self) -> None:
        found = mapped(invoice(pricesIncludeTax=True, totalAmountIncludingTax=110))
        assert (found.body["subtotal"], found.notes) == (120, ())

    def test_the_posted_page_knows_better_but_its_blanks_erase_nothing(self) -> None:
        posted = {"No": "PS-1", "Payment_Method_Code": "CARD", "Tax_Area_Code": "GA", "Sell_to_Customer_Name": ""}
        body = mapped(invoice(posted=posted)).body
        assert body["payments"][0]["method"].source_id == "CARD"
        assert body["taxes"][0]["authority"] == "GA"
        assert body["addresses"][0]["company"] == "Adatum"
        assert mapped(invoice()).body["payments"][0]["method"].source_id == "30 DAYS"


class TestLines:
    def test_all_of_it_is_shipped(self) -> None:
        (found,) = mapped(invoice()).body["lines"]
        assert ids([found]) == ["PS-1|10000"]
        assert (found["qty"], found["qty_shipped"], found["status"]) == (2, 2, "Shipped")
        assert (found["unit_price"], found["extended_price"], found["tax_percent"]) == (60, 100, 20)
        assert found["sku"] == Ref(table="product", source_id="1000", missing=Missing.wait, value="name")

    @pytest.mark.parametrize(
        ("kind", "expected"), [("Resource", "Service"), ("Account", "Service"), ("Fixed_x0020_Asset", "Service")]
    )
    def test_the_apis_types(self, kind: str, expected: str) -> None:
        (found,) = mapped(invoice(lines=[api_line(kind=kind)])).body["lines"]
        assert found["type"] == expected

    def test_charges_comments_and_the_invoices_own_shipping_account(self) -> None:
        rows = [
            api_line(),
            api_line(20000, "Charge", "F"),
            api_line(30000, "Account", "6910"),
            api_line(40000, "Comment", "", description="Thanks"),
        ]
        defaults = {"invoice": {"shipping_account": "6910"}}
        body = mapped(invoice(lines=rows), bc_create_defaults=defaults).body
        assert ids(body["lines"]) == ["PS-1|10000"]
        assert body["shipping_amount"] == 200
        assert [note["text"] for note in body["notes"]] == ["Thanks"]

    def test_custom_fields_by_the_names_of_either_side(self) -> None:
        entries = [
            {"model": "transaction line", "direction": "to_ipaas", "target": t, "source": s}
            for t, s in (("Api", "lineObjectNumber"), ("Page", "No"), ("Order only", "Variant_Code"))
        ]
        (found,) = mapped(invoice(), bc_custom_fields=entries).body["lines"]
        assert found["custom_fields"] == [
            {"custom_field_name": "Api", "value": "1000"},
            {"custom_field_name": "Page", "value": "1000"},
        ]


class TestOrder:
    def test_its_transaction_is_the_parent_if_there_is_one(self) -> None:
        body = mapped(invoice(orderNumber="S-1")).body
        assert body["transaction_parent_id"] == Ref(table="transaction", source_id="S-1", missing=Missing.drop)
        assert "transaction_parent_id" not in mapped(invoice()).body

    def test_while_it_is_open_its_lines_learn_what_was_shipped(self) -> None:
        rows = [
            line(10000, Quantity_Shipped=2, Quantity_Invoiced=2),
            line(20000, Quantity_Shipped=1, Quantity_Invoiced=1),
            comment(30000, "x"),
        ]
        (also,) = mapped(invoice(orderNumber="S-1", data={"order_lines": rows})).followers
        assert (also.kind, also.external_id) == (SHIPPED_ORDER, "S-1")
        assert ids(also.body["lines"]) == ["S-1|10000", "S-1|20000"]
        assert [(x["qty_shipped"], x["status"]) for x in also.body["lines"]] == [(2, "Shipped"), (1, "Pending")]

    def test_once_it_is_gone_its_lines_learn_what_was_invoiced(self) -> None:
        rows = [line(10000, Quantity=1), line(10000, Quantity=2), line(20000, Quantity=4), comment(30000, "x")]
        data = {"order_invoiced": rows, "order_cancelled": [line(20000, Quantity=3)]}
        (also,) = mapped(invoice(orderNumber="S-1", data=data)).followers
        assert (also.kind, also.external_id, also.body["status"]) == (POSTED_ORDER, "S-1", "Complete")
        assert ids(also.body["lines"]) == ["S-1|10000", "S-1|20000"]
        assert [(x["qty_shipped"], x["status"]) for x in also.body["lines"]] == [(3, "Shipped"), (4, "Shipped")]
        assert also.aside["at_most"] == {"S-1|10000": {"": 3}, "S-1|20000": {"": 7}}

    def test_in_each_unit_of_an_item(self) -> None:
        units = {"1000": {"base": "PCS", "holds": {"PCS": "1", "BOX": "6"}}}
        rows = [
            line(10000, Quantity=2, Unit_of_Measure_Code="BOX"),
            line(10000, Quantity=3, Unit_of_Measure_Code="PCS"),
        ]
        (also,) = mapped(invoice(orderNumber="S-1", data={"order_invoiced": rows, "order_units": units})).followers
        assert also.aside["shipped"] == {"S-1|10000": {"": 15, "PCS": 15, "BOX": Decimal("2.5")}}

    def test_a_cancelled_invoice_says_nothing_about_it(self) -> None:
        assert mapped(invoice(orderNumber="S-1", status="Canceled")).followers == ()

    def test_only_an_invoice_without_one_can_have_come_from_ipaas(self) -> None:
        assert mapped(invoice()).made_from == f"invoice|{GUID.lower()}"
        assert mapped(invoice(orderNumber="S-1")).made_from is None

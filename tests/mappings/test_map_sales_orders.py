"""Released orders as transactions, field by field (docs/mappings.md, "sales_order_to_ipaas")."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st
from sales import SYSTEM, comment, context, ids, line, order

from include.errors import Rejected
from include.flows import FLOWS
from include.mappings.rows import OrderRow
from include.mappings.sales_orders import order_from_api, order_to_ipaas, skip_order
from include.sync.fingerprints import fingerprint
from include.sync.records import Json, Missing, Ref, staged_row


def sent(row: OrderRow, **settings: Any) -> Json:
    """The body of an order's transaction."""
    return order_to_ipaas(row, context(**settings)).body


class TestFilter:
    @pytest.mark.parametrize("status", ["Open", "Pending Approval", "Pending Prepayment"])
    def test_only_released_orders(self, status: str) -> None:
        assert skip_order(order(), context()) is None
        assert status in str(skip_order(order(detail={"Status": status}), context()))

    def test_one_that_was_posted_names_its_invoices(self) -> None:
        reason = skip_order(OrderRow(number="S-1", posted_as=["PS-1", "PS-2"]), context())
        assert reason is not None
        assert "S-1" in reason and "PS-1, PS-2" in reason and "sales_invoice_to_ipaas" in reason


class TestHeader:
    def test_number_owner_and_party(self) -> None:
        mapped = order_to_ipaas(order(), context())
        assert (mapped.source_id, mapped.match) == ("S-1", "S-1")
        assert mapped.body["system_id"] == SYSTEM
        assert (mapped.body["transaction_number"], mapped.body["type"], mapped.body["status"]) == (
            "S-1",
            "Order",
            "Pending",
        )
        assert mapped.body["email_address"] == "office@adatum.example"

    def test_shipped_once_completely_shipped(self) -> None:
        complete = {"Completely_Shipped": True}
        assert sent(order(line(Quantity_Shipped=2), detail=complete))["status"] == "Shipped"
        # What is complete although nothing was shipped is not shipped.
        assert sent(order(line(), detail=complete))["status"] == "Pending"

    @pytest.mark.parametrize(("shipped", "status"), [(0, "Pending"), (1, "Pending"), (2, "Shipped")])
    def test_where_its_page_is_gone_the_lines_tell_whether_it_is_shipped(self, shipped: int, status: str) -> None:
        assert sent(order(line(Quantity_Shipped=shipped), detail={"Completely_Shipped": ""}))["status"] == status

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("UTC", "2026-05-07T00:00:00+00:00"),
            ("Europe/Berlin", "2026-05-07T00:00:00+02:00"),
            ("America/New_York", "2026-05-07T00:00:00-04:00"),
        ],
    )
    def test_the_order_date_begins_in_the_companys_time_zone(self, zone: str, expected: str) -> None:
        assert sent(order(), bc_time_zone=zone)["created_datetime"] == expected

    @pytest.mark.parametrize("creates", [False, True])
    def test_a_company_is_waited_for_or_created_first(self, creates: bool) -> None:
        body = sent(order(), bc_processing_company_creation_in_prerequisite=creates)
        missing = Missing.transfer if creates else Missing.wait
        assert body["company_id"] == Ref(
            table="customer company", source_id="C1", missing=missing, flow="company_to_ipaas"
        )
        assert "customer_id" not in body

    def test_a_person_is_a_customer_and_always_waited_for(self) -> None:
        body = sent(order(customer_type="Person"), bc_processing_company_creation_in_prerequisite=True)
        assert body["customer_id"] == Ref(table="customer", source_id="C1", missing=Missing.wait)
        assert "company_id" not in body


class TestLines:
    def test_an_item_line(self) -> None:
        row = line(Line_Discount_Amount=10, Line_Discount_Percent=10, Line_Amount=90, Quantity_Shipped=1)
        (found,) = sent(order(row))["lines"]
        assert ids([found]) == ["S-1|10000"]
        sku = Ref(table="product", source_id="1000", missing=Missing.wait, value="name")
        assert found | {"external_ids": 0} == {
            "external_ids": 0,
            "sequence_number": 10000,
            "sku": sku,
            "description": "Bicycle",
            "type": "Product",
            "status": "Pending",
            "qty": 2,
            "qty_shipped": 1,
            "unit_price": 50,
            "original_unit_price": 50,
            "extended_price": 90,
            "discount_amount": 10,
            "discount_percent": 10,
            "weight": Decimal("12.5"),
        }

    @pytest.mark.parametrize("kind", ["Resource", "G/L Account", "Fixed Asset", "Allocation Account"])
    def test_what_is_no_item_is_a_service_that_no_product_is_needed_for(self, kind: str) -> None:
        (found,) = sent(order(line(kind=kind, sku="LIFT")))["lines"]
        assert (found["type"], found["sku"]) == ("Service", "LIFT")

    @pytest.mark.parametrize(
        ("quantity", "shipped", "status"),
        [(2, 0, "Pending"), (2, 1, "Pending"), (2, 2, "Shipped"), (-1, -1, "Shipped"), (0, 0, "Pending")],
    )
    def test_a_line_is_shipped_once_all_of_it_is(self, quantity: int, shipped: int, status: str) -> None:
        (found,) = sent(order(line(quantity=quantity, Quantity_Shipped=shipped)))["lines"]
        assert found["status"] == status

    def test_comments_become_notes(self) -> None:
        body = sent(order(line(), comment(20000, "Ring twice"), comment(30000, "")))
        assert ids(body["lines"]) == ["S-1|10000"]
        assert [(note["text"], note["sequence_number"]) for note in body["notes"]] == [("Ring twice", 20000)]
        assert ids(body["notes"]) == ["S-1|20000"]

    def test_a_type_that_is_not_known_is_rejected_by_name(self) -> None:
        with pytest.raises(Rejected, match="Line 10000 is of type 'Subscription'"):
            sent(order(line(kind="Subscription")))

    def test_excluded_skus_are_left_out_and_still_counted_in_the_subtotal(self) -> None:
        data = order(line(), line(20000, sku="GIFT-WRAP", quantity=1, price=5))
        body = sent(data, bc_excluded_lineitem_skus_from_preprocessing=("gift-wrap",))
        assert ids(body["lines"]) == ["S-1|10000"]
        assert (body["subtotal"], body["total_qty"]) == (105, 2)
        assert ids(sent(data)["lines"]) == ["S-1|10000", "S-1|20000"]

    def test_of_a_line_that_is_gone_nothing_is_left_unless_it_is_one_that_is_left_out(self) -> None:
        data = order(line(), line(20000, sku="GIFT-WRAP"))
        mapped = order_to_ipaas(data, context(bc_excluded_lineitem_skus_from_preprocessing=("gift-wrap",)))
        assert mapped.emptied == {"lines": {"qty": 0, "qty_shipped": 0, "extended_price": 0, "discount_amount": 0}}
        assert mapped.spared == ("S-1|20000",)


class TestShipping:
    def test_item_charges_and_the_shipping_account_are_the_shipping_amount(self) -> None:
        rows = [
            line(),
            line(20000, "Charge (Item)", "FREIGHT", 1, 7),
            line(30000, "G/L Account", "6910", 1, 3),
            line(40000, "G/L Account", "6810", 1, 4),
        ]
        defaults = {"sales_order": {"shipping_account": "6910"}, "invoice": {"shipping_account": "6810"}}
        body = sent(order(*rows), bc_create_defaults=defaults)
        assert body["shipping_amount"] == 10
        assert ids(body["lines"]) == ["S-1|10000", "S-1|40000"]
        assert body["addresses"][1]["shipping_amount"] == 10
        # Without an account only item charges are shipping.
        assert sent(order(*rows))["shipping_amount"] == 7


class TestAmounts:
    def test_totals_are_business_centrals(self) -> None:
        rows = [line(Line_Discount_Amount=10, Line_Amount=90), line(20000, quantity=1, price=20)]
        body = sent(order(*rows, tax=Decimal("21.00"), discount=5))
        assert (body["subtotal"], body["discount_amount"], body["tax_amount"]) == (110, 15, 21)
        assert (body["total"], body["total_qty"]) == (126, 3)

    def test_one_tax_by_the_tax_area_or_the_business_posting_group(self) -> None:
        (tax,) = sent(order(tax=20))["taxes"]
        assert (tax["amount"], tax["authority"], ids([tax])) == (20, "DOMESTIC", ["S-1|tax"])
        (tax,) = sent(order(line(Tax_Area_Code="ATLANTA, GA"), tax=20))["taxes"]
        assert tax["authority"] == "ATLANTA, GA"

    def test_without_page_lines_the_apis_totals_count(self) -> None:
        feed = {"discountAmount": 1, "totalTaxAmount": 2, "totalAmountIncludingTax": 101}
        body = sent(replace(order(feed=feed), lines=[line()]))
        assert (body["discount_amount"], body["tax_amount"], body["total"]) == (1, 2, 101)


class TestAddresses:
    def test_bill_to_and_ship_to(self) -> None:
        billing, shipping = sent(order())["addresses"]
        assert ids([billing, shipping]) == ["S-1|billing", "S-1|shipping"]
        assert (billing["is_primary_billing"], billing["is_primary_shipping"]) == (True, False)
        assert (shipping["is_primary_billing"], shipping["is_primary_shipping"]) == (False, True)
        # Without a contact the name is split, a single word being both.
        assert (billing["company"], billing["first_name"], billing["last_name"]) == ("Adatum", "Adatum", "Adatum")
        assert (shipping["company"], shipping["first_name"]) == ("Adatum Works", "Anna van der")
        assert (shipping["last_name"], shipping["city"], shipping["region"]) == ("Berg", "Chicago", "IL")
        assert (shipping["country"], shipping["postal_code"]) == ("US", "61236")
        assert shipping["ship_date"] == "2026-05-09T00:00:00"

    def test_a_blank_one_is_the_customers_own(self) -> None:
        fields = {"Ship_to_Name": "", "Ship_to_Address": "", "Ship_to_Contact": "", "Ship_to_City": ""}
        _, shipping = sent(order(detail=fields))["addresses"]
        assert (shipping["company"], shipping["address_1"]) == ("Adatum", "1 Main Street")

    def test_the_agent_is_named_by_its_method(self) -> None:
        data = order(detail={"Shipping_Agent_Code": "DHL"}, agents={"DHL": "DHL Systems, Inc."})
        _, shipping = sent(data)["addresses"]
        assert shipping["shipping_method"] == Ref(
            table="shipping method",
            source_id="DHL",
            missing=Missing.transfer,
            flow="shipping_method_to_ipaas",
            value="name",
        )
        assert shipping["shipping_method_description"] == "DHL Systems, Inc."

    def test_where_agents_cannot_be_read_one_that_is_not_known_is_left_out(self) -> None:
        data = order(detail={"Shipping_Agent_Code": "DHL"}, agents=None)
        assert sent(data)["addresses"][1]["shipping_method"].missing is Missing.drop


class TestTracking:
    def test_one_entry_per_number_of_the_order_and_its_shipments(self) -> None:
        shipments = [
            {"No": "SS-1", "Package_Tracking_No": "TRACK-1", "Shipping_Agent_Code": "DHL"},
            {"No": "SS-2", "Package_Tracking_No": "TRACK-2", "Shipping_Agent_Code": ""},
            {"No": "SS-3", "Package_Tracking_No": "", "Shipping_Agent_Code": "DHL"},
        ]
        data = order(detail={"Package_Tracking_No": "TRACK-1"}, shipments=shipments, agents={"DHL": "DHL Systems"})
        found = sent(data)["tracking"]
        assert ids(found) == ["S-1|TRACK-1", "S-1|TRACK-2"]
        assert [entry["tracking_number"] for entry in found] == ["TRACK-1", "TRACK-2"]
        assert "shipping_method" not in found[1]

    def test_none_without_a_number(self) -> None:
        assert "tracking" not in sent(order())


class TestPayment:
    @pytest.mark.parametrize(("method", "expected"), [("CARD", "CARD"), ("", "30 DAYS")])
    def test_by_method_or_else_by_terms(self, method: str, expected: str) -> None:
        (payment,) = sent(order(detail={"Payment_Method_Code": method}, tax=5))["payments"]
        assert payment["method"].source_id == expected
        assert (payment["method"].missing, payment["method"].flow) == (Missing.transfer, "payment_method_to_ipaas")
        assert (payment["amount"], payment["status"], payment["description"]) == (105, "Pending", "Net 30 days")
        assert ids([payment]) == ["S-1|payment"]

    def test_none_when_nothing_is_agreed(self) -> None:
        assert "payments" not in sent(order(detail={"Payment_Terms_Code": ""}))


class TestCustomFields:
    def entry(self, model: str, **origin: Any) -> Json:
        return {"model": model, "direction": "to_ipaas", "target": "Mine", **origin}

    def test_on_the_transaction_its_lines_and_its_tracking(self) -> None:
        fields = [
            self.entry("transaction", source="Your_Reference"),
            self.entry("transaction line", formula="{{ No }}/{{ Variant_Code }}"),
            self.entry("tracking", source="Shipment_Method_Code"),
        ]
        shipments = [{"No": "SS-1", "Package_Tracking_No": "T", "Shipment_Method_Code": "EXW"}]
        data = order(line(Variant_Code="RED"), detail={"Your_Reference": "PO 7"}, shipments=shipments)
        body = sent(data, bc_custom_fields=fields)
        for record, value in ((body, "PO 7"), (body["lines"][0], "1000/RED"), (body["tracking"][0], "EXW")):
            assert record["custom_fields"] == [{"custom_field_name": "Mine", "value": value}]

    def test_what_a_document_does_not_have_is_not_sent(self) -> None:
        fields = [self.entry("transaction", source="Only_Elsewhere"), self.entry("tracking", source="Only_Elsewhere")]
        body = sent(order(detail={"Package_Tracking_No": "T"}), bc_custom_fields=fields)
        assert "custom_fields" not in body
        assert "custom_fields" not in body["tracking"][0]


class TestFromTheApi:
    def test_the_order_under_the_names_of_its_page(self) -> None:
        record = {
            "id": "x",
            "number": "S-1",
            "status": "Open",
            "orderDate": "2026-05-07",
            "customerNumber": "C1",
            "email": "a@b.example",
            "pricesIncludeTax": True,
            "fullyShipped": True,
            "shipToName": "Works",
        }
        detail = order_from_api(record, "30 DAYS")
        assert (detail["No"], detail["Status"], detail["Order_Date"]) == ("S-1", "Released", "2026-05-07")
        assert (detail["Payment_Terms_Code"], detail["Ship_to_Name"]) == ("30 DAYS", "Works")
        # The API says so of an order of which nothing is shipped, too.
        assert "Completely_Shipped" not in detail
        assert detail["Prices_Including_VAT"] is True

    @pytest.mark.parametrize(("code", "own", "shown"), [("USD", "USD", None), ("EUR", "USD", "EUR"), ("", "USD", None)])
    def test_the_companys_own_currency_is_blank_as_on_the_page(self, code: str, own: str, shown: str | None) -> None:
        detail = order_from_api({"id": "x", "number": "S-1", "currencyCode": code}, None, own)
        assert detail.get("Currency_Code") == shown

    @pytest.mark.parametrize(
        ("api", "page"), [("Draft", "Open"), ("In_x0020_Review", "Pending Approval"), ("Open", "Released")]
    )
    def test_its_status_under_the_pages_name(self, api: str, page: str) -> None:
        assert order_from_api({"id": "x", "number": "S-1", "status": api}, None)["Status"] == page


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_name_makes_an_address(name: str, contact: str, street: str) -> None:
    fields = {"Bill_to_Name": name, "Bill_to_Contact": contact, "Bill_to_Address": street}
    billing, _ = sent(order(detail=fields))["addresses"]
    # Both names are there whenever anything is: iPaaS.com requires one of them.
    assert billing["first_name"] and billing["last_name"]
    assert "" not in billing.values()


def test_what_was_read_is_the_same_after_it_was_staged() -> None:
    row = order(
        line(price=Decimal("0.10000")), shipments=[{"No": "SH-1", "Package_Tracking_No": "T"}], agents={"DHL": "D"}
    )
    staged = simplejson.loads(simplejson.dumps(staged_row(row), use_decimal=True), use_decimal=True)
    again = OrderRow(**staged)
    assert staged_row(again) == staged
    assert str(again.lines[0]["Unit_Price"]) == "0.10000"
    assert fingerprint(order_to_ipaas(again, context())) == fingerprint(order_to_ipaas(row, context()))


def test_what_an_older_version_has_staged_is_read() -> None:
    feed, detail = {"id": "1", "number": "S-1"}, {"No": "S-1", "Status": "Released", "Sell_to_Customer_No": "C1"}
    staged = {
        "feed": feed,
        "detail": detail,
        "lines": [line()],
        "customer_type": "Company",
        "terms": None,
        "shipments": [],
    }
    row = FLOWS["sales_order_to_ipaas"].row_of(staged)
    assert (row.header.No, row.sales_lines[0].Line_No, row.units, row.agents) == ("S-1", 10000, {}, None)

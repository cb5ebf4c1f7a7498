"""Transactions of other systems as sales orders: the filter and the mapping, field by field."""

from __future__ import annotations

from decimal import Decimal

import pytest
from foreign import BILLING, OURS, SHIPPING, context, line, read, transaction

from include.errors import Rejected
from include.mappings.orders_from_ipaas import order_from_ipaas, skip_foreign_order
from include.sync.fingerprints import fingerprint
from include.sync.records import Missing, Ref


class TestFilter:
    def test_a_pending_order_of_another_system_goes_through(self) -> None:
        assert skip_foreign_order(read(), context()) is None

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"system_id": OURS}, "Business Central itself"),
            ({"system_id": str(OURS)}, "Business Central itself"),
            ({"status": "Complete"}, "Complete"),
            ({"status": "Shipped"}, "Shipped"),
            ({"status": None}, "blank"),
            ({"type": "Invoice"}, "invoice_from_ipaas"),
            ({"customer_id": None}, "neither a customer nor a company"),
        ],
    )
    def test_others_are_left_out_with_the_reason(self, fields: dict[str, object], reason: str) -> None:
        assert reason in str(skip_foreign_order(read(transaction(**fields)), context()))

    def test_what_was_invoiced_is_no_order_any_more(self) -> None:
        assert "has been invoiced" in str(skip_foreign_order(read(link="invoice|3f2504e0"), context()))

    def test_a_company_is_a_buyer_too(self) -> None:
        assert skip_foreign_order(read(transaction(customer_id=None, company_id=9)), context()) is None


class TestHeader:
    def test_the_customer_comes_first_and_every_condition_before_what_it_allows(self) -> None:
        names = list(order_from_ipaas(read(), context()).body["header"])
        assert names[0] == "Sell_to_Customer_No"
        assert names.index("BillToOptions") < names.index("Bill_to_Name")
        assert names.index("ShippingOptions") < names.index("Ship_to_Name")

    def test_number_date_and_addresses(self) -> None:
        header = order_from_ipaas(read(), context(bc_time_zone="America/New_York")).body["header"]
        assert header["External_Document_No"] == "WEB-1"
        assert header["Order_Date"].isoformat() == "2026-03-01"
        assert header["BillToOptions"] == header["ShippingOptions"] == "Custom Address"
        assert (header["Bill_to_Name"], header["Bill_to_Contact"]) == ("Adatum Corporation", "Robert O'Brien")
        assert (header["Ship_to_Name"], header["Ship_to_Contact"]) == ("Anna Berg", "Anna Berg")
        assert (header["Ship_to_Address"], header["Ship_to_Address_2"]) == ("2 Dock Road", "Gate 4")
        assert (header["Ship_to_City"], header["Ship_to_County"], header["Ship_to_Post_Code"]) == (
            "Chicago",
            "IL",
            "61236",
        )
        assert (header["Ship_to_Country_Region_Code"], header["Ship_to_Phone_No"]) == ("US", "+1 555 0100")
        assert not {"No", "Location_Code", "Sell_to_Contact_No"} & set(header)

    def test_the_day_is_the_companys(self) -> None:
        header = order_from_ipaas(read(), context(bc_time_zone="Europe/Berlin")).body["header"]
        assert header["Order_Date"].isoformat() == "2026-03-02"

    def test_a_place_is_never_mixed_with_the_customers_own(self) -> None:
        header = order_from_ipaas(read(), context()).body["header"]
        assert header["Bill_to_Address_2"] == ""

    def test_without_addresses_the_customers_own_stand(self) -> None:
        header = order_from_ipaas(read(transaction(addresses=[])), context()).body["header"]
        assert not [name for name in header if name.startswith(("Bill_to", "Ship_to", "BillTo", "Shipping"))]

    def test_one_address_may_be_both(self) -> None:
        both = {**SHIPPING, "is_primary_billing": True}
        header = order_from_ipaas(read(transaction(addresses=[both])), context()).body["header"]
        assert header["Bill_to_Address"] == header["Ship_to_Address"] == "2 Dock Road"

    def test_what_bc_has_no_field_for_is_said(self) -> None:
        mapped = order_from_ipaas(read(transaction(addresses=[{**BILLING, "address_3": "c/o Smith"}])), context())
        assert any("c/o Smith" in note for note in mapped.notes)

    def test_location_and_number_when_configured_and_only_on_create(self) -> None:
        defaults = {"sales_order": {"Location_Code": "MAIN", "number_from_transaction": True}}
        mapped = order_from_ipaas(read(), context(bc_create_defaults=defaults))
        assert (mapped.body["header"]["No"], mapped.body["header"]["Location_Code"]) == ("WEB-1", "MAIN")
        assert {"No", "Location_Code"} <= mapped.create_only

    def test_custom_fields_come_last(self) -> None:
        fields = [
            {"model": "transaction", "direction": "from_ipaas", "target": "Your_Reference", "source": "PO Number"},
            {"model": "transaction line", "direction": "from_ipaas", "target": "Description_2", "source": "Gift"},
        ]
        record = transaction(
            custom_fields=[{"custom_field_name": "PO Number", "value": "PO-7"}],
            lines=[line(1, "1000", custom_fields=[{"custom_field_name": "Gift", "value": "wrapped"}])],
        )
        body = order_from_ipaas(read(record), context(bc_custom_fields=fields)).body
        assert list(body["header"].items())[-1] == ("Your_Reference", "PO-7")
        assert list(body["lines"][0]["fields"].items())[-1] == ("Description_2", "wrapped")

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"transaction_number": "X" * 36}, ("transaction_number", "36", "35")),
            ({"transaction_number": None}, ("transaction_number",)),
            ({"created_datetime": None}, ("created_datetime",)),
            ({"addresses": [{**SHIPPING, "city": "C" * 31}]}, ("Ship_to_City", "31", "30")),
            (
                {"addresses": [{**BILLING, "country": "United States of America"}]},
                ("Bill_to_Country_Region_Code", "10"),
            ),
            ({"total": "many"}, ("total",)),
            ({"lines": [line(1, "1000", qty="two")]}, ("lines.0.qty",)),
        ],
    )
    def test_what_cannot_be_is_rejected_by_name(self, fields: dict[str, object], words: tuple[str, ...]) -> None:
        with pytest.raises(Rejected) as rejected:
            order_from_ipaas(read(transaction(**fields)), context())
        assert all(word in str(rejected.value) for word in words)

    def test_a_number_too_long_for_the_order_is_rejected_only_when_it_becomes_its_number(self) -> None:
        record = read(transaction(transaction_number="W" * 21))
        assert order_from_ipaas(record, context()).match == "W" * 21
        with pytest.raises(Rejected, match="20"):
            order_from_ipaas(record, context(bc_create_defaults={"sales_order": {"number_from_transaction": True}}))


class TestBuyer:
    def test_a_customer_is_waited_for(self) -> None:
        customer = order_from_ipaas(read(), context()).body["header"]["Sell_to_Customer_No"]
        assert isinstance(customer, Ref)
        assert (customer.table, customer.source_id, customer.missing) == ("customer", "501", Missing.wait)

    @pytest.mark.parametrize(("creates", "missing"), [(False, Missing.wait), (True, Missing.transfer)])
    def test_a_missing_company_is_created_first_when_the_setting_says_so(self, creates: bool, missing: Missing) -> None:
        data = read(buyer={"table": "customer company", "id": 9})
        settings = context(bc_processing_company_creation_in_prerequisite=creates)
        company = order_from_ipaas(data, settings).body["header"]["Sell_to_Customer_No"]
        assert (company.table, company.missing, company.flow) == ("customer company", missing, "company_from_ipaas")

    def test_a_contact_orders_for_its_company(self) -> None:
        data = read(buyer={"table": "customer company", "id": 9, "contact": "CT1"})
        header = order_from_ipaas(data, context()).body["header"]
        assert list(header)[:2] == ["Sell_to_Customer_No", "Sell_to_Contact_No"]
        assert header["Sell_to_Contact_No"] == "CT1"

    def test_a_contact_of_no_company_is_rejected(self) -> None:
        with pytest.raises(Rejected, match="CT1"):
            order_from_ipaas(read(buyer={"table": "customer company", "id": None, "contact": "CT1"}), context())


class TestLines:
    def test_fields_in_the_order_of_their_validation(self) -> None:
        lines = [line(1, "1000", 2, "9.999999", discount_amount="1.005")]
        (mapped,) = order_from_ipaas(read(transaction(lines=lines)), context()).body["lines"]
        assert list(mapped["fields"].items()) == [
            ("Type", "Item"),
            ("No", "1000"),
            ("Quantity", Decimal(2)),
            ("Unit_Price", Decimal("10.00000")),
            # It is rounded when the decimals of the order's currency are known.
            ("Line_Discount_Amount", Decimal("1.005")),
        ]

    def test_a_line_knows_its_product_in_ipaas(self) -> None:
        one, other = order_from_ipaas(read(products={"1000": 77}), context()).body["lines"]
        assert one["product"] == 77
        assert "product" not in other

    def test_by_sequence_number_then_id(self) -> None:
        lines = [line(30, "C", sequence_number=2), line(100, "B", sequence_number=1), line(20, "A", sequence_number=1)]
        mapped = order_from_ipaas(read(transaction(lines=lines)), context()).body["lines"]
        assert [entry["id"] for entry in mapped] == [20, 100, 30]

    def test_only_products_that_are_not_excluded(self) -> None:
        lines = [line(1, "1000"), line(2, "gift-card"), line(3, "WRAP", type="Service")]
        settings = context(bc_excluded_lineitem_skus_from_preprocessing="GIFT-CARD")
        mapped = order_from_ipaas(read(transaction(lines=lines)), settings)
        assert [entry["id"] for entry in mapped.body["lines"]] == [1]
        assert any("WRAP" in note for note in mapped.notes)

    @pytest.mark.parametrize(
        ("lines", "word"),
        [([], "no product line"), ([line(7, "")], "Line 7"), ([line(1, "S" * 21)], "No is too long")],
    )
    def test_lines_that_no_order_can_have(self, lines: list[dict[str, object]], word: str) -> None:
        with pytest.raises(Rejected, match=word):
            order_from_ipaas(read(transaction(lines=lines)), context())

    def test_what_the_lines_do_not_carry_of_the_discount_is_the_orders(self) -> None:
        lines = [line(1, "1000", discount_amount=3), line(2, "1001", discount_amount="1.50", type="Service")]
        mapped = order_from_ipaas(read(transaction(lines=lines, discount_amount=10)), context())
        assert mapped.body["sums"]["discount"] == Decimal("5.50")
        mapped = order_from_ipaas(read(transaction(lines=lines, discount_amount=0)), context())
        assert mapped.body["sums"]["discount"] == 0


def test_being_linked_changes_nothing_that_is_written() -> None:
    unlinked, linked = read(), read(link="SO-1", holders={"Transaction Line#SO-1|10000": 1}, linked="SO-1")
    assert fingerprint(order_from_ipaas(unlinked, context())) == fingerprint(order_from_ipaas(linked, context()))

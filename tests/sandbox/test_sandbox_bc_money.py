"""Units, currencies, taxes and signs of sales documents, as Business Central works them out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from callers import BusinessCentral
from selling import LINE, made, order, refused, set_up

from include.sandbox import Sandbox
from include.sandbox.bc.units import add_unit


@pytest.fixture(autouse=True)
def _company(sandbox: Sandbox) -> None:
    set_up(sandbox)


def boxed(sandbox: Sandbox) -> None:
    """Item 1000 is stocked in pieces and sold in boxes of six."""
    sandbox.bc.change("Item", "1000", **{"Sales Unit of Measure": "BOX"})
    add_unit(sandbox.bc, "1000", "BOX", 6)


def new_line(bc: BusinessCentral, **fields: Any) -> Any:
    body = {"Document_Type": "Order", "Document_No": "SO1", "Type": "Item", "No": "1000", **fields}
    return bc.page("POST", "SalesOrderLines", body)


class TestUnits:
    def test_a_line_is_in_the_items_sales_unit_unless_a_unit_is_given(
        self, bc: BusinessCentral, sandbox: Sandbox
    ) -> None:
        boxed(sandbox)
        order(sandbox, lines=[])
        line = made(new_line(bc, Quantity=12))
        assert (line["Unit_of_Measure_Code"], line["Unit_Price"]) == ("BOX", Decimal("59.94"))
        line = made(new_line(bc, Unit_of_Measure_Code="PCS", Quantity=12))
        assert (line["Unit_of_Measure_Code"], line["Unit_Price"]) == ("PCS", Decimal("9.99"))

    def test_a_new_unit_looks_the_price_up_again(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        boxed(sandbox)
        order(sandbox, lines=[])
        line = made(new_line(bc, Quantity=1, Unit_Price=7, Unit_of_Measure_Code="PCS"))
        assert line["Unit_Price"] == Decimal("9.99")

    def test_a_unit_that_the_item_does_not_have_is_refused(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox, lines=[])
        answer = new_line(bc, Unit_of_Measure_Code="BOX", Quantity=1)
        refused(answer, "Internal_InvalidTableRelation", "Item Unit of Measure")

    def test_stock_moves_in_base_units(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        boxed(sandbox)
        order(sandbox, lines=[{"Type": "Item", "No.": "1000", "Quantity": 1}])
        sandbox.sales.ship("SO1")
        assert sandbox.bc.stock()["1000"] == 4

    def test_units_of_items_are_a_page_that_may_be_published(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        boxed(sandbox)
        assert bc.page("GET", "ItemUnitsOfMeasure").status == 404
        sandbox.bc.publish("ItemUnitsOfMeasure")
        (unit,) = bc.page("GET", "ItemUnitsOfMeasure").body["value"]
        assert (unit["Item_No"], unit["Code"], unit["Qty_per_Unit_of_Measure"]) == ("1000", "BOX", 6)


class TestSigns:
    def test_a_negative_line_beside_another(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox, lines=[{"Type": "Item", "No.": "1000", "Quantity": 2}])
        line = made(new_line(bc, Quantity=-1))
        assert (line["Line_Amount"], line["TotalSalesLine_Line_Amount"]) == (Decimal("-9.99"), Decimal("9.99"))
        sandbox.sales.post("SO1")
        assert sandbox.bc.stock()["1000"] == 9

    def test_nobody_ships_less_than_was_shipped(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        sandbox.sales.ship("SO1", {10000: 2})
        sandbox.sales.reopen("SO1")
        for quantity in (1, -3):
            answer = bc.page("PATCH", LINE, {"Quantity": quantity}, etag="*")
            refused(answer, "Application_FieldValidationException", "must not be less than 2")


class TestCurrencies:
    @pytest.mark.parametrize(("code", "discount"), [("JPY", 3), ("RSD", Decimal("2.61")), ("KWD", Decimal("2.613"))])
    def test_amounts_have_the_decimals_of_the_documents_currency(
        self, bc: BusinessCentral, sandbox: Sandbox, code: str, discount: object
    ) -> None:
        order(sandbox, **{"Currency Code": code}, lines=[])
        line = made(new_line(bc, Quantity=1, Unit_Price=100, Line_Discount_Amount=2.6134))
        assert line["Line_Discount_Amount"] == discount

    def test_the_companys_own_are_those_of_the_general_ledger_set_up(
        self, bc: BusinessCentral, sandbox: Sandbox
    ) -> None:
        sandbox.bc.change("General Ledger Setup", "", **{"Amount Decimal Places": "0:0"})
        order(sandbox, lines=[])
        assert made(new_line(bc, Quantity=3))["Line_Amount"] == 30

    def test_what_the_api_says_of_currencies(self, bc: BusinessCentral) -> None:
        found = {row["code"]: row for row in bc.entity("GET", "currencies").body["value"]}
        places = {code: found[code]["amountDecimalPlaces"] for code in ("JPY", "CHF", "KWD")}
        assert places == {"JPY": "0:0", "CHF": "2:2", "KWD": "3:3"}
        # This is the rounding of whole invoices, whatever the property's name says.
        assert found["CHF"]["amountRoundingPrecision"] == Decimal("0.05")


class TestTaxes:
    def liable(self, sandbox: Sandbox) -> None:
        sandbox.bc.change("Customer", "C1", **{"Tax Liable": True, "Tax Area Code": "ATLANTA"})
        sandbox.bc.change("Item", "1000", **{"Tax Group Code": "TAXABLE", "Unit Price": 10})

    def test_a_liable_customers_draft_bears_tax_until_its_lines_are_of_another_group(
        self, bc: BusinessCentral, sandbox: Sandbox
    ) -> None:
        self.liable(sandbox)
        draft = made(bc.entity("POST", "salesInvoices", {"customerNumber": "C1"}))
        lines = f"salesInvoices({draft['id']})/salesInvoiceLines"
        line = made(bc.entity("POST", lines, {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 1}))
        assert (line["taxCode"], line["amountIncludingTax"]) == ("TAXABLE", Decimal("10.7"))
        assert bc.entity("GET", f"salesInvoices({draft['id']})").body["totalTaxAmount"] == Decimal("0.7")
        made(bc.entity("PATCH", f"salesInvoiceLines({line['id']})", {"taxCode": "NONTAXABLE"}, etag="*"))
        assert bc.entity("GET", f"salesInvoices({draft['id']})").body["totalAmountIncludingTax"] == 10

    def test_prices_including_vat_are_the_customers(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.change("Customer", "C1", **{"Prices Including VAT": True})
        assert made(bc.page("POST", "SalesOrders", {"Sell_to_Customer_No": "C1"}))["Prices_Including_VAT"] is True
        body = {"Sell_to_Customer_No": "C1", "Prices_Including_VAT": False}
        assert made(bc.page("POST", "SalesOrders", body))["Prices_Including_VAT"] is False
        assert made(bc.entity("POST", "salesInvoices", {"customerNumber": "C1"}))["pricesIncludeTax"] is True


class TestPosting:
    def test_nothing_is_posted_without_a_posting_date(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {"customerNumber": "C1", "postingDate": "0001-01-01"}
        draft = made(bc.entity("POST", "salesInvoices", body))
        lines = f"salesInvoices({draft['id']})/salesInvoiceLines"
        made(bc.entity("POST", lines, {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 1}))
        answer = bc.entity("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.post")
        refused(answer, "Application_FieldValidationException", "Posting Date must have a value")


class TestShipped:
    def test_the_api_calls_an_untouched_order_fully_shipped_and_the_page_does_not(
        self, bc: BusinessCentral, sandbox: Sandbox
    ) -> None:
        identifier = order(sandbox)

        def shown() -> tuple[bool, bool]:
            page = bc.page("GET", "SalesOrders(Document_Type='Order',No='SO1')").body
            return bc.entity("GET", f"salesOrders({identifier})").body["fullyShipped"], page["Completely_Shipped"]

        assert shown() == (True, False)
        sandbox.sales.ship("SO1", {10000: 1})
        assert shown() == (False, False)
        sandbox.sales.ship("SO1")
        assert shown() == (True, True)

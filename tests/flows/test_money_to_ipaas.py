"""Amounts, units and currencies of documents on their way to iPaaS.com, through real HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from shop import BICYCLE, children, order, set_up, transaction

from include.errors import ErrorKind
from include.sandbox.bc.units import add_unit

ORDERS, INVOICES = "sales_order_to_ipaas", "sales_invoice_to_ipaas"
BOXES = {"Type": "Item", "No.": "1000", "Unit of Measure Code": "BOX", "Quantity": 2, "Unit Price": 250}


@pytest.fixture
def company(bench: Bench) -> Bench:
    """A company that sells bicycles, stocked in pieces, in boxes of five too."""
    set_up(bench)
    add_unit(bench.sandbox.bc, "1000", "BOX", 5)
    bench.sandbox.bc.publish("ItemUnitsOfMeasure")
    return bench


def line_of(bench: Bench, number: str, line_no: int = 10000) -> dict[str, Any]:
    """A line of a document's transaction."""
    return children(bench, transaction(bench, number), "lines")[f"{number}|{line_no}"]


class TestUnits:
    def test_a_line_in_another_unit_is_sent_in_base_units(self, company: Bench) -> None:
        number = order(company, BOXES)
        report = company.run(ORDERS)
        line = line_of(company, number)
        assert (line["qty"], line["unit_price"], line["extended_price"]) == (10, 50, 500)
        assert transaction(company, number)["total_qty"] == 10
        assert outcome_of(report, number).notes == ("Line 10000 (1000): 2 BOX are 10 PCS.",)

    def test_what_is_shipped_of_it_too(self, company: Bench) -> None:
        number = order(company, BOXES, BICYCLE)
        company.sandbox.sales.ship(number, {10000: 1})
        company.run(ORDERS)
        assert (line_of(company, number)["qty_shipped"], line_of(company, number, 20000)["qty_shipped"]) == (5, 0)

    def test_an_invoice_and_the_order_that_it_is_a_part_of(self, company: Bench) -> None:
        number = order(company, BOXES)
        company.run(ORDERS)
        company.sandbox.sales.ship(number, {10000: 1})
        invoice = company.sandbox.sales.invoice(number)
        assert invoice is not None
        company.run(INVOICES)
        line = line_of(company, invoice["No."])
        assert (line["qty"], line["unit_price"], line["extended_price"]) == (5, 50, 250)
        assert line_of(company, number)["qty_shipped"] == 5

    def test_a_unit_of_unknown_size_is_refused_naming_the_page(self, company: Bench) -> None:
        company.sandbox.bc.unpublish("ItemUnitsOfMeasure")
        number, other = order(company, BOXES), order(company, BICYCLE)
        report = company.run(ORDERS)
        outcome = outcome_of(report, number)
        assert (outcome.result, outcome.kind) == ("failed", ErrorKind.rejected)
        assert "2 BOX of item 1000" in outcome.message and "ItemUnitsOfMeasure" in outcome.advice
        assert outcome_of(report, other).result == "created"

    @pytest.mark.parametrize("flow", [ORDERS, INVOICES])
    def test_nobody_is_told_to_publish_that_page_once_only_copies_can_be_published(
        self, company: Bench, flow: str
    ) -> None:
        number = order(company, BOXES)
        company.sandbox.sales.ship(number, {10000: 1})
        invoice = company.sandbox.sales.invoice(number)
        assert invoice is not None
        company.sandbox.switches.pages_ended = True
        outcome = outcome_of(company.run(flow), number if flow == ORDERS else invoice["No."])
        assert "how many PCS a BOX holds cannot be read" in outcome.message
        assert "publish a copy of page 5404 (Item Units of Measure)" in outcome.advice

    def test_a_unit_that_the_item_lacks_by_now_is_named(self, company: Bench) -> None:
        number = order(company, BOXES)
        units = company.sandbox.bc.rows("Item Unit of Measure")
        company.sandbox.bc.remove("Item Unit of Measure", next(row for row in units if row["Code"] == "BOX"))
        outcome = outcome_of(company.run(ORDERS), number)
        assert outcome.advice == "Give item 1000 the unit BOX again in Business Central, or change the line's unit."

    def test_a_field_of_the_line_may_tell_its_size(self, company: Bench) -> None:
        company.sandbox.bc.unpublish("ItemUnitsOfMeasure")
        company.sandbox.bc.extend("SalesOrderLines", "Qty_per_Unit_of_Measure", "Qty. per Unit of Measure")
        number = order(company, BOXES)
        company.run(ORDERS)
        assert line_of(company, number)["qty"] == 10

    @pytest.mark.parametrize("part", [True, False])
    def test_of_an_invoice_it_may_be_what_its_order_tells(self, company: Bench, part: bool) -> None:
        """API v2.0 tells no size of an invoice's line. Once the order is gone there is nothing to go by, which is said."""
        company.sandbox.bc.unpublish("ItemUnitsOfMeasure")
        company.sandbox.bc.extend("SalesOrderLines", "Qty_per_Unit_of_Measure", "Qty. per Unit of Measure")
        number = order(company, BOXES)
        company.run(ORDERS)
        company.sandbox.sales.ship(number, {10000: 1 if part else 2})
        invoice = company.sandbox.sales.invoice(number)
        assert invoice
        outcome = outcome_of(company.run(INVOICES), str(invoice["No."]))
        assert outcome.result == "created" or "ItemUnitsOfMeasure" in outcome.advice


class TestCurrencies:
    @pytest.mark.parametrize("pages_ended", [False, True])
    def test_a_foreign_one_is_named_and_the_companys_own_is_not(self, company: Bench, pages_ended: bool) -> None:
        numbers = [order(company, BICYCLE, **{"Currency Code": code}) for code in ("EUR", "")]
        company.sandbox.switches.pages_ended = pages_ended
        company.run(ORDERS)
        assert [transaction(company, number).get("currency_code") for number in numbers] == ["EUR", None]

    def test_of_an_invoice_too(self, company: Bench) -> None:
        numbers = [order(company, BICYCLE, **{"Currency Code": code}) for code in ("EUR", "")]
        posted = [company.sandbox.sales.post(number)["No."] for number in numbers]  # type: ignore[index]
        company.run(INVOICES)
        assert [transaction(company, number).get("currency_code") for number in posted] == ["EUR", None]

    def test_without_a_field_for_it_a_note_names_it_each_time_an_order_is_written(self, company: Bench) -> None:
        company.sandbox.switches.transaction_currency = False
        number = order(company, BICYCLE, **{"Currency Code": "EUR"})
        for _ in range(2):
            (note,) = outcome_of(company.run(ORDERS), number).notes
            assert "Its amounts are in EUR" in note
            company.sandbox.sales.change_order(number, **{"Package Tracking No.": "1Z"})


class TestTieOut:
    @pytest.mark.parametrize("including", [False, True])
    def test_amounts_that_add_up_are_no_news(self, company: Bench, including: bool) -> None:
        lines = [
            {**BICYCLE, "Quantity": 3, "Unit Price": Decimal("19.99"), "Line Discount %": Decimal("7.5")},
            {"Type": "G/L Account", "No.": "40410", "Quantity": 1, "Unit Price": Decimal("7.5")},
        ]
        number = order(company, *lines, **{"Prices Including VAT": including, "Invoice Discount": Decimal("1.37")})
        company.settings["bc_create_defaults"] = {"sales_order": {"shipping_account": "40410"}}
        assert outcome_of(company.run(ORDERS), number).notes == ()
        found = transaction(company, number)
        tax = 0 if including else found["tax_amount"]
        assert found["subtotal"] + found["shipping_amount"] - Decimal("1.37") + tax == found["total"]


class TestShipped:
    @pytest.mark.parametrize("pages_ended", [False, True])
    def test_an_order_of_which_nothing_is_shipped_is_pending(self, company: Bench, pages_ended: bool) -> None:
        company.sandbox.switches.pages_ended = pages_ended
        number = order(company, BICYCLE)
        assert tally(company.run(ORDERS)) == {"read": 1, "created": 1}
        assert transaction(company, number)["status"] == "Pending"
        company.sandbox.sales.ship(number)
        company.run(ORDERS)
        assert transaction(company, number)["status"] == "Shipped"

"""Amounts, units and currencies of orders and invoices on their way from iPaaS.com, through real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from webshop import Shop, line, rejection

from include.sandbox.bc.units import add_unit
from include.sandbox.ipaas.platform import Record

ORDERS, INVOICES = "sales_order_from_ipaas", "invoice_from_ipaas"
SHIPPING = "40410"
DEFAULTS = {"invoice": {"shipping_account": SHIPPING, "tax_account": "22700", "payment_journal": "WEBSHOP"}}
Make = Callable[..., Shop]
Row = dict[str, Any]


@pytest.fixture
def make_shop(make_bench: Callable[..., Bench]) -> Make:
    """Makes shops with a customer and two items, with create defaults of one's choice."""

    def make(**defaults: Any) -> Shop:
        shop = Shop(make_bench(bc_create_defaults={**DEFAULTS, **defaults}))
        shop.customer()
        shop.item("1000")
        shop.item("1001")
        return shop

    return make


@pytest.fixture
def shop(make_shop: Make) -> Shop:
    """A shop with a customer and two items."""
    return make_shop()


def documents(shop: Shop, kind: str = "Order") -> list[Row]:
    return [row for row in shop.bench.sandbox.bc.rows("Sales Header") if row["Document Type"] == kind]


def lines(shop: Shop, kind: str = "Order") -> list[Row]:
    (document,) = documents(shop, kind)
    return shop.bench.sandbox.sales.lines(document["No."], kind)


class TestUnits:
    def boxed(self, shop: Shop) -> None:
        shop.bench.sandbox.bc.change("Item", "1000", **{"Sales Unit of Measure": "BOX"})
        add_unit(shop.bench.sandbox.bc, "1000", "BOX", 6)

    def test_a_line_is_in_the_base_unit_whatever_the_item_is_sold_in(self, shop: Shop) -> None:
        self.boxed(shop)
        record = shop.order(lines=[line("1000", 12)])
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        (row,) = lines(shop)
        assert (row["Quantity"], row["Unit of Measure Code"], row["Unit Price"]) == (12, "PCS", 10)
        assert tally(shop.bench.run(ORDERS, str(record["id"]))) == {"read": 1, "unchanged": 1}

    def test_of_an_invoice_too(self, shop: Shop) -> None:
        self.boxed(shop)
        shop.order(lines=[line("1000", 12)], status="Complete")
        assert tally(shop.bench.run(INVOICES)) == {"read": 1, "created": 1}
        (row,) = shop.bench.sandbox.bc.rows("Sales Invoice Line")
        assert (row["Quantity"], row["Unit of Measure Code"], row["Line Amount"]) == (12, "PCS", 120)

    def test_a_unit_that_the_line_names_and_the_item_has_is_its_unit(self, shop: Shop) -> None:
        self.boxed(shop)
        shop.bench.sandbox.bc.publish("ItemUnitsOfMeasure")
        shop.order(lines=[line("1000", 2, 60, unit="box")])
        shop.bench.run(ORDERS)
        (row,) = lines(shop)
        assert (row["Quantity"], row["Unit of Measure Code"], row["Line Amount"]) == (2, "BOX", 120)

    def test_where_the_units_of_items_cannot_be_read_boxes_are_not_counted_as_pieces(self, shop: Shop) -> None:
        self.boxed(shop)
        shop.order(lines=[line("1000", 2, 60, unit="BOX")])
        record = shop.order(transaction_number="WEB-2", lines=[line("1001", 2, 60, unit="BOX")])
        said = rejection(shop.bench.run(ORDERS), record)
        assert "BOX" in said and "Item Unit of Measure" in said
        rows = [row for row in shop.bench.sandbox.bc.rows("Sales Line") if row["No."] == "1000"]
        assert [(row["Quantity"], row["Unit of Measure Code"]) for row in rows] == [(2, "BOX")]

    def test_one_that_it_does_not_have_is_told(self, shop: Shop) -> None:
        record = shop.order(lines=[line("1000", 2, unit="bottle")])
        report = shop.bench.run(ORDERS)
        assert lines(shop)[0]["Unit of Measure Code"] == "PCS"
        assert "no unit 'bottle'" in outcome_of(report, str(record["id"])).notes[0]


class TestCurrencies:
    @pytest.mark.parametrize(
        ("code", "discount"), [("RSD", "12.34"), ("JPY", "12"), ("KWD", "12.345"), ("CHF", "12.35")]
    )
    def test_amounts_have_the_decimals_that_business_central_gives_them(
        self, shop: Shop, code: str, discount: str
    ) -> None:
        stated = {"RSD": "12.34"}.get(code, "12.345")
        total = Decimal(20) - Decimal(discount)
        shop.order(lines=[line("1000", 2, discount_amount=Decimal(stated))], currency_code=code, total=total)
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        assert lines(shop)[0]["Line Discount Amount"] == Decimal(discount)

    def test_those_of_the_companys_own_are_in_the_general_ledger_set_up(self, shop: Shop) -> None:
        bc = shop.bench.sandbox.bc
        bc.change("General Ledger Setup", "", **{"Amount Decimal Places": "3:3"})
        bc.publish("GeneralLedgerSetup")
        record = shop.order(lines=[line("1000", 2, discount_amount=Decimal("0.125"))], total=Decimal("19.875"))
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        assert lines(shop)[0]["Line Amount"] == Decimal("19.875")
        assert tally(shop.bench.run(ORDERS, str(record["id"]))) == {"read": 1, "unchanged": 1}


class TestOrders:
    def failed(self, shop: Shop, record: Record, *figures: str) -> str:
        """The order is there, linked and not released; the record failed, naming it and both figures."""
        said = rejection(shop.bench.run(ORDERS), record)
        (order,) = documents(shop)
        assert order["Status"] == "Open" and shop.link_of(record) == order["No."]
        assert [part for part in (order["No."], *figures) if part not in said] == []
        return said

    def test_prices_are_net_whatever_the_customers_are(self, shop: Shop) -> None:
        bc = shop.bench.sandbox.bc
        bc.change("Customer", "P1", **{"Prices Including VAT": True})
        bc.add(
            "VAT Posting Setup", {"VAT Bus. Posting Group": "DOMESTIC", "VAT Prod. Posting Group": "V20", "VAT %": 20}
        )
        bc.change("Item", "1000", **{"VAT Prod. Posting Group": "V20"})
        shop.order(lines=[line("1000", 2, 50)], tax_amount=20, total=120)
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        (order,) = documents(shop)
        assert (order["Prices Including VAT"], order["Amount"], order["Amount Including VAT"]) == (False, 100, 120)

    def test_what_was_taken_off_the_shipping_is_not_taken_off_the_goods(self, shop: Shop) -> None:
        record = shop.order(lines=[line("1000", 2, 24)], shipping_amount=6, discount_amount=6, total=48)
        report = shop.bench.run(ORDERS)
        assert documents(shop)[0]["Amount"] == 48
        assert "taken off the shipping" in outcome_of(report, str(record["id"])).notes[0]

    def test_shipping_is_a_line_on_its_account(self, make_shop: Make) -> None:
        shop = make_shop(sales_order={"shipping_account": SHIPPING})
        record = shop.order(lines=[line("1000")], shipping_amount=6)
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        assert [(row["Type"], row["No."], row["Line Amount"]) for row in lines(shop)] == [
            ("Item", "1000", 20),
            ("G/L Account", SHIPPING, 6),
        ]
        shop.change(record, shipping_amount=7, lines=[*record["lines"], line("1001")], total=47)
        assert tally(shop.bench.run(ORDERS, str(record["id"]))) == {"read": 1, "updated": 1}
        assert [(row["No."], row["Line Amount"]) for row in lines(shop)] == [
            ("1000", 20),
            (SHIPPING, 7),
            ("1001", 20),
        ]
        shop.bench.lose_ledger()
        assert tally(shop.bench.run(ORDERS, str(record["id"]))) == {"read": 1, "unchanged": 1}

    def test_an_exchange_has_both_lines(self, shop: Shop) -> None:
        shop.order(lines=[line("1000", -1), line("1001", 2)])
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        assert [(row["No."], row["Quantity"]) for row in lines(shop)] == [("1000", -1), ("1001", 2)]

    def test_an_order_that_comes_to_another_amount_fails_with_both_figures(self, shop: Shop) -> None:
        record = shop.order(lines=[{**line("1000", 2), "extended_price": 25}], total=25)
        self.failed(shop, record, "20", "25")
        shop.change(record, lines=[{**record["lines"][0], "extended_price": 20}], total=20)
        assert tally(shop.bench.run(ORDERS, str(record["id"]))) == {"read": 1, "unchanged": 1}
        assert len(documents(shop)) == 1

    def test_it_is_compared_again_when_business_central_changes(self, shop: Shop) -> None:
        record = shop.order(lines=[{**line("1000", 2), "extended_price": 25}], total=25)
        order = self.failed(shop, record) and documents(shop)[0]["No."]
        shop.bench.sandbox.sales.add_line(
            order, **{"Type": "G/L Account", "No.": SHIPPING, "Quantity": 1, "Unit Price": 5}
        )
        assert tally(shop.later(ORDERS)) == {"read": 1, "unchanged": 1}

    @pytest.mark.parametrize("total", [Decimal("20.05"), 15])
    def test_a_transaction_that_does_not_agree_with_itself_fails_with_both_figures(
        self, shop: Shop, total: object
    ) -> None:
        record = shop.order(lines=[line("1000", 2)], total=total)
        self.failed(shop, record, "make 20", f"its total is {total}")

    def test_prices_that_include_the_tax_fail(self, shop: Shop) -> None:
        record = shop.order(lines=[line("1000", 2, 60)], tax_amount=20, total=120)
        self.failed(shop, record, "make 140", "its total is 120")

    def test_rounding_by_a_unit_a_line_is_told(self, shop: Shop) -> None:
        record = shop.order(lines=[{**line("1000", 3, Decimal("3.335")), "extended_price": 10}], total=10)
        notes = outcome_of(shop.bench.run(ORDERS), str(record["id"])).notes
        assert "10.01" in notes[0] and "to 10: rounding" in notes[0]

    def test_without_pages_as_well(self, shop: Shop) -> None:
        shop.bench.sandbox.switches.pages_ended = True
        shop.order(lines=[line("1000", 2), line("1001", -1)], discount_amount=3)
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        assert documents(shop)[0]["Amount"] == 7
        record = shop.order(transaction_number="WEB-2", lines=[{**line("1000", 2), "extended_price": 25}], total=25)
        said = rejection(shop.bench.run(ORDERS), record)
        assert "comes to 20" in said and "to 25" in said


class TestThirdLine:
    def test_an_order_whose_third_line_is_refused_is_linked_and_completed_later(self, shop: Shop) -> None:
        shop.item("1002", **{"Gen. Prod. Posting Group": ""})
        shop.bench.sandbox.switches.posting_groups_required = True
        record = shop.order(lines=[line("1000"), line("1001"), line("1002")])
        said = rejection(shop.bench.run(ORDERS), record)
        (order,) = documents(shop)
        assert f"line 30000 of order {order['No.']}" in said
        assert shop.link_of(record) == order["No."]
        assert len(lines(shop)) == 2
        shop.bench.sandbox.bc.change("Item", "1002", **{"Gen. Prod. Posting Group": "RETAIL"})
        assert tally(shop.later(ORDERS)) == {"read": 1, "updated": 1}
        assert [row["No."] for row in lines(shop)] == ["1000", "1001", "1002"]
        assert len(documents(shop)) == 1


class TestInvoices:
    def liable(self, shop: Shop) -> None:
        bc = shop.bench.sandbox.bc
        bc.change("Customer", "P1", **{"Tax Liable": True, "Tax Area Code": "ATLANTA"})
        bc.change("Item", "1000", **{"Tax Group Code": "TAXABLE"})

    def test_tax_of_business_centrals_own_is_refused_naming_the_set_up(self, shop: Shop) -> None:
        self.liable(shop)
        record = shop.order(lines=[line("1000", 1)], status="Complete")
        said = rejection(shop.bench.run(INVOICES), record)
        assert [part for part in ("10.7", "0.7", "to 10 ", "Tax Liable", "no_tax_group") if part not in said] == []
        assert not shop.bench.sandbox.bc.rows("Sales Invoice Header")

    def test_with_a_group_that_bears_no_tax_it_is_posted(self, make_shop: Make) -> None:
        shop = make_shop(invoice={**DEFAULTS["invoice"], "no_tax_group": "NONTAXABLE"})
        self.liable(shop)
        shop.order(lines=[line("1000", 1)], status="Complete", tax_amount=1, shipping_amount=2)
        assert tally(shop.bench.run(INVOICES)) == {"read": 1, "created": 1}
        (invoice,) = shop.bench.sandbox.bc.rows("Sales Invoice Header")
        assert (invoice["Amount"], invoice["Amount Including VAT"]) == (13, 13)

    def test_tax_within_the_customers_prices_is_tax_all_the_same(self, shop: Shop) -> None:
        bc = shop.bench.sandbox.bc
        bc.change("Customer", "P1", **{"Prices Including VAT": True})
        bc.change("Item", "1000", **{"VAT Prod. Posting Group": "STANDARD"})
        record = shop.order(lines=[line("1000", 1, 11)], status="Complete", tax_amount=1)
        said = rejection(shop.bench.run(INVOICES), record)
        assert "of which 1 are tax of its own" in said

    def test_what_was_rounded_for_cash_is_refused_with_both_figures(self, shop: Shop) -> None:
        record = shop.order(lines=[line("1000", 1, Decimal("99.95"))], status="Complete", total=100)
        said = rejection(shop.bench.run(INVOICES), record)
        assert "99.95" in said and "to 100 " in said
        assert not shop.bench.sandbox.bc.rows("Sales Invoice Header")

    def test_negative_lines_and_dinars(self, shop: Shop) -> None:
        amounts = {"lines": [line("1000", -1, Decimal("1.235")), line("1001", 2, Decimal("3.335"))]}
        shop.order(status="Complete", currency_code="KWD", total=Decimal("5.435"), **amounts)
        assert tally(shop.bench.run(INVOICES)) == {"read": 1, "created": 1}
        (invoice,) = shop.bench.sandbox.bc.rows("Sales Invoice Header")
        assert invoice["Amount Including VAT"] == Decimal("5.435")


class TestDates:
    @pytest.mark.parametrize(
        "moment", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "0001-01-01", "1752-12-31T23:59:59Z"]
    )
    def test_a_blank_date_is_none_and_is_named(self, shop: Shop, moment: str) -> None:
        record = shop.order(created_datetime=moment)
        assert "created_datetime" in rejection(shop.bench.run(ORDERS), record)
        assert not documents(shop)

    def test_seven_digits_after_the_point_are_read(self, shop: Shop) -> None:
        shop.order(created_datetime="2026-03-01T12:00:00.1234567Z")
        assert tally(shop.bench.run(ORDERS)) == {"read": 1, "created": 1}
        assert documents(shop)[0]["Order Date"] == "2026-03-01"

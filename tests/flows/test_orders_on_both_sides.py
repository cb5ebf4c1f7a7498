"""Sales orders from iPaaS.com that both sides edit: Business Central receives what the transaction changed since they last
agreed, and nothing that was decided there is overwritten. On pages, and through API v2.0 where they have ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from webshop import ADDRESS, Outage, Shop, line, rejection

from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sync.outcomes import Outcome, Result

FLOW = "sales_order_from_ipaas"
SHIPPING = "40410"
Row = dict[str, Any]
Make = Callable[..., Shop]


@pytest.fixture(params=["pages", "without pages"])
def make_shop(make_bench: Callable[..., Bench], request: pytest.FixtureRequest) -> Make:
    """Makes shops with a customer and three items, with Variables of one's choice."""

    def make(**settings: Any) -> Shop:
        shop = Shop(make_bench(**settings))
        shop.bench.sandbox.switches.pages_ended = request.param == "without pages"
        shop.customer()
        for no in ("1000", "1001", "1002"):
            shop.item(no)
        return shop

    return make


@pytest.fixture
def shop(make_shop: Make) -> Shop:
    """A shop with a customer and three items."""
    return make_shop()


@pytest.fixture
def record(shop: Shop) -> Record:
    """A transaction that has become an order of two lines."""
    return agreed(shop)


def agreed(shop: Shop, **fields: Any) -> Record:
    """A transaction that has become an order."""
    record = shop.order(**fields)
    assert tally(shop.bench.run(FLOW, str(record["id"]))) == {"read": 1, "created": 1}
    shop.bench.sandbox.counters.reset()
    return record


def the_order(shop: Shop) -> Row:
    (order,) = (row for row in shop.bench.sandbox.bc.rows("Sales Header") if row["Document Type"] == "Order")
    return order


def number(shop: Shop) -> str:
    return str(the_order(shop)["No."])


def lines(shop: Shop) -> list[tuple[Any, ...]]:
    """(number, item, quantity, price) of the order's lines."""
    rows = shop.bench.sandbox.sales.lines(number(shop))
    return [(row["Line No."], row["No."], row["Quantity"], row["Unit Price"]) for row in rows]


def discount(shop: Shop) -> Any:
    return the_order(shop)["Invoice Discount"]


def run(shop: Shop, record: Record, result: str, **options: Any) -> Outcome:
    """What becomes of the transaction; the counts are that and nothing else."""
    shop.bench.sandbox.counters.reset()
    report = shop.bench.run(FLOW, str(record["id"]), **options)
    assert tally(report) == {"read": 1, result: 1}, report.outcomes
    if result == "unchanged":
        assert shop.bench.writes() == 0
    return outcome_of(report, str(record["id"])) if report.outcomes else Outcome(key="", result=Result(result))


def changes(outcome: Outcome) -> list[tuple[str, Any, Any]]:
    return [(change.field, change.before, change.after) for change in outcome.changes]


def accountant(shop: Shop, line_no: int, **fields: Any) -> None:
    """An edit of a line in Business Central."""
    shop.bench.sandbox.sales.change_line(number(shop), line_no, **{k.replace("_", " "): v for k, v in fields.items()})


def edit_line(shop: Shop, record: Record, of: str, **fields: Any) -> None:
    """An edit of a line in iPaaS.com; the transaction's total moves with it."""
    entry = next(entry for entry in record["lines"] if entry["sku"] == of)
    shop.change(record, lines=[{"id": entry["id"], **fields}])
    total(shop, record)


def total(shop: Shop, record: Record) -> None:
    goods = sum(Decimal(e["qty"]) * Decimal(e["unit_price"]) - (e.get("discount_amount") or 0) for e in record["lines"])
    shop.change(
        record, total=goods - Decimal(record.get("discount_amount") or 0) + (record.get("shipping_amount") or 0)
    )


def unrelated(shop: Shop, record: Record) -> None:
    """A change of the transaction that is about nothing else than its number."""
    shop.change(record, transaction_number="WEB-1B")


class TestWhatTheAccountantChanged:
    """Then the transaction changes in something else: that arrives, and nothing else is written."""

    def test_a_line_stays(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=4, Unit_Price=9)
        unrelated(shop, record)
        outcome = run(shop, record, "updated")
        assert lines(shop) == [(10000, "1000", 4, 9), (20000, "1001", 3, 10)]
        assert changes(outcome) == [("External_Document_No", "WEB-1", "WEB-1B")]
        assert shop.bench.sandbox.counters.of("business_central", "POST", "PATCH", "DELETE") == 1

    def test_the_difference_that_it_makes_is_a_note_with_both_figures(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=4)
        unrelated(shop, record)
        (note,) = run(shop, record, "updated").notes
        assert "comes to 70 before tax" in note and "transaction to 50" in note
        assert f"lines[{number(shop)}|10000] (Quantity '2' → '4')" in note

    def test_any_other_difference_still_fails_with_both_figures(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=4)
        entry = record["lines"][1]
        shop.change(record, lines=[{"id": entry["id"], "extended_price": 35}], total=55)
        said = rejection(shop.bench.run(FLOW, str(record["id"])), record)
        assert "comes to 70" in said and "to 55" in said

    def test_a_line_that_was_taken_out_stays_out(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.remove_line(number(shop), 20000)
        unrelated(shop, record)
        outcome = run(shop, record, "updated")
        assert lines(shop) == [(10000, "1000", 2, 10)]
        assert changes(outcome) == [("External_Document_No", "WEB-1", "WEB-1B")]
        assert "(removed)" in outcome.notes[0]

    def test_a_line_that_was_added_stays_and_new_ones_come_after_it(self, shop: Shop, record: Record) -> None:
        added = {"Type": "Item", "No.": "1001", "Quantity": 1, "Unit Price": 1}
        shop.bench.sandbox.sales.add_line(number(shop), **added)
        shop.change(record, lines=[line("1002", 1, 7)], total=57)
        no = number(shop)
        assert changes(run(shop, record, "updated")) == [
            (f"lines[{no}|40000].Type", None, "Item"),
            (f"lines[{no}|40000].No", None, "1002"),
            (f"lines[{no}|40000].Unit_of_Measure_Code", None, "PCS"),
            (f"lines[{no}|40000].Quantity", None, 1),
            (f"lines[{no}|40000].Unit_Price", None, 7),
            (f"lines[{no}|40000].Line_Discount_Amount", None, 0),
        ]
        assert [entry[:2] for entry in lines(shop)][2:] == [(30000, "1001"), (40000, "1002")]

    def test_another_item_on_the_line_stays(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, **{"No.": "1002", "Quantity": 2, "Unit Price": 12})
        unrelated(shop, record)
        run(shop, record, "updated")
        assert lines(shop)[0] == (10000, "1002", 2, 12)

    def test_the_invoice_discount_stays(self, shop: Shop) -> None:
        record = agreed(shop, discount_amount=5)
        the_order(shop)["Invoice Discount"] = Decimal(8)
        shop.bench.sandbox.sales.change_line(number(shop), 10000)
        edit_line(shop, record, "1001", qty=4)
        outcome = run(shop, record, "updated")
        assert discount(shop) == 8
        assert "discount ('5' → '8')" in outcome.notes[0] and "comes to 52" in outcome.notes[0]

    def test_a_date_stays(self, shop: Shop, record: Record) -> None:
        name = "Document Date" if shop.bench.sandbox.switches.pages_ended else "Order Date"
        shop.bench.sandbox.sales.change_order(number(shop), **{name: "2026-04-01"})
        edit_line(shop, record, "1000", qty=5)
        run(shop, record, "updated")
        assert the_order(shop)[name] == "2026-04-01"

    def test_shipping_that_was_taken_out_stays_out(self, make_shop: Make) -> None:
        shop = make_shop(bc_create_defaults={"sales_order": {"shipping_account": SHIPPING}})
        record = agreed(shop, shipping_amount=6)
        added = {"Type": "Item", "No.": "1002", "Quantity": 1, "Unit Price": 1}
        shop.bench.sandbox.sales.add_line(number(shop), **added)
        shop.bench.sandbox.sales.remove_line(number(shop), 30000)
        unrelated(shop, record)
        run(shop, record, "updated")
        assert [entry[:2] for entry in lines(shop)] == [(10000, "1000"), (20000, "1001"), (40000, "1002")]

    def test_shipping_that_the_transaction_takes_back_is_removed(self, make_shop: Make) -> None:
        shop = make_shop(bc_create_defaults={"sales_order": {"shipping_account": SHIPPING}})
        record = agreed(shop, shipping_amount=6)
        shop.change(record, shipping_amount=0, total=50)
        outcome = run(shop, record, "updated")
        assert len(lines(shop)) == 2
        assert changes(outcome) == [(f"lines[{number(shop)}|30000]", f"1 x {SHIPPING}", None)]

    def test_a_released_order_does_not_fail_for_it(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=4)
        shop.bench.sandbox.sales.release(number(shop))
        edit_line(shop, record, "1000", qty=5)
        assert "gave way" in run(shop, record, "unchanged").notes[0]
        edit_line(shop, record, "1001", qty=6)
        said = rejection(shop.bench.run(FLOW, str(record["id"])), record)
        assert f"differs in lines[{number(shop)}|20000].Quantity ('3' there, '6' in iPaaS.com)." in said

    def test_by_force_everything_is_as_the_transaction_says(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=4)
        shop.bench.sandbox.sales.remove_line(number(shop), 20000)
        run(shop, record, "updated", force=True)
        assert lines(shop) == [(10000, "1000", 2, 10), (20000, "1001", 3, 10)]

    def test_when_the_ledger_is_lost_the_order_is_compared_with_its_transaction(
        self, shop: Shop, record: Record
    ) -> None:
        accountant(shop, 10000, Quantity=4)
        shop.bench.lose_ledger()
        outcome = run(shop, record, "updated")
        assert lines(shop)[0] == (10000, "1000", 2, 10)
        assert (f"lines[{number(shop)}|10000].Quantity", 4, 2) in changes(outcome)

    def test_a_line_that_is_dropped_after_the_ledger_was_lost_leaves_the_order(
        self, shop: Shop, record: Record
    ) -> None:
        shop.bench.lose_ledger()
        run(shop, record, "unchanged")
        shop.drop_line(record, "1001")
        total(shop, record)
        run(shop, record, "updated")
        assert lines(shop) == [(10000, "1000", 2, 10)]


class TestBothChangedSomethingElse:
    """Both changes arrive."""

    def test_of_one_line(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Unit_Price=9)
        edit_line(shop, record, "1000", qty=5)
        outcome = run(shop, record, "updated")
        assert lines(shop)[0] == (10000, "1000", 5, 9)
        assert changes(outcome) == [(f"lines[{number(shop)}|10000].Quantity", 2, 5)]
        assert not any("gave way" in note for note in outcome.notes)

    def test_of_two_lines_and_the_discount(self, shop: Shop, record: Record) -> None:
        accountant(shop, 20000, Quantity=1)
        shop.change(record, discount_amount=2)
        edit_line(shop, record, "1000", qty=5)
        outcome = run(shop, record, "updated")
        assert (lines(shop), discount(shop)) == ([(10000, "1000", 5, 10), (20000, "1001", 1, 10)], 2)
        assert changes(outcome)[1:] == [("discount", 0, 2)]

    def test_of_an_address(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.change_order(number(shop), **{"Ship-to Contact": "Ramp 7"})
        shop.change(record, addresses=[{"id": record["addresses"][0]["id"], **ADDRESS, "address_2": "Gate 4"}])
        run(shop, record, "updated")
        order = the_order(shop)
        assert (order["Ship-to Contact"], order["Ship-to Address 2"]) == ("Ramp 7", "Gate 4")
        assert (order["Ship-to City"], order["Ship-to Name"]) == ("Chicago", "Anna Berg")

    def test_a_first_address_leaves_the_phone_that_was_entered_meanwhile(self, shop: Shop) -> None:
        record = agreed(shop, addresses=[])
        shop.bench.sandbox.sales.change_order(number(shop), **{"Ship-to Phone No.": "+1 555 0107"})
        shop.change(record, addresses=[ADDRESS])
        run(shop, record, "updated")
        order = the_order(shop)
        assert (order["Ship-to Phone No."], order["Ship-to City"]) == ("+1 555 0107", "Chicago")

    def test_and_then_nothing_is_left_to_do(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Unit_Price=9)
        edit_line(shop, record, "1000", qty=5)
        run(shop, record, "updated")
        run(shop, record, "unchanged")
        shop.change(record, transaction_number="WEB-1B")
        assert [name for name, _, _ in changes(run(shop, record, "updated"))] == ["External_Document_No"]
        assert lines(shop)[0] == (10000, "1000", 5, 9)


class TestBothChangedTheSame:
    """Business Central decides about lines and amounts; the line of the record says which value gave way."""

    def test_quantity(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=4)
        edit_line(shop, record, "1000", qty=5)
        outcome = run(shop, record, "unchanged")
        assert lines(shop)[0] == (10000, "1000", 4, 10)
        gave_way = outcome.notes[0]
        assert f"lines[{number(shop)}|10000].Quantity" in gave_way and "'5' of iPaaS.com gave way to '4'" in gave_way
        assert "comes to 70" in outcome.notes[1] and "to 80" in outcome.notes[1]

    def test_the_one_that_gave_way_goes_on_when_business_central_takes_its_own_back(
        self, shop: Shop, record: Record
    ) -> None:
        accountant(shop, 10000, Quantity=4)
        edit_line(shop, record, "1000", qty=5)
        run(shop, record, "unchanged")
        accountant(shop, 10000, Quantity=2)
        unrelated(shop, record)
        run(shop, record, "updated")
        assert lines(shop)[0] == (10000, "1000", 5, 10)

    def test_the_same_value_is_no_conflict(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=5)
        edit_line(shop, record, "1000", qty=5)
        assert not run(shop, record, "unchanged").notes

    def test_discount(self, shop: Shop, record: Record) -> None:
        the_order(shop)["Invoice Discount"] = Decimal(8)
        shop.bench.sandbox.sales.change_line(number(shop), 10000)
        shop.change(record, discount_amount=5)
        total(shop, record)
        outcome = run(shop, record, "unchanged")
        assert discount(shop) == 8
        assert "discount was changed on both sides: '5' of iPaaS.com gave way to '8'" in outcome.notes[0]

    def test_a_line_taken_out_there_and_changed_here_stays_out(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.remove_line(number(shop), 20000)
        edit_line(shop, record, "1001", qty=7)
        outcome = run(shop, record, "unchanged")
        assert len(lines(shop)) == 1
        assert "from '3' to '7'" in outcome.notes[0] and "gave way" in outcome.notes[0]

    def test_a_line_taken_out_here_and_changed_there_stays(self, shop: Shop, record: Record) -> None:
        accountant(shop, 20000, Quantity=1)
        shop.drop_line(record, "1001")
        total(shop, record)
        outcome = run(shop, record, "unchanged")
        assert lines(shop)[1] == (20000, "1001", 1, 10)
        assert "Quantity from '3' to '1'" in outcome.notes[0] and "gave way" in outcome.notes[0]
        # It stays known, and is not taken for somebody's own with the next change.
        unrelated(shop, record)
        run(shop, record, "updated")
        assert lines(shop)[1] == (20000, "1001", 1, 10)

    def test_a_line_of_another_item_is_one_thing_with_its_quantity(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Quantity=4)
        edit_line(shop, record, "1000", sku="1002", unit_price=99)
        outcome = run(shop, record, "unchanged")
        assert lines(shop)[0] == (10000, "1000", 4, 10)
        assert any("'1002' of iPaaS.com gave way to '1000'" in note for note in outcome.notes)

    def test_a_line_of_another_item_is_another_line_than_the_one_taken_out(self, shop: Shop, record: Record) -> None:
        shop.bench.sandbox.sales.remove_line(number(shop), 10000)
        edit_line(shop, record, "1000", sku="1002")
        run(shop, record, "updated")
        assert (10000, "1002", 2, 10) in lines(shop)

    @pytest.mark.parametrize("later", ["bc", "ipaas"])
    def test_of_a_place_the_later_change_wins_as_a_whole(self, shop: Shop, record: Record, later: str) -> None:
        shop.bench.sandbox.sales.change_order(number(shop), **{"Ship-to Address": "7 Depot"})
        shop.change(record, addresses=[{"id": record["addresses"][0]["id"], **ADDRESS, "address_2": "Gate 4"}])
        hour = timedelta(hours=1 if later == "ipaas" else -1)
        record["updated_datetime"] = (datetime.now(UTC) + hour).isoformat()
        report = shop.bench.run(FLOW, str(record["id"]))
        order = the_order(shop)
        here = (order["Ship-to Address"], order["Ship-to Address 2"])
        assert here == (("7 Depot", "") if later == "bc" else ("2 Dock Road", "Gate 4"))
        notes = outcome_of(report, str(record["id"])).notes
        assert any("Ship_to_Address" in note and "gave way" in note and "later" in note for note in notes)


class TestCutOff:
    """What an unfinished try has written is this flow's own, and no change of Business Central's."""

    def cut(self, shop: Shop, record: Record, method: str, nth: int) -> None:
        last = Fault(system="business_central", method=method, path="/Sales|salesOrders", skip=nth, lost=True)
        shop.bench.sandbox.faults.rules += [last, Outage(after=last)]
        shop.bench.run(FLOW, str(record["id"]))
        shop.bench.sandbox.faults.clear()
        assert last.times == 0

    @pytest.mark.parametrize("nth", [0, 1])
    def test_the_transaction_may_change_once_more_meanwhile(self, shop: Shop, record: Record, nth: int) -> None:
        edit_line(shop, record, "1000", qty=5)
        edit_line(shop, record, "1001", qty=6)
        self.cut(shop, record, "PATCH", nth)
        edit_line(shop, record, "1000", qty=7)
        edit_line(shop, record, "1001", qty=8)
        outcome = run(shop, record, "updated")
        assert lines(shop) == [(10000, "1000", 7, 10), (20000, "1001", 8, 10)]
        assert not outcome.notes

    def test_what_was_sent_along_of_the_accountants_stays_his(self, shop: Shop, record: Record) -> None:
        accountant(shop, 10000, Unit_Price=9)
        shop.bench.sandbox.sales.change_order(number(shop), **{"Ship-to Name": "Back door"})
        edit_line(shop, record, "1000", qty=5)
        shop.change(record, addresses=[{"id": record["addresses"][0]["id"], "city": "Boston"}])
        self.cut(shop, record, "PATCH", 1)
        run(shop, record, "unchanged")
        assert lines(shop)[0] == (10000, "1000", 5, 9)
        assert (the_order(shop)["Ship-to Name"], the_order(shop)["Ship-to City"]) == ("Back door", "Boston")

    def test_a_discount_of_the_accountants_stays_when_lines_move_while_they_are_written(self, shop: Shop) -> None:
        record = agreed(shop, discount_amount=2)
        the_order(shop)["Invoice Discount"] = Decimal(5)
        shop.bench.sandbox.sales.change_line(number(shop), 10000)
        # Its share of the discount moves the second line, which is read again then.
        edit_line(shop, record, "1000", qty=5)
        edit_line(shop, record, "1001", qty=6)
        (note,) = run(shop, record, "updated").notes
        assert discount(shop) == 5
        assert "discount ('2' → '5')" in note

    def test_so_it_may_after_a_difference_was_refused(self, shop: Shop, record: Record) -> None:
        first = record["lines"][0]["id"]
        shop.change(record, lines=[{"id": first, "qty": 5, "extended_price": 60}], total=90)
        assert "comes to 80" in rejection(shop.bench.run(FLOW, str(record["id"])), record)
        shop.change(record, lines=[{"id": first, "qty": 6, "extended_price": 60}])
        assert not run(shop, record, "updated").notes
        assert lines(shop)[0] == (10000, "1000", 6, 10)

    def test_a_discount_that_a_line_reset_is_set_again(self, shop: Shop) -> None:
        record = agreed(shop, discount_amount=5)
        edit_line(shop, record, "1000", qty=5)
        self.cut(shop, record, "PATCH", 0)
        # Business Central works an order's discount out anew when a line of it is entered.
        the_order(shop)["Invoice Discount"] = Decimal(0)
        shop.bench.sandbox.sales.change_line(number(shop), 10000)
        outcome = run(shop, record, "updated")
        assert discount(shop) == 5
        assert (changes(outcome), outcome.notes) == ([("discount", 0, 5)], ())

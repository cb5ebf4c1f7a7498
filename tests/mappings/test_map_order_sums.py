"""What a transaction says its order comes to, and whether it agrees with itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.mappings.order_sums import SharedOut, share_out
from include.mappings.rounding import Rounding, rounding_of

CENT = Rounding()


def shared(*lines: Any, rounding: Rounding = CENT, **sums: Any) -> SharedOut:
    base = {"others": [], "discount": 0, "shipping": 0, "tax": 0, "total": None, "sends_shipping": False}
    return share_out({**base, "lines": list(lines), **sums}, lambda: rounding)


class TestShipping:
    def test_it_is_part_of_the_order_where_it_has_an_account(self) -> None:
        found = shared(48, shipping=6, total=54, sends_shipping=True)
        assert (found.net, found.shipping, found.discount, found.notes) == (54, 6, 0, ())

    def test_else_it_is_not_and_a_note_says_so(self) -> None:
        found = shared(48, shipping=6, total=54)
        assert (found.net, found.shipping) == (48, 0)
        assert "Shipping of 6 is no part of the order" in found.notes[0]

    def test_free_shipping_takes_nothing_off_the_goods(self) -> None:
        found = shared(48, shipping=6, discount=6, total=48)
        assert (found.net, found.discount, found.problem) == (48, 0, "")
        assert "taken off the shipping" in found.notes[0]

    def test_a_discount_on_goods_stays_one(self) -> None:
        found = shared(48, shipping=6, discount=10, total=44)
        assert (found.net, found.discount) == (38, 10)

    def test_the_total_tells_what_was_taken_off_it_without_being_a_discount(self) -> None:
        found = shared(48, shipping=6, total=50, sends_shipping=True)
        assert (found.net, found.shipping, found.problem) == (50, 2, "")


class TestOwnSums:
    @pytest.mark.parametrize(
        "sums",
        [
            {"total": Decimal("100.05")},  # rounded for cash
            {"tax": 20, "total": 100},  # prices that include the tax
            {"tax": 20, "total": 100, "shipping": 25},
            {"total": 90},
            {"others": [5], "total": 100},
        ],
    )
    def test_a_difference_that_nothing_explains_is_told_with_both_figures(self, sums: dict[str, Any]) -> None:
        found = shared(60, 40, **sums)
        assert f"its total is {sums['total']}" in found.problem and " make " in found.problem

    def test_lines_that_are_left_out_count_in_the_total_and_not_in_the_order(self) -> None:
        found = shared(60, others=[40], total=100)
        assert (found.net, found.problem) == (60, "")

    @pytest.mark.parametrize(
        ("places", "gap", "told"), [("2:2", "0.02", "note"), ("2:2", "0.03", "problem"), ("0:0", "2", "note")]
    )
    def test_a_unit_of_rounding_a_line_is_a_note(self, places: str, gap: str, told: str) -> None:
        found = shared(60, 40, total=100 + Decimal(gap), rounding=rounding_of(places))
        assert (bool(found.notes), bool(found.problem)) == (told == "note", told == "problem")


class TestRounding:
    @pytest.mark.parametrize(
        ("places", "precision", "decimals"),
        [
            ("2:2", 0, 2),
            ("0:0", 1, 0),
            ("3:3", "0.001", 3),
            ("2:2", "0.05", 2),
            ("", "0.001", 3),
            ("", 1, 0),
            ("", 0, 2),
        ],
    )
    def test_decimals_are_those_that_are_shown_at_most(self, places: str, precision: Any, decimals: int) -> None:
        assert rounding_of(places, precision).decimals == decimals

    @given(st.decimals(-(10**9), 10**9, places=5), st.integers(0, 3))
    def test_half_goes_away_from_zero(self, value: Decimal, decimals: int) -> None:
        rounding = Rounding(decimals=decimals)
        assert abs(rounding.of(value) - value) <= rounding.unit / 2
        assert rounding.of(-value) == -rounding.of(value)

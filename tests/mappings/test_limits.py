"""Texts are measured as Business Central measures them, and cut between characters only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import Rejected
from include.mappings.limits import code_units, cut, fit, number_fits
from include.mappings.names import first_address, with_first_address
from include.sync.values import fold


@pytest.mark.parametrize(
    ("text", "length", "kept"),
    [
        ("short", 99, "short"),
        ("x" * 100, 99, "x" * 99),
        ("🎩" * 60, 99, "🎩" * 49),
        ("ab👩‍🚀", 6, "ab"),
        ("ae\u0301", 2, "a"),
        ("👍🏽👍🏽", 7, "👍🏽"),
        ("🇨🇭🇩🇪", 6, "🇨🇭"),
        ("e\u0301\u0301\u0301", 2, "e\u0301"),
    ],
)
def test_a_cut_is_never_inside_a_character(text: str, length: int, kept: str) -> None:
    assert cut(text, length) == kept


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cut_fits_and_is_a_beginning(text: str, length: int) -> None:
    kept = cut(text, length)
    assert code_units(kept) <= length and text.startswith(kept)


def test_a_refusal_counts_alike() -> None:
    assert fit("Name", "🎩" * 50, 100) == "🎩" * 50
    with pytest.raises(Rejected, match="101 characters"):
        fit("Name", "🎩" * 50 + "x", 100)
    assert number_fits("🎩" * 10) and not number_fits("🎩" * 11)


@pytest.mark.parametrize(
    ("text", "first"),
    [("a@b.c", "a@b.c"), (" a@b.c ; d@e.f", "a@b.c"), (";d@e.f", "d@e.f"), ("", None), (None, None), (" ; ", None)],
)
def test_the_first_address_of_a_list(text: str | None, first: str | None) -> None:
    assert first_address(text) == first


@pytest.mark.parametrize(
    ("present", "written"),
    [("old@b.c", "new@b.c"), ("old@b.c; d@e.f", "new@b.c;d@e.f"), ("old@b.c;NEW@b.c", "new@b.c"), ("", "new@b.c")],
)
def test_another_first_address_keeps_the_others(present: str, written: str) -> None:
    assert with_first_address("new@b.c", present) == written


@pytest.mark.parametrize(
    ("one", "other"),
    [("c1", "C1"), ("1000\u00a0", "1000"), (" C1 ", "C1"), ("C1 |address", "c1|ADDRESS"), ("CT1\u202f|contact", "CT1|contact")],
)  # fmt: skip
def test_keys_fold_without_case_and_blanks_at_the_ends(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_keys_keep_the_blanks_inside() -> None:
    assert fold("A 1") == "A 1" != fold("A1")

"""JSON as it comes: what is strict is read fast, and says the same as what is read by a decoder that lets much pass."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import BadRecord
from include.transport import values
from include.transport.values import Record, Uncountable, loads

NUMBERS = st.one_of(
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.integers(min_value=1, max_value=500).map(lambda digits: 10**digits),
    st.integers(min_value=-600, max_value=600).map(lambda power: Decimal(f"1e{power}")),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.one_of(st.none(), st.booleans(), TEXTS, NUMBERS)
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=12)


def as_text(value: Any) -> str:
    """JSON of a value, each number as it is spelt."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{as_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_text, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def kinds(value: Any) -> Any:
    """A value with the type of each part of it."""
    if isinstance(value, dict):
        return type(value), [(name, kinds(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [kinds(item) for item in value]
    return type(value), str(value)


@given(JSON)
def test_both_decoders_say_the_same(value: Any) -> None:
    content = as_text(value).encode()
    assert kinds(loads(content)) == kinds(values._fit(values._LENIENT.decode(content.decode())))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.10", Decimal("1.10")),
        ("9" * 400, int("9" * 400)),
        ("9" * 401, Uncountable("9" * 401)),
        ("-" + "9" * 401, Uncountable("-" + "9" * 401)),
        ("9" * 5_000, Uncountable("9" * 5_000)),
        ("1e500", Uncountable("1e500")),
        ("NaN", Uncountable("NaN")),
        ('NaN, "\\u0000"', Uncountable("NaN")),
        ('"a\tb"', "a\tb"),
        ('"\\u0000x\\ud800"', "x"),
    ],
)
def test_what_is_odd_spoils_its_own_value_alone(text: str, value: Any) -> None:
    found = loads(f'{{"odd": [{text}], "sound": 1}}'.encode())
    assert kinds(found["odd"][0]) == kinds(value)
    assert found["sound"] == 1


@pytest.mark.parametrize("more", ["", ', "not strict": NaN'])
def test_a_field_that_is_missing_is_named(more: str) -> None:
    found = loads(f'{{"lines": [{{"id": 1{more}}}]}}'.encode())
    assert type(found) is type(found["lines"][0]) is Record
    with pytest.raises(BadRecord, match="number is missing"):
        found["lines"][0]["number"]


@pytest.mark.parametrize("text", ["", "[1,]", "01", "{", "1 2", "<html>"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text.encode())

"""Literals, keys, filters and queries as text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.business_central.odata import MAX_QUERY, MAX_VALUES, equals, groups, key_predicate, literal, one_of, query

GUID = "5d115c9c-44e3-ea11-bb43-000d3a2feca1"
# What codes and names of real tenants hold, and worse.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


def unquoted(text: str) -> str:
    """The value of a quoted literal, read as OData does: a doubled quote is a quote, a single one ends it."""
    assert text[0] == text[-1] == "'"
    inner = text[1:-1]
    assert "'" not in inner.replace("''", "")
    return inner.replace("''", "'")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("O'Brien", "'O''Brien'"),
        ("", "''"),
        (True, "true"),
        (10000, "10000"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (UUID(GUID), GUID),
        (date(2026, 5, 7), "2026-05-07"),
        (datetime(2026, 5, 7, 10, tzinfo=UTC), "2026-05-07T10:00:00.000Z"),
        (datetime(2026, 5, 7, 10, 0, 0, 123456, timezone(timedelta(hours=2))), "2026-05-07T08:00:00.123Z"),
    ],
)
def test_literals(value: object, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize("value", [None, 0.1, ["a"]])
def test_what_business_central_cannot_be_asked_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)


@given(TEXTS)
def test_any_text_survives_a_filter(text: str) -> None:
    assert unquoted(literal(text)) == text
    name, _, value = unquote(query({"$filter": equals("No", text)})).partition("=")
    assert name == "$filter"
    assert unquoted(value.removeprefix("No eq ")) == text


@given(TEXTS)
def test_any_text_survives_as_a_key_without_leaving_its_path_segment(text: str) -> None:
    path = key_predicate({"Document_Type": "Order", "No": text})
    assert not set(path) & set("/?#% ") - {"%"}
    assert path.isascii()
    inner = unquote(path)[1:-1]
    assert inner.startswith("Document_Type='Order',No=")
    assert unquoted(inner.removeprefix("Document_Type='Order',No=")) == text


def test_keys_of_every_kind() -> None:
    assert key_predicate("1906-S") == "('1906-S')"
    assert key_predicate("A/B 100%") == "('A%2FB%20100%25')"
    assert key_predicate(GUID) == f"({GUID})"
    assert key_predicate({"id": GUID}) == f"(id={GUID})"
    lines = {"Document_Type": "Order", "Document_No": "101005", "Line_No": 10000}
    assert key_predicate(lines) == "(Document_Type='Order',Document_No='101005',Line_No=10000)"


def test_ids_stand_without_quotes_and_only_ids_do() -> None:
    assert equals("id", GUID) == f"id eq {GUID}"
    assert equals("customerId", GUID) == f"customerId eq {GUID}"
    assert equals("externalDocumentNumber", GUID) == f"externalDocumentNumber eq '{GUID}'"
    assert equals("id", f"{GUID} or true") == f"id eq '{GUID} or true'"


@given(st.lists(TEXTS, max_size=350), st.integers(200, MAX_QUERY))
def test_filters_together_name_every_value_once_and_each_fits(values: list[str], room: int) -> None:
    filters = [one_of("No", group) for group in groups("No", values, room=room)]
    conditions = [condition for text in filters for condition in _split(text)]
    assert conditions == [equals("No", value) for value in dict.fromkeys(values)]
    for text in filters:
        parts = _split(text)
        assert len(parts) <= MAX_VALUES
        assert len(parts) == 1 or len(query({"$filter": text})) <= room + len("$filter=")


def _split(text: str) -> list[str]:
    """The conditions of a filter; `or` within quotes separates nothing."""
    parts, quoted, start = [], False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        if not quoted and text.startswith(" or ", position):
            parts.append(text[start:position])
            start = position + len(" or ")
    return [*parts, text[start:]]


def test_nothing_to_ask_for_asks_nothing() -> None:
    assert list(groups("No", [])) == []


def test_blanks_and_pluses_are_encoded_and_empty_options_left_out() -> None:
    text = query({"$filter": "No eq 'A+B & C'", "$select": "", "$expand": None})
    assert text == "$filter=No%20eq%20'A%2BB%20%26%20C'"


def test_three_hundred_numbers_full_of_slashes_fit_the_query_strings_they_are_cut_into() -> None:
    numbers = [f"GST/2024-25/MH/PUNE/WEB/ORD/{number:07}" for number in range(300)]
    filters = [one_of("External_Document_No", group) for group in groups("External_Document_No", numbers)]
    assert [len(query({"$filter": text})) <= 8_099 for text in filters] == [True] * len(filters)
    assert sum(text.count(" eq ") for text in filters) == 300

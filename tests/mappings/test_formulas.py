"""Formulas of custom fields: what they may cost."""

from __future__ import annotations

import tracemalloc

import pytest

from include.mappings.formulas import render
from tests.effort import calls_of

COSTLY = [
    "{{ range(10**9) | list }}",
    "{{ 'a' * 10**10 }}",
    "{{ 10**10 * 'a' }}",
    "{{ 9**9**9 }}",
    "{{ 9**9999 }}",
    "{{ [1] * 10**9 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 1000000000) }}",
    "{{ '{0:>{w}}'.format(1, w=1000000000) }}",
    "{{ '{n:1000000000}'.format_map({'n': 1}) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ 'a'.ljust(10**10) }}",
    "{{ 'a'.zfill(10**10) }}",
    "{{ 'a' | center(10**10) }}",
    "{{ ('a' * 99999).replace('a', 'a' * 99999) }}",
    "{{ 'a' * 99999 | replace('a', 'b' * 99999) }}",
    "{{ ('a' * 50000) | replace('a', 'bbbb') }}",
    "{{ ('b' * 90000).join(['a'] * 90000) }}",
    "{{ lipsum(n=10**6) }}",
    "{% for a in range(900) %}{% for b in range(900) %}{{ a }}{% endfor %}{% endfor %}",
    "{% for a in range(1000) %}{{ 'a' * 1000 }}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% set a = 'x' * 99999 %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'x' * 99999 %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ x" + " " * 20_000 + "}}",
]


@pytest.mark.parametrize("formula", COSTLY, ids=range(len(COSTLY)))
def test_what_would_cost_too_much_is_refused_before_it_is_made(formula: str) -> None:
    def refused() -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, the record is rejected with it
            render(formula, {"x": 1})

    tracemalloc.start()
    try:
        calls = calls_of(refused)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert calls < 1_000_000
    assert most < 50_000_000


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("{{ No }}-{{ Name | upper }}", "1-BOX"),
        ("{{ No ~ '/' ~ Name }}", "1/Box"),
        ("{% if Price > 5 %}dear{% else %}cheap{% endif %}", "dear"),
        ("{{ Price * 2 }}", "20"),
        ("{{ '%.2f' % Price }}", "10.00"),
        ("{{ '%.1f' | format(Price) }}", "10.0"),
        ("{{ Missing | default('none') }}", "none"),
        ("{{ Name[:2] }} {{ Name | length }} {{ Name.replace('o', '0') }}", "Bo 3 B0x"),
        ("{{ '{}: {:.2f}'.format(Name, Price) }}", "Box: 10.00"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
        ("{{ ['a', 'b'] | join(', ') }} {{ ', '.join(['a', 'b']) }}", "a, b a, b"),
        ("{{ 2 ** 10 }} {{ 7 % 4 }} {{ 'a' + 'b' }} {{ Empty }}", "1024 3 ab"),
        (
            "{{ 2.25 | round(1) }} {{ 123456789 | string }} {{ 'a b c d' | truncate(3, True, '', 0) }}",
            "2.2 123456789 a b",
        ),
        ("{{ [3, 1] | sort | first }} {{ ['a'] | map('upper') | list | first }}", "1 A"),
        (r"{{ 'half of a character: \ud83d' }}", "half of a character:"),
    ],
)
def test_what_formulas_are_for(formula: str, text: str) -> None:
    assert render(formula, {"No": 1, "Name": "Box", "Price": 10, "Empty": None}) == text

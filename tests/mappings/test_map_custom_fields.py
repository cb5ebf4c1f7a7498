"""Custom fields, both ways: the subscriber's formulas, whatever a record holds."""

from __future__ import annotations

from typing import Any

import pytest

from include.errors import Rejected
from include.ipaas.records.transactions import Transaction
from include.mappings.custom_fields import from_ipaas, to_ipaas
from include.mappings.foreign_transactions import plain
from include.settings import SyncSettings

LINKED = [{"custom_field_name": "Limit", "value": "5"}, {"custom_field_name": "Web Id", "value": None}]
RECORD = {"name": "Adatum", "fax_number": None, "url": "", "custom_fields": LINKED}


def mapped(record: dict[str, Any] = RECORD, model: str = "company", **origin: Any) -> dict[str, Any]:
    entry = {"model": model, "direction": "from_ipaas", "target": "Search_Name", **origin}
    return from_ipaas(SyncSettings(bc_custom_fields=[entry]), model, record)


@pytest.mark.parametrize(
    ("origin", "value"),
    [
        ({"source": "name"}, "Adatum"),
        ({"source": "Limit"}, "5"),
        ({"static": "web"}, "web"),
        ({"formula": "{{ name[:3] | upper }}"}, "ADA"),
        ({"formula": "{{ name }}{{ fax_number }}"}, "Adatum"),
        ({"lookup": {"source": "Limit", "table": {"5": "LOW"}}}, "LOW"),
        ({"lookup": {"source": "name", "table": {}, "default": "HIGH"}}, "HIGH"),
    ],
)
def test_a_value(origin: dict[str, Any], value: Any) -> None:
    assert mapped(**origin) == {"Search_Name": value}


@pytest.mark.parametrize(
    "origin",
    [
        {"source": "fax_number"},
        {"source": "url"},
        {"source": "Web Id"},
        {"source": "nowhere"},
        {"formula": "{{ fax_number }}"},
        {"lookup": {"source": "name", "table": {}}},
    ],
)
def test_what_is_absent_is_not_sent(origin: dict[str, Any]) -> None:
    assert mapped(**origin) == {}


@pytest.mark.parametrize(
    "blank",
    [None, "", " ", "_x0020_", "0001-01-01", "0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"],
)
@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("{{ Due }}", None),
        ("{{ Due | upper }}{{ Due[:4] }}{{ Due ~ '' }}", None),
        ("{% if Due %}wanted{% else %}any day{% endif %}", "any day"),
        ("{{ Due or 'any day' }}", "any day"),
        ("{{ 'any day' if Due is none }}", "any day"),
        ("{{ Due | default('any day', true) }}", "any day"),
        ("{{ places[0].Due ~ places[0].Town }}", "Chicago"),
    ],
)
def test_a_blank_is_no_text_for_a_formula_of_either_direction(formula: str, text: str | None, blank: Any) -> None:
    record = {"Due": blank, "places": [{"Due": blank, "Town": "Chicago"}]}
    assert mapped(record, formula=formula) == ({} if text is None else {"Search_Name": text})
    entry = {"model": "company", "direction": "to_ipaas", "target": "Due", "formula": formula}
    sent = to_ipaas(SyncSettings(bc_custom_fields=[entry]), "company", record)
    assert sent == (None if text is None else [{"custom_field_name": "Due", "value": text}])


def test_what_is_no_blank_stays_what_it_is_for_a_formula() -> None:
    record = {"Due": "0001-01-02", "Blocked": False, "Stock": 0, "Code": "A "}
    formula = "{{ Due }}|{{ Blocked }}|{{ Stock + 1 }}|{{ Code }}|{{ Blocked is none }}"
    assert mapped(record, formula=formula) == {"Search_Name": "0001-01-02|False|1|A|False"}


@pytest.mark.parametrize(
    "formula",
    [
        "{{ nowhere }}",
        "{{ 1 / 0 }}",
        "{{ name | dictsort }}",
        "{{ name | int + fax_number }}",
        "{{ name.__class__.__mro__ }}",
        "{{ range(1000000) | list }}",
    ],
)
def test_a_formula_that_fails_rejects_its_record_and_is_named(formula: str) -> None:
    with pytest.raises(Rejected) as failure:
        mapped(formula=formula)
    assert "Search_Name" in failure.value.message and formula in failure.value.message


def test_a_transactions_own_fields_are_there_even_when_they_are_null() -> None:
    transaction = Transaction.model_validate({"id": 1, "po_number": None, "channel": "web"})
    assert mapped(plain(transaction), "transaction", formula="{{ channel }}{{ po_number }}") == {"Search_Name": "web"}

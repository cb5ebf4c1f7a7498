"""Custom fields from iPaaS.com: the subscriber's formulas, whatever a record holds."""

from __future__ import annotations

from typing import Any

import pytest

from include.errors import Rejected
from include.ipaas.records.transactions import Transaction
from include.mappings.custom_fields import from_ipaas
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

"""Custom fields to Business Central: values in the type of their target, errors that name the entry or the value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from include.business_central.metadata import FieldInfo
from include.errors import Rejected
from include.settings import SettingsError, SyncSettings
from include.writers.bc_fields import CustomFields, converted


def info(edm_type: str, length: int | None = None) -> FieldInfo:
    return FieldInfo(name="Field", edm_type=f"Edm.{edm_type}", max_length=length)


@pytest.mark.parametrize(
    ("edm_type", "value", "expected"),
    [
        ("String", " text ", "text"),
        ("String", 5, "5"),
        ("String", Decimal("2.50"), "2.5"),
        ("String", True, "true"),
        ("Int32", "12", 12),
        ("Int64", Decimal("12.0"), 12),
        ("Decimal", "2500.50", Decimal("2500.50")),
        ("Decimal", 3, Decimal(3)),
        ("Boolean", "TRUE", True),
        ("Boolean", "no", False),
        ("Boolean", 1, True),
        ("Date", "2026-05-31", "2026-05-31"),
        ("Date", "2026-05-31T23:30:00+02:00", "2026-05-31"),
        ("DateTimeOffset", "2026-05-31T12:00:00", "2026-05-31T12:00:00Z"),
        ("Guid", "3F2504E0-4F89-11D3-9A0C-0305E82C3301", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        ("Unheard.Of", "text", "text"),
    ],
)
def test_values_take_the_type_of_their_target(edm_type: str, value: Any, expected: Any) -> None:
    found = converted(value, info(edm_type))
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("edm_type", "value"),
    [
        ("Int32", "1.5"),
        ("Int32", "many"),
        ("Decimal", "NaN"),
        ("Decimal", True),
        ("Boolean", "perhaps"),
        ("Date", "31.05.2026"),
        ("DateTimeOffset", "now"),
        ("Guid", "x"),
    ],
)
def test_a_value_that_does_not_fit_is_named(edm_type: str, value: Any) -> None:
    with pytest.raises(ValueError, match=str(value)):
        converted(value, info(edm_type))


def test_a_text_that_is_too_long_is_named_with_its_length() -> None:
    with pytest.raises(ValueError, match="6 characters, and 5"):
        converted("abcdef", info("String", 5))
    # As Business Central counts it: a bicycle is two.
    with pytest.raises(ValueError, match="6 characters, and 5"):
        converted("abcd🚲", info("String", 5))
    assert converted("abc🚲", info("String", 5)) == "abc🚲"


def fields(*entries: dict[str, Any]) -> CustomFields:
    given = [{"model": "company", "direction": "from_ipaas", **entry} for entry in entries]
    return CustomFields("company", "CustomerCard", SyncSettings(bc_custom_fields=given))


def test_only_the_entries_of_the_model_and_direction_count() -> None:
    custom = fields(
        {"target": "A", "source": "x"},
        {"target": "B", "source": "x", "model": "customer"},
        {"target": "C", "source": "x", "direction": "to_ipaas"},
    )
    assert custom.targets == ("A",)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"target": "Nowhere", "source": "x"}, "entry 2.*Nowhere.*CustomerCard has no field"),
        ({"target": "Priority", "static": "high"}, "entry 2.*Priority.*'high' is not a whole number"),
    ],
)
def test_a_wrong_entry_is_named_by_its_place(entry: dict[str, Any], why: str) -> None:
    custom = fields({"target": "Priority", "source": "x"}, entry)
    with pytest.raises(SettingsError, match=why):
        custom.check({"Priority": info("Int32")})


def test_a_wrong_value_rejects_its_record_alone() -> None:
    custom = fields({"target": "Priority", "source": "x"})
    custom.check({"Priority": info("Int32")})
    assert custom.convert({"Name": "A", "Priority": "3"}) == {"Name": "A", "Priority": 3}
    with pytest.raises(Rejected, match=r"Priority.*'high'"):
        custom.convert({"Priority": "high"})


def test_without_the_page_there_is_nothing_to_check() -> None:
    custom = fields({"target": "Nowhere", "source": "x"})
    custom.check(None)
    assert custom.convert({"Nowhere": "x"}) == {"Nowhere": "x"}

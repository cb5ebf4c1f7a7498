"""What a record of Business Central lacks of what it shall be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from include.flows.company import customer_target
from include.flows.product import TARGET as ITEM

PERSON, COMPANY = customer_target("customer", "Person"), customer_target("company", "Company")


@pytest.mark.parametrize(
    ("target", "name", "wanted", "found", "same"),
    [
        (COMPANY, "Name", "Adatum", "Adatum", True),
        (COMPANY, "Name", "Adatum", "ADATUM", False),
        (COMPANY, "Name", "Adatum Ltd", " Adatum  Ltd ", True),
        (COMPANY, "Name", "Adatum", "", False),
        (COMPANY, "Post_Code", "sw1a 1aa", "SW1A 1AA", True),
        (COMPANY, "Customer_Price_Group", "retail", "RETAIL", True),
        (COMPANY, "Customer_Price_Group", "retail", "", False),
        (COMPANY, "Partner_Type", "Company", " ", False),
        (PERSON, "Name", "Ng", "Ng Ng", True),
        (PERSON, "Name", "Anna Berg", "Anna  Berg", True),
        (COMPANY, "Name", "Ng", "Ng Ng", False),
        (ITEM, "Description", "x" * 99, "x" * 100, True),
        (ITEM, "Description", "x" * 98, "x" * 100, False),
        (ITEM, "Unit_Price", Decimal("649.40"), Decimal("649.4"), True),
        (ITEM, "Unit_Price", Decimal("0"), 0, True),
        (ITEM, "Unit_Price", Decimal("1"), 0, False),
        (COMPANY, "Own_Flag", False, None, True),
        (COMPANY, "Own_Flag", True, None, False),
        (COMPANY, "Own_Date", "2026-05-31", "0001-01-01", False),
    ],
)
def test_alike(target: Any, name: str, wanted: Any, found: Any, same: bool) -> None:
    assert (target.differences({name: wanted}, {name: found}) == {}) is same


def test_what_the_record_does_not_show_differs() -> None:
    assert COMPANY.differences({"Name": "A", "City": "B"}, {"Name": "A"}) == {"City": "B"}

"""Products of iPaaS.com as items of Business Central: docs/mappings.md, value by value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.errors import Rejected
from include.mappings.products_from_ipaas import cut_description, product_from_ipaas
from include.mappings.rows_of_ipaas import ProductRow
from include.settings import SyncSettings
from include.sync.records import Candidate, Mapped, MappingContext, Today

PRODUCT = {
    "id": 5,
    "sku": "1896-S",
    "name": "Desk",
    "description": "A desk",
    "default_price": Decimal("649.40"),
    "weight": Decimal("12.5"),
    "tax_class": "FURNITURE",
}


def product(data: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **fields: Any) -> Mapped:
    context = MappingContext(settings=SyncSettings(**(settings or {})), system_id=1, today=Today(date(2026, 5, 1)))
    return product_from_ipaas(ProductRow(record={**PRODUCT, **fields}, **(data or {})), context)


def test_the_body_stands_in_the_order_in_which_business_central_checks_it() -> None:
    assert list(product().body.items()) == [
        ("Type", "Inventory"),
        ("Description", "Desk"),
        ("Base_Unit_of_Measure", "EA"),
        ("Unit_Price", Decimal("649.40")),
        ("Tax_Group_Code", "FURNITURE"),
        ("Net_Weight", Decimal("12.5")),
    ]


def test_what_only_a_new_item_gets() -> None:
    defaults = {
        "Gen_Prod_Posting_Group": "RETAIL",
        "Inventory_Posting_Group": "RESALE",
        "Order_Tracking_Policy": "None",
    }
    mapped = product(settings={"bc_create_defaults": {"product": defaults}})
    assert mapped.create_only == {"Type", "Base_Unit_of_Measure", *defaults}
    assert defaults.items() <= mapped.body.items()


@pytest.mark.parametrize(
    ("name", "description", "found"),
    [("Desk", "A desk", "Desk"), ("", "A desk", "A desk"), ("x" * 98 + " y", "", "x" * 98), ("x" * 100, "", "x" * 99)],
)
def test_the_description(name: str, description: str, found: str) -> None:
    assert product(name=name, description=description).body["Description"] == found
    assert cut_description(found) == found


@pytest.mark.parametrize(
    "fields", [{"sku": None}, {"sku": "x" * 21}, {"sku": "A|B"}, {"name": "", "description": None}]
)
def test_what_cannot_be_an_item_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        product(**fields)


def test_a_linked_product_keeps_its_item_whatever_its_sku() -> None:
    mapped = product({"linked": "1896-S"}, sku="x" * 30)
    assert mapped.linked == "1896-S" and mapped.candidates == ()


def test_an_unlinked_one_is_the_item_of_its_sku() -> None:
    assert product().candidates == (Candidate(by="number", value="1896-S"),)


def test_a_tax_class_that_is_too_long_is_rejected_by_name() -> None:
    with pytest.raises(Rejected, match=r"Tax_Group_Code.*20"):
        product(tax_class="x" * 21)

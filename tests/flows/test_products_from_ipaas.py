"""Products from iPaaS.com, as docs/mappings.md says, through real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.sandbox.ipaas.platform import Record

FLOW = "product_from_ipaas"


def product(bench: Bench, sku: str = "1896-s", **fields: Any) -> Record:
    values = {
        "sku": sku,
        "name": "Athens Desk",
        "default_price": Decimal("649.40"),
        "weight": Decimal("12.5"),
        "tax_class": "FURNITURE",
        "type": "Physical",
        "status": "Active",
        "tracking_method": "Product",
        **fields,
    }
    return bench.sandbox.ipaas.add("product", values)


def item(bench: Bench, no: str = "1896-S") -> dict[str, Any]:
    found = bench.sandbox.bc.get("Item", no)
    assert found is not None
    return found


def link_of(bench: Bench, record: Record) -> str | None:
    return bench.sandbox.ipaas.external_id("product", bench.sandbox.SYSTEM_ID, record["id"])


def test_a_product_becomes_an_item(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(
        bc_create_defaults={
            "product": {
                "Base_Unit_of_Measure": "PCS",
                "Gen_Prod_Posting_Group": "RETAIL",
                "Inventory_Posting_Group": "RESALE",
                "Order_Tracking_Policy": "Tracking Only",
            }
        }
    )
    record = product(bench)
    assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
    made = item(bench)
    assert (made["Description"], made["Type"], made["Base Unit of Measure"]) == ("Athens Desk", "Inventory", "PCS")
    assert (Decimal(str(made["Unit Price"])), Decimal(str(made["Net Weight"]))) == (Decimal("649.4"), Decimal("12.5"))
    assert (made["Tax Group Code"], made["Gen. Prod. Posting Group"]) == ("FURNITURE", "RETAIL")
    assert (made["Inventory Posting Group"], made["Order Tracking Policy"]) == ("RESALE", "Tracking Only")
    assert link_of(bench, record) == "1896-S"


def test_the_unit_is_ea_if_nothing_else_is_said(bench: Bench) -> None:
    product(bench)
    bench.run(FLOW)
    assert item(bench)["Base Unit of Measure"] == "EA"


def test_a_creation_is_one_write_and_its_link(bench: Bench) -> None:
    product(bench)
    bench.sandbox.counters.reset()
    bench.run(FLOW)
    assert bench.writes() == 2


@pytest.mark.parametrize(
    ("fields", "description"),
    [
        ({"name": "x" * 120}, "x" * 99),
        ({"name": "A desk", "description": "Long text"}, "A desk"),
    ],
)
def test_the_description_is_the_name_cut_to_99(bench: Bench, fields: dict[str, str], description: str) -> None:
    product(bench, **fields)
    bench.run(FLOW)
    assert item(bench)["Description"] == description


def test_an_update_is_one_patch_and_leaves_what_only_a_new_item_gets(bench: Bench) -> None:
    record = product(bench)
    bench.run(FLOW)
    bench.sandbox.bc.change("Item", "1896-S", **{"Type": "Service", "Base Unit of Measure": "BOX"})
    bench.sandbox.ipaas.edit("product", record["id"], {"default_price": Decimal("700"), "sku": "NEW-SKU"})
    bench.sandbox.counters.reset()
    report = bench.run(FLOW, str(record["id"]))
    assert tally(report) == {"read": 1, "updated": 1}
    assert outcome_of(report, str(record["id"])).fields == ("Unit_Price",)
    assert bench.writes() == 1
    assert item(bench)["Type"] == "Service"
    assert bench.sandbox.bc.get("Item", "NEW-SKU") is None


def test_the_item_of_that_number_is_linked(bench: Bench) -> None:
    bench.sandbox.bc.add("Item", {"No.": "1896-S", "Description": "Old", "Unit Price": 1, "Type": "Inventory"})
    record = product(bench)
    assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
    assert item(bench)["Description"] == "Athens Desk"
    assert link_of(bench, record) == "1896-S"


@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_an_item_that_belongs_to_another_product_is_rejected(bench: Bench, ledger: str) -> None:
    owner = product(bench, "OTHER", external_ids=[{"system_id": bench.sandbox.SYSTEM_ID, "external_id": "1896-S"}])
    bench.sandbox.bc.add("Item", {"No.": "1896-S", "Description": "Old", "Type": "Inventory"})
    if ledger == "kept":
        bench.run(FLOW, str(owner["id"]))
    record = product(bench)
    report = bench.run(FLOW)
    assert tally(report) == {"read": 1, "failed": 1}
    message = outcome_of(report, str(record["id"])).message
    assert "1896-S" in message and str(owner["id"]) in message


@pytest.mark.parametrize("sku", ["a sku of twenty-one c", "A|B"])
def test_a_sku_that_cannot_be_a_number_is_rejected(bench: Bench, sku: str) -> None:
    record = product(bench, sku)
    report = bench.run(FLOW)
    assert tally(report) == {"read": 1, "failed": 1}
    assert "sku" in outcome_of(report, str(record["id"])).message


def test_without_the_page_the_api_takes_over(bench: Bench) -> None:
    bench.sandbox.switches.pages_ended = True
    record = product(bench)
    report = bench.run(FLOW)
    assert tally(report) == {"read": 1, "created": 1}
    assert any("Net_Weight" in text for text in report.warnings)
    bench.sandbox.ipaas.edit("product", record["id"], {"name": "Berlin Desk"})
    assert tally(bench.run(FLOW, str(record["id"]))) == {"read": 1, "updated": 1}
    assert item(bench)["Description"] == "Berlin Desk"


def test_a_name_of_many_emoji_is_cut_to_what_business_central_counts_and_inside_none(bench: Bench) -> None:
    record = product(bench, name="🎩" * 100)
    assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
    assert item(bench)["Description"] == "🎩" * 49
    assert tally(bench.run(FLOW, str(record["id"]))) == {"read": 1, "unchanged": 1}

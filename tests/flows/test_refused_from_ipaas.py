"""What Business Central refuses of a company, customer or product: a rejection that names record, field and value.

The sandbox refuses as Business Central does; each refusal is tried for real here, none is injected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.errors import ErrorKind
from include.sync.outcomes import Result

GOODS = {"name": "Desk", "default_price": 5, "type": "Physical", "status": "Active", "tracking_method": "Product"}
# Kind -> a record that Business Central takes, the series of its number, and its table.
RECORDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "company": ({"name": "Adatum", "account_number": "K1"}, "CUST", "Customer"),
    "customer": (
        {"first_name": "Anna", "last_name": "Berg", "customer_number": "K1", "email_address": "anna@example.net"},
        "CUST",
        "Customer",
    ),
    "product": ({"sku": "K1", **GOODS}, "ITEM", "Item"),
}
PARTY = {
    "Gen_Bus_Posting_Group": "Gen. Business Posting Group",
    "Customer_Posting_Group": "Customer Posting Group",
    "Payment_Terms_Code": "Payment Terms",
    "Tax_Area_Code": "Tax Area",
}
ITEM = {
    "Base_Unit_of_Measure": "Unit of Measure",
    "Gen_Prod_Posting_Group": "Gen. Product Posting Group",
    "Inventory_Posting_Group": "Inventory Posting Group",
}
# (kind, field of bc_create_defaults, the table in which its code has to exist)
DEFAULTS = [
    *((kind, field, table) for kind in ("company", "customer") for field, table in PARTY.items()),
    *(("product", field, table) for field, table in ITEM.items()),
]
# (kind, what iPaaS.com has, the field and value of Business Central that it is refused for, the table it needs)
VALUES = [
    ("company", {"addresses": [{"country": "XX"}]}, "Country_Region_Code 'XX'", "Country/Region"),
    ("customer", {"addresses": [{"country": "XX"}]}, "Country_Region_Code 'XX'", "Country/Region"),
    ("product", {"tax_class": "XX"}, "Tax_Group_Code 'XX'", "Tax Group"),
]


def refused(bench: Bench, kind: str, *words: str, **fields: Any) -> str:
    """A record that is refused beside one that is not; returns its key."""
    good, _, _ = RECORDS[kind]
    record = bench.sandbox.ipaas.add(kind, {**good, **fields})
    report = bench.run(f"{kind}_from_ipaas")
    assert tally(report) == {"read": 1, "failed": 1}
    outcome = outcome_of(report, str(record["id"]))
    assert (outcome.result, outcome.kind) == (Result.failed, ErrorKind.rejected)
    for word in ("K1", *words):
        assert word in outcome.message
    return str(record["id"])


def goes_through_now(bench: Bench, kind: str, key: str) -> None:
    """Once Business Central has been corrected, the record is there once, and linked."""
    assert tally(bench.run(f"{kind}_from_ipaas", key)) == {"read": 1, "created": 1}
    _, _, table = RECORDS[kind]
    assert [row["No."] for row in bench.sandbox.bc.rows(table)] == ["K1"]
    assert str(bench.linked(kind, "K1")["id"]) == key
    assert tally(bench.run(f"{kind}_from_ipaas", key)) == {"read": 1, "unchanged": 1}


@pytest.mark.parametrize(("kind", "field", "table"), DEFAULTS)
def test_a_code_of_the_defaults_that_does_not_exist(
    make_bench: Callable[..., Bench], kind: str, field: str, table: str
) -> None:
    bench = make_bench(bc_create_defaults={kind: {field: "NOSUCH"}})
    key = refused(bench, kind, f"{field} 'NOSUCH'")
    bench.sandbox.bc.add(table, Code="NOSUCH")
    goes_through_now(bench, kind, key)


@pytest.mark.parametrize(("kind", "fields", "named", "table"), VALUES)
def test_a_code_of_the_record_that_does_not_exist(
    bench: Bench, kind: str, fields: dict[str, Any], named: str, table: str
) -> None:
    key = refused(bench, kind, named, **fields)
    bench.sandbox.bc.add(table, Code="XX")
    goes_through_now(bench, kind, key)


def test_an_option_that_does_not_exist(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(bc_create_defaults={"product": {"Order_Tracking_Policy": "Sometimes"}})
    refused(bench, "product", "Order_Tracking_Policy 'Sometimes'")


@pytest.mark.parametrize("kind", RECORDS)
def test_a_number_series_without_manual_numbers(bench: Bench, kind: str) -> None:
    _, series, _ = RECORDS[kind]
    bench.sandbox.bc.allow_manual_numbers(series, False)
    key = refused(bench, kind, "You may not enter numbers manually", series)
    bench.sandbox.bc.allow_manual_numbers(series, True)
    goes_through_now(bench, kind, key)


def test_an_update_that_is_refused_leaves_the_record_as_it_is(bench: Bench) -> None:
    good, _, _ = RECORDS["company"]
    record = bench.sandbox.ipaas.add("company", good)
    other = bench.sandbox.ipaas.add("company", {"name": "Fabrikam"})
    bench.run("company_from_ipaas")
    bench.sandbox.ipaas.edit(
        "company", record["id"], {"email_address": "new@adatum.example", "addresses": [{"country": "XX"}]}
    )
    bench.sandbox.ipaas.edit("company", other["id"], {"email_address": "new@fabrikam.example"})
    report = bench.run("company_from_ipaas", str(record["id"]), str(other["id"]))
    assert tally(report) == {"read": 2, "updated": 1, "failed": 1}
    message = outcome_of(report, str(record["id"])).message
    assert "company K1" in message and "Country_Region_Code 'XX'" in message
    assert not bench.sandbox.bc.get("Customer", "K1").get("E-Mail")

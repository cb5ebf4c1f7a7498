"""What a task has found out of iPaaS.com is known to those after it, and found out anew where the platform has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bench import Bench, tally
from shop import BICYCLE, order, set_up, transactions

pytestmark = pytest.mark.both_ledgers

EURO = {"Currency Code": "EUR"}


def calls(bench: Bench, method: str, path: str) -> int:
    return sum(1 for system, m, p in bench.sandbox.counters.paths if (system, m) == ("ipaas", method) and path in p)


def change(bench: Bench, name: str) -> dict[str, int]:
    """Change both items, and run their flow as a task of its own; its counts, and the calls in the counters."""
    for no in ("1000", "2000"):
        bench.sandbox.bc.change("Item", no, Description=f"{name} {no}")
    bench.sandbox.counters.reset()
    return tally(bench.run("product_to_ipaas"))


def names(bench: Bench) -> set[str]:
    return {record["name"] for record in bench.sandbox.ipaas.records["product"].values()}


@pytest.fixture
def without_documents(bench: Bench) -> Bench:
    """Two products that are on both sides, and a platform that serves no documents and wants changes in full."""
    bench.sandbox.switches.openapi, bench.sandbox.switches.put_required = False, True
    set_up(bench)
    change(bench, "First")
    return bench


def test_the_next_task_finds_nothing_out_again(without_documents: Bench) -> None:
    bench = without_documents
    assert change(bench, "Second")["updated"] == 2
    assert calls(bench, "GET", "swagger") == 0
    assert calls(bench, "PUT", "v2/Catalog/Product") == 2, "none of them was refused"


def test_what_documents_say_is_read_once(bench: Bench) -> None:
    bench.sandbox.switches.put_required = True
    set_up(bench)
    change(bench, "First")
    assert change(bench, "Second")["updated"] == 2
    assert calls(bench, "GET", "swagger") == 0
    assert calls(bench, "PUT", "v2/Catalog/Product") == 2


def test_another_pair_of_systems_finds_it_out_for_itself(without_documents: Bench) -> None:
    bench = without_documents
    other = bench.ledger.of(replace(bench.ledger.known.systems, system_id=1))
    assert bench.ledger.facts() and other.facts() == {}


def test_after_a_day_it_is_found_out_anew(without_documents: Bench) -> None:
    bench = without_documents
    bench.at(datetime.now(UTC) + timedelta(days=1, hours=1))
    assert change(bench, "Second")["updated"] == 2
    assert calls(bench, "GET", "swagger") == 1


def test_a_plan_keeps_nothing(bench: Bench) -> None:
    set_up(bench, transferred=False)
    bench.run("product_to_ipaas", mode="plan")
    assert bench.ledger.facts() == {}


@pytest.mark.parametrize("openapi", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_a_platform_that_begins_or_ends_to_want_changes_in_full(bench: Bench, openapi: bool, before: bool) -> None:
    switches = bench.sandbox.switches
    switches.openapi, switches.put_required = openapi, before
    set_up(bench)
    change(bench, "First")
    switches.put_required = not before
    assert change(bench, "Second") == {"read": 2, "updated": 2}
    assert names(bench) == {"Second 1000", "Second 2000"}


@pytest.mark.parametrize("openapi", [True, False])
@pytest.mark.parametrize(("before", "after"), [("whole", "adds"), ("adds", "whole")])
def test_a_platform_that_takes_categories_otherwise(bench: Bench, openapi: bool, before: str, after: str) -> None:
    switches = bench.sandbox.switches
    switches.openapi, switches.category_set = openapi, before
    for code in ("SEATS", "DESKS"):
        bench.sandbox.bc.add("Item Category", {"Code": code, "Description": code})
    set_up(bench, transferred=False)
    bench.run("product_category_to_ipaas")
    bench.sandbox.bc.change("Item", "1000", **{"Item Category Code": "SEATS"})
    bench.run("product_to_ipaas")
    switches.category_set = after
    bench.sandbox.bc.change("Item", "1000", **{"Item Category Code": "DESKS"})
    assert tally(bench.run("product_to_ipaas"))["updated"] == 1
    [assigned] = bench.linked("product", "1000")["categories"]
    assert assigned["category_id"] == bench.linked("product category", "DESKS")["id"]


@pytest.mark.parametrize("openapi", [True, False])
@pytest.mark.parametrize(("before", "after"), [("product", "catalog"), ("catalog", "product")])
def test_a_platform_that_moves_its_stock(bench: Bench, openapi: bool, before: str, after: str) -> None:
    switches = bench.sandbox.switches
    switches.openapi, switches.inventory_path = openapi, before
    set_up(bench)
    bench.run("location_to_ipaas")
    bench.sandbox.bc.move_stock("1000", "MAIN", 5)
    bench.run("product_inventory_to_ipaas")
    switches.inventory_path = after
    bench.sandbox.bc.move_stock("1000", "MAIN", 3)
    report = bench.run("product_inventory_to_ipaas")
    assert tally(report)["updated"] >= 1 and "failed" not in tally(report)
    rows: list[dict[str, Any]] = bench.linked("product", "1000")["inventory"]
    assert 8 in [row["qty_on_hand"] for row in rows]


@pytest.mark.parametrize("openapi", [True, False])
def test_a_platform_that_takes_no_currency_any_more(bench: Bench, openapi: bool) -> None:
    switches = bench.sandbox.switches
    switches.openapi = openapi
    set_up(bench)
    order(bench, BICYCLE, **EURO)
    bench.run("sales_order_to_ipaas")
    switches.transaction_currency = False
    order(bench, BICYCLE, **EURO)
    assert tally(bench.run("sales_order_to_ipaas"))["created"] == 1
    assert sorted("currency_code" in each for each in transactions(bench)) == [False, True]

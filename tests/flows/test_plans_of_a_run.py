"""A plan of several flows, each after those that it needs, says what carrying all of them out would make."""

from __future__ import annotations

from typing import Any

from bench import DEFAULTS, Bench
from shop import BICYCLE, order, set_up
from webshop import Shop, line

from include.flows import FLOWS, all_before
from include.sync.report import Report


def planned(bench: Bench, name: str) -> Report:
    """The plan of a flow in a run through all of them."""
    direction = FLOWS[name].direction
    before = [one for one in FLOWS if one in all_before(name) and FLOWS[one].direction is direction]
    there = [one for one in before if (bench.folder / one / "all").exists()]
    return bench.run(name, mode="plan", run_id="all", planned=there)


def made(report: Report) -> set[str]:
    """The keys of the records that are, or would be, there afterwards."""
    return {one.key for one in report.outcomes if one.result in ("created", "updated")}


def test_what_applying_makes_is_foreseen_with_its_requests(world: Bench) -> None:
    plans = {name: planned(world, name) for name in FLOWS}
    assert world.writes() == 0
    applied = {name: world.run(name, run_id="applied") for name in FLOWS}
    # Who may be a contact is asked about with the run after the first: he waits, and so do his orders.
    waiting = {one.key for plan in plans.values() for one in plan.outcomes if one.result == "waiting"}
    assert len(waiting) == 2
    for name in FLOWS:
        assert made(applied[name]) - waiting <= made(plans[name]), name
    for system in ("bc_requests", "ipaas_requests"):
        foreseen = sum(getattr(plan.applying, system) for plan in plans.values() if plan.applying)
        needed = sum(report.counts[system] for report in applied.values())
        assert 0.9 * needed <= foreseen <= 1.4 * needed


def test_what_is_there_and_would_be_linked_counts_as_well(bench: Bench) -> None:
    set_up(bench, transferred=False)
    fields = {"sku": "1000", "name": "Bicycle", "default_price": 50, "type": "Physical", "status": "Active"}
    bench.sandbox.ipaas.add("product", {**fields, "tracking_method": "Product"})
    number = order(bench, BICYCLE)
    plans = {name: planned(bench, name) for name in ("company_to_ipaas", "product_to_ipaas", "sales_order_to_ipaas")}
    assert made(plans["product_to_ipaas"]) == {"1000", "2000"}
    assert made(plans["sales_order_to_ipaas"]) == {number}


def test_a_line_of_a_product_whose_item_would_be_made(make_bench: Any) -> None:
    shop = Shop(make_bench(bc_create_defaults=DEFAULTS))
    shop.customer()
    shop.product("LAMP")
    record = shop.order(lines=[line("LAMP")])
    plans = {name: planned(shop.bench, name) for name in ("product_from_ipaas", "sales_order_from_ipaas")}
    assert made(plans["sales_order_from_ipaas"]) == {str(record["id"])}


def test_alone_a_plan_goes_by_what_is_there(bench: Bench) -> None:
    set_up(bench, transferred=False)
    order(bench, BICYCLE)
    bench.run("product_to_ipaas", mode="plan", run_id="another")
    alone = bench.run("sales_order_to_ipaas", mode="plan")
    assert alone.counts["waiting"] == 1


def test_what_is_done_goes_by_no_plan(bench: Bench) -> None:
    set_up(bench, transferred=False)
    order(bench, BICYCLE)
    bench.run("company_to_ipaas")
    planned(bench, "product_to_ipaas")
    done = bench.run("sales_order_to_ipaas", run_id="all", planned=["product_to_ipaas"])
    assert done.counts["waiting"] == 1

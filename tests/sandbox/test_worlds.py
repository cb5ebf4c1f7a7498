"""The seeded worlds: what the demo's holds, that a seed gives the same world again, and what a large one takes."""

from __future__ import annotations

from typing import Any

import pytest

from include.sandbox.check import check
from include.sandbox.credentials import OTHER_SYSTEM_ID
from include.sandbox.ipaas.platform import Platform
from include.sandbox.state import World
from include.sandbox.switches import Switches
from include.sandbox.world import Size, build
from include.sandbox.worlds.shop import Shop
from tests.effort import calls_of

SOME = Size(companies=50, persons=50, contacts=50, items=200, orders=100, invoices=20, prices=50)
MANY = Size(companies=200, persons=200, contacts=200, items=800, orders=400, invoices=80, prices=200)


@pytest.fixture(scope="module")
def demo() -> World:
    return build("demo", seed=1, size=Size())


def shown(world: World) -> dict[str, Any]:
    """A world without what the moment of its making decides."""
    volatile = ("systemmodifiedat", "shipped by")
    tables = {
        name: [{f: v for f, v in row.items() if f not in volatile and "Date" not in f} for row in rows]
        for name, rows in world.tenant.tables.items()
    }
    moments = ("created_datetime", "updated_datetime")
    records = {
        name: [{f: v for f, v in record.items() if f not in moments} for record in kind.values()]
        for name, kind in world.platform.records.items()
    }
    return {"tables": tables, "records": records}


def test_a_seed_gives_the_same_world_again(demo: World) -> None:
    assert shown(build("demo", seed=1, size=Size())) == shown(demo)
    assert shown(build("demo", seed=2, size=Size())) != shown(demo)


@pytest.mark.parametrize("orders", [10, 4_001, 100_000])
def test_what_a_shop_sells_is_numbered_apart_however_much_it_is(orders: int) -> None:
    world = build("demo", seed=1, size=Size(shop_orders=0, shop_invoices=0))
    shop = Shop(world.tenant, world.platform)
    shop.company(1_000)
    shop.product(1_000)
    shop.methods()
    sold = [shop.order(0), shop.order(orders - 1), shop.sale(0), shop.sale(orders - 1)]
    assert len({record["transaction_number"] for record in sold}) == 4


def test_the_demo_holds_orders_and_invoices_in_every_state(demo: World) -> None:
    orders = [row for row in demo.tenant.rows("Sales Header") if row["Document Type"] == "Order"]
    lines = {row["No."]: demo.tenant.lines("Sales Line", "Order", row["No."]) for row in orders}
    states = {
        (
            row["Status"],
            any(line["Quantity Shipped"] for line in lines[row["No."]]),
            bool(row.get("Completely Shipped")),
        )
        for row in orders
    }
    assert states == {
        ("Open", False, False),
        ("Released", False, False),
        ("Released", True, False),
        ("Released", True, True),
    }
    invoices = demo.tenant.rows("Sales Invoice Header")
    assert {(bool(row["Order No."]), bool(row["Closed"])) for row in invoices} == {
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    }
    assert any(row["Cancelled"] for row in invoices)
    assert any(row["Document Type"] == "Invoice" for row in demo.tenant.rows("Sales Header"))


def test_the_demo_has_work_for_every_flow_from_ipaas(demo: World) -> None:
    records = demo.platform.records
    assert records["company"] and records["customer"] and records["product"]
    kinds = {(record["type"], record["status"]) for record in records["transaction"].values()}
    assert kinds == {("Order", "Pending"), ("Order", "Complete"), ("Invoice", "Complete")}
    paid = [record for record in records["transaction"].values() if record.get("payments")]
    assert 0 < len(paid) < len(records["transaction"])
    assert all(record["system_id"] == OTHER_SYSTEM_ID for record in records["transaction"].values())
    emails = {row["E-Mail"] for row in demo.tenant.rows("Contact") if row["Type"] == "Person" and row["Company No."]}
    buyers = {record.get("customer_id") for record in records["transaction"].values()}
    assert any(record["email_address"] in emails for i, record in records["customer"].items() if i in buyers)


def test_the_amounts_of_the_shop_add_up(demo: World) -> None:
    for record in demo.platform.records["transaction"].values():
        assert sum(line["extended_price"] for line in record["lines"]) == record["subtotal"]
        assert record["subtotal"] + record["shipping_amount"] + record["tax_amount"] == record["total"]


def test_some_prices_have_expired(demo: World) -> None:
    today = demo.tenant.now().date().isoformat()
    expired = {bool(row["Ending Date"]) and row["Ending Date"] < today for row in demo.tenant.rows("Sales Price")}
    assert expired == {True, False}


def test_a_world_may_be_without_any_kind() -> None:
    nothing = Size(**dict.fromkeys(vars(Size()), 0))
    assert not build("demo", seed=1, size=nothing).tenant.rows("Customer")


def test_the_nasty_world_has_what_the_demo_spares_one() -> None:
    world = build("nasty", seed=1, size=Size())
    customers = {row["No."]: row for row in world.tenant.rows("Customer")}
    assert customers["N1"]["Name"] == ""
    assert customers["N15"]["systemmodifiedat"].startswith("0001-01-01")
    assert any(len(record["name"]) > 100 for record in world.platform.records["company"].values())


def test_a_world_takes_what_its_records_take() -> None:
    def built(size: Size) -> tuple[int, int]:
        worlds: list[World] = []
        making = calls_of(lambda: worlds.append(build("demo", seed=1, size=size)))
        return making, calls_of(lambda: check(worlds[0].tenant, worlds[0].platform))

    some, many = built(SOME), built(MANY)
    assert many[0] < 5 * some[0], "four times the records"
    assert many[1] < 5 * some[1], "four times the records to check"


def test_what_is_unique_is_looked_up_and_not_searched_for() -> None:
    platform = Platform(Switches())
    fixed = {"name": "Piece", "default_price": 1, "type": "Physical", "status": "Active", "tracking_method": "Product"}

    def added(numbers: range) -> int:
        return calls_of(lambda: [platform.add("product", {"sku": f"P{number}", **fixed}) for number in numbers])

    few = added(range(100))
    added(range(100, 2_000))
    assert added(range(2_000, 2_100)) <= few

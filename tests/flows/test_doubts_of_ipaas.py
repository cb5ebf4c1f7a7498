"""Where iPaaS.com may behave in more than one way, the same records come over, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from webshop import ADDRESS, Shop

from include.errors import ErrorKind
from include.flows import FLOWS
from include.sandbox.credentials import OTHER_SYSTEM_ID, SYSTEM_ID
from include.sync.webhooks import listeners, read_webhook, take

Json = dict[str, Any]


@pytest.fixture
def shop(bench: Bench) -> Shop:
    shop = Shop(bench)
    shop.customer()
    for no in ("1000", "1001"):
        shop.item(no)
    return shop


@pytest.mark.parametrize("missing", ["array", "pages", "object", "empty", "absent"])
@pytest.mark.parametrize("list_rows", ["full", "summary"])
def test_cancelled_transactions_never_hide_the_order_behind_them(shop: Shop, missing: str, list_rows: str) -> None:
    switches = shop.bench.sandbox.switches
    switches.missing, switches.list_rows, switches.ipaas_page_size = missing, list_rows, 10
    for number in range(25):
        shop.order(transaction_number=f"C-{number}", status="Cancelled")
    pending = shop.order()
    report = shop.bench.run("sales_order_from_ipaas")
    assert tally(report)["created"] == 1
    assert shop.link_of(pending)
    assert bool(report.warnings) == (missing in ("object", "empty", "absent"))


def test_what_is_new_is_found_in_a_list_without_reading_all_of_it(shop: Shop) -> None:
    bench, switches = shop.bench, shop.bench.sandbox.switches
    switches.missing, switches.ipaas_page_size = "empty", 5
    for number in range(30):
        old = shop.order(transaction_number=f"C-{number}", status="Cancelled")
        old["updated_datetime"] = "2020-01-01T00:00:00+00:00"
    bench.run("sales_order_from_ipaas")
    new = shop.order(created_datetime="2019-12-31T12:00:00+00:00")
    bench.sandbox.counters.reset()
    bench.run("sales_order_from_ipaas")
    assert shop.link_of(new)
    pages = [path for _, method, path in bench.sandbox.counters.paths if method == "GET" and "v2/Transactions" in path]
    assert len([path for path in pages if "action" not in path]) <= 2


def announce(bench: Bench, body: Json) -> int:
    """Take a hook, as the endpoint does."""
    import json

    taken = take(read_webhook(json.dumps(body).encode()), listeners(FLOWS.values()), SYSTEM_ID)
    bench.ledger.receive(taken.entries)
    return taken.accepted


class TestAHookOfAnAddress:
    @pytest.fixture
    def customer(self, bench: Bench) -> Json:
        body = {"email_address": "ann@example.org", "first_name": "Ann", "last_name": "Berg", "addresses": [ADDRESS]}
        record: Json = bench.sandbox.ipaas.add("customer", body)
        bench.run("customer_from_ipaas")
        return record

    def street(self, bench: Bench, customer: Json) -> str:
        no = bench.sandbox.ipaas.external_id("customer", SYSTEM_ID, customer["id"])
        return str(bench.sandbox.bc.get("Customer", no)["Address"])

    @pytest.mark.parametrize("linked", [True, False])
    def test_its_customer_moves(self, bench: Bench, customer: Json, linked: bool) -> None:
        address = customer["addresses"][0]
        if not linked:
            table = bench.sandbox.ipaas.links["Address"]
            bench.lose_ledger()
            del table[SYSTEM_ID, address["id"]]
        bench.sandbox.ipaas.edit(
            "customer", customer["id"], {"addresses": [{"id": address["id"], "address_1": "9 New Road"}]}
        )
        assert announce(bench, {"notifications": [{"scope": "customer/address/updated", "id": address["id"]}]}) == 1
        bench.run("customer_from_ipaas")
        assert self.street(bench, customer) == "9 New Road"
        assert bench.ledger.received("customer_from_ipaas", 10) == []

    def test_it_may_name_the_customer_itself(self, bench: Bench, customer: Json) -> None:
        address = customer["addresses"][0]
        bench.sandbox.ipaas.edit(
            "customer", customer["id"], {"addresses": [{"id": address["id"], "address_1": "9 New Road"}]}
        )
        announce(bench, {"scope": "customer/address/updated", "id": str(customer["id"]), "companyId": "x", "type": ""})
        bench.run("customer_from_ipaas")
        assert self.street(bench, customer) == "9 New Road"


class TestWhatIsDeactivated:
    def test_a_sku_that_is_taken_by_what_no_search_shows_is_a_rejection_that_names_it(self, bench: Bench) -> None:
        bench.sandbox.switches.deactivated = "hidden"
        hidden = Shop(bench).product("1000")
        bench.sandbox.ipaas.deactivate("product", hidden["id"])
        bench.sandbox.bc.add("Item", {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS"})
        outcome = outcome_of(bench.run("product_to_ipaas"), "1000")
        assert (outcome.result, outcome.kind) == ("failed", ErrorKind.rejected)
        assert f"used by {hidden['id']}" in outcome.message
        assert "deactivated" in outcome.advice

    def test_one_that_a_search_shows_is_linked(self, bench: Bench) -> None:
        shown = Shop(bench).product("1000")
        bench.sandbox.ipaas.deactivate("product", shown["id"])
        bench.sandbox.bc.add("Item", {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS"})
        assert tally(bench.run("product_to_ipaas"))["updated"] == 1
        assert bench.linked("product", "1000")["id"] == shown["id"]


def test_a_product_that_stayed_unlinked_is_found_and_not_made_again(bench: Bench) -> None:
    switches = bench.sandbox.switches
    switches.create_with_link, switches.ipaas_deleted_links_are_free = "stays", False
    gone = Shop(bench).company(name="Gone")
    bench.sandbox.ipaas.link("customer company", SYSTEM_ID, gone["id"], "C1")
    bench.sandbox.ipaas.unlink_all("company", gone["id"])
    bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
    for _ in range(3):
        report = bench.run("company_to_ipaas", "C1")
        assert outcome_of(report, "C1").kind is ErrorKind.rejected
    assert len(bench.sandbox.ipaas.records["company"]) == 1


@pytest.mark.parametrize("child_identity", ["external", "id"])
def test_stock_that_another_made_is_taken_over_and_not_added(
    make_bench: Callable[..., Bench], child_identity: str
) -> None:
    bench = make_bench()
    bench.sandbox.switches.child_identity = child_identity
    bench.sandbox.bc.add("Item", {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS"})
    bench.sandbox.bc.move_stock("1000", "MAIN", 5)
    bench.run("location_to_ipaas")
    product = Shop(bench).product("1000")
    place = bench.linked("location", "MAIN")["id"]
    link = {"external_ids": [{"system_id": OTHER_SYSTEM_ID, "external_id": "m"}]}
    bench.sandbox.ipaas.edit(
        "product", product["id"], {"inventory": [{"location_id": place, "qty_on_hand": 1, **link}]}
    )
    bench.run("product_to_ipaas")
    assert [row["qty_on_hand"] for row in product["inventory"]] == [5]

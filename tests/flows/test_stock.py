"""Product inventory to iPaaS.com, and how it shares its records with products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.errors import ErrorKind
from include.sandbox.faults import Fault

FLOW = "product_inventory_to_ipaas"


def item(bench: Bench, no: str = "1000", **stock: float) -> str:
    """An item with its stock by location; returns its GUID."""
    row = bench.sandbox.bc.add("Item", {"No.": no, "Description": "Bicycle", "Type": "Inventory", "Unit Price": 10})
    for location, quantity in stock.items():
        bench.sandbox.bc.move_stock(no, location, quantity)
    return str(row["systemid"])


def rows(bench: Bench) -> list[Any]:
    """Every stock row that iPaaS.com has, of whatever origin."""
    return [row for product in bench.sandbox.ipaas.records["product"].values() for row in product.get("inventory", ())]


@pytest.fixture
def stocked(bench: Bench) -> Bench:
    """A product that iPaaS.com knows without its stock, which lies at MAIN and EAST in Business Central."""
    item(bench)
    bench.run("product_to_ipaas")
    bench.sandbox.bc.move_stock("1000", "MAIN", 5)
    bench.sandbox.bc.move_stock("1000", "EAST", 2)
    return bench


def guid(bench: Bench, no: str = "1000") -> str:
    return str(bench.sandbox.bc.get("Item", no)["systemid"])


class TestWhatIsTransferred:
    def test_the_remaining_quantity_is_both_on_hand_and_available(self, stocked: Bench) -> None:
        assert tally(stocked.run(FLOW)) == {"read": 2, "created": 2}
        record = stocked.linked("product inventory", f"MAIN|{guid(stocked)}")
        assert record["parent_id"] == stocked.linked("product", "1000")["id"]
        assert record["location_id"] == stocked.linked("location", "MAIN")["id"]
        assert (record["qty_on_hand"], record["qty_available"]) == (5, 5)

    def test_stock_at_no_location_is_skipped_and_counted(self, stocked: Bench) -> None:
        stocked.sandbox.bc.move_stock("1000", "", 99)
        item(stocked, "2000")  # never had any: one row without a location
        assert tally(stocked.run(FLOW)) == {"read": 4, "skipped": 2, "created": 2}

    def test_only_what_changed_is_written(self, stocked: Bench) -> None:
        stocked.run(FLOW)
        stocked.sandbox.bc.move_stock("1000", "EAST", -1)
        stocked.sandbox.counters.reset()
        assert tally(stocked.run(FLOW)) == {"read": 2, "unchanged": 1, "updated": 1}
        assert stocked.writes() == 1
        assert stocked.linked("product inventory", f"EAST|{guid(stocked)}")["qty_available"] == 1

    def test_a_row_that_fell_out_of_the_query_is_sent_once_with_zero(self, stocked: Bench) -> None:
        stocked.run(FLOW)
        entries = stocked.sandbox.bc.tables["Item Ledger Entry"]
        entries[:] = [entry for entry in entries if entry["Location Code"] != "EAST"]
        assert tally(stocked.run(FLOW)) == {"read": 2, "unchanged": 1, "updated": 1}
        assert stocked.linked("product inventory", f"EAST|{guid(stocked)}")["qty_on_hand"] == 0
        stocked.sandbox.counters.reset()
        assert tally(stocked.run(FLOW)) == {"read": 2, "unchanged": 2}
        assert stocked.sandbox.counters.of("ipaas") == 0

    def test_a_deleted_item_has_no_stock_any_more_and_its_product_stays(self, stocked: Bench) -> None:
        item(stocked, "2000", MAIN=1, EAST=1)
        stocked.run("product_to_ipaas")
        stocked.run(FLOW)
        entries = stocked.sandbox.bc.tables["Item Ledger Entry"]
        entries[:] = [entry for entry in entries if entry["Item No."] != "1000"]
        gone = guid(stocked)
        stocked.sandbox.bc.remove("Item", stocked.sandbox.bc.get("Item", "1000"))
        assert tally(stocked.run(FLOW)) == {"read": 4, "unchanged": 2, "updated": 2}
        assert stocked.linked("product inventory", f"MAIN|{gone}")["qty_on_hand"] == 0
        assert stocked.linked("product", "1000")

    def test_without_the_query_nothing_is_taken_for_gone(self, stocked: Bench) -> None:
        stocked.run(FLOW)
        stocked.settings["bc_service_names"] = {"Itemsbylocation": ""}
        report = stocked.run(FLOW)
        assert tally(report) == {}
        assert "stock" in report.warnings[0]
        assert {row["qty_on_hand"] for row in rows(stocked)} == {2, 5}


EMPTY = Fault(system="business_central", path="/Itemsbylocation", status=200, body='{"value": []}')


class TestASuddenlyShortQuery:
    """An answer that is short once, or for days, empties no shop."""

    @pytest.fixture
    def warehouse(self, bench: Bench) -> Bench:
        """Five items at two locations each, known to iPaaS.com."""
        for number in range(5):
            item(bench, f"{1000 + number}", MAIN=5, EAST=2)
        bench.run("product_to_ipaas")
        bench.run(FLOW)
        return bench

    def quantities(self, bench: Bench) -> list[Any]:
        return sorted(row["qty_on_hand"] for row in rows(bench))

    def without(self, bench: Bench, gone: Callable[[dict[str, Any]], bool]) -> None:
        """The query without some of its rows: what it sums up is hidden, and nothing is moved."""
        entries = bench.sandbox.bc.tables["Item Ledger Entry"]
        entries[:] = [entry for entry in entries if not gone(entry)]

    @pytest.mark.parametrize("flow", [FLOW, "product_to_ipaas"])
    def test_an_empty_answer_sets_nothing_to_zero_says_so_and_is_asked_again(self, warehouse: Bench, flow: str) -> None:
        for number in range(5):
            warehouse.sandbox.bc.change("Item", f"{1000 + number}", Description="Bike")
        warehouse.sandbox.bc.move_stock("1000", "MAIN", 1)
        warehouse.sandbox.faults.add(replace(EMPTY))
        report = warehouse.run(flow)
        assert "Nothing was set to 0" in " ".join(report.warnings)
        assert self.quantities(warehouse) == [2] * 5 + [5] * 5
        later = warehouse.run(flow)
        assert not [text for text in later.warnings if "set to 0" in text]
        assert self.quantities(warehouse) == [2] * 5 + [5] * 4 + [6]

    def test_less_than_half_is_not_believed_and_half_is(self, warehouse: Bench) -> None:
        self.without(warehouse, lambda entry: entry["Location Code"] == "EAST" or entry["Item No."] == "1004")
        assert "6 of 10 places" in " ".join(warehouse.run(FLOW).warnings)
        assert 0 not in self.quantities(warehouse)
        warehouse.settings["bc_stock_shrink_share"] = 40
        report = warehouse.run(FLOW)
        assert (report.counts["updated"], report.warnings) == (6, ())
        assert self.quantities(warehouse) == [0] * 6 + [5] * 4
        # Those that are empty already are no loss the next time.
        warehouse.settings["bc_stock_shrink_share"] = 50
        self.without(warehouse, lambda entry: entry["Item No."] == "1003")
        assert warehouse.run(FLOW).counts["updated"] == 1

    def test_products_do_not_believe_it_either(self, warehouse: Bench) -> None:
        self.without(warehouse, lambda entry: entry["Location Code"] == "EAST" or entry["Item No."] == "1004")
        for number in range(5):
            warehouse.sandbox.bc.change("Item", f"{1000 + number}", Description="Bike")
        assert "Nothing was set to 0" in " ".join(warehouse.run("product_to_ipaas").warnings)
        assert 0 not in self.quantities(warehouse)
        assert warehouse.linked("product", "1000")["name"] == "Bike"
        warehouse.settings["bc_stock_shrink_share"] = 0
        warehouse.run("product_to_ipaas")
        assert self.quantities(warehouse) == [0] * 6 + [5] * 4

    def test_one_item_alone_may_lose_a_place(self, bench: Bench) -> None:
        item(bench, "1000", MAIN=5, EAST=2)
        bench.run("product_to_ipaas")
        self.without(bench, lambda entry: entry["Location Code"] == "EAST")
        bench.sandbox.bc.change("Item", "1000", Description="Bike")
        bench.run("product_to_ipaas")
        assert self.quantities(bench) == [0, 5]

    @pytest.mark.parametrize("force", [False, True])
    def test_a_person_may_force_it_by_id(self, warehouse: Bench, force: bool) -> None:
        self.without(warehouse, lambda entry: True)
        warehouse.run(FLOW, "MAIN|1000", f"EAST|{guid(warehouse)}", force=force)
        assert self.quantities(warehouse).count(0) == (2 if force else 0)


class TestIds:
    @pytest.mark.parametrize("name", ["guid", "no"])
    def test_by_location_and_guid_or_item_number(self, stocked: Bench, name: str) -> None:
        asked = f"main|{guid(stocked).upper() if name == 'guid' else '1000'}"
        assert tally(stocked.run(FLOW, asked)) == {"read": 1, "created": 1}
        assert stocked.linked("product inventory", f"MAIN|{guid(stocked)}")

    def test_by_both_it_comes_once(self, stocked: Bench) -> None:
        assert tally(stocked.run(FLOW, "MAIN|1000", f"MAIN|{guid(stocked)}")) == {"read": 1, "created": 1}

    def test_what_is_not_there_fails_by_name(self, stocked: Bench) -> None:
        report = stocked.run(FLOW, "MAIN|1000", "WEST|1000", "MAIN|9999")
        assert tally(report) == {"read": 3, "created": 1, "failed": 2}
        assert "WEST|1000" in outcome_of(report, "WEST|1000").message

    def test_a_number_that_looks_odd_on_the_wire(self, bench: Bench) -> None:
        item(bench, "A/7 %#?&+'", MAIN=3)
        bench.run("product_to_ipaas")
        assert tally(bench.run(FLOW, "MAIN|A/7 %#?&+'")) == {"read": 1, "unchanged": 1}


class TestPrerequisites:
    def test_a_product_that_is_not_there_yet_is_waited_for(self, bench: Bench) -> None:
        item(bench, MAIN=5)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 1, "waiting": 1}
        assert outcome_of(report, f"MAIN|{guid(bench)}").kind is ErrorKind.waiting
        bench.run("product_to_ipaas")
        # Its stock came with the product: the same record, so there is nothing left to write.
        assert tally(bench.run(FLOW)) == {"read": 1, "unchanged": 1}
        assert len(rows(bench)) == 1

    def test_what_waits_is_forgotten_when_it_is_gone(self, bench: Bench) -> None:
        item(bench, MAIN=5)
        bench.run(FLOW)
        bench.sandbox.bc.tables["Item Ledger Entry"].clear()
        assert tally(bench.run(FLOW)) == {"read": 2, "skipped": 2}
        assert list(bench.ledger.keys(FLOW)) == []

    def test_a_missing_location_is_transferred_on_the_spot(self, stocked: Bench) -> None:
        assert stocked.linked("location", "MAIN") is None
        stocked.run(FLOW, "MAIN|1000")
        assert stocked.linked("location", "MAIN")["description"] == "Main Warehouse"


class TestTogetherWithProducts:
    @pytest.mark.parametrize("order", [("product_to_ipaas", FLOW), (FLOW, "product_to_ipaas")])
    def test_no_doubles_whichever_goes_first(self, stocked: Bench, order: tuple[str, str]) -> None:
        for flow in (*order, *order):
            stocked.run(flow)
        assert sorted(row["qty_on_hand"] for row in rows(stocked)) == [2, 5]
        stocked.sandbox.counters.reset()
        for flow in order:
            report = stocked.run(flow)
            assert report.counts["unchanged"] == report.counts["read"]
        assert stocked.sandbox.counters.of("ipaas") == 0

    def test_one_movement_is_settled_after_each_flow_has_seen_it_once(self, stocked: Bench) -> None:
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        stocked.sandbox.bc.move_stock("1000", "MAIN", -4)
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        stocked.sandbox.counters.reset()
        for flow in ("product_to_ipaas", FLOW, "product_to_ipaas"):
            stocked.run(flow)
        assert stocked.writes() == 0
        assert sorted(row["qty_on_hand"] for row in rows(stocked)) == [1, 2]

    def test_a_lost_ledger_doubles_nothing(self, stocked: Bench) -> None:
        stocked.run(FLOW)
        stocked.lose_ledger()
        assert tally(stocked.run(FLOW)) == {"read": 2, "unchanged": 2}
        assert len(rows(stocked)) == 2


class TestBudget:
    def test_a_poll_without_changes_asks_ipaas_nothing(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench()
        for number in range(250):
            item(bench, f"{1000 + number}", MAIN=1, EAST=2)
        bench.run("product_to_ipaas")
        bench.run(FLOW)
        report = bench.run(FLOW)
        assert tally(report) == {"read": 500, "unchanged": 500}
        assert report.counts["ipaas_requests"] == 0
        # The company, one page of stock, one range of items.
        assert report.counts["bc_requests"] == 3

    def test_a_first_load_after_the_products_reads_their_list_instead_of_each_row(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench()
        bench.sandbox.switches.ipaas_page_size = 50
        for number in range(100):
            item(bench, f"{1000 + number}", MAIN=1, EAST=2)
        bench.run("product_to_ipaas")
        report = bench.run(FLOW)
        assert tally(report) == {"read": 200, "unchanged": 200}
        assert report.counts["ipaas_requests"] < 10

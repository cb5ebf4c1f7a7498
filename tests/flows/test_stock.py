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


def quantity_at(bench: Bench, location: str, no: str = "1000") -> Any:
    """What iPaaS.com has of an item at a location."""
    return bench.linked("product inventory", f"{location}|{guid(bench, no)}")["qty_on_hand"]


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

    @pytest.mark.parametrize("order", [("product_to_ipaas", FLOW), (FLOW, "product_to_ipaas")])
    def test_one_movement_is_written_once_by_whichever_flow_comes_first(
        self, stocked: Bench, order: tuple[str, str]
    ) -> None:
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        for quantity in (1, 4, 2):
            stocked.sandbox.bc.move_stock("1000", "MAIN", quantity - quantity_at(stocked, "MAIN"))
            stocked.sandbox.counters.reset()
            assert stocked.run(order[0]).counts["updated"] == 1
            for flow in (*order, *order):
                assert stocked.run(flow).counts["updated"] == 0
            assert stocked.writes() == 1
            assert quantity_at(stocked, "MAIN") == quantity

    @pytest.mark.parametrize("order", [("product_to_ipaas", FLOW), (FLOW, "product_to_ipaas")])
    def test_stock_that_moves_back_to_what_a_flow_sent_last_is_sent_again(
        self, stocked: Bench, order: tuple[str, str]
    ) -> None:
        stocked.run(FLOW)
        stocked.run("product_to_ipaas")
        stocked.run(order[0])
        stocked.sandbox.bc.move_stock("1000", "MAIN", 2)
        stocked.run(order[1])
        assert quantity_at(stocked, "MAIN") == 7
        stocked.sandbox.bc.move_stock("1000", "MAIN", -2)
        stocked.run(order[0])
        assert quantity_at(stocked, "MAIN") == 5

    @pytest.mark.parametrize("order", [("product_to_ipaas", FLOW), (FLOW, "product_to_ipaas")])
    def test_a_place_that_was_emptied_is_set_to_zero_once(self, stocked: Bench, order: tuple[str, str]) -> None:
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        stocked.sandbox.bc.move_stock("1000", "EAST", -2)
        entries = stocked.sandbox.bc.tables["Item Ledger Entry"]
        entries[:] = [entry for entry in entries if entry["Location Code"] != "EAST"]
        stocked.sandbox.bc.move_stock("1000", "MAIN", 1)
        stocked.sandbox.counters.reset()
        for flow in (*order, *order):
            stocked.run(flow)
        assert stocked.writes() == 2
        assert (quantity_at(stocked, "EAST"), quantity_at(stocked, "MAIN")) == (0, 6)

    def test_a_new_product_has_its_stock_in_the_same_call(self, bench: Bench) -> None:
        item(bench, MAIN=5, EAST=2)
        bench.run("location_to_ipaas")
        bench.sandbox.counters.reset()
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "created": 1}
        assert bench.writes() == 1
        assert len(rows(bench)) == 2
        bench.sandbox.counters.reset()
        assert tally(bench.run(FLOW)) == {"read": 2, "unchanged": 2}
        assert bench.sandbox.counters.of("ipaas") == 0
        # One call, too, once it moves: what the call answered is remembered.
        bench.sandbox.bc.move_stock("1000", "EAST", 1)
        report = bench.run(FLOW)
        assert (tally(report)["updated"], bench.writes()) == (1, 1)

    def test_stock_that_could_not_be_written_with_its_product_is_sent_by_either(self, stocked: Bench) -> None:
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        stocked.sandbox.bc.move_stock("1000", "MAIN", 2)
        stocked.sandbox.faults.add(
            Fault(system="ipaas", method="PUT", path="Inventory", status=400, body='{"message": "no"}', times=3)
        )
        report = stocked.run("product_to_ipaas")
        assert outcome_of(report, "1000").kind is ErrorKind.waiting
        assert f"MAIN|{guid(stocked)}" in outcome_of(report, "1000").message
        stocked.sandbox.faults.clear()
        # It moves back: nothing is taken for settled.
        stocked.sandbox.bc.move_stock("1000", "MAIN", 1)
        stocked.run(FLOW)
        assert quantity_at(stocked, "MAIN") == 8

    def test_what_the_other_flow_has_read_later_is_not_overwritten(self, stocked: Bench) -> None:
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        stocked.sandbox.bc.move_stock("1000", "MAIN", 1)

        def meanwhile(stage: str) -> None:
            if stage == "load":
                stocked.sandbox.bc.move_stock("1000", "MAIN", 1)
                stocked.run(FLOW)

        stocked.run("product_to_ipaas", before=meanwhile)
        assert quantity_at(stocked, "MAIN") == 7

    def test_while_another_run_writes_a_row_its_product_waits_for_it(
        self, stocked: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("include.sync.load.BUSY_WAIT", 0.0)
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        stocked.sandbox.bc.move_stock("1000", "MAIN", 1)
        stocked.ledger.claim("product inventory", [f"MAIN|{guid(stocked)}"], "another")
        stocked.sandbox.counters.reset()
        report = stocked.run("product_to_ipaas", "1000")
        assert "Another run" in outcome_of(report, "1000").message
        assert stocked.writes() == 0
        stocked.ledger.release("product inventory", [f"MAIN|{guid(stocked)}"], "another")
        stocked.run("product_to_ipaas", "1000")
        assert quantity_at(stocked, "MAIN") == 6

    def test_a_lost_ledger_doubles_nothing(self, stocked: Bench) -> None:
        stocked.run(FLOW)
        stocked.lose_ledger()
        assert tally(stocked.run(FLOW)) == {"read": 2, "unchanged": 2}
        assert len(rows(stocked)) == 2


class TestARenamedLocation:
    """Stock rows are named by the location's code: they follow it."""

    @pytest.fixture
    def moved(self, stocked: Bench) -> Bench:
        for flow in ("location_to_ipaas", "product_to_ipaas", FLOW):
            stocked.run(flow)
        self.rename(stocked, "MAIN", "CENTRAL")
        return stocked

    def rename(self, bench: Bench, old: str, new: str) -> None:
        location = bench.sandbox.bc.get("Location", old)
        assert location is not None
        bench.sandbox.bc.rename("Location", location, {"Code": new}, [("Item Ledger Entry", "Location Code")])
        bench.sandbox.bc.touch(location)

    @pytest.mark.parametrize("flow", [FLOW, "product_to_ipaas"])
    @pytest.mark.parametrize("first", [(), ("location_to_ipaas",)])
    def test_its_rows_follow(self, moved: Bench, flow: str, first: tuple[str, ...]) -> None:
        before = moved.linked("product inventory", f"MAIN|{guid(moved)}")["id"]
        for name in first:
            moved.run(name)
        moved.sandbox.bc.change("Item", "1000", Description="Bike")
        seen: list[Any] = []
        report = moved.run(flow, before=lambda stage: seen.append(sorted(row["qty_on_hand"] for row in rows(moved))))
        assert (report.counts["failed"], report.counts["waiting"], report.warnings) == (0, 0, ())
        for name in (FLOW, "location_to_ipaas", "product_to_ipaas", FLOW):
            moved.run(name)
        assert moved.linked("product inventory", f"MAIN|{guid(moved)}") is None
        row = moved.linked("product inventory", f"CENTRAL|{guid(moved)}")
        assert (row["id"], row["qty_on_hand"], len(rows(moved))) == (before, 5, 2)
        assert not any(0 in quantities for quantities in seen)
        moved.sandbox.counters.reset()
        for name in (FLOW, "product_to_ipaas"):
            assert moved.run(name).counts["updated"] == 0
        assert moved.writes() == 0

    def test_one_that_is_empty_since_follows_with_zero(self, moved: Bench) -> None:
        before = moved.linked("product inventory", f"MAIN|{guid(moved)}")["id"]
        entries = moved.sandbox.bc.tables["Item Ledger Entry"]
        entries[:] = [entry for entry in entries if entry["Location Code"] != "CENTRAL"]
        moved.run("location_to_ipaas")
        moved.run(FLOW)
        row = moved.linked("product inventory", f"CENTRAL|{guid(moved)}")
        assert (row["id"], row["qty_on_hand"]) == (before, 0)

    def test_all_of_many_rows_follow_although_all_of_them_have_other_names(self, bench: Bench) -> None:
        for number in range(12):
            item(bench, f"{1000 + number}", MAIN=5)
        for flow in ("location_to_ipaas", "product_to_ipaas", FLOW):
            bench.run(flow)
        self.rename(bench, "MAIN", "CENTRAL")
        report = bench.run(FLOW)
        assert report.warnings == ()
        assert [row["qty_on_hand"] for row in rows(bench)] == [5] * 12
        assert all(bench.linked("product inventory", f"CENTRAL|{guid(bench, f'{1000 + n}')}") for n in range(12))

    def test_by_its_new_name_by_hand(self, moved: Bench) -> None:
        report = moved.run(FLOW, "CENTRAL|1000")
        assert report.counts["failed"] == 0
        assert moved.linked("product inventory", f"CENTRAL|{guid(moved)}")["qty_on_hand"] == 5
        assert moved.run(FLOW, "MAIN|1000").counts["failed"] == 1

    def test_an_item_renumbered_keeps_its_rows(self, stocked: Bench) -> None:
        for flow in ("product_to_ipaas", FLOW):
            stocked.run(flow)
        before = {row["id"] for row in rows(stocked)}
        row = stocked.sandbox.bc.get("Item", "1000")
        assert row is not None
        stocked.sandbox.bc.rename("Item", row, {"No.": "1000-A"}, [("Item Ledger Entry", "Item No.")])
        stocked.sandbox.bc.touch(row)
        stocked.sandbox.bc.move_stock("1000-A", "MAIN", 1)
        for flow in (FLOW, "product_to_ipaas", FLOW):
            report = stocked.run(flow)
        assert report.counts["failed"] == 0
        assert {row["id"] for row in rows(stocked)} == before
        assert quantity_at(stocked, "MAIN", "1000-A") == 6
        assert stocked.run(FLOW, "MAIN|1000-A", f"EAST|{guid(stocked, '1000-A')}").counts["failed"] == 0


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

"""A reconcile: all records of a flow compared as both sides have them now, what differs told, and healed when told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import DEFAULTS, Bench, outcome_of, tally
from shop import BICYCLE, order, set_up, transaction
from test_plans import rows

from include.flows import FLOWS
from include.sync.approval.asking import ApprovalQuestion
from include.sync.approval.decision import ApprovalDecision
from include.sync.differences import Reconciled
from include.sync.outcomes import Difference, Outcome, Result
from include.sync.report import Report
from include.sync.runs import Direction, RunKind
from tests.counts.drift import link_by_hand, unlink_by_hand

Make = Callable[..., Bench]
FLOW = "product_to_ipaas"
STOCK = "product_inventory_to_ipaas"


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A company whose customers, items and stock iPaaS.com knows."""
    set_up(bench)
    bench.sandbox.bc.move_stock("1000", "MAIN", 7)
    for flow in ("location_to_ipaas", STOCK, FLOW):
        bench.run(flow)
    return bench


def report(bench: Bench, flow: str = FLOW, **more: Any) -> Report:
    """Compare, and write nothing to either system, nor to what the ledger knows of records."""
    before = {table: found for table, found in rows(bench.ledger).items() if table != "sync_reconciled"}
    bench.sandbox.counters.reset()
    done = bench.run(flow, kind=RunKind.backfill, mode="plan", compares=True, **more)
    assert bench.writes() == 0
    # Nothing is there to be applied, so nothing is said of what that takes.
    assert done.applying is None and done.as_json()["mode"] == "report"
    assert {table: found for table, found in rows(bench.ledger).items() if table != "sync_reconciled"} == before
    return done


def heal(bench: Bench, flow: str = FLOW, **more: Any) -> Report:
    return bench.run(flow, kind=RunKind.backfill, compares=True, **more)


def found(done: Report) -> dict[str, Difference]:
    """By key: the differences that were found."""
    return {line.key: line.difference for line in done.outcomes if line.difference}


def summary(done: Report) -> Reconciled:
    assert done.reconciled
    return done.reconciled


def left(done: Report) -> dict[str, int]:
    return {name: n for name, n in summary(done).left.items() if n}


class TestInStep:
    def test_nothing_is_found_in_what_was_just_transferred(self, make_bench: Make) -> None:
        bench = make_bench("demo", bc_create_defaults=DEFAULTS)
        for flow in FLOWS:
            bench.run(flow)
            done = report(bench, flow)
            assert (left(done), summary(done).unfinished, summary(done).healed) == ({}, 0, 0), flow
            assert summary(done).compared == done.counts["read"] > 0, flow
            assert bench.ledger.last_reconciled([flow]) == {flow: done.reconciled}

    def test_without_a_ledger_links_are_those_of_ipaas(self, shop: Bench) -> None:
        shop.lose_ledger()
        assert left(report(shop)) == {}

    def test_iPaaS_is_asked_for_the_pages_of_its_list_alone(self, make_bench: Make) -> None:
        asked = {}
        for number in (150, 250):
            bench = make_bench()
            for no in range(number):
                bench.sandbox.bc.add("Item", {"No.": f"I{no}", "Description": f"Item {no}", "Type": "Inventory"})
            bench.run(FLOW)
            done = report(bench)
            assert left(done) == {}
            asked[number] = done.counts["ipaas_requests"]
        # A page of the list holds a hundred.
        assert asked[250] - asked[150] == 1

    def test_a_list_of_summaries_is_read_row_by_row(self, shop: Bench) -> None:
        shop.sandbox.switches.list_rows = "summary"
        assert left(report(shop)) == {}
        shop.linked("product", "1000")["barcode"] = "wrong"
        shop.sandbox.bc.change("Item", "1000", GTIN="4006381333931")
        assert found(report(shop)) == {"1000": Difference.stale}


class TestWhatWasChangedByHandInIPaaS:
    def test_stock_is_set_back(self, shop: Bench) -> None:
        (row,) = [one for one in shop.sandbox.ipaas.records["product inventory"].values() if one["qty_on_hand"] == 7]
        row["qty_on_hand"] = 700
        assert shop.run(STOCK).counts["updated"] == 0  # no incremental run looks
        line = next(one for one in report(shop, STOCK).outcomes if one.difference)
        assert [(c.field, c.before, c.after) for c in line.changes] == [("qty_on_hand", 700, 7)]
        done = heal(shop, STOCK)
        assert (row["qty_on_hand"], summary(done).healed, left(done)) == (7, 1, {})
        assert left(report(shop, STOCK)) == {}

    def test_a_price_is_the_shops_to_change_and_the_flow_the_other_way_carries_it(self, shop: Bench) -> None:
        shop.run("product_from_ipaas")
        record = shop.linked("product", "1000")
        record["default_price"] = 60
        assert left(report(shop)) == {}
        line = outcome_of(report(shop, "product_from_ipaas"), str(record["id"]))
        assert (line.difference, [(c.field, c.before, c.after) for c in line.changes]) == (
            Difference.stale,
            [("Unit_Price", 50, 60)],
        )
        heal(shop, FLOW)
        heal(shop, "product_from_ipaas")
        assert (shop.sandbox.bc.get("Item", "1000")["Unit Price"], record["default_price"]) == (60, 60)
        assert left(report(shop)) == left(report(shop, "product_from_ipaas")) == {}

    def test_what_only_the_shop_writes_is_no_difference(self, shop: Bench) -> None:
        shop.linked("product", "1000")["description"] = "The finest bicycle"
        assert left(report(shop)) == {}

    def test_a_field_of_a_document_is_set_back(self, shop: Bench) -> None:
        number = order(shop, BICYCLE)
        shop.run("sales_order_to_ipaas")
        record = transaction(shop, number)
        record["lines"][0]["qty"] = 20
        line = outcome_of(report(shop, "sales_order_to_ipaas"), number)
        assert [(c.field, c.before, c.after) for c in line.changes] == [(f"lines[{number}|10000].qty", 20, 2)]
        heal(shop, "sales_order_to_ipaas")
        assert record["lines"][0]["qty"] == 2

    def test_a_link_that_was_removed_is_made_again_though_nothing_else_matches(self, shop: Bench) -> None:
        record = shop.linked("product", "1000")
        unlink_by_hand(shop, "product", record["id"])
        shop.sandbox.ipaas.change("product", record["id"], {"sku": "other"})
        assert found(report(shop)) == {"1000": Difference.unlinked}
        heal(shop)
        assert shop.linked("product", "1000")["id"] == record["id"]
        assert left(report(shop)) == {}

    def test_a_record_that_was_deleted_is_missing_and_made_again(self, shop: Bench) -> None:
        shop.sandbox.ipaas.unlink_all("product", shop.linked("product", "1000")["id"])
        assert found(report(shop)) == {"1000": Difference.missing}
        heal(shop)
        assert shop.linked("product", "1000")["sku"] == "1000"
        heal(shop, STOCK)
        assert left(report(shop)) == left(report(shop, STOCK)) == {}

    def test_one_that_a_list_does_not_show_is_not_missing(self, shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        from include.ipaas.client import IPaaSClient
        from include.ipaas.lists import ListPage

        whole = IPaaSClient.pages

        def cut(self: IPaaSClient, endpoint: Any) -> Any:
            for page in whole(self, endpoint):
                kept = [row for row in page.records if row.get("sku") != "1000"]
                yield ListPage(records=kept, number=page.number, total=page.total)

        monkeypatch.setattr(IPaaSClient, "pages", cut)
        assert left(report(shop)) == {}

    def test_two_records_with_one_external_id_are_told_and_neither_is_written(self, shop: Bench) -> None:
        mine = shop.linked("product", "1000")
        other = shop.sandbox.ipaas.add("product", {**_PRODUCT, "sku": "X-1", "name": "Stray"})
        link_by_hand(shop, "product", other["id"], "1000")
        for done in (report(shop), heal(shop)):
            line = outcome_of(done, "1000")
            assert (line.difference, line.result) == (Difference.doubly_linked, Result.failed)
            assert str(mine["id"]) in line.message and str(other["id"]) in line.message
            assert left(done) == {"doubly linked": 1}
        assert other["name"] == "Stray"

    def test_what_is_written_is_what_is_there_when_it_is_written(self, shop: Bench) -> None:
        record = shop.linked("product", "1000")
        shop.sandbox.bc.change("Item", "1000", GTIN="4006381333931")
        record["barcode"] = "wrong"

        def meanwhile(stage: str) -> None:
            if stage == "load":  # after the list was read
                shop.sandbox.ipaas.edit("product", record["id"], {"barcode": "4006381333931"})

        shop.sandbox.counters.reset()
        heal(shop, before=meanwhile)
        assert shop.writes() == 0


class TestWhatWasChangedInBusinessCentral:
    def test_it_is_found_before_the_next_poll_and_once(self, shop: Bench) -> None:
        shop.run("product_from_ipaas")
        shop.sandbox.bc.change("Item", "1000", **{"Unit Price": 70})
        assert found(report(shop)) == {"1000": Difference.stale}
        assert left(report(shop, "product_from_ipaas")) == {}

    def test_a_record_that_iPaaS_does_not_have_is_missing(self, shop: Bench) -> None:
        shop.sandbox.bc.add("Item", {"No.": "3000", "Description": "New", "Type": "Inventory"})
        assert found(report(shop)) == {"3000": Difference.missing}

    def test_a_record_that_iPaaS_made_and_is_gone_here_has_vanished(self, shop: Bench) -> None:
        record = shop.sandbox.ipaas.add("product", {**_PRODUCT, "sku": "W-1", "name": "Web"})
        shop.settings["bc_create_defaults"] = DEFAULTS
        shop.run("product_from_ipaas")
        shop.sandbox.bc.remove("Item", shop.sandbox.bc.get("Item", "W-1"))
        assert found(report(shop, "product_from_ipaas")) == {str(record["id"]): Difference.vanished}


_PRODUCT = {"name": "Web", "default_price": 3, "type": "Physical", "status": "Active", "tracking_method": "Product"}


class TestVanished:
    def test_it_is_told_and_never_deleted(self, shop: Bench) -> None:
        record = shop.linked("product", "2000")
        shop.sandbox.bc.remove("Item", shop.sandbox.bc.get("Item", "2000"))
        for done in (report(shop), heal(shop)):
            line = outcome_of(done, "2000")
            assert line == Outcome(
                key="2000",
                result=Result.skipped,
                message=f"It is not in Business Central any more, and iPaaS.com still has it as {record['id']}.",
                advice="Nothing is deleted by itself: decide in the other system what becomes of it.",
                target_id=record["id"],
                difference=Difference.vanished,
            )
        assert shop.linked("product", "2000") is record

    def test_from_ipaas_likewise(self, shop: Bench) -> None:
        gone = shop.linked("product", "2000")
        shop.run("product_from_ipaas", str(gone["id"]))
        shop.sandbox.ipaas.unlink_all("product", gone["id"])
        line = outcome_of(report(shop, "product_from_ipaas"), str(gone["id"]))
        assert (line.difference, line.target_id) == (Difference.vanished, "2000")
        assert line.message == "It is not in iPaaS.com any more, and Business Central still has it as 2000."
        heal(shop, "product_from_ipaas")
        assert shop.sandbox.bc.get("Item", "2000")

    def test_an_order_that_was_posted_has_not_vanished(self, shop: Bench) -> None:
        number = order(shop, BICYCLE)
        shop.run("sales_order_to_ipaas")
        shop.sandbox.sales.ship(number, {10000: 2})
        shop.sandbox.sales.invoice(number)
        assert shop.sandbox.bc.get("Sales Header", "Order", number) is None
        done = report(shop, "sales_order_to_ipaas")
        assert (left(done), done.warnings) == ({}, ())

    def test_a_renumbered_record_has_not_vanished(self, shop: Bench) -> None:
        row = shop.sandbox.bc.get("Item", "2000")
        assert row
        shop.sandbox.bc.rename("Item", row, {"No.": "2001"}, [])
        shop.sandbox.bc.touch(row)
        assert Difference.vanished not in found(report(shop)).values()

    def test_more_than_a_share_is_not_believed(self, shop: Bench) -> None:
        for no in ("1000", "2000"):
            shop.sandbox.bc.remove("Item", shop.sandbox.bc.get("Item", no))
        done = report(shop)
        assert left(done) == {}
        assert summary(done).doubted == (
            "Nothing is called vanished: 2 of 2 records would be, more than 5 % (Variable sync_vanished_share). Look "
            "whether Business Central shows all of them to this application."
        )
        assert summary(done).doubted in done.warnings
        shop.settings["sync_vanished_share"] = 100
        assert left(report(shop)) == {"vanished": 2}

    def test_nothing_is_after_a_read_that_was_partial(self, shop: Bench) -> None:
        shop.sandbox.bc.remove("Item", shop.sandbox.bc.get("Item", "2000"))
        row = shop.sandbox.bc.add("Item", {"No.": "3000", "Description": "Odd", "Type": "Inventory"})
        row["No."] = ""  # a record without a number may be any
        done = report(shop)
        assert "vanished" not in left(done)
        assert "Nothing is called vanished: the read of Business Central was partial." in str(summary(done).doubted)


class TestWhatAPersonHasSetAside:
    def test_it_is_left_alone(self, shop: Bench) -> None:
        shop.sandbox.bc.add("Item", {"No.": "3000", "Description": "", "Type": "Inventory"})
        shop.run(FLOW)
        (transfer,) = shop.ledger.transfers(FLOW, ["3000"]).values()
        assert transfer.state == "failed"
        shop.ledger.ignore(FLOW, ["3000"], "somebody")
        done = report(shop)
        assert (left(done), summary(done).unfinished) == ({}, 0)

    def test_what_failed_is_unfinished_and_no_difference(self, shop: Bench) -> None:
        shop.sandbox.bc.add("Item", {"No.": "3000", "Description": "", "Type": "Inventory"})
        shop.run(FLOW)
        done = report(shop)
        assert (left(done), summary(done).unfinished) == ({}, 1)


def test_every_flow_to_ipaas_looks_through_a_list() -> None:
    for flow in FLOWS.values():
        if flow.direction is Direction.to_ipaas:
            assert flow.writer.endpoint.search and callable(flow.writer.concerned), flow.name


def test_a_heal_that_has_to_be_approved_heals_what_was_shown_and_by_what_is_there_then(shop: Bench) -> None:
    shop.settings["sync_approve_above"] = {"records": 0}
    record = shop.linked("product", "1000")
    shop.sandbox.ipaas.unlink_all("product", record["id"])
    asked: list[int] = []

    def person(question: ApprovalQuestion) -> ApprovalDecision:
        asked.append(question.records)
        again = {name: value for name, value in record.items() if name not in ("id", "external_ids", "inventory")}
        if len(asked) == 1:
            shop.sandbox.ipaas.add("product", again)
        return ApprovalDecision(approved=True, by="anna", at="2026-11-28T10:00:00.000000Z")

    first = heal(shop, ask=person)
    assert (asked, tally(first)["waiting"]) == ([1], 1)
    assert shop.linked("product", "1000") is None
    heal(shop, ask=person)
    assert [one["sku"] for one in shop.sandbox.ipaas.records["product"].values()].count("1000") == 1
    assert shop.linked("product", "1000")["sku"] == "1000"

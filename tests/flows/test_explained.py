"""A run that explains: what is known of the records that somebody names, and what each side has of them now."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bench import Bench
from shop import BICYCLE, order, set_up
from test_plans import rows

from include.sync.outcomes import Both, Difference, Outcome, Result

FLOW = "product_to_ipaas"
# Times are told to the minute.
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A company whose customers and items iPaaS.com knows."""
    return set_up(bench)


def explained(bench: Bench, flow: str, *ids: str) -> tuple[Outcome, ...]:
    before = rows(bench.ledger)
    bench.sandbox.counters.reset()
    report = bench.run(flow, *ids, mode="plan", explains=True)
    assert bench.writes() == 0 and rows(bench.ledger) == before
    assert not report.failed
    assert report.applying is None and report.as_json()["mode"] == "explain"
    return report.outcomes


def field(line: Outcome, name: str) -> Both:
    return next(one for one in line.both if one.field == name)


def said(line: Outcome) -> str:
    return " ".join(line.notes)


def test_a_record_in_step_tells_its_link_its_immutable_id_what_was_agreed_and_every_field(shop: Bench) -> None:
    (line,) = explained(shop, FLOW, "1000")
    record, row = shop.linked("product", "1000"), shop.sandbox.bc.get("Item", "1000")
    assert row
    assert (line.result, line.difference) == (Result.unchanged, None)
    linked = (
        f"Linked: 1000 in Business Central, whose immutable id is {row['systemid']}, is {record['id']} in iPaaS.com."
    )
    assert linked in line.notes
    assert re.search(rf"It is done, as it was read {TIME}, by the run run-", said(line))
    assert field(line, "default_price") == Both(field="default_price", source=50, target=50, agreed=50)
    assert {"name", "weight"} <= {one.field for one in line.both}


@pytest.mark.parametrize("side", ["Business Central", "iPaaS.com"])
def test_it_is_named_by_its_id_of_either_side_and_tells_where_they_differ(shop: Bench, side: str) -> None:
    record = shop.linked("product", "1000")
    shop.sandbox.bc.change("Item", "1000", GTIN="4006381333931")
    record["barcode"] = "wrong"
    (line,) = explained(shop, FLOW, "1000" if side == "Business Central" else str(record["id"]))
    assert (line.key, line.difference) == ("1000", Difference.stale)
    assert field(line, "barcode") == Both(field="barcode", source="4006381333931", target="wrong", differs=True)


@pytest.mark.parametrize("side", ["Business Central", "iPaaS.com"])
def test_from_ipaas_likewise(shop: Bench, side: str) -> None:
    record = shop.linked("product", "1000")
    shop.run("product_from_ipaas", str(record["id"]))
    record["default_price"] = 60
    (line,) = explained(shop, "product_from_ipaas", "1000" if side == "Business Central" else str(record["id"]))
    assert line.key == str(record["id"])
    assert field(line, "Unit_Price") == Both(field="Unit_Price", source=60, target=50, agreed=50, differs=True)


def test_a_record_that_the_other_side_does_not_have_tells_what_it_would_get(shop: Bench) -> None:
    shop.sandbox.bc.add("Item", {"No.": "3000", "Description": "New", "Type": "Inventory"})
    (line,) = explained(shop, FLOW, "3000")
    assert (line.difference, field(line, "name")) == (
        Difference.missing,
        Both(field="name", source="New", differs=True),
    )
    assert "No link of it is remembered." in line.notes and "This flow has not met it yet." in line.notes


def test_what_failed_tells_how_often_and_what_waits_for_it(shop: Bench) -> None:
    # Known to the order, and nobody can send it.
    shop.sandbox.bc.add(
        "Item", {"No.": "3000", "Description": "Lamp", "Type": "Inventory", "Base Unit of Measure": "PCS"}
    )
    number = order(shop, {**BICYCLE, "No.": "3000"})
    shop.sandbox.bc.change("Item", "3000", Description="")
    shop.run(FLOW)
    shop.run("sales_order_to_ipaas")
    line = outcome_of_one(explained(shop, FLOW, "3000"))
    assert re.search(rf"Tried once since {TIME}: .* Next try {TIME}\.", said(line))
    waiting = outcome_of_one(explained(shop, "sales_order_to_ipaas", number))
    assert waiting.result is Result.waiting
    assert field(waiting, "transaction_number").source == number, "what it would get is told"
    assert f"Waiting for it: {number} of sales_order_to_ipaas." in said(line)
    assert "It waits for product 3000." in said(waiting)


def test_what_is_refused_by_its_mapping_tells_what_was_read_of_it(shop: Bench) -> None:
    shop.sandbox.bc.change("Item", "1000", Description="")
    line = outcome_of_one(explained(shop, FLOW, "1000"))
    assert (line.result, line.difference) == (Result.failed, None)
    assert field(line, "No") == Both(field="No", source="1000")
    assert field(line, "default_price") == Both(field="default_price", agreed=50), "nothing was compared"


def test_what_was_tried_by_hand_in_vain_is_not_said_to_have_a_next_try_in_the_past(shop: Bench) -> None:
    shop.sandbox.bc.change("Item", "1000", Description="")
    shop.run(FLOW)
    shop.ledger.retry_now(FLOW, ["1000"])
    shop.run(FLOW, "1000")
    line = outcome_of_one(explained(shop, FLOW, "1000"))
    assert re.search(rf"Not done since {TIME}: .* Next try with the next run of its flow\.", said(line))


def test_a_webhook_for_a_flow_that_is_switched_off_waits_until_it_is_on(shop: Bench) -> None:
    record = shop.linked("product", "1000")
    shop.ledger.receive([("product_from_ipaas", str(record["id"]), "product/updated")])
    on = said(outcome_of_one(explained(shop, "product_from_ipaas", str(record["id"]))))
    assert re.search(rf"announced it at {TIME} to product_from_ipaas, which takes it with its next run\.", on)
    off = shop.run("product_from_ipaas", "1000", mode="plan", explains=True, off=["product_from_ipaas"]).outcomes
    assert "which is paused: it waits until that is unpaused." in said(outcome_of_one(off))


def outcome_of_one(lines: tuple[Outcome, ...]) -> Outcome:
    (line,) = lines
    return line


def test_an_id_that_is_nobodys_is_said_and_stops_no_other(shop: Bench) -> None:
    lines = explained(shop, FLOW, "NOBODY", "1000")
    assert {line.key for line in lines} == {"NOBODY", "1000"}
    nobody: Any = next(line for line in lines if line.key == "NOBODY")
    assert nobody.message == "There is no product 'NOBODY' in Business Central."

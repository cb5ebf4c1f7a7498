"""What people are told of one id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.sync.explain import Explained, explain, explain_all
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Finish, State, iso, waits_for_external
from include.sync.overview import records_of
from include.sync.spelling import with_immutable_ids, with_numbers
from tests import ledgers
from tests.systems import PAIR

FROM, TO, ORDERS = "company_from_ipaas", "company_to_ipaas", "sales_order_to_ipaas"
TABLE, OTHER = "Company", "Transaction"
TABLES = {FROM: TABLE, TO: TABLE, ORDERS: OTHER}
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """C10000 is 77 in iPaaS.com and went there; C20000 failed, and an order waits for it."""
    made = Ledger(ledgers.url_of(tmp_path / "ledger.db"), PAIR, now=lambda: NOW)
    made.link([(TABLE, "C10000", 77)], pushed=False)
    finish(made, TO, "C10000", State.done, base={"values": {"name": "Adatum"}})
    finish(made, TO, "C20000", State.failed, message="It has no name.")
    finish(made, ORDERS, "S1", State.waiting, waits_for=waits_for_external(TABLE, "C20000"), message="It waits.")
    finish(made, ORDERS, "77", State.failed, message="Of another kind.")
    yield made
    made.close()


def finish(ledger: Ledger, flow: str, key: str, state: State, **more: object) -> None:
    end = Finish(key=key, state=state, run_id="r", outcome={}, read_at=iso(NOW), **more)  # type: ignore[arg-type]
    ledger.finish(flow, flow, [end], [])


def keys(found: Explained) -> list[tuple[str, str]]:
    return [(flow, one.key) for flow, one in found.records]


@pytest.mark.parametrize("asked", ["C10000", "c10000", " C10000 "])
def test_an_id_of_business_central_tells_its_link_and_what_was_agreed(ledger: Ledger, asked: str) -> None:
    found = explain(ledger, asked, TABLES)
    assert [(one.external_id, one.internal_id, one.pushed) for one in found.links] == [("C10000", "77", False)]
    assert keys(found) == [(TO, "C10000")]
    assert (found.records[0][1].base or {})["values"] == {"name": "Adatum"}
    assert found.waiting_total == 0


@pytest.mark.parametrize("asked", ["C20000", "c20000"])
def test_what_waits_for_a_record_is_named_and_what_it_waits_for(ledger: Ledger, asked: str) -> None:
    found = explain(ledger, asked, TABLES)
    assert [(flow, one.state, one.message) for flow, one in found.records] == [(TO, "failed", "It has no name.")]
    assert (found.waiting, found.waiting_total) == ([(ORDERS, "S1")], 1)
    ((_, order),) = explain(ledger, "S1", TABLES).records
    assert order.waits_for == waits_for_external(TABLE, "C20000")


def test_an_id_of_ipaas_leads_to_the_same_record_and_to_others_of_that_number(ledger: Ledger) -> None:
    ledger.receive([(FROM, "77", "company/updated")])
    found = explain(ledger, "77", TABLES)
    assert keys(found) == [(TO, "C10000"), (ORDERS, "77")]
    assert found.announced == {FROM: iso(NOW)}


def test_flows_that_a_person_may_not_see_are_not_told_of(ledger: Ledger) -> None:
    found = explain(ledger, "77", {ORDERS: OTHER})
    assert keys(found) == [(ORDERS, "77")]
    assert found.links == []
    assert explain(ledger, "C20000", {TO: TABLE}).waiting == []


def test_of_an_unknown_id_nothing_is_told(ledger: Ledger) -> None:
    found = explain(ledger, "NOBODY", TABLES)
    assert found == Explained(links=[], records=[], announced={}, waiting=[], waiting_total=0)


def test_a_text_with_blanks_is_one_id_unless_only_its_parts_are_known(ledger: Ledger) -> None:
    tables = {TO: TABLE}
    finish(ledger, TO, "10 DAYS", State.done)
    finish(ledger, TO, "C1", State.done)
    finish(ledger, TO, "A,B", State.done)
    asked = {
        "10 DAYS": ["10 DAYS"],
        "C1 C2": ["C1", "C2"],
        "NO BODY": ["NO BODY"],
        "A,B": ["A,B"],
        "C1, NO BODY": ["C1", "NO BODY"],
        "X\nY": ["X", "Y"],
    }
    assert {text: [id_ for id_, _ in explain_all(ledger, text, tables)] for text in asked} == asked


def test_two_ids_of_one_record_tell_of_it_once(ledger: Ledger) -> None:
    tables = {TO: TABLE, FROM: TABLE}
    (one,) = explain_all(ledger, "C10000, 77", tables)
    assert (one[0], keys(one[1])) == ("C10000, 77", [(TO, "C10000")])
    asked = [text for text, _ in explain_all(ledger, "NOBODY, C10000, NOONE, C20000, 77", tables)]
    assert asked == ["NOBODY", "C10000, 77", "NOONE", "C20000"]


def test_an_empty_set_of_flows_is_no_fault(ledger: Ledger) -> None:
    assert explain(ledger, "C10000", {}).records == []


@pytest.mark.parametrize("asked", ["MAIN|1005", "main|1005"])
def test_a_row_of_stock_is_explained_by_the_number_of_its_item(ledger: Ledger, asked: str) -> None:
    ledger.link([("Product", "1005", 5)], pushed=True, record_ids={("Product", "1005"): "6fbc9163"})
    ledger.link([("Stock", "MAIN|6fbc9163", 9)], pushed=True)
    finish(ledger, "stock", "MAIN|6fbc9163", State.failed, message="Its location is not there.")
    found = explain(ledger, asked, {"stock": "Stock"}, numbers_of=["Product"])
    assert keys(found) == [("stock", "MAIN|6fbc9163")]
    assert [one.internal_id for one in found.links] == ["9"]


@pytest.mark.parametrize("search", ["main|1005", "1005", "MAIN|6fb"])
def test_a_row_of_stock_is_found_and_named_by_the_number_of_its_item(ledger: Ledger, search: str) -> None:
    ledger.link([("Product", "1005", 5)], pushed=True, record_ids={("Product", "1005"): "6fbc9163"})
    for key in ("MAIN|6fbc9163", "MAIN|0a1b2c3d"):
        finish(ledger, "stock", key, State.failed, message="Its location is not there.")
    texts = [search, *with_immutable_ids(ledger, search, ["Product"])]
    found, total = records_of(ledger, "stock", cause=None, state=None, search=texts, offset=0, limit=10)
    assert ([one.key for one in found], total) == (["MAIN|6fbc9163"], 1)
    keys = ["MAIN|6fbc9163", "MAIN|0a1b2c3d", "C10000"]
    assert with_numbers(ledger, keys, ["Product"]) == {"MAIN|6fbc9163": "MAIN|1005"}

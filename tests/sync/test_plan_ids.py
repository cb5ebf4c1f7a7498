"""Ids that somebody enters by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import simplejson

from include.errors import InvalidId
from include.flows import FLOWS
from include.settings import SyncSettings
from include.sync.asked import AskedId
from include.sync.ledger import Ledger
from include.sync.plan import make_plan, split_ids
from include.sync.runs import RunKind, RunPlan
from tests import ledgers
from tests.systems import PAIR


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(ledgers.url_of(tmp_path / "ledger.db"), PAIR)
    yield ledger
    ledger.close()


@pytest.mark.parametrize(
    "entries",
    [
        ["C10000", "C10001"],
        ["C10000\nC10001\n"],
        ["C10000, C10001"],
        [" C10000 ,,C10001", "", " "],
        ["C10000\r\nC10001", "C10000"],
        ["C10000\tC10001\t"],
    ],
)
def test_ids_stand_one_a_line_or_with_commas_between_them_and_blanks_are_none(entries: list[str]) -> None:
    assert split_ids(entries) == ("C10000", "C10001")


def test_blanks_stand_between_ids_where_they_cannot_be_part_of_one() -> None:
    assert _texts("company_from_ipaas", "17  18 17") == ["17", "18"]
    guids = [f"5d115c9c-44e3-ea11-bb43-000d3a2feca{number}" for number in (1, 2)]
    assert _texts("product_to_ipaas", " ".join(guids)) == guids
    # A code of Business Central may hold blanks, as those of payment terms do.
    assert _texts("customer_category_to_ipaas", "10 DAYS") == ["10 DAYS"]
    with pytest.raises(InvalidId, match="'abc' is not an id of company"):
        FLOWS["company_from_ipaas"].parse_ids(["17 abc 18"])


def _texts(flow: str, text: str) -> list[str]:
    return [asked.text for asked in FLOWS[flow].parse_ids(split_ids([text]))]


def test_all_that_are_wrong_are_named_at_once() -> None:
    flow = FLOWS["company_from_ipaas"]
    with pytest.raises(InvalidId) as raised:
        flow.parse_ids(["17", "abc", "18", "0"])
    assert "No id of company: 'abc', '0'. Give" in str(raised.value)
    assert "17542" in str(raised.value)


def test_what_was_read_out_of_an_id_travels_with_the_plan(ledger: Ledger) -> None:
    plan = _plan(ledger)
    assert plan.kind is RunKind.ids
    assert plan.ids == (AskedId(text="E|1896", parts={"location": "E", "no": "1896"}),)
    assert RunPlan.model_validate_json(plan.model_dump_json()) == plan


def test_a_plan_that_an_older_version_has_staged_is_read(ledger: Ledger) -> None:
    plan = _plan(ledger)
    staged = simplejson.loads(plan.model_dump_json()) | {"ids": ["E|1896"]}
    older = RunPlan.model_validate_json(simplejson.dumps(staged))
    assert [asked.text for asked in older.ids] == ["E|1896"]
    assert older.kind is plan.kind


def _plan(ledger: Ledger) -> RunPlan:
    flow = FLOWS["product_inventory_to_ipaas"]
    return make_plan(flow, run_id="r", kind=RunKind.poll, settings=SyncSettings(), ledger=ledger, ids=["E|1896"])

"""Every flow of the catalogue finds a record by every format of id that its form offers; a new flow is tested here, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import simplejson
from bench import DEFAULTS, SMALL, Bench, tally

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sync.asked import IdFormat
from include.sync.staging.files import Staging

FORMATS = [(name, one.name) for name, flow in FLOWS.items() for one in flow.id_formats]


@dataclass
class World:
    """A world that every flow has gone over, and of each flow the records that it read."""

    bench: Bench
    read: dict[str, list[dict[str, Any]]]

    def parts(self, flow: str) -> dict[str, str]:
        """The parts of the ids of one record that the flow has read, and not left out."""
        carried = {key for key, _ in self.bench.ledger.keys(flow)}
        record = next(record for record in self.read[flow] if record["key"] in carried)
        parts = dict(FLOWS[flow].parse_id(record["key"]).parts)
        if "location" in parts:
            items = {str(row["systemid"]): str(row["No."]) for row in self.bench.sandbox.bc.rows("Item")}
            return {**parts, "no": items[parts["guid"]]}
        feed = record["data"].get("feed") or {}
        return {**parts, "guid": str(record.get("record_id") or feed.get("id"))}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("asked")
    with Sandbox("demo", size=SMALL) as sandbox:
        bench = Bench(sandbox, folder, {"bc_create_defaults": DEFAULTS})
        for name in FLOWS:
            bench.run(name)
        yield World(bench, dict(_read(folder)))
        bench.ledger.close()


def _read(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for run in folder.glob("run-*"):
        staging = Staging(run)
        yield simplejson.loads(staging.read_text("report.json"))["flow"], list(staging.read("raw"))


def like_the_example(one: IdFormat, parts: dict[str, str]) -> str:
    """An id that is written as the example is, of another record."""
    found = re.fullmatch(one.pattern, one.example, re.IGNORECASE)
    assert found
    text = one.example
    for name in sorted(one.parts, key=found.start, reverse=True):
        text = text[: found.start(name)] + parts[name] + text[found.end(name) :]
    return text


@pytest.mark.parametrize(("flow", "name"), FORMATS)
def test_a_record_is_found_by_each_format(world: World, flow: str, name: str) -> None:
    one = next(one for one in FLOWS[flow].id_formats if one.name == name)
    text = like_the_example(one, world.parts(flow))
    assert FLOWS[flow].parse_id(text) == one.parse(text)
    report = world.bench.run(flow, text)
    assert tally(report).get("read") == 1
    assert not report.counts["failed"], report.outcomes
    assert not [outcome for outcome in report.outcomes if "There is no" in outcome.message]


def test_one_that_is_not_there_is_said_to_be_missing(world: World) -> None:
    (outcome,) = world.bench.run("company_to_ipaas", "NOBODY").outcomes
    assert outcome.message == "There is no company 'NOBODY' in Business Central."


def test_of_what_may_be_one_id_with_a_blank_or_two_ids_it_is_said_which_it_is_taken_for(world: World) -> None:
    (outcome,) = world.bench.run("company_to_ipaas", "C10000 C10001").outcomes
    assert outcome.message == "There is no company 'C10000 C10001' in Business Central."
    assert "A blank is part of it: several ids stand one a line" in outcome.advice


@pytest.mark.parametrize(
    ("pattern", "example", "said"),
    [
        (r"[^|]{1,20}", "10000", "names no part"),
        (r"(?P<no>[^|]{1,20}", "10000", "cannot be read"),
        (r"(?P<no>[0-9]{5})", "C1", "does not fit its pattern"),
    ],
)
def test_a_format_that_can_find_nothing_is_refused_where_it_is_declared(pattern: str, example: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IdFormat(name="no", pattern=pattern, example=example, meaning="a number")


@pytest.mark.parametrize("flow", FLOWS)
def test_a_part_that_the_source_does_not_read_is_refused_where_the_flow_is_declared(flow: str) -> None:
    wrong = IdFormat(name="no", pattern=r"(?P<number>[^|]{1,20})", example="10000", meaning="a number")
    with pytest.raises(ValueError, match=f"{flow}: nothing is found by the parts number of the id format 'no'"):
        replace(FLOWS[flow], id_formats=(wrong,))

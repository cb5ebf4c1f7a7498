"""A load that gives way to others between two records, or instead of waiting for a call, goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from bench import Bench, tally
from test_frozen_tries import SCENARIOS, Scenario, Tries, census
from test_given_back import CATEGORIES, FLOWS_OF, WORLDS, left_of

from include.errors import GaveWay, ServiceDown, Waiting
from include.sandbox.faults import Fault
from include.sync import load
from include.sync.outcomes import Result
from include.writers.ipaas_records import IPaaSWriter

FLOW = CATEGORIES.flow
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
REFUSED = {"status": 400, "body": '{"code": "VALD-1001", "message": "Not like this."}'}


def always() -> bool:
    """Somebody waits whenever it is asked: a shift ends with the first records that are settled."""
    return True


@pytest.fixture
def shifts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The shifts that have given way, each with the claims and tries that it has left."""
    left: list[list[Any]] = []
    gives_way = load.give_way

    def spying(*args: Any) -> None:
        gives_way(*args)
        left.append(left_of(bench))

    monkeypatch.setattr(load, "give_way", spying)
    return left


def categories(bench: Bench) -> int:
    """Item categories; answers how many there are."""
    for code in LETTERS:
        bench.sandbox.bc.add("Item Category", {"Code": code, "Description": f"Letter {code}"})
    return len(bench.sandbox.bc.rows("Item Category"))


def refuse_five(bench: Bench) -> None:
    """Five of them, once each; none that is another's parent, since the others would wait for it."""
    for code in LETTERS[:5]:
        fault = Fault(system="ipaas", method="POST", path="Category", body_contains=f"Letter {code}", **REFUSED)
        bench.sandbox.faults.add(fault)


def sent(bench: Bench) -> int:
    """How often a category was sent to be made, taken or not."""
    paths = bench.sandbox.counters.paths
    return sum(method == "POST" and "Catalog/Category" in path for _, method, path in paths)


def shift(tries: Tries, gives_way: Callable[[], bool] = always) -> bool:
    """One shift of a run's load."""
    task = tries.stage("load")
    task.gives_way = gives_way
    return load.load(task, 0, 3)


@pytest.mark.parametrize("scenario", WORLDS, ids=lambda scenario: scenario.flow)
def test_the_end_is_that_of_a_load_that_nobody_disturbs(make_bench: Callable[..., Bench], scenario: Scenario) -> None:
    undisturbed, bench = make_bench(**scenario.settings), make_bench(**scenario.settings)
    for one in (undisturbed, bench):
        scenario.world(one)
        one.sandbox.counters.reset()
    expected, report = undisturbed.run(scenario.flow), bench.run(scenario.flow, gives_way=always)
    assert tally(report) == tally(expected)
    assert {(o.key, o.result, o.message) for o in report.outcomes} == {
        (o.key, o.result, o.message) for o in expected.outcomes
    }
    assert census(bench) == census(undisturbed)
    assert bench.writes() == undisturbed.writes()


def test_each_shift_sends_what_those_before_it_have_not_and_leaves_nothing_to_wait_for(
    bench: Bench, shifts: list[list[Any]]
) -> None:
    number = categories(bench)
    bench.sandbox.counters.reset()
    counts = bench.run(FLOW, gives_way=always).counts
    assert len(shifts) > 3
    assert not any(shifts)
    assert counts["created"] == sent(bench) == number
    assert counts["ipaas_requests"] == bench.sandbox.counters.of("ipaas")


def test_what_did_not_go_through_is_not_tried_again_by_the_next_shift(bench: Bench, shifts: list[list[Any]]) -> None:
    number = categories(bench)
    refuse_five(bench)
    report = bench.run(FLOW, gives_way=always)
    assert len(shifts) > 3
    assert (report.counts["created"], report.counts["failed"], sent(bench)) == (number - 5, 5, number)
    failed = [outcome.key for outcome in report.outcomes if outcome.result is Result.failed]
    assert {one.attempts for one in bench.ledger.transfers(FLOW, failed).values()} == {1}


@pytest.mark.parametrize("when", ["in its turn", "as the shift ends"])
def test_what_waits_for_a_record_of_a_later_shift_is_tried_again_when_that_is_there(
    bench: Bench, shifts: list[list[Any]], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """And not before, so that what has not been tried has its turn; also when it is found to wait as the shift ends."""
    number = categories(bench)
    tried: list[str] = []
    first_ends = Event()
    write = IPaaSWriter.write

    def spying(writer: Any, work: Any, item: Any) -> Any:
        tried.append(item.key)
        if item.key == "B" and "Z" not in tried:
            if when == "as the shift ends":
                assert first_ends.wait(30)
            raise Waiting("It needs Z.", table=item.flow.writer.table, source_id="Z")
        return write(writer, work, item)

    def ends() -> bool:
        first_ends.set()
        return True

    monkeypatch.setattr(IPaaSWriter, "write", spying)
    counts = bench.run(FLOW, gives_way=ends).counts
    assert len(shifts) > 3
    assert (counts["created"], counts["waiting"], sent(bench)) == (number, 0, number)
    assert tried.count("B") == 2


@pytest.mark.parametrize("ends", ["fails", "dies"])
def test_a_try_after_one_that_did_not_give_way_tries_all_again_that_did_not_go_through(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """As any does: what did not go through in the shifts before that one included."""
    number = categories(bench)
    tries = Tries(bench, FLOW, tmp_path / "staging")
    refuse_five(bench)
    assert not shift(tries)
    assert not shift(tries)
    fault = ServiceDown("It is away.") if ends == "fails" else KeyboardInterrupt()

    def breaks_off() -> bool:
        raise fault

    with pytest.raises(type(fault)):
        shift(tries, breaks_off)
    assert shift(tries, lambda: False)
    counts = tries.report()
    assert (counts["created"], counts["failed"], sent(bench)) == (number, 0, number + 5)


def test_what_a_shift_could_not_leave_to_the_next_one_is_found_out_by_that(bench: Bench, tmp_path: Path) -> None:
    """The process was ended as it wrote that down."""
    number = categories(bench)
    tries = Tries(bench, FLOW, tmp_path / "staging")
    assert not shift(tries)
    (left,) = (tmp_path / "staging").glob("*so-far*")
    left.write_bytes(left.read_bytes()[:10])
    while not shift(tries):
        pass
    counts = tries.report()
    assert (counts["created"], counts["failed"], sent(bench)) == (number, 0, number)


@pytest.mark.parametrize(
    "scenario",
    [CATEGORIES, *(one for one in SCENARIOS if one.flow in FLOWS_OF)],
    ids=lambda scenario: scenario.flow,
)
def test_wherever_it_gives_way_instead_of_waiting_for_a_call_each_record_is_made_once(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, scenario: Scenario
) -> None:
    undisturbed = make_bench(**scenario.settings)
    scenario.world(undisturbed)
    undisturbed.run(scenario.flow)
    at = 0
    while True:
        at += 1
        bench, pacer = make_bench(**scenario.settings), Full(at)
        scenario.world(bench)
        monkeypatch.setattr(bench, "_pacer", lambda system, pacer=pacer: pacer)
        counts = bench.run(scenario.flow, before=pacer.stage_begins).counts
        # What is taken up in the middle of a document is no creation any more. What waited for a record that a later shift
        # has made goes along with that.
        assert counts["created"] + counts["updated"] == counts["read"], f"at call {at}"
        assert census(bench) == census(undisturbed), f"at call {at}"
        if not pacer.met:
            break
    assert at > 2


class Full:
    """Lets every call start but for one of a load, which would have to wait, so that the load gives way."""

    def __init__(self, at: int) -> None:
        self._left, self._loads, self.met = at, False, False

    def stage_begins(self, name: str) -> None:
        self._loads = name == "load"

    def acquire(self, cost: int = 1) -> None:
        if not self._loads or self.met:
            return
        self._left -= 1
        if self._left == 0:
            self.met = True
            raise GaveWay()

    def hold(self, seconds: float) -> None:
        """Nobody asks for it."""

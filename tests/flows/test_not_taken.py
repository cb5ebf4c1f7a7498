"""Records that a service does not take: they are counted by themselves, tried again, and not held up after an outage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from bench import Bench, tally

from include.sandbox.faults import Fault

FLOW = "company_to_ipaas"
START = datetime(2026, 5, 5, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Any:
    """The clock, in the tests' hand."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def bench(make_bench: Callable[..., Bench], clock: Any) -> Bench:
    """Two companies that are new."""
    bench = make_bench()
    for number in ("C1", "C2"):
        bench.sandbox.bc.add_customer(number, f"Company {number}", "Company")
    return bench


def refuse(bench: Bench, name: str = "", times: int = 1_000) -> None:
    """iPaaS.com does not take companies, or the one of that name."""
    fault = Fault(system="ipaas", method="POST", path="v2/Customer/Company", body_contains=name, times=times, cut=True)
    bench.sandbox.faults.add(fault)


def test_a_run_of_which_the_service_takes_nothing_fails(bench: Bench) -> None:
    refuse(bench)
    report = bench.run(FLOW)
    assert tally(report) == {"read": 2, "retrying": 2}
    assert report.failed


def test_a_run_of_which_the_service_takes_something_does_not(bench: Bench) -> None:
    refuse(bench, "Company C1")
    report = bench.run(FLOW)
    assert tally(report) == {"read": 2, "created": 1, "retrying": 1}
    assert not report.failed


def test_a_run_that_tries_nothing_does_not_fail_either(bench: Bench, clock: Any) -> None:
    refuse(bench, "Company C1")
    bench.run(FLOW)
    clock.shift(timedelta(minutes=5))
    report = bench.run(FLOW)
    assert report.counts["retrying"] == 1
    assert not report.failed


def test_a_try_by_hand_is_none_that_pushes_the_next_one_away(bench: Bench, clock: Any) -> None:
    refuse(bench, "Company C1")
    bench.run(FLOW)
    before = bench.ledger.transfers(FLOW, ["C1"])["C1"]
    for _ in range(3):
        clock.shift(timedelta(minutes=1))
        assert tally(bench.run(FLOW, "C1"))["retrying"] == 1
    after = bench.ledger.transfers(FLOW, ["C1"])["C1"]
    assert (after.attempts, after.next_try) == (before.attempts, before.next_try) == (1, after.next_try)


def test_the_first_success_after_an_outage_makes_everything_due_that_failed_because_of_it(
    bench: Bench, clock: Any
) -> None:
    refuse(bench)
    for _ in range(3):
        bench.run(FLOW)
        clock.shift(timedelta(hours=3))
    bench.sandbox.faults.clear()
    bench.run(FLOW)  # what is due by then
    clock.shift(timedelta(minutes=1))
    refuse(bench)
    bench.sandbox.bc.add_customer("C3", "Company C3", "Company")
    bench.sandbox.bc.add_customer("C4", "Company C4", "Company")
    bench.run(FLOW)
    bench.sandbox.faults.clear()
    clock.shift(timedelta(minutes=1))
    assert bench.ledger.due(FLOW) == []
    bench.sandbox.bc.add_customer("C5", "Company C5", "Company")
    assert tally(bench.run(FLOW))["created"] == 1
    assert bench.ledger.due(FLOW) == ["C3", "C4"]
    assert tally(bench.run(FLOW))["created"] == 2


def test_what_the_service_does_not_take_while_it_takes_others_waits_for_its_own_next_try(
    bench: Bench, clock: Any
) -> None:
    bench.run(FLOW)
    refuse(bench, "Company C3")
    bench.sandbox.bc.add_customer("C3", "Company C3", "Company")
    for number in range(10, 14):
        clock.shift(timedelta(seconds=20))
        bench.sandbox.bc.add_customer(f"C{number}", f"Company C{number}", "Company")
        bench.run(FLOW)
    assert bench.ledger.due(FLOW) == []

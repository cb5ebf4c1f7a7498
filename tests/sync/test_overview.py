"""What people are shown of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.sync.ledger import Ledger
from include.sync.ledger.entries import Finish, State, iso, waits_for_external
from include.sync.overview import (
    FlowState,
    RecordSort,
    flow_states,
    keys_of_cause,
    links_to_push,
    needs_you,
    records_of,
    within,
)
from tests import ledgers
from tests.systems import PAIR

FROM, TO = "company_from_ipaas", "company_to_ipaas"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(ledgers.url_of(tmp_path / "ledger.db"), PAIR, now=lambda: NOW)
    yield made
    made.close()


def finish(ledger: Ledger, flow: str, key: str, state: str) -> None:
    end = Finish(key=key, state=state, run_id="r", outcome={}, read_at=iso(NOW), message=f"{key} is {state}")
    ledger.finish(flow, "customer company", [end], [])


def test_the_state_of_every_flow(ledger: Ledger) -> None:
    ledger.receive([(FROM, str(n), "company/updated") for n in range(3)])
    ledger.advance(TO, NOW - timedelta(hours=1))
    for key, state in {"A": "failed", "B": "failed", "C": "waiting", "D": "done", "E": "failed"}.items():
        finish(ledger, TO, key, state)
    ledger.ignore(TO, ["E"], "somebody")
    assert flow_states(ledger, [FROM, TO, "other"]) == [
        FlowState(flow=FROM, webhooks=3, webhooks_since=iso(NOW)),
        FlowState(flow=TO, read_from=iso(NOW - timedelta(hours=1)), unfinished={"failed": 2, "waiting": 1}, ignored=1),
        FlowState(flow="other"),
    ]


def test_what_is_being_written_for_the_first_time_has_not_been_left_undone(ledger: Ledger) -> None:
    ledger.begin(TO, "N", "r", "print")
    assert flow_states(ledger, [TO]) == [FlowState(flow=TO, unfinished={"retry": 1})]
    finish(ledger, TO, "N", "retry")
    (state,) = flow_states(ledger, [TO])
    assert (state.retrying, state.next_try) == (1, iso(NOW + timedelta(minutes=20)))


def fails(ledger: Ledger, flow: str, key: str, message: str, state: str = "failed") -> None:
    end = Finish(
        key=key, state=State(state), run_id="r", outcome={}, read_at=iso(NOW), message=message, advice="Do it."
    )
    ledger.finish(flow, "customer company", [end], [])


def test_what_needs_a_person_is_grouped_by_its_reason(ledger: Ledger) -> None:
    for number in range(55):
        fails(ledger, TO, f"P{number}", "Location 'MAIN' is not on the other side.")
    fails(ledger, TO, "P60", "P60 has no name.")
    fails(ledger, TO, "P61|x", "P61 has no name.")
    fails(ledger, FROM, "17", "It has no e-mail.")
    fails(ledger, FROM, "18", "It waits for 19.", "waiting")
    found = needs_you(ledger, [FROM, TO], too_long=iso(NOW), limit=10)
    assert [(one.flow, one.cause, one.count) for one in found] == [
        (FROM, "It has no e-mail.", 1),
        (TO, "Location 'MAIN' is not on the other side.", 55),
        (TO, "… has no name.", 2),
    ]
    assert found[1].example.advice == "Do it."
    assert found[1].since == iso(NOW)
    assert keys_of_cause(ledger, TO, "… has no name.", too_long=iso(NOW)) == ["P60", "P61|x"]
    assert len(needs_you(ledger, [FROM, TO], too_long=iso(NOW), limit=2)) == 2
    assert needs_you(ledger, [], too_long=iso(NOW), limit=2) == []


def test_records_are_sorted_over_all_pages(ledger: Ledger) -> None:
    for key, message in (("A", "z"), ("B", "x"), ("C", "y")):
        fails(ledger, TO, key, message)
    fails(ledger, TO, "C", "y")

    def keys(sort: RecordSort, offset: int = 0) -> list[str]:
        found, _ = records_of(ledger, TO, cause=None, state=None, sort=sort, offset=offset, limit=2)
        return [one.key for one in found]

    assert (keys("record"), keys("-record"), keys("-record", 2)) == (["A", "B"], ["C", "B"], ["A"])
    assert (keys("message"), keys("-message")) == (["B", "C"], ["A", "C"])
    assert (keys("tries"), keys("-tries")) == (["A", "B"], ["C", "A"])


def test_what_waits_for_too_long_needs_a_person_too(tmp_path: Path) -> None:
    clock = [NOW]
    ledger = Ledger(ledgers.url_of(tmp_path / "ledger.db"), PAIR, now=lambda: clock[0])
    fails(ledger, TO, "C1", "It waits.", "waiting")
    clock[0] += timedelta(hours=30)
    fails(ledger, TO, "C1", "It waits.", "waiting")  # another try makes it no younger
    fails(ledger, TO, "C2", "It waits.", "waiting")
    found = needs_you(ledger, [TO], too_long=iso(clock[0] - timedelta(hours=24)), limit=10)
    assert [(one.count, one.since) for one in found] == [(1, iso(NOW))]
    fails(ledger, TO, "C1", "", "done")
    fails(ledger, TO, "C1", "It waits.", "waiting")
    assert not needs_you(ledger, [TO], too_long=iso(clock[0] - timedelta(hours=24)), limit=10)
    ledger.close()


def test_a_person_may_retry_records_or_leave_them_alone(ledger: Ledger) -> None:
    for key in ("A", "B", "C"):
        fails(ledger, TO, key, f"{key} is refused.")
    assert ledger.ignore(TO, ["A", "nobody"], "admin") == ["A"]
    assert keys_of_cause(ledger, TO, "… is refused.", too_long=iso(NOW)) == ["B", "C"]
    assert ledger.due(TO) == []
    assert ledger.retry_now(TO, ["A", "B"]) == ["A", "B"]
    assert ledger.due(TO) == ["A", "B"]


def test_the_list_of_a_reason_holds_what_is_counted_of_it(ledger: Ledger) -> None:
    for key in ("A", "B", "C"):
        fails(ledger, TO, key, f"{key} is refused.")
    fails(ledger, TO, "D", "D is refused.", "waiting")  # not for long yet
    ledger.ignore(TO, ["A"], "admin")
    too_long = iso(NOW)
    (cause,) = needs_you(ledger, [TO], too_long=too_long, limit=10)
    found, total = records_of(ledger, TO, cause=cause.cause, state=None, too_long=too_long, offset=0, limit=10)
    assert [one.key for one in found] == ["B", "C"]
    assert total == cause.count == 2


def test_past_the_end_of_a_list_is_its_last_page(ledger: Ledger) -> None:
    for key in ("A", "B", "C"):
        fails(ledger, TO, key, "It is refused.")

    def last() -> list[str]:
        return [one.key for one in records_of(ledger, TO, cause=None, state=None, offset=2, limit=2)[0]]

    assert last() == ["C"]
    fails(ledger, TO, "C", "", "done")
    assert last() == ["A", "B"]
    assert [within(offset, total, 100) for offset, total in ((0, 0), (100, 0), (100, 100), (100, 101))] == [
        0,
        0,
        0,
        100,
    ]


def test_what_is_ignored_is_not_woken_by_what_it_waited_for(ledger: Ledger) -> None:
    end = Finish(
        key="A",
        state=State.waiting,
        run_id="r",
        outcome={},
        read_at=iso(NOW),
        message="It waits.",
        waits_for=waits_for_external("customer company", "C1"),
    )
    ledger.finish(TO, "customer company", [end], [])
    ledger.ignore(TO, ["A"], "admin")
    ledger.link([("customer company", "C1", 7)])
    assert ledger.transfers(TO, ["A"])["A"].next_try is None


def test_links_that_ipaas_does_not_know_yet_are_counted(ledger: Ledger) -> None:
    ledger.link([("customer company", "C1", 7)], pushed=False)
    ledger.link([("customer company", "C2", 8)])
    assert links_to_push(ledger) == 1

"""What people are shown of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.sync.ledger import Ledger
from include.sync.ledger.entries import Finish, iso
from include.sync.ledger.transfers import MAX_ATTEMPTS
from include.sync.overview import FlowState, flow_states, links_to_push, unfinished_transfers
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
    for key, state in {"A": "failed", "B": "failed", "C": "waiting", "D": "done"}.items():
        finish(ledger, TO, key, state)
    assert flow_states(ledger, [FROM, TO, "other"]) == [
        FlowState(flow=FROM, hooks=3, hooks_since=iso(NOW)),
        FlowState(flow=TO, read_from=iso(NOW - timedelta(hours=1)), unfinished={"failed": 2, "waiting": 1}),
        FlowState(flow="other"),
    ]


def test_what_only_a_person_can_move_comes_first(ledger: Ledger) -> None:
    finish(ledger, FROM, "17", "waiting")
    for _ in range(MAX_ATTEMPTS):
        finish(ledger, TO, "C1", "failed")
    finish(ledger, TO, "C2", "failed")
    finish(ledger, TO, "C3", "done")
    finish(ledger, "other", "X", "failed")
    found = unfinished_transfers(ledger, [FROM, TO], 10)
    assert [(flow, transfer.key) for flow, transfer in found] == [(TO, "C1"), (FROM, "17"), (TO, "C2")]
    assert found[0][1].next_try is None
    assert found[0][1].message == "C1 is failed"
    assert len(unfinished_transfers(ledger, [FROM, TO], 2)) == 2


def test_links_that_ipaas_does_not_know_yet_are_counted(ledger: Ledger) -> None:
    ledger.link([("customer company", "C1", 7)], pushed=False)
    ledger.link([("customer company", "C2", 8)])
    assert links_to_push(ledger) == 1

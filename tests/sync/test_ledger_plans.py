"""No question to the ledger reads it from end to end: with a million rows each goes by an index."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.sync.ledger import Ledger
from include.sync.ledger.entries import Finish, Purpose
from include.sync.overview import flow_states, links_to_push
from include.sync.spelling import with_immutable_ids, with_numbers
from tests.systems import PAIR
from tests.unfinished import unfinished

FLOW, TABLE = "company_from_ipaas", "customer company"
END = Finish(key="C1", state="done", run_id="r", outcome={}, read_at="2026", fingerprint="f")
# As many as go into one statement: of few, SQLite chooses another way to find them.
KEYS = [f"C{number}" for number in range(400)]

QUESTIONS: dict[str, Callable[[Ledger], Any]] = {
    "transfers": lambda ledger: ledger.transfers(FLOW, KEYS),
    "keys": lambda ledger: list(ledger.keys(FLOW)),
    "due": lambda ledger: ledger.due(FLOW, 10),
    "flows_due": lambda ledger: ledger.flows_due([FLOW, "company_to_ipaas"]),
    "seen": lambda ledger: ledger.seen(FLOW, KEYS, "2026", {"C1": "p"}),
    "look_again": lambda ledger: ledger.look_again(FLOW, KEYS),
    "retry_now": lambda ledger: ledger.retry_now(FLOW, KEYS),
    "ignore": lambda ledger: ledger.ignore(FLOW, KEYS, "me"),
    "finish": lambda ledger: ledger.finish(FLOW, TABLE, [END], [(TABLE, "C1", 7)], owner="o"),
    "forget": lambda ledger: ledger.forget(FLOW, KEYS),
    "settle": lambda ledger: ledger.settle([(FLOW, "C1", {"Name": ("a", "b")})], "2026"),
    "internal_ids": lambda ledger: ledger.internal_ids(TABLE, KEYS),
    "external_ids": lambda ledger: ledger.external_ids(TABLE, range(200), pushed=True),
    "link": lambda ledger: ledger.link([(TABLE, "C1", 7)], pushed=False),
    "unpushed": lambda ledger: ledger.unpushed(after=(TABLE, "C1")),
    "unpushed of tables": lambda ledger: ledger.unpushed([TABLE], after=(TABLE, "C1")),
    "unpushed_tables": lambda ledger: ledger.unpushed_tables(),
    "claim": lambda ledger: ledger.claim(TABLE, KEYS, "owner"),
    "claimed": lambda ledger: ledger.claimed(TABLE, ["C1"]),
    "release": lambda ledger: ledger.release(TABLE, KEYS, "owner"),
    "reserve": lambda ledger: ledger.reserve(TABLE, "7", "customers", "C1", Purpose.create, linked_in=TABLE),
    "reservations": lambda ledger: ledger.reservations(TABLE, KEYS),
    "received": lambda ledger: ledger.received(FLOW, 10),
    "announced": lambda ledger: ledger.announced(FLOW, KEYS),
    "dealt_with": lambda ledger: ledger.dealt_with(FLOW, [("7", "g")]),
    "records_of": lambda ledger: unfinished(ledger, FLOW),
    "with_numbers": lambda ledger: with_numbers(ledger, ["MAIN|6fbc"], [TABLE]),
    "with_immutable_ids": lambda ledger: with_immutable_ids(ledger, "MAIN|1005", [TABLE]),
    "flow_states": lambda ledger: flow_states(ledger, [FLOW]),
    "links_to_push": links_to_push,
    "prune_history": lambda ledger: ledger.prune_history(30),
}
BY_KEY = ("transfers", "seen", "look_again", "retry_now", "ignore", "forget")
# Small by nature, or read whole because all of it is asked for.
WHOLE = (
    "CONSTANT ROW",
    "sync_positions",
    "sync_inbox USING COVERING INDEX",
    "sync_links USING INDEX sync_links_unpushed",
)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Ledger, list[tuple[str, Any]]]]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", PAIR)
    statements: list[tuple[str, Any]] = []

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, values: Any, _x: Any, many: bool) -> None:
        statements.append((statement, values[0] if many else values))

    yield ledger, statements
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    ledger.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_goes_by_an_index(asked: tuple[Ledger, list[tuple[str, Any]]], tmp_path: Path, question: str) -> None:
    ledger, statements = asked
    QUESTIONS[question](ledger)
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        steps = [
            step
            for statement, values in statements
            if statement.startswith(("SELECT", "UPDATE", "DELETE"))
            for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert steps
    whole = [step for step in steps if step.startswith("SCAN") and not any(f"SCAN {t}" in step for t in WHOLE)]
    if question != "keys":
        whole += [step for step in steps if "sync_transfers" in step and step.endswith("(flow=?)")]
    if question in BY_KEY:
        # Nearly all that there are share one state.
        whole += [step for step in steps if "sync_transfers" in step and "key=?" not in step]
    assert whole == []

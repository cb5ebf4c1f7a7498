"""PostgreSQL goes by the right index from the first thousand records on, also where nothing tells it that tables grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.sync.ledger import Ledger, statistics
from include.sync.ledger.entries import Finish
from include.sync.ledger.read_only import ReadOnlyLedger
from tests import ledgers
from tests.systems import PAIR

FLOW, TABLE = "company_to_ipaas", "customer company"
LINKED = sa.text(
    "EXPLAIN DELETE FROM sync_links WHERE pair = 1 AND table_name = 'customer company' AND internal_id IN ('7', '\"7\"') "
    "AND folded != 'C7'"
)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    ledgers.need("postgresql")
    monkeypatch.setenv("LEDGER", "postgresql")
    yield ledgers.url_of(tmp_path / "ledger.db")
    ledgers.drop(tmp_path)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """One whose tables nobody looks at by himself."""
    opened = Ledger(url, PAIR)
    with opened._engine.begin() as db:
        for name in ("sync_links", "sync_transfers"):
            db.exec_driver_sql(f"ALTER TABLE {name} SET (autovacuum_enabled = false)")
    yield opened
    opened.close()


def write(ledger: Ledger, records: range) -> None:
    """Note that so many records were made, as a load does."""
    for start in records[::100]:
        numbers = range(start, start + 100)
        ends = [
            Finish(key=f"C{n}", state="done", run_id="r", outcome={}, read_at="2026", fingerprint=f"{n}")
            for n in numbers
        ]
        ledger.finish(FLOW, TABLE, ends, [(TABLE, f"C{n}", n) for n in numbers], owner="o")
        ledger.grew(100)


def index_of(ledger: Ledger) -> str:
    """The index by which a link is found by its iPaaS.com id."""
    with ledger.reading() as db:
        return " ".join(db.execute(LINKED).scalars())


def looked_at(ledger: Ledger) -> float:
    """How many rows PostgreSQL believes there are."""
    with ledger.reading() as db:
        return float(
            db.execute(sa.text("SELECT reltuples FROM pg_class WHERE oid = 'sync_links'::regclass")).scalar_one()
        )


def test_it_is_told_as_a_load_goes_on(ledger: Ledger) -> None:
    write(ledger, range(900))
    assert looked_at(ledger) <= 0
    write(ledger, range(900, 2_500))
    assert looked_at(ledger) >= 1_000
    assert "sync_links_internal" in index_of(ledger)


def test_what_has_not_doubled_is_not_looked_at_again(ledger: Ledger) -> None:
    write(ledger, range(2_000))
    ledger.know_growth()
    before = looked_at(ledger)
    write(ledger, range(2_000, 3_000))
    assert looked_at(ledger) == before
    write(ledger, range(3_000, 9_000))
    assert looked_at(ledger) > before


def test_what_cannot_be_looked_at_stops_nobody(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(statistics, "_GROWN", sa.text("SELECT name FROM nowhere WHERE :names = :few"))
    write(ledger, range(1_000))
    assert len(ledger.transfers(FLOW, [f"C{n}" for n in range(1_000)])) == 1_000
    assert "could not be told" in caplog.text


def test_a_plan_does_not_look(ledger: Ledger) -> None:
    write(ledger, range(900))
    reads = ReadOnlyLedger(ledger)
    reads.know_growth()
    assert looked_at(ledger) <= 0

"""What a record takes of the ledger and of this machine, counted: statements, columns, fingerprints. No clock is asked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from bench import Bench
from test_two_sided import DEFAULTS

from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.sync import fingerprints
from include.sync.runs import RunKind

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
COMPANIES = 100


class Stages:
    """What was counted, by the stage in which it was."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.statements: dict[str, list[str]] = {}
        self._stage = ""

    def before(self, stage: str) -> None:
        """A stage begins."""
        self._stage = stage

    def made(self, *_: Any) -> Any:
        """A fingerprint is made."""
        self.counts[self._stage] += 1
        return hashlib.sha256(*_)

    def said(self, *args: Any) -> None:
        """The ledger is told or asked something."""
        self.statements.setdefault(self._stage, []).append(args[2])


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stages]:
    """Within, statements and fingerprints are counted."""
    stages = Stages()
    monkeypatch.setattr(fingerprints, "hashlib", SimpleNamespace(sha256=stages.made))
    sa.event.listen(sa.Engine, "before_cursor_execute", stages.said)
    try:
        yield stages
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", stages.said)


def test_what_a_company_takes_when_it_is_written_and_when_it_is_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = Size(companies=COMPANIES, persons=0, contacts=0, items=0, orders=0, invoices=0)
    with Sandbox("demo", size=size) as sandbox:
        bench = Bench(sandbox, tmp_path, {"bc_create_defaults": DEFAULTS})
        bench.run("customer_category_to_ipaas")
        with counted(monkeypatch) as first:
            report = bench.run("company_to_ipaas", before=first.before)
        assert report.counts["created"] == COMPANIES
        assert first.counts["transform"] == COMPANIES, "its fingerprint is made once, and travels with it"
        # Whether its claim still holds, before it is sent; the rest is said of many at once.
        assert len(first.statements["load"]) <= 3 * COMPANIES
        with counted(monkeypatch) as again:
            report = bench.run("company_to_ipaas", kind=RunKind.backfill, interval=EVER, before=again.before)
        assert report.counts["unchanged"] == COMPANIES
        assert again.counts["transform"] == COMPANIES
        assert len(again.statements["transform"]) <= 12
        asked = [text for text in again.statements["transform"] if "sync_transfers" in text]
        assert not any("outcome" in text or "base" in text for text in asked), "what nobody reads is not asked for"
        bench.close()

"""What a record takes of the ledger and of this machine, counted: statements, columns, fingerprints. No clock is asked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from bench import DEFAULTS, Bench

from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.sync import fingerprints, load
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Finish
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


def test_what_a_company_takes_that_comes_from_ipaas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(**dict.fromkeys(vars(Size()), 0) | {"shop_companies": COMPANIES})
    with Sandbox("demo", size=size) as sandbox:
        bench = Bench(sandbox, tmp_path, {"bc_create_defaults": DEFAULTS})
        with counted(monkeypatch) as first:
            report = bench.run("company_from_ipaas", before=first.before)
        bench.close()
    assert report.counts["created"] == COMPANIES
    # What is known of them, and whom the numbers belong to that they may be given, is asked of many at once.
    assert len(first.statements["extract"]) <= COMPANIES / 2
    # Of each record by itself: its number is taken, and whether its claim still holds is asked before each of two calls.
    # What earlier runs have left behind of it is asked of many at once.
    assert len(first.statements["load"]) <= 9 * COMPANIES


@pytest.mark.parametrize(("seconds", "least", "most"), [(0.0, COMPANIES // 2, COMPANIES), (3_600.0, 1, 4)])
def test_what_a_slow_service_has_taken_is_noted_as_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, least: int, most: int
) -> None:
    """What a process that dies has not noted is looked for by the next one, so that not much may be."""
    monkeypatch.setattr(load, "_NOTED_AFTER", seconds)
    noted: list[int] = []
    monkeypatch.setattr(Ledger, "finish", counting(Ledger.finish, noted))
    size = Size(companies=COMPANIES, persons=0, contacts=0, items=0, orders=0, invoices=0)
    with Sandbox("demo", size=size) as sandbox:
        bench = Bench(sandbox, tmp_path, {"bc_create_defaults": DEFAULTS})
        bench.run("customer_category_to_ipaas")
        noted.clear()
        assert bench.run("company_to_ipaas").counts["created"] == COMPANIES
        bench.close()
    assert sum(noted) == COMPANIES
    assert least <= len(noted) <= most


def test_each_load_looks_whether_the_tables_have_grown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small ones make them long, too."""
    looked: list[Ledger] = []
    monkeypatch.setattr(Ledger, "know_growth", lambda ledger: looked.append(ledger))
    assert bench.run("shipping_method_to_ipaas").counts["created"]
    assert len(looked) == 1


def counting(finish: Callable[..., None], noted: list[int]) -> Callable[..., None]:
    """The same, of whose calls it is noted how many records each is about."""

    def counted(ledger: Ledger, flow: str, claimed: str, ends: Sequence[Finish], *rest: Any, **options: Any) -> None:
        noted.append(len(ends))
        finish(ledger, flow, claimed, ends, *rest, **options)

    return counted

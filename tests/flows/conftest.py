"""Fixtures of the flow tests: benches on worlds of one's choice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import DEFAULTS, SMALL, Bench

from include.sandbox import Sandbox
from tests import ledgers


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what concerns the ledger most on both kinds of database, unless one was chosen for the whole suite."""
    if metafunc.definition.get_closest_marker("both_ledgers") and not os.environ.get("LEDGER"):
        metafunc.parametrize("ledger_kind", ledgers.KINDS, indirect=True)


@pytest.fixture(autouse=True)
def ledger_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kind of database that the test's ledgers are in."""
    kind = str(getattr(request, "param", ledgers.kind()))
    if kind != ledgers.kind():
        ledgers.need(kind)
        monkeypatch.setenv("LEDGER", kind)
    return kind


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes benches on worlds of one's choice."""
    made: list[Bench] = []

    def make(world: str = "empty", **settings: Any) -> Bench:
        sandbox = Sandbox(world)
        sandbox.start()
        folder = tmp_path / f"bench{len(made)}"
        folder.mkdir()
        made.append(Bench(sandbox, folder, settings))
        return made[-1]

    yield make
    for bench in made:
        bench.close()
        bench.sandbox.stop()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench on an empty world: set-up tables only."""
    return make_bench()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench on a small demo, for all tests of a file."""
    with Sandbox("demo", size=SMALL) as sandbox:
        bench = Bench(sandbox, tmp_path_factory.mktemp("world"), {"bc_create_defaults": DEFAULTS})
        yield bench
        bench.ledger.close()

"""Fixtures of the flow tests: benches on worlds of one's choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import Bench

from include.sandbox import Sandbox


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
        bench.ledger.close()
        bench.sandbox.stop()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench on an empty world: set-up tables only."""
    return make_bench()

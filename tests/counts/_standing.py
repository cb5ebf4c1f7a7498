"""A small world that stands: what a run makes of it is undone afterwards, in both systems and in the ledger."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine
from bench import Bench

from include.sandbox import Sandbox
from include.sandbox.snapshot import Snapshot
from include.sandbox.world import Size
from include.sync.ledger import Ledger
from include.sync.report import Report
from include.sync.runs import RunKind
from tests.systems import PAIR

# Whether a disk has what was written is not what is asked here, and waiting for it takes long.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# So much later everything is due that was to be tried again.
LATER = timedelta(hours=13)


@dataclass(frozen=True)
class State:
    """Both systems and the ledger as they were."""

    world: Snapshot
    ledger: Path


@dataclass
class Standing:
    """A sandbox and a bench that can be set back."""

    bench: Bench
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def keep(self) -> State:
        """What is there now."""
        file = self.bench.folder / f"kept{next(self._numbers)}.db"
        self.bench.ledger.close()
        shutil.copy(self._ledger, file)
        self._open(self._ledger)
        return State(Snapshot(self.bench.sandbox.world), file)

    def restore(self, state: State) -> None:
        """Set everything back."""
        self.bench.ledger.close()
        for old in (*self.bench.folder.glob("run-*"), *self.bench.folder.glob("now*")):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        state.world.restore()
        file = self.bench.folder / f"now{next(self._numbers)}.db"
        shutil.copy(state.ledger, file)
        self._open(file)

    @property
    def _ledger(self) -> Path:
        return Path(self.bench._url.removeprefix("sqlite:///"))

    def _open(self, file: Path) -> None:
        self.bench._url = f"sqlite:///{file}"
        self.bench.ledger = Ledger(self.bench._url, PAIR)

    def run(self, flow: str, ids: tuple[str, ...] = (), *, force: bool = False) -> Report:
        """Run a flow: a poll, or these ids."""
        return self.bench.run(flow, *ids, force=force)

    def later(self, flow: str) -> Report:
        """A poll of a flow when all that is to be tried again is due, and what is unchanged is read all the same."""
        with time_machine.travel(datetime.now(UTC) + LATER, tick=True):
            return self.bench.run(flow, kind=RunKind.poll)

    def sent(self, flow: str) -> frozenset[str]:
        """The keys of a flow's records that have been transferred."""
        return frozenset(key for key, print_ in self.bench.ledger.keys(flow) if print_)


@contextmanager
def standing(seed: int, size: Size, settings: dict[str, Any]) -> Iterator[Standing]:
    """A world from a seed, as long as it is needed."""
    with Sandbox("demo", seed=seed, size=size) as sandbox, tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = Standing(Bench(sandbox, Path(folder), dict(settings)))
        world.bench.close()
        # Of any other kind of ledger there is no copy to be had.
        world._open(Path(folder) / "first.db")
        yield world
        world.bench.close()

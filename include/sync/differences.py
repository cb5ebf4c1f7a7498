"""What a run that compares has found: how a record stands otherwise on the two sides, and the sums of a flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from include.sync.outcomes import Difference, Outcome, Result
from include.sync.records import Json

_WRITTEN = (Result.created, Result.updated)


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """A comparison of all records of a flow: when it began to read, how many it compared, how many of each difference are
    left, how many it has healed, and how many records are unfinished, so that nothing is known of how they stand.

    `doubted` says why nothing was called vanished, where that was refused.
    """

    flow: str
    as_of: datetime
    compared: int
    left: Mapping[str, int] = field(default_factory=dict)
    healed: int = 0
    unfinished: int = 0
    doubted: str | None = None

    @property
    def differences(self) -> int:
        """How many differences are left."""
        return sum(self.left.values())

    def as_json(self) -> Json:
        """The same as data, without what is empty."""
        return {
            "as_of": self.as_of.isoformat(),
            "compared": self.compared,
            "left": {name: number for name, number in self.left.items() if number},
            "differences": self.differences,
            "healed": self.healed,
            "unfinished": self.unfinished,
            **({"doubted": self.doubted} if self.doubted else {}),
        }

    def __str__(self) -> str:
        """What was found, as `3 stale, 1 missing, 2 could not be compared`."""
        found = [f"{number:,} {word}" for word, number in self.left.items() if number] or ["no differences"]
        return ", ".join([*found, *([f"{self.unfinished:,} could not be compared"] if self.unfinished else [])])


class Found:
    """Adds up what was found, line by line."""

    def __init__(self, *, applies: bool) -> None:
        """`applies`: what was found has been written, where a line says so."""
        self._applies = applies
        self.left: Counter[str] = Counter({kind.value: 0 for kind in Difference})
        self.healed = 0
        self.unfinished = 0

    def through(self, lines: Iterable[Outcome]) -> Iterable[Outcome]:
        """The same lines, taken in as they pass."""
        for line in lines:
            if line.difference is None:
                self.unfinished += line.result in (Result.failed, Result.waiting, Result.retrying)
            elif self._applies and line.result in _WRITTEN:
                self.healed += 1
            else:
                self.left[line.difference.value] += 1
            yield line

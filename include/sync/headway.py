"""How far a stage has come, and how fast it is: told while it works, every few seconds and at its end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.sync.records import Json

# What it is told under.
HEADWAY = "headway"
TO_WRITE = "to write"
# Seconds between two words of a stage, and those over which its rate is taken.
EVERY, OVER = 5.0, 60.0


def _unheard(_: Json) -> None:
    """Tell nobody."""


class Headway:
    """Says how many records a task has done, of how many, and how many a minute it does."""

    def __init__(self, tell: Callable[[Json], None] = _unheard) -> None:
        """`tell` is given what there is to say, as data."""
        self._tell = tell
        self._word = ""
        self._before = 0  # what earlier chunks have come to, in a task that does several
        self._marks: deque[tuple[float, int]] = deque()

    def at(self, word: str, done: int, of: int | None = None) -> None:
        """So many are `word` by now. The first time is where the rate counts from, and is not told."""
        self._begin(word)
        now = time.monotonic()
        if self._marks and now - self._marks[-1][0] < EVERY:
            return
        self._marks.append((now, self._before + done))
        while now - self._marks[0][0] > OVER and len(self._marks) > 2:
            self._marks.popleft()
        if len(self._marks) > 1:
            self._say(self._before + done, of)

    def end(self, word: str, done: int, of: int | None = None) -> None:
        """The stage, or a chunk of it, is done with so many."""
        self._begin(word)
        self._say(self._before + done, of)
        self._before += done

    def _begin(self, word: str) -> None:
        if word != self._word:
            self._word, self._before = word, 0
            self._marks.clear()

    def _say(self, done: int, of: int | None) -> None:
        rate = 0.0
        if len(self._marks) > 1:
            (since, before), (now, after) = self._marks[0], self._marks[-1]
            rate = (after - before) * 60 / (now - since)
        whole = None if of is None else self._before + of
        self._tell({"word": self._word, "done": done, "of": whole, "a_minute": round(rate, 1)})


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What a stage has said: of each of its tasks together. `of` is None where nobody can know."""

    word: str
    done: int
    of: int | None = None

    @classmethod
    def of_tasks(cls, said: Sequence[Json], of: int | None = None) -> Stretch | None:
        """What several tasks of a stage have said, of so many records in all; None when none has said anything."""
        if not said:
            return None
        known = [one["of"] for one in said if one["of"] is not None]
        return cls(
            word=said[0]["word"],
            done=sum(one["done"] for one in said),
            of=of if of is not None else sum(known) if known else None,
        )

    def __str__(self) -> str:
        whole = f" of {self.of:,}" if self.of is not None else ""
        return f"{self.done:,}{whole} {self.word}"

    def left(self, a_minute: float) -> str:
        """How fast it goes and how long it takes yet, in words; nothing where that is not known."""
        if a_minute <= 0:
            return ""
        rate = f"{a_minute:,.0f} a minute"
        if self.of is None or self.of <= self.done:
            return rate
        return f"{rate}, about {lasts(-int(-(self.of - self.done) * 60 // a_minute))} left"


def lasts(seconds: int) -> str:
    """A time in words."""
    hours, rest = divmod(seconds, 3600)
    if hours:
        return f"{hours} h {rest // 60} min"
    return f"{rest // 60} min {rest % 60} s" if rest >= 60 else f"{rest} s"

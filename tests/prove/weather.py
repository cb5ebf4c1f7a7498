"""What disturbs the wire between the project and both systems: drawn from a seed, call by call."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.state import is_write

# What may come back for a call, by name. Each is met by a write before or after it took effect.
ODD_ANSWERS: dict[str, dict[str, object]] = {
    "answer lost": {"lost": True},
    "cut before": {"cut": True},
    "answer truncated": {"truncate": 7},
    **{f"{name}, after": {**fault, "after": True} for name, fault in GATEWAY.items()},
    **GATEWAY,
}


def after_effect() -> tuple[str, ...]:
    """The names of those that a call meets once it has taken effect: its answer is lost one way or another."""
    return tuple(name for name, fault in ODD_ANSWERS.items() if fault.get("after") or name.startswith("answer"))


@dataclass
class Weather:
    """Stands in the sandbox's door in place of its list of faults.

    Each write (with `reads`, each call) of `systems` is disturbed with this `chance`, at most `most` times, by one of
    `answers`. `kill`: the process with this id is killed at its `at`th write, `before` or after it takes effect.
    """

    rng: random.Random
    chance: float = 0.0
    answers: Sequence[str] = tuple(ODD_ANSWERS)
    reads: bool = False
    most: int | None = None
    systems: tuple[str, ...] = ("business_central", "ipaas")
    met: int = 0
    kill: Kill | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def meet(self, system: str, method: str, path: str, body: bytes) -> Fault | None:
        """The fault that meets a call, or none."""
        writes = is_write(system, method, path)
        with self._lock:
            if writes and self.kill is not None and (fault := self.kill.meet()) is not None:
                self.met += 1
                return fault
            if not (writes or self.reads) or system not in self.systems or self.met == self.most:
                return None
            if self.rng.random() >= self.chance:
                return None
            self.met += 1
            return Fault(**ODD_ANSWERS[self.rng.choice(self.answers)])  # type: ignore[arg-type]

    def clear_up(self) -> None:
        """Fair weather from here on."""
        self.chance = 0.0
        self.kill = None


@dataclass
class Kill:
    """Kills a process at one of its writes: `SIGKILL`, as when memory runs out or the machine goes."""

    at: int
    before: bool
    pid: int = 0

    def meet(self) -> Fault | None:
        """Kill when this is the write. The call is then processed, or not, and nobody hears of it."""
        self.at -= 1
        if self.at or not self.pid:
            return None
        os.kill(self.pid, signal.SIGKILL)
        return Fault(cut=True) if self.before else Fault(lost=True)


@dataclass
class Pause:
    """A system that asks for a pause, again and again: 429 with Retry-After, and whoever calls it meanwhile is counted."""

    rng: random.Random
    system: str
    seconds: int
    at: int
    until: float | None = None
    inside: int = 0
    met: int = 0

    def meet(self, system: str, method: str, path: str, body: bytes) -> Fault | None:
        """The answer that asks for the pause, to the call that comes when it is time."""
        if system != self.system:
            return None
        now = time.monotonic()
        if self.until is not None and now >= self.until:
            self.until, self.at = None, self.rng.randint(3, 25)
        if self.until is None:
            self.at -= 1
            if self.at > 0:
                return None
            # What is in flight at this moment cannot know yet; the pause begins when this answer is there.
            self.until = now + self.seconds
            self.met += 1
        elif now > self.until - self.seconds + 0.25:
            self.inside += 1
        return Fault(status=429, body=_IN_ITS_WORDS[system], headers={"Retry-After": str(self.seconds), **_JSON})


_JSON = {"Content-Type": "application/json"}
_IN_ITS_WORDS = {
    "business_central": '{"error": {"code": "Application_TooManyRequests", "message": "Too many requests."}}',
    "ipaas": '{"code": "AUTZ-1429", "message": "Too many requests."}',
}

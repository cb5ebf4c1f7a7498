"""A task that holds its slots for long gives way to those who wait for them, and goes on after them where it stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from include.sync.records import Json
from include.sync.staging.files import StagingFault
from include.sync.task_context import TaskContext

# Seconds from one look at who waits to the next: so long a task works at least before it gives way, and so long somebody
# waits at most until it does. To end it and to begin it again takes a few of them.
LOOKS_EVERY = 20.0


class Shift:
    """The time for which a task works before it gives way; safe to use from several threads."""

    def __init__(self, somebody_waits: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        """`somebody_waits` is asked every now and then."""
        self._somebody_waits = somebody_waits
        self._clock = clock
        self._next = clock() + LOOKS_EVERY
        self._over = False
        self._lock = threading.Lock()

    def over(self) -> bool:
        """Whether somebody waited when that was asked last. Once it is over it stays so."""
        with self._lock:
            if not self._over and self._clock() >= self._next:
                self._over = self._somebody_waits()
                self._next = self._clock() + LOOKS_EVERY
            return self._over


def give_way(task: TaskContext, name: str, before: Json | None) -> None:
    """Leave to the task's next shift what the ledger does not know: that it goes on, and what requests it has sent."""
    task.save_stats(_so_far(name), **requests_with(task, before))


def go_on(task: TaskContext, name: str) -> Json | None:
    """What the shift before has left; None when there was none, or the task was begun anew since.

    It is good for one time: a try after one that has failed tries again what had not gone through, as any does.
    """
    before: Json | None = None
    with suppress(StagingFault):  # cut off as it was written: the ledger knows what is done
        before = next(task.staging.read_if_there(f"stats-{_so_far(name)}"), None)
    if before is not None:
        task.staging.write_all(f"stats-{_so_far(name)}", ())
        for text in before["warnings"]:
            task.warn(text)
    return before


def requests_with(task: TaskContext, before: Json | None) -> dict[str, int]:
    """The requests of this shift and of those before it."""
    return {system: number + (before or {}).get(system, 0) for system, number in task.requests.items()}


def _so_far(name: str) -> str:
    return f"{name}-so-far"

"""A moving-window budget of calls."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class Throttle:
    """Lets at most `limit * share` calls start within any `seconds`; safe to use from several threads.

    `share` is the part of the window that this task may use: the part of the system's pool slots that it holds, so
    that all tasks together stay within the window without knowing of each other.
    """

    def __init__(
        self,
        limit: int,
        seconds: float,
        *,
        share: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = max(1, int(limit * share))
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._starts: deque[float] = deque()
        self._lock = threading.Lock()

    def acquire(self, cost: int = 1) -> None:
        """Wait until another call may start. A batch may `cost` more than one."""
        for _ in range(cost):
            self._acquire()

    def _acquire(self) -> None:
        while True:
            with self._lock:
                now = self._clock()
                while self._starts and self._starts[0] <= now - self._seconds:
                    self._starts.popleft()
                if len(self._starts) < self._limit:
                    self._starts.append(now)
                    return
                delay = self._starts[0] + self._seconds - now
            self._sleep(max(delay, 0.001))

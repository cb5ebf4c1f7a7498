"""How many calls a system is sent: at most so many in any so many seconds, and none before the time that it asked for.

A window belongs to a system, not to a task: `SharedThrottle` takes its calls from one that all tasks share, some at a
time; `Throttle` has one of its own, where nobody else calls.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from include.errors import ErrorKind, GaveWay, Sent, ServiceError

# Who has to wait longer than this gives up, and with that the slots that it holds; seconds.
PATIENCE = 60.0
# How long it is believed that nobody else was asked to wait; seconds.
_BELIEVED = 0.05


class Pacer(Protocol):
    """What a client asks before each call."""

    def acquire(self, cost: int = 1) -> None:
        """Wait until another call may start. A batch may `cost` more than one.

        Raises ServiceError (throttled) when that would last longer than PATIENCE.
        """

    def hold(self, seconds: float) -> None:
        """Let no call start for so long: the system has asked for it."""


def closed(system: str, seconds: float) -> ServiceError:
    """The system takes no call for so long; nothing was sent."""
    return ServiceError(
        f"It has asked for no calls during the next {seconds:.0f} s.",
        system=system,
        kind=ErrorKind.throttled,
        advice="Nothing to do: the task gives its place to others and comes back by itself.",
        retry_after=seconds,
        sent=Sent.no,
    )


class Throttle:
    """Lets at most `limit` calls start within any `seconds`; safe to use from several threads."""

    def __init__(
        self,
        limit: int,
        seconds: float,
        *,
        system: str = "The service",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = max(1, limit)
        self._seconds = seconds
        self._system = system
        self._clock = clock
        self._sleep = sleep
        self._starts: deque[float] = deque()
        self._not_before = 0.0
        self._lock = threading.Lock()

    def acquire(self, cost: int = 1) -> None:
        """See `Pacer`."""
        for _ in range(cost):
            self._acquire()

    def hold(self, seconds: float) -> None:
        """See `Pacer`."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def _acquire(self) -> None:
        while True:
            with self._lock:
                now = self._clock()
                while self._starts and self._starts[0] <= now - self._seconds:
                    self._starts.popleft()
                held = self._not_before - now
                if held <= 0 and len(self._starts) < self._limit:
                    self._starts.append(now)
                    return
                delay = held if held > 0 else self._starts[0] + self._seconds - now
            if held > PATIENCE:
                raise closed(self._system, held)
            self._sleep(max(delay, 0.001))


@dataclass(frozen=True, kw_only=True)
class Lease:
    """So many calls, to be started within `lasts` seconds of when it was asked for; or, with none, when to ask again.

    `held`: the system takes no call for so many seconds.
    """

    calls: int = 0
    lasts: float = 0.0
    again: float = 0.0
    held: float = 0.0


class ThrottleWindow(Protocol):
    """One system's window, shared by everybody who calls it."""

    def lease(self, wanted: int, needed: int) -> Lease:
        """Up to `wanted` calls and no less than `needed`, or when to ask again. Asking counts as waiting in line."""

    def leave(self) -> None:
        """Wait in line no longer."""

    def held(self) -> float:
        """Seconds for which the system takes no call."""

    def hold(self, seconds: float) -> None:
        """Let nobody call for so long."""


class SharedThrottle:
    """Takes calls from a shared window, some at a time; safe to use from several threads."""

    def __init__(
        self,
        window: ThrottleWindow,
        *,
        system: str = "The service",
        most: int = 20,
        gives_way: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`most`: calls that are leased at a time at most, but for what one call costs. `gives_way`: whether who would have
        to wait for a call is rather to give way to others, by GaveWay."""
        self._window = window
        self._system = system
        self._most = most
        self._gives_way = gives_way
        self._clock = clock
        self._sleep = sleep
        self._calls = 0
        self._until = 0.0
        self._asked = float("-inf")
        self._not_before = float("-inf")
        self._lock = threading.Lock()

    def acquire(self, cost: int = 1) -> None:
        """See `Pacer`."""
        # One thread at a time: those behind it take what it has leased.
        with self._lock:
            while (delay := self._take(cost)) > 0:
                if self._gives_way():
                    self._window.leave()
                    raise GaveWay()
                self._sleep(delay)

    def hold(self, seconds: float) -> None:
        """See `Pacer`."""
        self._not_before = max(self._not_before, self._clock() + seconds)
        self._window.hold(seconds)

    def _take(self, cost: int) -> float:
        """Take the calls, or say after how many seconds to try again."""
        now = self._clock()
        if now >= self._asked + _BELIEVED:
            # A task on another machine may have been asked to wait since.
            self._not_before = max(self._not_before, now + self._window.held())
            self._asked = now
        held = self._not_before - now
        if held <= 0:
            if self._calls >= cost and now < self._until:
                self._calls -= cost
                return 0.0
            lease = self._window.lease(max(self._most, cost), cost)
            self._calls, self._until = lease.calls, now + lease.lasts
            if self._calls >= cost:
                return self._take(cost)
            held = lease.held
            if held <= 0:
                return max(lease.again, 0.01)
            self._not_before = now + held
        if held > PATIENCE:
            self._window.leave()
            raise closed(self._system, held)
        return held

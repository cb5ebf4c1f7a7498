"""The moving window of calls."""

from __future__ import annotations

import threading
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ErrorKind, Sent, ServiceError
from include.transport.throttle import Throttle


class Clock:
    """Time that passes only when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@given(
    limit=st.integers(1, 20),
    seconds=st.floats(0.5, 300),
    pauses=st.lists(st.floats(0, 60), min_size=1, max_size=80),
)
def test_no_window_ever_holds_more_calls_than_the_limit(limit: int, seconds: float, pauses: list[float]) -> None:
    clock = Clock()
    throttle = Throttle(limit, seconds, clock=clock, sleep=clock.sleep)
    starts = []
    for pause in pauses:
        clock.now += pause
        throttle.acquire()
        starts.append(clock.now)
    for position, start in enumerate(starts):
        assert bisect_left(starts, start + seconds * 0.999) - bisect_left(starts, start) <= limit, (position, starts)


def test_calls_below_the_limit_do_not_wait() -> None:
    clock = Clock()
    throttle = Throttle(5, 60, clock=clock, sleep=clock.sleep)
    for _ in range(5):
        throttle.acquire()
    assert clock.slept == 0
    throttle.acquire()
    assert clock.now == pytest.approx(60)


def test_a_system_that_asks_to_be_left_alone_is_called_by_no_thread_before_the_time_is_over() -> None:
    clock = Clock()
    throttle = Throttle(100, 60, clock=clock, sleep=clock.sleep)
    throttle.acquire()
    throttle.hold(40)
    throttle.hold(5)
    throttle.acquire()
    assert clock.now == pytest.approx(40)


def test_who_would_have_to_wait_beyond_the_patience_gives_up_and_says_when_to_come_back() -> None:
    clock = Clock()
    throttle = Throttle(100, 60, clock=clock, sleep=clock.sleep)
    throttle.hold(120)
    with pytest.raises(ServiceError) as raised:
        throttle.acquire()
    assert (raised.value.kind, raised.value.sent) == (ErrorKind.throttled, Sent.no)
    assert raised.value.retry_after == pytest.approx(120)
    assert clock.slept == 0


def test_a_batch_costs_what_its_parts_cost_even_beyond_the_limit() -> None:
    clock = Clock()
    throttle = Throttle(4, 10, clock=clock, sleep=clock.sleep)
    throttle.acquire(9)
    assert clock.now == pytest.approx(20)


def test_threads_together_keep_to_the_limit() -> None:
    clock = Clock()
    lock = threading.Lock()
    starts: list[float] = []

    def sleep(seconds: float) -> None:
        with lock:
            clock.now += seconds / 50

    throttle = Throttle(10, 1.0, clock=clock, sleep=sleep)

    def work() -> None:
        for _ in range(10):
            throttle.acquire()
            with lock:
                starts.append(clock.now)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(starts) == 80
    assert clock.now >= 7 * 0.999

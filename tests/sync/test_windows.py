"""The throttle windows: one for each system, shared by all tasks through the ledger's database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from include.errors import ErrorKind, GaveWay, Sent, ServiceError
from include.sync.ledger import Ledger
from include.sync.ledger.windows import SystemWindow
from include.transport.throttle import SharedThrottle


class Clock:
    """The database's clock, which passes only when somebody says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A ledger there."""
    opened = Ledger(url)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def window(ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SystemWindow]:
    """Makes the window of a system for a run; time passes by the clock."""
    monkeypatch.setattr(SystemWindow, "_now", lambda self, db: clock.now)

    def make(limit: int = 100, seconds: float = 60.0, *, run: str = "run", system: str = "bc") -> SystemWindow:
        return ledger.window(system, limit, seconds, run=run)

    return make


def test_whoever_is_alone_may_use_all_of_it_and_no_more(window: Callable[..., SystemWindow], clock: Clock) -> None:
    alone = window(100)
    assert sum(alone.lease(20, 1).calls for _ in range(10)) == 100
    assert alone.lease(20, 1).calls == 0
    clock.now += 59
    assert alone.lease(20, 1).calls == 0
    clock.now += 4
    assert alone.lease(20, 1).calls == 20


def test_a_lease_counts_until_its_last_call_has_left_the_window(
    window: Callable[..., SystemWindow], clock: Clock
) -> None:
    alone = window(10, 60)
    lease = alone.lease(10, 1)
    assert lease.calls == 10
    clock.now += lease.lasts  # so late may its last call start
    clock.now += 59.9
    assert alone.lease(10, 1).calls == 0


def test_windows_of_other_systems_are_windows_of_their_own(window: Callable[..., SystemWindow]) -> None:
    assert window(5).lease(5, 1).calls == 5
    assert window(5, system="ipaas").lease(5, 1).calls == 5
    assert window(5).lease(5, 1).calls == 0


def test_a_poll_is_served_within_a_minute_while_a_first_load_takes_all_it_can_get(
    window: Callable[..., SystemWindow], clock: Clock
) -> None:
    load = window(600, 300.0, run="first load")

    def busy() -> None:
        while load.lease(100, 1).calls:
            pass

    for poll in range(10):
        busy()
        clock.now += 25
        busy()
        newcomer, since = window(600, 300.0, run=f"poll {poll}"), clock.now
        while not newcomer.lease(5, 5).calls:
            busy()
            clock.now += 5
            assert clock.now - since < 60


def test_a_first_load_gets_all_of_a_long_window_all_the_same(window: Callable[..., SystemWindow], clock: Clock) -> None:
    load, taken = window(600, 300.0, run="first load"), 0
    for _ in range(100):
        taken += load.lease(100, 1).calls
        clock.now += 15
    assert taken >= 0.9 * 600 * 1_500 / 300


def test_equals_are_served_in_turn(window: Callable[..., SystemWindow], clock: Clock) -> None:
    runs = [window(200, 60, run=f"run {n}") for n in range(4)]
    had = [0, 0, 0, 0]
    for _ in range(60):
        for place, one in enumerate(runs):
            had[place] += one.lease(20, 1).calls
        clock.now += 4
    assert max(had) - min(had) <= 0.1 * sum(had)
    assert sum(had) <= 200 * (240 / 60 + 1)


def test_a_batch_that_needs_many_calls_is_not_overtaken_for_ever(
    window: Callable[..., SystemWindow], clock: Clock
) -> None:
    small, large = window(100, 60, run="small"), window(100, 60, run="large")
    while small.lease(20, 1).calls:
        pass
    got = 0
    for _ in range(40):
        got = got or large.lease(100, 100).calls
        small.lease(20, 1)
        clock.now += 4
    assert got == 100


def test_a_system_that_asks_to_be_left_alone_is_left_alone_by_every_task(
    window: Callable[..., SystemWindow], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemWindow, "held", lambda self: 0.0)
    first, second = window(run="one"), window(run="two")
    first.hold(120)
    assert second.lease(20, 1).held == pytest.approx(120)
    clock.now += 121
    assert second.lease(20, 1).calls == 20


def test_who_has_a_lease_finds_out_as_well_and_gives_its_place_up(ledger: Ledger) -> None:
    task, other = (
        SharedThrottle(ledger.window("bc", 100, 60, run=name), system="The service") for name in ("one", "two")
    )
    task.acquire()  # and has a lease of more
    other.hold(120)
    deadline = time.monotonic() + 10

    def call_on() -> None:
        while time.monotonic() < deadline:
            task.acquire()

    with pytest.raises(ServiceError) as raised:
        call_on()
    assert (raised.value.kind, raised.value.sent) == (ErrorKind.throttled, Sent.no)
    assert raised.value.retry_after == pytest.approx(120, abs=5)


def test_tasks_in_threads_together_keep_to_the_limit_by_the_databases_own_clock(url: str) -> None:
    ledgers = [Ledger(url) for _ in range(3)]
    starts: list[float] = []

    def work(ledger: Ledger, name: str) -> None:
        throttle = SharedThrottle(ledger.window("bc", 20, 1.0, run=name), most=4)
        for _ in range(12):
            throttle.acquire()
            starts.append(time.monotonic())

    threads = [threading.Thread(target=work, args=(ledger, f"run {n}")) for n, ledger in enumerate(ledgers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ledger in ledgers:
        ledger.close()
    starts.sort()
    assert len(starts) == 36
    for place, start in enumerate(starts[20:]):
        assert start - starts[place] >= 0.95, "more than the limit within a window"


def test_a_lease_of_many_calls_costs_one_transaction(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    window = ledger.window("bc", 1_000, 60, run="run")
    asked = 0
    lease = window.lease

    def counted(wanted: int, needed: int) -> object:
        nonlocal asked
        asked += 1
        return lease(wanted, needed)

    monkeypatch.setattr(window, "lease", counted)
    throttle = SharedThrottle(window, most=20, clock=lambda: 0.0)
    for _ in range(100):
        throttle.acquire()
    assert asked == 5


def test_who_is_to_give_way_does_so_instead_of_waiting_for_a_call(
    window: Callable[..., SystemWindow], clock: Clock
) -> None:
    """And waits in line no longer: who comes after it is served as if it were not there."""
    asked: list[bool] = []

    def gives_way() -> bool:
        asked.append(True)
        return len(asked) > 3

    throttle = SharedThrottle(window(10), most=1, gives_way=gives_way, clock=clock, sleep=clock.sleep)
    for _ in range(10):
        throttle.acquire()
    assert not asked
    with pytest.raises(GaveWay):
        throttle.acquire()
    clock.now += 65
    assert window(10, run="another").lease(10, 1).calls == 10

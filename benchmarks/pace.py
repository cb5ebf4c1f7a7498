"""How much of what the services allow a whole run uses: against iPaaS.com's 500 requests a minute, and where answers take time.

Against the limit a run mostly waits, so that it goes on in a process of its own beside what is computed:
benchmarks/pace.py limit company_to_ipaas 1010
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from engine import Bench, Part, Row, Took, counters, run, slow_down, switch, tell, told, world
from sandbox_process import Remote

from include.sync.runs import RunKind
from include.sync.slots import LOAD_SLOTS
from include.transport.throttle import Pacer, SharedThrottle

IPAAS, BC = (500, 60), (6_000, 300)
LATENCY = 0.1
LIMIT = "Against the limit"
# What there has to be of each flow that is measured.
SIZES = {"company_to_ipaas": "companies", "company_from_ipaas": "shop_companies"}


@dataclass
class Connected(Bench):
    """As many connections as a task has, and no limit."""

    at_once: int = LOAD_SLOTS


@dataclass
class Paced(Connected):
    """The windows of the real services, shared through the ledger."""

    def _pacer(self, system: str) -> Pacer:
        limit, seconds = IPAAS if system == "iPaaS.com" else BC
        run = f"{id(self)} {next(self._numbers)}"
        return SharedThrottle(self.ledger.window(system, limit, seconds, run=run), system=system)


def of_limit(name: str, number: int) -> Iterator[Row]:
    """Requests are started in windows of a minute, so none of the last one may start before the others have passed: how
    much of the run's time that is."""
    with world(Paced, **{SIZES[name]: number}) as bench:
        switch(bench.sandbox, ipaas_limit_per_minute=IPAAS[0])
        if name == "company_to_ipaas":
            bench.run("customer_category_to_ipaas")
            time.sleep(IPAAS[1])  # what that has asked is forgotten
        slow_down(bench.sandbox, LATENCY)
        took = run(bench, name, kind=RunKind.backfill)
    assert took.written == number, took.counts
    allowed = (took.counts["ipaas_requests"] - 1) // IPAAS[0] * IPAAS[1]
    yield Row(
        what=f"{name}, {number:,} records: the limit's share of the time",
        measured=allowed / took.seconds,
        allowed=0.9,
        least=True,
        unit="of 500 a minute",
    )


def of_latency(name: str, number: int) -> Iterator[Row]:
    """C connections to services that take L seconds for an answer carry C/L requests per second."""
    with world(Connected, **{SIZES[name]: number}) as bench:
        if name == "company_to_ipaas":
            bench.run("customer_category_to_ipaas")
        slow_down(bench.sandbox, LATENCY)
        took = run(bench, name)
        most = counters(bench.sandbox)["high_water"]
    yield Row(
        what=f"{name}, {number:,} records: requests a second",
        measured=took.requests / took.seconds / (LOAD_SLOTS / LATENCY),
        allowed=0.85,
        least=True,
        unit="of C/L",
    )
    yield Row(
        what=f"{name}: requests in flight", measured=max(most.values()), allowed=LOAD_SLOTS, unit="of a task's slots"
    )


@dataclass
class Asking(Paced):
    """It is noted when its first call was let through."""

    first: float = 0.0

    def _pacer(self, system: str) -> Pacer:
        return _Noting(super()._pacer(system), self)


@dataclass
class _Noting:
    """A pacer that tells whoever asks when it let the first call through."""

    pacer: Pacer
    asking: Asking

    def acquire(self, cost: int = 1) -> None:
        """Wait as the pacer does."""
        self.pacer.acquire(cost)
        self.asking.first = self.asking.first or time.monotonic()

    def hold(self, seconds: float) -> None:
        """Let no call start for so long."""
        self.pacer.hold(seconds)


def of_fairness(number: int) -> Iterator[Row]:
    """Who asks for one record by hand while a first load takes all there is of a minute."""
    with world(Paced, shop_companies=number, shop_customers=1) as bench:
        switch(bench.sandbox, ipaas_limit_per_minute=IPAAS[0])
        heavy = threading.Thread(target=bench.run, args=("company_from_ipaas",), daemon=True)
        heavy.start()
        while heavy.is_alive() and _asked(bench.sandbox) < IPAAS[0] - 20:
            time.sleep(0.2)
        hand = Asking(bench.sandbox, bench.folder, bench.settings)
        began = time.monotonic()
        took: Took = run(hand, "customer_from_ipaas")
        seconds = hand.first - began
        hand.ledger.close()
        heavy.join()
    assert took.written == 1, took.counts
    yield Row(
        what=f"a poll beside a first load of {number:,}: until it begins",
        measured=seconds,
        allowed=IPAAS[1],
        unit="seconds",
    )


def _asked(sandbox: Remote) -> int:
    """Requests of iPaaS.com so far."""
    return sum(n for call, n in counters(sandbox)["calls"].items() if call.startswith("ipaas"))


ROWS: dict[str, Callable[..., Iterator[Row]]] = {"limit": of_limit, "fairness": of_fairness}


def begun(*arguments: str) -> Callable[[], Iterator[Row]]:
    """Rows that are measured in a process of their own from now on; who asks for them waits until it has ended."""
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)

    def rows() -> Iterator[Row]:
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
        yield from told(said)

    return rows


def beside(full: bool) -> list[Part]:
    """What waits for the limit, begun now."""
    # Of each flow just more requests than two windows hold, or six.
    numbers = (3_010, 2_960) if full else (1_010, 990)
    limits = [begun("limit", name, str(number)) for name, number in zip(SIZES, numbers, strict=True)]

    def rows() -> Iterator[Row]:
        for each in limits:
            yield from each()

    return [
        Part(title=f"{LIMIT}: whole runs, answers taking {LATENCY} s", rows=rows),
        Part(title=f"{LIMIT}: fairness", rows=begun("fairness", "700")),
    ]


def parts(number: int) -> list[Part]:
    """What is limited by latency alone, each of so many records."""
    return [
        Part(
            title=f"Latency alone, {name}: {LOAD_SLOTS} connections, {LATENCY} s",
            rows=partial(of_latency, name, number),
        )
        for name in SIZES
    ]


if __name__ == "__main__":
    tell(ROWS[sys.argv[1]](*(int(text) if text.isdigit() else text for text in sys.argv[2:])))

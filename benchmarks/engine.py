"""What every row of the budgets is made by: a run that is measured, and the row that says how it compares with its budget."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from sandbox_process import DEFAULTS, Bench, Remote, sandbox_of

from include.sync.runs import RunKind

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
_SIZES = ("persons", "contacts", "items", "orders", "invoices", "prices", "companies")
NOTHING = dict.fromkeys(_SIZES, 0) | {
    f"shop_{name}": 0 for name in ("companies", "customers", "products", "orders", "invoices")
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One budget: what it is about, what was measured, what is allowed, and in what both are counted.

    `least`: what is allowed is the least, not the most. `skipped`, `failed`: why nothing was measured.
    """

    what: str
    measured: float = 0.0
    allowed: float
    unit: str
    least: bool = False
    skipped: str = ""
    failed: str = ""

    @property
    def verdict(self) -> str:
        """Whether it is within the budget."""
        if self.skipped or self.failed:
            return "FAILED" if self.failed else "skipped"
        kept = self.measured >= self.allowed if self.least else self.measured <= self.allowed
        return "kept" if kept else "EXCEEDED"

    def __str__(self) -> str:
        if self.skipped or self.failed:
            return f"{self.what:64}  {self.verdict}: {self.skipped or self.failed}"
        bound = f"{'>=' if self.least else '<='} {number(self.allowed)}"
        return f"{self.what:64}{number(self.measured):>9}{bound:>11}  {self.unit:26}{self.verdict}"

    def as_json(self) -> dict[str, Any]:
        """The row with its verdict."""
        return {**asdict(self), "verdict": self.verdict}


def tell(rows: Iterable[Row]) -> None:
    """Print rows for the process that has begun this one, each in a line, as they come."""
    for row in rows:
        print(json.dumps(asdict(row)), flush=True)


def told(output: str) -> Iterator[Row]:
    """The rows among what a process has printed."""
    for line in output.splitlines():
        if line.startswith('{"what"'):
            yield Row(**json.loads(line))


def number(value: float) -> str:
    """A number as a person reads it."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:,.3g}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that are measured together, below a title. `aside`: they mostly wait, so that they run beside the others."""

    title: str
    rows: Callable[[], Iterator[Row]]
    aside: bool = False


@dataclass(kw_only=True)
class Took:
    """What one run did, and what it took: requests and writes, seconds of this process's CPU and megabytes by stage."""

    counts: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """Records that were created or updated."""
        return self.counts["created"] + self.counts["updated"]

    @property
    def requests(self) -> int:
        """To both systems."""
        return self.counts["ipaas_requests"] + self.counts["bc_requests"]

    @property
    def whole(self) -> float:
        """CPU of all stages together."""
        return sum(self.cpu.values())


class _Stages:
    """Measures each stage of a run, from when it begins until the next one does."""

    def __init__(self, took: Took) -> None:
        self._took, self._stage, self._began = took, "", 0.0
        self._start = megabytes("VmRSS")

    def before(self, stage: str) -> None:
        """A stage begins, and the one before it has ended."""
        cpu, peaks, last = self._took.cpu, self._took.peaks, self._stage
        if last:
            cpu[last] = cpu.get(last, 0.0) + time.process_time() - self._began
            peaks[last] = max(peaks.get(last, 0.0), megabytes("VmHWM") - self._start)
        _count_the_peak_anew()
        self._stage, self._began = stage, time.process_time()


def run(bench: Bench, name: str, *ids: str, **options: Any) -> Took:
    """Run a flow, and answer what it did and took."""
    took = Took()
    stages, before, began = _Stages(took), writes(bench.sandbox), time.monotonic()
    took.counts = dict(bench.run(name, *ids, before=stages.before, **options).counts)
    stages.before("")
    took.seconds, took.writes = time.monotonic() - began, writes(bench.sandbox) - before
    return took


def again(bench: Bench, name: str) -> Took:
    """Read everything that was ever changed once more, when nothing has changed since."""
    return run(bench, name, kind=RunKind.backfill, interval=EVER)


def counters(sandbox: Remote) -> dict[str, Any]:
    """What the sandbox has counted."""
    found: dict[str, Any] = requests.get(f"{sandbox.url}/_sandbox/counters", timeout=60).json()
    return found


def writes(sandbox: Remote) -> int:
    """Calls that changed data, so far."""
    return int(counters(sandbox)["writes"])


def slow_down(sandbox: Remote, seconds: float) -> None:
    """Let every answer of both systems take so long."""
    latency = {"business_central": seconds, "ipaas": seconds}
    requests.post(f"{sandbox.url}/_sandbox/latency", json=latency, timeout=60).raise_for_status()


def switch(sandbox: Remote, **values: Any) -> None:
    """Set switches of the sandbox."""
    requests.post(f"{sandbox.url}/_sandbox/switches", json=values, timeout=60).raise_for_status()


@contextmanager
def world(kind: type[Bench] = Bench, /, **sizes: int) -> Iterator[Bench]:
    """A bench on a sandbox of so many records, and none of any other type, in a process of its own."""
    with sandbox_of(**{**NOTHING, **sizes}) as sandbox, tempfile.TemporaryDirectory() as folder:
        # Without a pacer, thousands of records are more than Business Central takes in five minutes.
        switch(sandbox, bc_limits=False)
        bench = kind(sandbox, Path(folder), {"bc_create_defaults": DEFAULTS})
        try:
            yield bench
        finally:
            bench.close()


def megabytes(name: str) -> float:
    """A figure of this process, as Linux keeps it: VmRSS, or VmHWM, the most since it was counted anew."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _count_the_peak_anew() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def show(parts: list[Part], rows: list[Row]) -> None:
    """Measure all parts, print each row when it is known, and add it to `rows`.

    A part that fails is a row that says so: the others are measured all the same.
    """
    for part in parts:
        print(f"\n{part.title}", flush=True)
        try:
            for row in part.rows():
                rows.append(row)
                print(f"  {row}", flush=True)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one part, the others are measured
            failed = Row(what=part.title, allowed=0, unit="", failed=f"{type(error).__name__}: {error}"[:300])
            rows.append(failed)
            print(f"  {failed}", flush=True)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What is measured of a run, and what is allowed, of any run or of this one."""

    what: str
    measured: Callable[[Took], float]
    allowed: float | Callable[[Took], float]
    unit: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """A run of a flow in a world that earlier steps have left, and the budgets that it has to keep."""

    title: str
    flow: str
    how: Callable[[Bench, str], Took]
    budgets: Sequence[Budget] = ()


def steps(bench: Bench, described: Sequence[Step]) -> Iterator[Row]:
    """Take steps one after the other, and answer the rows of each."""
    for step in described:
        took = step.how(bench, step.flow)
        for budget in step.budgets:
            yield Row(
                what=f"{step.title}, {step.flow}: {budget.what}",
                measured=budget.measured(took),
                allowed=budget.allowed(took) if callable(budget.allowed) else budget.allowed,
                unit=budget.unit,
            )


if __name__ == "__main__":
    sys.exit("The command is: make bench")

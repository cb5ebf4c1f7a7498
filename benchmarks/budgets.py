"""Every budget of docs/architecture.md, measured against a sandbox in a process of its own: a row for each, with what was
measured, what is allowed and whether that is kept. Requests, rows and seconds of CPU are counted, so that it does not
matter how busy the machine is; and everything is said once more as JSON.

make bench [BENCH=full]
scripts/run python benchmarks/budgets.py [--records 1000] [--grown 4000] [--memory 2000 8000] [--json bench.json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import requests
from sandbox_process import DEFAULTS, Bench, Remote, sandbox_of

from include.business_central.odata import Page
from include.flows import FLOWS
from include.sources.reading import BY_NAME, FEED_PAGE
from include.sync.report import Report
from include.sync.runs import Direction, RunKind

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
# In the order in which a subscription is brought up.
TO_IPAAS = [name for name, flow in FLOWS.items() if flow.direction is Direction.to_ipaas]
MASTERS = ("company_to_ipaas", "customer_to_ipaas", "product_to_ipaas")
# Flows whose memory is measured, and what there has to be many of.
PEAKS = {"company_to_ipaas": "companies", "company_from_ipaas": "shop_companies"}
MEMORY = 120
# Two of the login, the subscription, the document of the family: once in a run, however many records it has.
AROUND = 4


@dataclass(frozen=True, kw_only=True)
class Row:
    """One budget: what it is about, what was measured, what is allowed, and in what both are counted."""

    what: str
    measured: float
    allowed: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether it is within the budget."""
        return self.measured <= self.allowed

    def __str__(self) -> str:
        verdict = "kept" if self.kept else "EXCEEDED"
        return f"{self.what:66}{_text(self.measured):>10}{_text(self.allowed):>10}  {self.unit:24}{verdict}"


def _text(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) or number >= 1_000 else f"{number:,.2f}"


@dataclass(kw_only=True)
class Spent:
    """What one run took of this process's CPU, in seconds by stage."""

    stages: dict[str, float] = field(default_factory=dict)
    _began: float = 0.0
    _stage: str = ""

    def before(self, stage: str) -> None:
        """A stage begins, and the one before it has ended."""
        self.ended()
        self._stage, self._began = stage, time.process_time()

    def ended(self) -> None:
        """The last stage has ended."""
        if self._stage:
            took = time.process_time() - self._began
            self.stages[self._stage] = self.stages.get(self._stage, 0.0) + took

    @property
    def whole(self) -> float:
        """All stages together."""
        return sum(self.stages.values())


def run(bench: Bench, name: str, **options: Any) -> tuple[Report, Spent]:
    """Run a flow, and answer what it did and what it took."""
    spent = Spent()
    report = bench.run(name, before=spent.before, **options)
    spent.ended()
    return report, spent


def transfers(bench: Bench) -> Iterator[Row]:
    """A first transfer to iPaaS.com, all flows."""
    for name in TO_IPAAS:
        report, spent = run(bench, name)
        counts = report.counts
        written = counts["created"] + counts["updated"]
        if name in MASTERS:
            more = counts["ipaas_requests"] - AROUND
            yield Row(
                what=f"first transfer, {name}: requests",
                measured=more / written,
                allowed=1.02,
                unit="iPaaS.com / record",
            )
            load = spent.stages["load"] * 1_000 / written
            yield Row(
                what=f"first transfer, {name}: CPU of load", measured=load, allowed=1.2, unit="ms / written record"
            )


def unchanged(bench: Bench) -> Iterator[Row]:
    """The same again: everything that was ever changed is read, and nothing has changed."""
    for name in TO_IPAAS:
        bench.run(name)  # what documents have changed of the records that they refer to
    for name in (*MASTERS, "sales_order_to_ipaas"):
        bench.run(name, kind=RunKind.backfill, interval=EVER)
        report, spent = run(bench, name, kind=RunKind.backfill, interval=EVER)
        counts = report.counts
        number = counts["read"]
        yield Row(
            what=f"nothing changed, {name}: requests",
            measured=counts["ipaas_requests"],
            allowed=0,
            unit="iPaaS.com / run",
        )
        pages, kinds = ceil(number / FEED_PAGE), {"product_to_ipaas": 2, "sales_order_to_ipaas": 6}.get(name, 1)
        # Of masters one kind of details is read by pages of its table, the others a hundred at once.
        allowed = 2 + 2 * pages + (kinds - 1) * ceil(number / BY_NAME) + 6
        yield Row(
            what=f"nothing changed, {name}: requests",
            measured=counts["bc_requests"],
            allowed=allowed,
            unit=f"BC / {number:,} records",
        )
        most = 300.0 if name == "sales_order_to_ipaas" else 80.0
        yield Row(
            what=f"nothing changed, {name}: CPU of the run",
            measured=spent.whole * 1e6 / number,
            allowed=most,
            unit="µs / unchanged record",
        )


def one_change(bench: Bench) -> Iterator[Row]:
    """One company has another telephone number."""
    with_number = next(iter(bench.bc().read(Page("CustomerCard"), filter="No eq 'C10001'")))
    bench.bc().update(Page("CustomerCard"), "C10001", with_number["@odata.etag"], {"Phone_No": "+1 404 0001"})
    before = writes(bench.sandbox)
    counts = bench.run("company_to_ipaas").counts
    assert counts["updated"] == 1
    yield Row(
        what="one changed record, link known",
        measured=writes(bench.sandbox) - before,
        allowed=1,
        unit="writes / record",
    )


def writes(sandbox: Remote) -> int:
    """Calls that changed data, so far."""
    found: dict[str, Any] = requests.get(f"{sandbox.url}/_sandbox/counters", timeout=60).json()
    return int(found["writes"])


def from_ipaas(bench: Bench) -> Iterator[Row]:
    """A first transfer of what a web shop has."""
    for name in ("company_from_ipaas", "customer_from_ipaas", "product_from_ipaas"):
        report, _ = run(bench, name)
        counts = report.counts
        written = counts["created"] + counts["updated"]
        for system, at_most in (("ipaas", 1.05), ("bc", 2.0)):
            around = AROUND if system == "ipaas" else 1 + 6 * ceil(written / BY_NAME)
            yield Row(
                what=f"first transfer, {name}: requests",
                measured=(counts[f"{system}_requests"] - around) / written,
                allowed=at_most,
                unit=f"{'iPaaS.com' if system == 'ipaas' else 'BC'} / record",
            )


def growth(records: int, grown: int) -> Iterator[Row]:
    """What a record takes when there are many more of them."""
    took: dict[int, tuple[float, float]] = {}
    for number in (records, grown):
        with world(companies=number) as bench:
            report, first = run(bench, "company_to_ipaas")
            bench.run("company_to_ipaas", kind=RunKind.backfill, interval=EVER)
            _, again = run(bench, "company_to_ipaas", kind=RunKind.backfill, interval=EVER)
            took[number] = (first.whole / report.counts["created"], again.whole / number)
    for place, what in enumerate(("written", "unchanged")):
        yield Row(
            what=f"growth from {records:,} to {grown:,} records, {what}: CPU",
            measured=took[grown][place] / took[records][place],
            allowed=1.1,
            unit="times as much / record",
        )


@contextmanager
def world(**sizes: int) -> Iterator[Bench]:
    """A bench on a sandbox of so many records, and none of any other type, in a process of its own."""
    nothing = dict.fromkeys(("persons", "contacts", "items", "orders", "invoices", "prices", "companies"), 0)
    shop = {f"shop_{name}": 0 for name in ("companies", "customers", "products", "orders", "invoices")}
    with sandbox_of(**{**nothing, **shop, **sizes}) as sandbox, tempfile.TemporaryDirectory() as folder:
        bench = Bench(sandbox, Path(folder), {"bc_create_defaults": DEFAULTS})
        try:
            yield bench
        finally:
            bench.close()


def memory(sizes: list[int]) -> Iterator[Row]:
    """The peak memory of each stage of a first transfer in either direction, each in a process of its own."""
    for name in PEAKS:
        for count in sizes:
            command = [sys.executable, __file__, "--peaks", name, str(count)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            for stage, megabytes in json.loads(done.stdout).items():
                what = f"memory, {name}, {stage}, {count:,} records"
                yield Row(what=what, measured=megabytes, allowed=MEMORY, unit="MB beyond the start")


def peaks(name: str, count: int) -> dict[str, float]:
    """By stage: the megabytes that it took at most beyond what was there before the run."""
    found: dict[str, float] = {}
    with world(**{PEAKS[name]: count}) as bench:
        bench.run("customer_category_to_ipaas")
        began, last = _megabytes("VmRSS"), [""]

        def before(stage: str) -> None:
            if last[0]:
                found[last[0]] = round(_megabytes("VmHWM") - began, 1)
            # The peak is counted anew from here.
            Path("/proc/self/clear_refs").write_text("5")
            last[0] = stage

        bench.run(name, before=before)
        before("")
    return found


def _megabytes(name: str) -> float:
    """A figure of this process, as Linux keeps it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def main() -> int:
    """Print every row, and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000, help="records of each type")
    parser.add_argument("--grown", type=int, default=4_000, help="records of the grown world")
    parser.add_argument("--memory", type=int, nargs="+", default=[2_000, 8_000], help="records per run; 0: left out")
    parser.add_argument("--peaks", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the rows are written as JSON")
    options = parser.parse_args()
    if options.peaks:
        print(json.dumps(peaks(options.peaks[0], int(options.peaks[1]))))
        return 0
    number = options.records
    rows: list[Row] = []

    def show(title: str, found: Callable[[], Iterator[Row]]) -> None:
        print(f"\n{title}", flush=True)
        for row in found():
            rows.append(row)
            print(f"  {row}", flush=True)

    began = time.perf_counter()
    print(f"  {'':66}{'measured':>10}{'allowed':>10}")
    to = {"companies": number, "persons": number, "items": number, "orders": number}
    with world(**to) as bench:
        show("To iPaaS.com, the first time", lambda: transfers(bench))
        show("To iPaaS.com, nothing changed", lambda: unchanged(bench))
        show("To iPaaS.com, one change", lambda: one_change(bench))
    shop = {"shop_companies": number, "shop_customers": number, "shop_products": number, "items": 5}
    with world(**shop) as bench:
        show("From iPaaS.com, the first time", lambda: from_ipaas(bench))
    show("Growth", lambda: growth(number, options.grown))
    if options.memory != [0]:
        show("Memory", lambda: memory(options.memory))
    options.json.write_text(json.dumps([{**asdict(row), "kept": row.kept} for row in rows], indent=1) + "\n")
    exceeded = [row for row in rows if not row.kept]
    took = (time.perf_counter() - began) / 60
    print(f"\n{len(rows) - len(exceeded)} of {len(rows)} budgets kept, in {took:.0f} minutes; as JSON: {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

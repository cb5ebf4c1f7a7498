"""Measures the peak memory of each task of a run, beyond the interpreter's own, for 10,000 and 100,000 records.

Each stage runs in a process of its own, as a task does. One record of each flow is read from a sandbox and copied under
other numbers, so that neither system has to hold them all; the systems written to take everything. The orders all have
customers of their own that were never transferred. The last column says what a million records would take at that rate.

scripts/run python benchmarks/memory.py [--records 10000 100000] [--flows sales_order_to_ipaas company_from_ipaas]
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import simplejson
from sandbox_process import DEFAULTS, Bench

from include.flows import CATALOGUE, FLOWS
from include.ipaas.client import Page
from include.sandbox import Sandbox
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.load import load
from include.sync.plan import make_plan
from include.sync.records import SourceRecord
from include.sync.report import report
from include.sync.runs import Direction, RunKind
from include.sync.staging.chunks import load_chunks
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext
from include.sync.transform import transform
from include.transport.clock import ServerClock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "flows"))
from shop import order, set_up

from tests.systems import PAIR

STAGES = ("extract", "transform", "load", "report")
# A flow -> the flow whose records its own need first, and how both are named in the copied ones.
NEEDS = {"sales_order_to_ipaas": "company_to_ipaas"}
BUDGET = 250


@dataclass(frozen=True)
class Copies:
    """A source of `count` copies of one record: whatever holds its key or the buyer's number has another in each."""

    text: str
    key: str
    count: int

    def changed(self, *_: Any) -> Iterator[SourceRecord]:
        return (self._copy(f"{self.key}{n}", f"C1{n}") for n in range(self.count))

    def by_ids(self, _: Any, ids: Sequence[Any]) -> Iterator[SourceRecord]:
        return (self._copy(asked.text, asked.text) for asked in ids)

    def _copy(self, key: str, buyer: str) -> SourceRecord:
        text = self.text.replace(f'"{self.key}"', f'"{key}"').replace('"C1"', f'"{buyer}"')
        return SourceRecord(key=key, data=simplejson.loads(text, use_decimal=True))


class Everything:
    """Both clients in one: takes what is written, has what is asked of `count` companies, and holds nothing else."""

    requests = 0
    clock = ServerClock()

    def __init__(self, company: dict[str, Any], count: int) -> None:
        self._company, self._count, self._ids = company, count, itertools.count(1)

    # iPaaS.com
    def missing(self, _: str) -> list[int]:
        return list(range(1, self._count + 1))

    def pages(self, endpoint: Any) -> Iterator[Page]:
        total = self._count // 100 if endpoint.name == "company" else 1
        for page in range(total):
            ids = range(page * 100 + 1, page * 100 + 101) if endpoint.name == "company" else ()
            yield Page(
                records=[{**self._company, "id": i, "name": f"Company {i}"} for i in ids], number=page, total=total
            )

    def internal_id(self, *_: Any) -> None: ...
    def external_id(self, *_: Any) -> None: ...
    def link(self, *_: Any) -> None: ...

    def search(self, *_: Any) -> list[Any]:
        return []

    def create(self, _: Any, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "id": next(self._ids), "@odata.etag": "1"}

    def update(self, _: Any, key: Any, *changes: Any) -> dict[str, Any]:
        return {**changes[-1], "@odata.etag": "1"}

    # Business Central
    def does_without(self, _: str) -> bool:
        return False

    def read_many(self, _: Any, name: str, values: Sequence[str], **__: Any) -> Iterator[dict[str, Any]]:
        return iter(())


def samples(folder: Path, flows: Sequence[str]) -> None:
    """Read one record of each flow from a small sandbox, and lay it into the folder."""
    (folder / "company.json").write_text(
        simplejson.dumps({"name": "", "account_number": None, "external_ids": [], "email_address": "a@example.com"})
    )
    with Sandbox("empty") as sandbox:
        bench = set_up(Bench(sandbox, folder), transferred=False)
        order(bench)
        for name in {*flows, *NEEDS.values()} & {name for name, flow in FLOWS.items() if flow.direction == "to_ipaas"}:
            bench.run(name, mode="plan")
            run = sorted(folder.glob("run-*"))[-1]
            record = next(Staging(run).read("raw"))
            (folder / f"{name}.json").write_text(simplejson.dumps(record, use_decimal=True))
        bench.close()


def copied(folder: Path, name: str, count: int) -> Flow:
    """A flow that reads copies."""
    flow = FLOWS[name]
    if flow.direction is Direction.from_ipaas:
        return flow
    record = simplejson.loads((folder / f"{name}.json").read_text())
    return replace(flow, source=Copies(simplejson.dumps(record["data"]), record["key"], count))


def measure(folder: Path, name: str, count: int, stage_name: str) -> float:
    """Run one stage in this process; answers the megabytes that it took beyond what was there before."""
    flow = copied(folder, name, count)
    needs = NEEDS.get(name)
    catalogue = {**CATALOGUE, **({needs: copied(folder, needs, count)} if needs else {})}
    company = simplejson.loads((folder / "company.json").read_text())
    ledger = Ledger(f"sqlite:///{folder / f'{name}-{count}.db'}", PAIR)
    staging = Staging(folder / f"{name}-{count}")
    settings = SyncSettings(bc_create_defaults=DEFAULTS)
    plan = make_plan(
        flow,
        run_id="1",
        kind=RunKind.poll,
        settings=settings,
        ledger=ledger,
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    client: Any = Everything(company, count)
    stage = TaskContext(
        flow=flow, plan=plan, ledger=ledger, staging=staging, catalogue=catalogue, bc_client=client, ipaas_client=client
    )
    before = _status("VmRSS")
    {"extract": extract, "transform": transform, "load": lambda s: load(s, 0, 5), "report": report}[stage_name](stage)
    if stage_name == "load":
        for number in range(1, load_chunks(staging)):
            for kind in ("stats", "outcomes"):
                source = folder / f"{name}-{count}"
                shutil.copy(source / f"{kind}-load-0000.ndjson.gz", source / f"{kind}-load-{number:04}.ndjson.gz")
    ledger.close()
    return _status("VmHWM") - before


def _status(name: str) -> float:
    """A figure of this process in megabytes, as Linux keeps it; getrusage would count the parent's peak as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    """Print one line per flow and task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs=2, default=[10_000, 100_000])
    parser.add_argument("--flows", nargs="+", default=["sales_order_to_ipaas", "company_from_ipaas"])
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        folder, name, count, stage = options.one
        print(measure(Path(folder), name, int(count), stage))
        return
    few, many = options.records
    with tempfile.TemporaryDirectory() as folder:
        samples(Path(folder), options.flows)
        print(f"{'MB beyond the interpreter':34}{few:10,}{many:10,}  1,000,000 (at most {BUDGET})")
        for name in options.flows:
            for stage in STAGES:
                took = []
                for count in options.records:
                    command = [sys.executable, __file__, "--one", folder, name, str(count), stage]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    took.append(float(done.stdout))
                foreseen = took[1] + (took[1] - took[0]) / (many - few) * (1_000_000 - many)
                print(f"{name:22} {stage:10} {took[0]:10.0f}{took[1]:10.0f}{foreseen:12.0f}", flush=True)


if __name__ == "__main__":
    main()

"""The target's own list is read once for a run of many chunks, whichever task needs it first; counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bench import Bench, tally

from include.flows import CATALOGUE, FLOWS
from include.sandbox import Sandbox
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.world import Size
from include.settings import SyncSettings
from include.sync import load as loading
from include.sync.extract import extract
from include.sync.load import load
from include.sync.plan import make_plan
from include.sync.report import report
from include.sync.run import task_for
from include.sync.runs import RunKind
from include.sync.staging import chunks
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext
from include.sync.transform import transform

FLOW = "company_to_ipaas"
COMPANIES, OTHERS, PAGE = 160, 90, 10


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    # Chunks of 40, and not of 5,000.
    for name, value in (("CHUNK", 40), ("HEAVY", 800), ("FEWEST", 10), ("SPLIT_FROM", 40)):
        monkeypatch.setattr(chunks, name, value)
    size = Size(companies=COMPANIES, persons=0, contacts=0, items=0, orders=0, invoices=0)
    with Sandbox("demo", size=size) as sandbox:
        sandbox.switches.ipaas_page_size = PAGE
        bench = Bench(sandbox, tmp_path_factory.mktemp("list"))
        # Some of another shop, one that is a company of ours, and one that is linked to another.
        for number in range(OTHERS - 2):
            sandbox.ipaas.add("company", {"name": f"Shop {number}"})
        name = sandbox.bc.get("Customer", "C10003")["Name"]
        bench.mine = sandbox.ipaas.add("company", {"name": name})["id"]
        linked = {"external_ids": [{"system_id": SYSTEM_ID, "external_id": "C10150"}]}
        bench.linked = sandbox.ipaas.add("company", {"name": "Linked long ago", **linked})["id"]
        yield bench
        bench.close()


def pages(bench: Bench) -> int:
    return sum(1 for _, m, path in bench.sandbox.counters.paths if m == "GET" and "Customer/Companies" in path)


def complete(bench: Bench) -> bool:
    platform = bench.sandbox.ipaas
    assert platform.linked("company", "C10003")["id"] == bench.mine
    assert platform.linked("company", "C10150")["id"] == bench.linked
    numbers = [row["No."] for row in bench.sandbox.bc.rows("Customer") if row["Contact Type"] == "Company"]
    return len(numbers) == COMPANIES and all(platform.linked("company", number) for number in numbers)


def test_a_first_transfer_of_many_chunks_takes_one_request_a_record(bench: Bench) -> None:
    there = len(bench.sandbox.ipaas.records["company"])
    bench.sandbox.counters.reset()
    result = bench.run(FLOW)
    assert tally(result) == {"read": COMPANIES, "created": COMPANIES - 2, "updated": 2}
    assert complete(bench)
    assert pages(bench) == -(-there // PAGE)
    lookups = [path for _, m, path in bench.sandbox.counters.paths if m == "GET" and "External/Lookup" in path]
    assert [path for path in lookups if "customer company/" in path.replace("%20", " ")] == []


class Run:
    """A run whose load tasks are begun one by one, over files that stay."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.plan = make_plan(
            FLOWS[FLOW],
            run_id="r",
            kind=RunKind.poll,
            settings=SyncSettings(),
            ledger=bench.ledger,
            now=datetime.now(UTC),
        )
        self.staging = Staging(bench.folder / "r")
        extract(self.stage("extract"))
        self.chunks = transform(self.stage("transform"))

    def stage(self, name: str) -> TaskContext:
        bench = self.bench
        ipaas = bench.ipaas(concurrency=3)
        return task_for(name, FLOWS[FLOW], self.plan, bench.ledger, self.staging, CATALOGUE, bc=bench.bc(), ipaas=ipaas)


def test_tasks_that_begin_at_once_read_it_once(bench: Bench) -> None:
    there = len(bench.sandbox.ipaas.records["company"])
    run = Run(bench)
    assert run.chunks == 4
    bench.sandbox.counters.reset()
    bench.sandbox.latency["ipaas"] = 0.02
    tasks = [threading.Thread(target=load, args=(run.stage("load"), chunk, 3)) for chunk in range(run.chunks)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join(120)
    assert pages(bench) == -(-there // PAGE)
    assert report(run.stage("report")).counts["created"] == COMPANIES - 2
    assert complete(bench)


def test_a_task_that_dies_makes_nothing_twice_over_a_list_that_is_older_than_what_it_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Or the service itself would refuse the second of two records with one external id.
    bench.sandbox.switches.taken_external_id = "moved"
    there = len(bench.sandbox.ipaas.records["company"])
    run = Run(bench)
    noted, left = loading._settle, [15]

    def dies(*args: Any) -> Any:
        left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt
        return noted(*args)

    with monkeypatch.context() as patched:
        patched.setattr(loading, "_settle", dies)
        with pytest.raises(KeyboardInterrupt):
            load(run.stage("load"), 0, 3)
    assert len(bench.sandbox.ipaas.records["company"]) > there
    for chunk in range(run.chunks):
        load(run.stage("load"), chunk, 3)
    assert report(run.stage("report")).counts["failed"] == 0
    assert complete(bench)
    assert len(bench.sandbox.ipaas.records["company"]) == there + COMPANIES - 2

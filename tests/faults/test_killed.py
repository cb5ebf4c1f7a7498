"""What must survive: a process that is killed while it writes, and runs that meet the same records."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.sandbox import Sandbox
from include.sandbox.world import Size

SIZE = Size(
    companies=60,
    persons=0,
    contacts=0,
    items=0,
    orders=0,
    invoices=0,
    prices=0,
    shop_companies=0,
    shop_customers=0,
    shop_products=0,
    shop_orders=0,
    shop_invoices=0,
)
SCRIPT = textwrap.dedent(
    """
    import sys
    sys.path.insert(0, "tests/flows")
    from pathlib import Path
    from bench import Bench, Remote
    from include.flows import FLOWS
    from include.settings import SyncSettings
    from include.sync.runs import RunKind
    from include.sync.run import run
    from include.sync.plan import make_plan
    from include.sync.staging.files import Staging

    url, tls_url, ca_file, folder, run_id, *flows = sys.argv[1:]
    bench = Bench(Remote(url=url, tls_url=tls_url, ca_file=ca_file), Path(folder))
    for name in flows:
        plan = make_plan(FLOWS[name], run_id=run_id, kind=RunKind.poll, settings=SyncSettings(),
                         ledger=bench.ledger)
        report = run(FLOWS[name], plan, bench.ledger, Staging(Path(folder) / name / run_id), FLOWS,
                     bc=bench.bc(), ipaas=bench.ipaas(), at_once=4)
        print(name, report.counts, flush=True)
    """
)


TO_IPAAS = ("customer_category_to_ipaas", "company_to_ipaas")


def start(sandbox: Sandbox, folder: Path, run_id: str, flows: Sequence[str] = TO_IPAAS) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    where = [sandbox.url, sandbox.tls_url, sandbox.ca_file]
    command = [sys.executable, "-c", SCRIPT, *where, str(folder), run_id, *flows]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE)


@pytest.mark.parametrize("after", [5, 25])
def test_killed_in_the_middle_and_repeated_nothing_is_lost_or_doubled(tmp_path: Path, after: int) -> None:
    with Sandbox(size=SIZE) as sandbox:
        sandbox.latency["ipaas"] = 0.02
        process = start(sandbox, tmp_path, "run")
        deadline = time.monotonic() + 60
        while len(sandbox.ipaas.records["company"]) < after and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert after <= len(sandbox.ipaas.records["company"]) < 60
        again = start(sandbox, tmp_path, "run")
        output, _ = again.communicate(timeout=120)
        assert again.returncode == 0
        assert len(sandbox.ipaas.records["company"]) == 60
        # What the first try had written counts as created by this run, too.
        assert b"'failed': 0" in output.splitlines()[-1]
        assert b"'waiting': 0" in output.splitlines()[-1]


def test_two_runs_that_meet_the_same_records_create_each_once(tmp_path: Path) -> None:
    with Sandbox(size=SIZE) as sandbox, ThreadPoolExecutor(2) as pool:
        sandbox.latency["ipaas"] = 0.01
        runs = [start(sandbox, tmp_path, f"run{n}") for n in range(2)]
        outputs = list(pool.map(lambda process: process.communicate(timeout=120)[0], runs))
        assert all(process.returncode == 0 for process in runs), outputs
        assert len(sandbox.ipaas.records["company"]) == 60
        names = [record["name"] for record in sandbox.ipaas.records["company"].values()]
        assert len(set(names)) == 60


def companies(sandbox: Sandbox, number: int) -> None:
    for n in range(number):
        fields = {"name": f"Company {n}", "addresses": [{"city": "Atlanta", "is_primary_billing": True}]}
        sandbox.ipaas.add("company", fields)


def each_made_once(sandbox: Sandbox, number: int) -> None:
    """Every company is one customer, whole and linked, and so is its address."""
    rows = sandbox.bc.rows("Customer")
    assert sorted(row["Name"] for row in rows) == sorted(f"Company {n}" for n in range(number))
    assert {row["Partner Type"] for row in rows} == {"Company"}
    links = sandbox.ipaas.links["customer company"]
    assert sorted(links.values()) == sorted(row["No."] for row in rows)
    assert len(sandbox.ipaas.links["customer company address"]) == number


@pytest.mark.parametrize("after", [3, 20])
def test_killed_while_it_writes_to_business_central(tmp_path: Path, after: int) -> None:
    with Sandbox("empty") as sandbox:
        companies(sandbox, 40)
        sandbox.latency["business_central"] = 0.02
        process = start(sandbox, tmp_path, "run", ["company_from_ipaas"])
        deadline = time.monotonic() + 60
        while len(sandbox.bc.rows("Customer")) < after and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert after <= len(sandbox.bc.rows("Customer")) < 40
        again = start(sandbox, tmp_path, "run", ["company_from_ipaas"])
        output, _ = again.communicate(timeout=120)
        assert again.returncode == 0
        assert b"'failed': 0" in output and b"'waiting': 0" in output
        each_made_once(sandbox, 40)


def test_two_runs_from_ipaas_that_meet_the_same_records_create_each_once(tmp_path: Path) -> None:
    with Sandbox("empty") as sandbox, ThreadPoolExecutor(2) as pool:
        companies(sandbox, 40)
        sandbox.latency["business_central"] = 0.01
        runs = [start(sandbox, tmp_path, f"run{n}", ["company_from_ipaas"]) for n in range(2)]
        outputs = list(pool.map(lambda process: process.communicate(timeout=120)[0], runs))
        assert all(process.returncode == 0 for process in runs), outputs
        each_made_once(sandbox, 40)

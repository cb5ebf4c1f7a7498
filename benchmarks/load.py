"""Measures load in both directions against a sandbox with latency: requests per second, beside what C/L allows.

C connections to a service that takes L seconds for an answer can carry C/L requests per second; the budget is 90 % of that.
Companies go to iPaaS.com, and companies of the Web shop come from it. The sandbox runs in a process of its own, but on the
same machine: with many connections and little latency, or on a busy machine, it is the sandbox that is measured. What this
process computed for each request says how many it could carry at best.

scripts/run python benchmarks/load.py [--companies 2000] [--connections 10] [--latency 0.05]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import requests
from sandbox_process import DEFAULTS, Bench, Remote, sandbox_of

from include.flows import CATALOGUE, FLOWS
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.load import load
from include.sync.plan import make_plan
from include.sync.run import task_for
from include.sync.runs import RunKind, System
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext
from include.sync.transform import transform


def measure(bench: Bench, sandbox: Remote, name: str, connections: int, latency: float) -> None:
    """Transfer a flow's records for the first time, and print a line for each of its stages."""
    flow = FLOWS[name]
    settings = SyncSettings(bc_create_defaults=DEFAULTS)
    plan = make_plan(flow, run_id=name, kind=RunKind.poll, settings=settings, ledger=bench.ledger)
    staging = Staging(bench.folder / name)
    bc, ipaas = bench.bc(concurrency=connections), bench.ipaas(concurrency=connections)
    target = flow.talks_to("load")
    client = ipaas if target is System.ipaas else bc

    def stage(stage_name: str) -> TaskContext:
        return task_for(stage_name, flow, plan, bench.ledger, staging, CATALOGUE, bc=bc, ipaas=ipaas)

    began = time.perf_counter()
    extract(stage("extract"))
    print(f"{name}\n  extract    {time.perf_counter() - began:7.2f} s")
    began = time.perf_counter()
    chunks = transform(stage("transform"))
    print(f"  transform  {time.perf_counter() - began:7.2f} s   {chunks} chunks")
    requests.post(f"{sandbox.url}/_sandbox/latency", json={str(target): latency}, timeout=10)
    before, began, computing = client.requests, time.perf_counter(), time.process_time()
    for chunk in range(chunks):
        load(stage("load"), chunk, connections)
    seconds, sent = time.perf_counter() - began, client.requests - before
    computing = time.process_time() - computing
    requests.post(f"{sandbox.url}/_sandbox/latency", json={str(target): 0}, timeout=10)
    written = sum(
        stats["counts"].get("created", 0) for n in range(chunks) for stats in staging.read(f"stats-load-{n:04}")
    )
    share = sent / seconds / (connections / latency)
    print(f"  load       {seconds:7.2f} s   {written} created with {sent} requests, {share:.0%} of what C/L allows")
    counters = requests.get(f"{sandbox.url}/_sandbox/counters", timeout=10).json()
    print(
        f"  in flight at most {counters['high_water'][str(target)]}; {computing / sent * 1000:.1f} ms computed per request"
    )


def main() -> None:
    """Print lines for either direction."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds per request")
    options = parser.parse_args()
    sizes = {"companies": options.companies, "shop_companies": options.companies}
    nothing = dict.fromkeys(("persons", "contacts", "items", "orders", "invoices", "prices"), 0)
    nothing |= {f"shop_{name}": 0 for name in ("customers", "products", "orders", "invoices")}
    with sandbox_of(**sizes, **nothing) as sandbox, tempfile.TemporaryDirectory() as folder:
        bench = Bench(sandbox, Path(folder))
        bench.run("customer_category_to_ipaas")
        for name in ("company_to_ipaas", "company_from_ipaas"):
            measure(bench, sandbox, name, options.connections, options.latency)
        bench.close()


if __name__ == "__main__":
    main()

"""Measures the load of companies against a sandbox with latency: requests per second, beside what C/L allows.

scripts/run python benchmarks/load.py [--companies 2000] [--connections 10] [--latency 0.05]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "flows"))

import requests
from bench import Bench, Remote

from include.flows import CATALOGUE, FLOWS
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.load import load
from include.sync.model import RunKind
from include.sync.plan import make_plan
from include.sync.run import stage_for
from include.sync.staging import Staging
from include.sync.transform import transform


@contextmanager
def sandbox_of(companies: int) -> Iterator[Remote]:
    """A sandbox in a process of its own, so that it does not share the processor's lock with what is measured."""
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        command = [sys.executable, "-m", "include.sandbox", "--port", "0", "--ca-file", ca_file, "--persons", "0"]
        command += ["--contacts", "0", "--items", "0", "--companies", str(companies)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout
        said = json.loads(process.stdout.readline())
        try:
            yield Remote(url=said["http"], tls_url=said["tls"], ca_file=ca_file)
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Print one line of figures per stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds per request to iPaaS.com")
    options = parser.parse_args()
    with sandbox_of(options.companies) as sandbox, tempfile.TemporaryDirectory() as folder:
        bench = Bench(sandbox, Path(folder))
        bench.run("customer_category_to_ipaas")
        requests.post(f"{sandbox.url}/_sandbox/latency", json={"ipaas": options.latency}, timeout=10)
        flow = FLOWS["company_to_ipaas"]
        plan = make_plan(
            flow,
            run_id="benchmark",
            kind=RunKind.poll,
            settings=SyncSettings(),
            system_id=sandbox.SYSTEM_ID,
            ledger=bench.ledger,
            now=datetime.now(UTC),
        )
        staging = Staging(Path(folder) / "staging")
        bc, ipaas = bench.bc(), bench.ipaas()

        def stage(name: str):
            return stage_for(name, flow, plan, bench.ledger, staging, CATALOGUE, bc=bc, ipaas=ipaas)

        began = time.perf_counter()
        extract(stage("extract"))
        print(f"extract    {time.perf_counter() - began:7.2f} s   {bc.requests} requests to Business Central")
        began = time.perf_counter()
        chunks = transform(stage("transform"))
        print(f"transform  {time.perf_counter() - began:7.2f} s   {chunks} chunks")
        before, began = ipaas.requests, time.perf_counter()
        for chunk in range(chunks):
            load(stage("load"), chunk, options.connections)
        seconds, sent = time.perf_counter() - began, ipaas.requests - before
        possible = options.connections / options.latency
        print(
            f"load       {seconds:7.2f} s   {sent} requests, {sent / seconds:.0f}/s of {possible:.0f}/s that C/L allows"
        )
        print(f"requests per first transfer: {sent / options.companies:.3f}")
        counters = requests.get(f"{sandbox.url}/_sandbox/counters", timeout=10).json()
        print(f"in flight at most: {counters['high_water']['ipaas']}")
        bench.ledger.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: {peak:.0f} MB")


if __name__ == "__main__":
    main()

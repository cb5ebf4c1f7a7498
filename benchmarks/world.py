"""Every flow over a whole world, without Airflow: a first transfer, then the same again with nothing changed.

A line for each flow and round: seconds, records read, and requests to each system. The sandbox runs in a process of its
own, so that its time is not ours; "waits" is the part of the seconds in which this process did not compute.

scripts/run python benchmarks/world.py [--items 2000] [--companies 500] [--persons 500] [--orders 1000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from sandbox_process import DEFAULTS, Bench, sandbox_of

from include.flows import FLOWS


def main() -> None:
    """Print one line per flow and round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"items": 2_000, "companies": 500, "persons": 500, "contacts": 20, "orders": 1_000}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    with sandbox_of(**vars(options)) as sandbox, tempfile.TemporaryDirectory() as folder:
        bench = Bench(sandbox, Path(folder), {"bc_create_defaults": DEFAULTS})
        for title in ("first transfer", "nothing changed"):
            print(f"{title:28} seconds    waits     read  to BC  to iPaaS.com")
            for name in FLOWS:
                began, computing = time.perf_counter(), time.process_time()
                counts = bench.run(name).counts
                seconds = time.perf_counter() - began
                waits = seconds - (time.process_time() - computing)
                asked = f"{counts['bc_requests']:7}{counts['ipaas_requests']:14}"
                odd = {n: counts[n] for n in ("waiting", "failed") if counts[n]}
                print(f"  {name:26}{seconds:8.2f}{waits:9.2f}{counts['read']:9}{asked}  {odd or ''}", flush=True)
        bench.close()


if __name__ == "__main__":
    main()

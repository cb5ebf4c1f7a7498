"""Every budget of docs/architecture.md, measured against a sandbox in a process of its own: a row for each, with what was
measured, what is allowed and whether that is kept; and the project beside its peers. Requests, rows and seconds of CPU are
counted, so that it hardly matters how busy the machine is. All of it is written as JSON, and as a picture.

make bench [BENCH=full]
scripts/run python benchmarks/budgets.py [--full] [--only "To iPaaS.com" --only Growth] [--json bench.json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import against
import flows
import in_airflow
import pace
import picture
import scale
from engine import Part, Row, show


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many records each part takes."""

    records: int = 1_000
    growth: tuple[int, ...] = (1_000, 4_000)
    ledger: tuple[int, ...] = (1_000, 100_000)
    memory: tuple[int, ...] = (2_000, 8_000)
    latency: int = 400
    in_airflow: int = 2_000
    workers: int = 2_000
    latency_of_workers: float = 0.5
    peers: int = 1_000


FULL = Sizes(
    records=10_000,
    growth=(1_000, 10_000, 100_000),
    ledger=(1_000, 100_000, 1_000_000),
    memory=(10_000, 100_000),
    latency=2_000,
    in_airflow=10_000,
    workers=100_000,
    latency_of_workers=0.1,
    peers=10_000,
)
PEERS = "Peers"


def parts(sizes: Sizes, full: bool, only: list[str]) -> list[Part]:
    """All parts in their order, or those whose title begins with one of these."""

    def wanted(title: str) -> bool:
        return not only or any(title.casefold().startswith(each.casefold()) for each in only)

    # What waits for the limit is begun first, and asked for last.
    beside = pace.beside(full) if wanted(pace.LIMIT) else []
    found = [
        *flows.parts(sizes.records),
        *scale.parts(
            records=sizes.growth, ledger=sizes.ledger, beside=sizes.records, memory=sizes.memory, everything=full
        ),
        *pace.parts(sizes.latency),
        *in_airflow.parts(number=sizes.in_airflow, workers=sizes.workers, latency=sizes.latency_of_workers),
    ]
    return [*(part for part in found if wanted(part.title)), *beside]


def peers(records: int) -> list[dict[str, Any]]:
    """The project beside its peers, each printed when it is known."""
    print(f"\n{PEERS}: {records:,} companies to iPaaS.com", flush=True)
    if reason := against.installed():
        print(f"  skipped: {reason}")
        return []
    limited = against.begun(550)
    found: list[dict[str, Any]] = []
    for name in against.PEERS:
        try:
            found.append(against.measured(name, records=records, slow=200, lost=100))
            print(f"  {name}: measured", flush=True)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one peer, the others are measured
            print(f"  {name}: FAILED: {error}", flush=True)
    shares = limited()
    for each in found:
        each["against 500 a minute: of the limit"] = shares.get(each["name"])
    print(f"\n{against.table(found)}" if found else "")
    return found


def main() -> int:
    """Print every row, and write them as JSON and as a picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="up to 100,000 records and 1,000,000 rows; hours")
    parser.add_argument("--records", type=int, help="records of each type in the worlds of flows")
    parser.add_argument("--only", action="append", default=[], help="only the parts whose title begins so; repeatable")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where all of it is written as JSON")
    parser.add_argument("--picture", type=Path, help="where the picture is written (SVG)")
    options = parser.parse_args()
    sizes = FULL if options.full else Sizes()
    if options.records:
        sizes = Sizes(**{**vars(sizes), "records": options.records})
    began, rows = time.perf_counter(), list[Row]()
    show(parts(sizes, options.full, options.only), rows)
    beside = peers(sizes.peers) if not options.only or PEERS in options.only else []
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    result = {"commit": commit, "rows": [row.as_json() for row in rows], "peers": beside}
    options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.picture:
        options.picture.write_text(picture.drawn(result), encoding="utf-8")
    took = (time.perf_counter() - began) / 60
    kept, skipped, failed = (sum(row.verdict == verdict for row in rows) for verdict in ("kept", "skipped", "FAILED"))
    print(
        f"\n{kept} of {len(rows)} budgets kept, {skipped} skipped, {failed} failed, in {took:.0f} minutes; "
        f"as JSON: {options.json}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

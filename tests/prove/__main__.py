"""The proof in one command: `python -m tests.prove [--seed 1] [--minutes 20] [campaign …]`."""

from __future__ import annotations

import argparse
import os
import sys

from tests.prove.campaigns import CAMPAIGNS
from tests.prove.engine import prove
from tests.prove.tally import Tally, table


def main() -> int:
    """Run the campaigns and print what they counted."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("campaigns", nargs="*", choices=[*CAMPAIGNS, []], help="all of them by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    given = parser.parse_args()
    rows: list[tuple[str, Tally]] = []
    for name, tally, seconds in prove(
        given.campaigns or list(CAMPAIGNS), seed=given.seed, minutes=given.minutes, workers=given.workers
    ):
        rows.append((name, tally))
        print(f"{name}: {CAMPAIGNS[name].breaks}: {tally.tried:,} in {seconds:.0f} s", flush=True)
        for line in [*tally.measured, *tally.findings]:
            print(f"  {line}", flush=True)
    print(f"\nSeed {given.seed}\n{table(rows)}")
    return 0 if all(tally.clean for _, tally in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.counts NAME --number N --seed S`: runs one count and prints what came of it."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
from collections.abc import Mapping

import tests.counts


def main() -> int:
    """Run a count; the exit code is 0 when everything after what was tried is zero."""
    names = sorted(m.name for m in pkgutil.iter_modules(tests.counts.__path__) if not m.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m tests.counts", description=tests.counts.__doc__)
    parser.add_argument("name", choices=names)
    parser.add_argument("--number", type=int, default=1_000, help="how many are tried (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same worlds (default: 1)")
    options = parser.parse_args()
    began = time.monotonic()
    found: Mapping[str, int] = importlib.import_module(f"tests.counts.{options.name}").count(
        options.number, options.seed
    )
    for name, number in found.items():
        print(f"{name:<40}{number:>10,}")
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    return 0 if not any(list(found.values())[1:]) else 1


if __name__ == "__main__":
    sys.exit(main())

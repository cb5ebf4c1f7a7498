"""Counts over many random worlds: `python -m tests.counts NAME --number 1000 --seed 1`.

Each module here is one count. It has `count(number, seed)`, which answers what was counted by name, in order: what was
tried first, and then what has to be zero. The tests take a sample of each; the same seed gives the same worlds.
"""

import sys
from pathlib import Path

# The benches of the tests of flows find each other by their bare names.
sys.path.append(str(Path(__file__).parents[1] / "flows"))

"""The counts of `tests.counts`, each a campaign of its own kind, in the proof's table."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Protocol

from tests.counts import schedules, switches, transactions, wild
from tests.prove.tally import Tally


class Count(Protocol):
    """A module of `tests.counts`: what was tried first, then what has to be zero."""

    def count(self, number: int, seed: int) -> Mapping[str, int]:
        """Try so many, drawn from a seed."""


# By the words of a count, the column of the proof's table it belongs to.
_COLUMNS = {
    "lost": "lost", "missing": "lost", "disappeared": "lost", "doubled": "doubled", "taken over": "doubled",
    "stale": "stale", "older": "stale", "slow": "stale", "silent": "stale", "stuck": "stuck", "stayed": "stuck",
}  # fmt: skip
# What is broken, how many are tried from one seed.
COUNTS: Mapping[str, tuple[Count, str, int]] = {
    "transactions": (transactions, "nothing: figures of random transactions agree, or fail with both", 100),
    "switches": (switches, "what is known of iPaaS.com: every doubt alone, and mixed", 32),
    "schedules": (schedules, "the order of commits, by up to 48 hours; replicas and clocks", 50),
    "wild values": (wild, "fields of records that are read: types, blanks, sizes, signs", 768),
}


def tally_of(name: str, seed: int) -> Tally:
    """One count as a row of the table."""
    module, _, number = COUNTS[name]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = module.count(number, seed)
    tally = Tally(tried=next(iter(found.values())), lives=0)
    for words, n in list(found.items())[1:]:
        column = next((column for word, column in _COLUMNS.items() if word in words), "died")
        setattr(tally, column, getattr(tally, column) + n)
        if n:
            tally.findings.append(f"{words}: {n}")
    if not tally.clean:
        tally.findings += said.getvalue().splitlines()[-20:]
    return tally

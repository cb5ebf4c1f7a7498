"""What a campaign counts; every cell but the first and the last has to be zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

MUST_BE_ZERO = ("lost", "doubled", "stale", "stuck", "died", "inside_retry_after")


@dataclass(kw_only=True)
class Tally:
    """`tried`: disturbances that met a call or a process. `lives`: worlds that lived through them.

    `lost`, `doubled`, `stale`: records that the undisturbed world has and this one has not, has twice, or has with
    other values. `stuck`: transfers that are unfinished when nothing is left to do. `died`: runs that ended in a fault
    nobody foresaw, or that fail in fair weather. `inside_retry_after`: calls to a system that had asked for a pause.
    `most_in_flight`: requests at once to one system. `measured`: what else there is to say of it.
    """

    tried: int = 0
    lives: int = 0
    lost: int = 0
    doubled: int = 0
    stale: int = 0
    stuck: int = 0
    died: int = 0
    inside_retry_after: int = 0
    most_in_flight: int = 0
    findings: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)

    def __iadd__(self, other: Tally) -> Tally:
        self.most_in_flight = max(self.most_in_flight, other.most_in_flight)
        self.findings += other.findings
        self.measured += other.measured
        for name in ("tried", "lives", *MUST_BE_ZERO):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def find(self, what: str, where: str, detail: str) -> None:
        """Count a finding and keep what it was, to be looked into with the same seed."""
        setattr(self, what, getattr(self, what) + 1)
        if len(self.findings) < 20:
            self.findings.append(f"{what} [{where}] {detail}"[:600])

    @property
    def clean(self) -> bool:
        """True when every cell that has to be zero is."""
        return not any(getattr(self, name) for name in MUST_BE_ZERO)


def table(rows: Sequence[tuple[str, Tally]]) -> str:
    """The campaigns' counts as a table."""
    columns = [f.name for f in fields(Tally) if f.type == "int"]
    heads = ["campaign", *(name.replace("_", " ") for name in columns)]
    body = [[name, *(f"{getattr(tally, column):,}" for column in columns)] for name, tally in rows]
    widths = [max(len(row[i]) for row in [heads, *body]) for i in range(len(heads))]
    lines = [
        "  ".join(
            cell.ljust(w) if not i else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in [heads, *body]
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

"""What `make bench` has measured, as a picture and as tables: scripts/run python benchmarks/picture.py bench.json docs/budgets.svg"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from against import table
from engine import Row, number

_WIDTH, _LINE, _TOP, _LABEL, _BAR = 960, 17, 48, 430, 270
# A bar ends here, however far it is beyond its budget.
_MOST = 1.5
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 14px } .quiet { fill: #59636e }
.kept { fill: #2da44e } .exceeded { fill: #cf222e } .most { stroke: #59636e; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 } .kept { fill: #3fb950 } .exceeded { fill: #f85149 } .most { stroke: #9198a1 }
}"""


def drawn(result: Mapping[str, Any]) -> str:
    """How much of each budget is used, as SVG for light and dark pages."""
    rows = [row for row in map(_row, result["rows"]) if row.verdict in ("kept", "EXCEEDED") and row.allowed]
    height = _TOP + _LINE * len(rows) + 12
    budget = _LABEL + _BAR / _MOST
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="8" y="20">How much of each budget is used, at {escape(str(result["commit"]))}</text>',
        f'<text class="quiet" x="{budget:.0f}" y="{_TOP - 8}" text-anchor="middle">the budget</text>',
    ]
    for place, row in enumerate(rows):
        lines += _bar(row, _TOP + _LINE * place)
    lines += [
        f'<line class="most" x1="{budget:.0f}" x2="{budget:.0f}" y1="{_TOP - 4}" y2="{height - 8}"/>',
        "</svg>\n",
    ]
    return "\n".join(lines)


def _bar(row: Row, top: int) -> Iterator[str]:
    used = row.allowed / row.measured if row.least and row.measured else row.measured / row.allowed
    length = max(1.0, min(used, _MOST) / _MOST * _BAR)
    said = f"{number(row.measured)} of {number(row.allowed)} {row.unit}"
    kind = "kept" if row.verdict == "kept" else "exceeded"
    yield f'<text x="{_LABEL - 8}" y="{top + 11}" text-anchor="end">{escape(row.what[:70])}</text>'
    yield f'<rect class="{kind}" x="{_LABEL}" y="{top + 2}" width="{length:.1f}" height="{_LINE - 6}" rx="2"/>'
    yield f'<text class="quiet" x="{_LABEL + _BAR + 8}" y="{top + 11}">{escape(said)}</text>'


def _row(values: Mapping[str, Any]) -> Row:
    return Row(**{name: value for name, value in values.items() if name != "verdict"})


def rows_table(values: Sequence[Mapping[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| what | measured | allowed | |", "|---|---|---|---|"]
    for row in map(_row, values):
        if row.skipped or row.failed:
            lines.append(f"| {row.what} | | | {row.verdict}: {row.skipped or row.failed} |")
            continue
        bound = f"{'at least' if row.least else 'at most'} {number(row.allowed)}"
        lines.append(f"| {row.what} | {number(row.measured)} {row.unit} | {bound} | {row.verdict.lower()} |")
    return "\n".join(lines)


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(sys.argv[2]).write_text(drawn(found), encoding="utf-8")
    print(rows_table(found["rows"]))
    if found["peers"]:
        print(f"\n{table(found['peers'])}")

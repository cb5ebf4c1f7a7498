"""What `make bench` says of what it has measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import against
import budgets
import picture
from engine import Part, Row, show, tell, told

KEPT = Row(what="requests", measured=1.0, allowed=1.02, unit="iPaaS.com / record")
EXCEEDED = Row(what="CPU", measured=3.1, allowed=1.2, unit="ms / record")


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (KEPT, "kept"),
        (EXCEEDED, "EXCEEDED"),
        (Row(what="share", measured=0.95, allowed=0.9, unit="of the limit", least=True), "kept"),
        (Row(what="share", measured=0.6, allowed=0.9, unit="of the limit", least=True), "EXCEEDED"),
        (Row(what="workers", allowed=0.55, unit="of the time", skipped="no Redis answers"), "skipped"),
        (Row(what="memory", allowed=120, unit="MB", failed="it ended"), "FAILED"),
    ],
)
def test_a_row_says_whether_its_budget_is_kept(row: Row, verdict: str) -> None:
    assert row.verdict == verdict
    assert verdict in str(row)


def test_a_part_that_fails_is_a_row_that_says_so_and_the_others_are_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def breaks() -> Iterator[Row]:
        yield KEPT
        raise RuntimeError("the sandbox is gone")

    rows: list[Row] = []
    show([Part(title="first", rows=breaks), Part(title="second", rows=lambda: iter([EXCEEDED]))], rows)
    assert [row.verdict for row in rows] == ["kept", "FAILED", "EXCEEDED"]
    assert "FAILED: RuntimeError: the sandbox is gone" in capsys.readouterr().out


def test_rows_reach_the_process_that_asks_for_them_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    tell([KEPT, EXCEEDED])
    assert list(told(f"a library's word\n{capsys.readouterr().out}")) == [KEPT, EXCEEDED]


def test_the_picture_is_drawn_of_the_json_for_light_and_dark_pages() -> None:
    result = json.loads(json.dumps({"commit": "abc", "rows": [row.as_json() for row in (KEPT, EXCEEDED)]}))
    drawn = picture.drawn(result)
    bars = [each.get("class") for each in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}rect")]
    assert (bars, "prefers-color-scheme: dark" in drawn) == (["kept", "exceeded"], True)


def test_the_tables_have_a_cell_for_everything() -> None:
    rows = picture.rows_table([KEPT.as_json(), EXCEEDED.as_json()])
    assert "| requests | 1 iPaaS.com / record | at most 1.02 | kept |" in rows
    peers = against.table([{"name": "dlt", "writes": 12}, {"name": "a script", "writes": 1_200.0}])
    assert peers.splitlines()[-1] == "| writes | 12 | 1,200 |"


def test_every_flow_is_measured_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few records, of which no budget says anything: that nothing ends in a fault, and that there is a number in every row."""
    monkeypatch.setattr(sys, "argv", ["budgets.py", "--records", "12", "--json", str(tmp_path / "bench.json")])
    for part in ("To iPaaS.com", "From iPaaS.com", "Documents", "One record more"):
        sys.argv += ["--only", part]
    assert budgets.main() == 0
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert len(rows) > 35
    assert {row["verdict"] for row in rows} <= {"kept", "EXCEEDED"}

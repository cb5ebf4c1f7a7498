"""A sample of `python -m tests.counts drift`: what was changed by hand, at random, is found, healed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.counts import drift


@pytest.mark.timeout(600)
def test_all_is_found_and_healed_and_nothing_else_is_written(tmp_path: Path) -> None:
    verdict = drift.judge(60, 1, drift.size_of(60), tmp_path)
    assert verdict.said == []
    assert verdict.counts.pop("changed by hand") == 60
    assert not any(verdict.counts.values())

"""A sample of the random transactions whose figures `python -m tests.counts transactions` compares."""

from __future__ import annotations

from collections import Counter

from tests.counts.transactions import verdicts


def test_each_agrees_or_fails_with_both_figures() -> None:
    found = list(verdicts(60, seed=2026))
    faults = [verdict for verdict in found if verdict.name in ("silent", "refused although it agrees")]
    assert faults == []
    names = Counter(verdict.name for verdict in found)
    assert len(found) == 60 and names["agreed"] > 40 and names["failed with both figures"] > 3

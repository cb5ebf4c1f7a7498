"""A sample of the wild values: `python -m tests.counts wild` tries as many as one likes."""

from __future__ import annotations

from tests.counts.wild import count


def test_wild_values_stop_no_run_and_spoil_nothing_but_their_own_record() -> None:
    tried, *must_be_zero = count(100, 1).items()
    assert tried[1] >= 100
    assert [name for name, number in must_be_zero if number] == []

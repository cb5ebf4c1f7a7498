"""A sample of `python -m tests.counts notices`: announcements that are lost, doubled and shuffled end as polling does."""

from __future__ import annotations

from tests.counts.notices import count


def test_changes_that_are_announced_badly_end_as_polling_alone_does() -> None:
    changes, *wrong = count(120, 1).items()
    assert changes == ("changes", 120)
    assert [one for one in wrong if one[1]] == []

"""A sample of `python -m tests.counts notices`: announcements that are lost, doubled and shuffled end as polling does."""

from __future__ import annotations

import pytest

from tests.counts.notices import count


@pytest.mark.parametrize("seed", [1, 2])
def test_changes_that_are_announced_badly_end_as_polling_alone_does(seed: int) -> None:
    changes, *wrong = count(120, seed).items()
    assert changes == ("changes", 120)
    assert [one for one in wrong if one[1]] == []

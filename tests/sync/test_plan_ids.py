"""Ids that somebody enters by hand."""

from __future__ import annotations

import pytest

from include.errors import InvalidId
from include.flows import FLOWS
from include.sync.plan import split_ids


@pytest.mark.parametrize(
    "entries",
    [
        ["C10000", "C10001"],
        ["C10000\nC10001\n"],
        ["C10000, C10001"],
        [" C10000 ,,C10001", "", " "],
        ["C10000\r\nC10001", "C10000"],
    ],
)
def test_ids_stand_one_a_line_or_with_commas_between_them_and_blanks_are_none(entries: list[str]) -> None:
    assert split_ids(entries) == ("C10000", "C10001")


def test_all_that_are_wrong_are_named_at_once() -> None:
    flow = FLOWS["company_from_ipaas"]
    with pytest.raises(InvalidId) as raised:
        flow.parse_ids(["17", "abc", "18", "0"])
    assert "'abc', '0' are no ids of company" in str(raised.value)
    assert "17542" in str(raised.value)

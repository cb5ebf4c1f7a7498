"""A sample of `python -m tests.counts switches`: everything that is doubtful of iPaaS.com turned the other way at once."""

from __future__ import annotations

import pytest

from tests.counts import switches


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_taken_over_or_stuck_where_everything_is_otherwise() -> None:
    otherwise = {name: values[-1] for name, values in switches.DOUBTS.items()}
    verdict = switches.judge(otherwise, 1, switches.reference())
    assert verdict.said == ()


def test_mixtures_are_of_every_doubt_and_the_same_for_the_same_seed() -> None:
    mixtures = switches.mixed(200, 1)
    assert mixtures == switches.mixed(200, 1) != switches.mixed(200, 2)
    assert {(name, value) for one in mixtures for name, value in one.items()} == {
        (name, value) for name, values in switches.DOUBTS.items() for value in values
    }


def test_every_doubt_is_a_switch_of_the_sandbox() -> None:
    from include.sandbox.switches import Switches

    usual = Switches()
    assert all(getattr(usual, name) not in values for name, values in switches.DOUBTS.items())

"""Requests under way at once: as many as are allowed, and their answers in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from include.transport.parallel import in_parallel


def meeting(number: int, together: threading.Barrier) -> Callable[[], int]:
    """A call that ends only when so many others are under way."""

    def call() -> int:
        together.wait(10)
        return number

    return call


def test_as_many_calls_as_are_allowed_are_under_way_at_once() -> None:
    together = threading.Barrier(3)
    assert list(in_parallel([meeting(number, together) for number in range(6)], 3)) == list(range(6))


def test_never_more_calls_are_under_way_and_no_answers_pile_up() -> None:
    begun: list[int] = []
    answers = in_parallel((partial(begun.append, number) for number in range(100)), 4)
    next(answers)
    assert len(begun) <= 4


@pytest.mark.parametrize("at_once", [1, 3])
def test_the_first_fault_ends_it(at_once: int) -> None:
    begun: list[int] = []

    def call(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ValueError("the third")
        return number

    with pytest.raises(ValueError, match="the third"):
        list(in_parallel((partial(call, number) for number in range(100)), at_once))
    assert len(begun) <= 3 + at_once

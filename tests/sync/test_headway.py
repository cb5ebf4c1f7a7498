"""How far a stage has come is told while it works, with its rate and the time that is left."""

from __future__ import annotations

from typing import Any

import pytest

from include.sync import headway
from include.sync.headway import Headway, Stretch, lasts


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(headway, "time", clock)
    return clock


def test_a_stage_says_every_few_seconds_how_far_it_is_and_how_fast(clock: Clock) -> None:
    told: list[Any] = []
    stage = Headway(told.append)
    for second in range(11):
        stage.at("written", 10 * second, 500)
        clock.now += 1
    assert told == [
        {"word": "written", "done": 50, "of": 500, "a_minute": 600.0},
        {"word": "written", "done": 100, "of": 500, "a_minute": 600.0},
    ]


def test_the_rate_is_that_of_the_last_minute(clock: Clock) -> None:
    told: list[Any] = []
    stage = Headway(told.append)
    stage.at("written", 0)
    for _ in range(30):  # five minutes of one a second …
        clock.now += 10
        stage.at("written", int(clock.now - 100))
    done = told[-1]["done"]
    for n in range(1, 8):  # … and then nothing goes through any more
        clock.now += 10
        stage.at("written", done)
        assert told[-1]["a_minute"] == (60 - 10 * n if n < 6 else 0)


def test_what_an_earlier_try_has_done_does_not_count_as_done_now(clock: Clock) -> None:
    told: list[Any] = []
    stage = Headway(told.append)
    stage.at("written", 4_000, 5_000)
    clock.now += 60
    stage.at("written", 4_100, 5_000)
    assert told[-1]["a_minute"] == 100


def test_a_task_that_does_several_chunks_adds_them_up_and_what_it_planned_before_counts_apart() -> None:
    told: list[Any] = []
    stage = Headway(told.append)
    stage.end("planned", 30, 30)
    for _ in range(2):
        stage.end("written", 15, 15)
    assert [(one["word"], one["done"], one["of"]) for one in told] == [
        ("planned", 30, 30),
        ("written", 15, 15),
        ("written", 30, 30),
    ]


def test_tasks_of_a_stage_are_told_together_with_the_time_that_is_left() -> None:
    said = [{"word": "written", "done": done, "of": 2_500, "a_minute": 200.0} for done in (1_000, 234)]
    stretch = Stretch.of_tasks(said, of=7_500)
    assert stretch is not None
    assert str(stretch) == "1,234 of 7,500 written"
    assert stretch.left(400) == "400 a minute, about 15 min 40 s left"
    assert Stretch.of_tasks(said).of == 5_000  # type: ignore[union-attr]
    assert Stretch.of_tasks([]) is None


def test_nothing_is_guessed_of_what_is_not_known() -> None:
    reading = Stretch(word="read", done=12_400)
    assert str(reading) == "12,400 read"
    assert reading.left(3_100) == "3,100 a minute"
    assert reading.left(0) == ""
    assert Stretch(word="written", done=5, of=5).left(10) == "10 a minute"


@pytest.mark.parametrize(("seconds", "words"), [(9, "9 s"), (61, "1 min 1 s"), (7_325, "2 h 2 min")])
def test_a_time_in_words(seconds: int, words: str) -> None:
    assert lasts(seconds) == words

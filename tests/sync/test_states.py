"""One word says how a flow stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.sync.differences import Reconciled
from include.sync.states import Known, Run, Word, alarms, sentence, standing

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
READ = NOW - timedelta(minutes=4)
RAN = Run(run_id="scheduled__1", began=NOW - timedelta(minutes=5), ended=NOW - timedelta(minutes=4))
WELL = Known(paused=False, last=RAN, due=NOW + HOUR, every=HOUR, read_from=READ)


def test_in_step_is_said_as_of_when_the_source_was_read() -> None:
    assert standing(WELL, NOW).word is Word.in_step
    assert standing(WELL, NOW).as_of == READ


@pytest.mark.parametrize(
    ("known", "word"),
    [
        (replace(WELL, last=None), Word.never_run),
        (replace(WELL, paused=True), Word.paused),
        (replace(WELL, paused=True, last=None), Word.paused),
        (replace(WELL, last=replace(RAN, ended=None)), Word.running),
        (replace(WELL, due=NOW - 2 * HOUR), Word.late),
        (replace(WELL, due=NOW - HOUR / 2), Word.in_step),
        (replace(WELL, needs=1), Word.needs_you),
        (replace(WELL, needs=1, paused=True), Word.needs_you),
        (replace(WELL, problem=("The secret is wrong.", "Enter it again.")), Word.stopped),
        (replace(WELL, problem=("The secret is wrong.", "Enter it again."), needs=3, paused=True), Word.stopped),
    ],
)
def test_what_a_person_has_to_look_at_first_is_what_is_said(known: Known, word: Word) -> None:
    assert standing(known, NOW).word is word


def test_a_flow_that_is_stopped_says_why_and_what_to_do() -> None:
    said = standing(replace(WELL, problem=("The secret is wrong.", "Enter it again.")), NOW)
    assert (said.why, said.advice) == ("The secret is wrong.", "Enter it again.")


def test_a_paused_flow_says_what_piles_up() -> None:
    assert "1,200 records wait" in standing(replace(WELL, paused=True, piles_up=1_200), NOW).why
    assert "1 record wait" in standing(replace(WELL, paused=True, piles_up=1), NOW).why


class TestAfterAComparison:
    FOUND = Reconciled(flow="a", as_of=READ, compared=10, left={"stale": 2, "missing": 1, "vanished": 0})

    def test_differences_are_said_before_that_all_is_in_step(self) -> None:
        standings = {"a": standing(WELL, NOW), "b": standing(WELL, NOW)}
        clean = replace(self.FOUND, flow="b", left={})
        said = sentence(standings, 0, {"a": self.FOUND, "b": clean})
        assert said == f"3 differences between the two systems, as of {READ:%Y-%m-%d %H:%M} UTC: a."
        assert sentence(standings, 1, {"a": self.FOUND}) == "1 record only a person can mend."

    def test_in_step_is_said_of_what_was_compared(self) -> None:
        standings = {"a": standing(WELL, NOW), "off": standing(replace(WELL, paused=True), NOW)}
        clean = replace(self.FOUND, left={})
        assert "all records were compared at" not in sentence(standings, 0, {"a": clean})
        del standings["off"]
        assert sentence(standings, 0, {"a": clean}) == (
            f"In step: all records were compared at {READ:%Y-%m-%d %H:%M} UTC, and there were no differences."
        )
        assert sentence({**standings, "b": standing(WELL, NOW)}, 0, {"a": clean}).startswith("In step as of ")

    def test_a_flow_that_is_switched_off_raises_no_alarm(self) -> None:
        on, off = standing(WELL, NOW), standing(replace(WELL, paused=True), NOW)
        (line,) = alarms({"a": on}, {}, {"a": self.FOUND})
        assert line.startswith("a: its records were compared at ") and "2 stale, 1 missing" in line
        assert alarms({"a": off}, {}, {"a": self.FOUND}) == []

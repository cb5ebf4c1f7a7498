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
        (replace(WELL, last=None, read_from=None), Word.not_begun),
        (replace(WELL, last=None), Word.in_step),
        (replace(WELL, paused=True), Word.paused),
        (replace(WELL, paused=True, last=None), Word.paused),
        (replace(WELL, last=replace(RAN, ended=None)), Word.running),
        (replace(WELL, due=NOW - 2 * HOUR), Word.late),
        (replace(WELL, due=NOW - HOUR / 2), Word.in_step),
        (replace(WELL, retrying=1), Word.late),
        (replace(WELL, retrying=1, needs=1), Word.needs_you),
        (replace(WELL, retrying=1, paused=True), Word.paused),
        (replace(WELL, retrying=1, last=replace(RAN, ended=None)), Word.running),
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
    assert said.why == "The secret is wrong."
    assert said.advice == (
        "Enter it again. To go on at once, clear the run that failed; the next one, at 2026-05-01 13:00 UTC, goes on by "
        "itself."
    )


def test_a_flow_that_is_stopped_and_paused_has_no_next_run_to_wait_for() -> None:
    said = standing(replace(WELL, problem=("The secret is wrong.", "Enter it again."), paused=True), NOW)
    assert said.advice == "Enter it again. To go on, clear the run that failed, or unpause the flow."
    late = standing(replace(WELL, problem=("The secret is wrong.", ""), due=NOW - HOUR), NOW)
    assert late.advice == "To go on at once, clear the run that failed; the next one goes on by itself."


class TestWhatAServiceDidNotTake:
    """It is tried again by itself; until then the two systems are not in step."""

    LEFT = replace(WELL, retrying=2, next_try=NOW + HOUR / 2)

    def test_it_is_said_how_much_it_is_and_when_it_is_tried_again(self) -> None:
        said = standing(self.LEFT, NOW)
        assert said.why == "2 records could not be sent yet, and are tried again at 2026-05-01 12:30 UTC."
        assert sentence({"a": said, "b": standing(WELL, NOW)}, 0) == f"Late: a. {said.why}"

    def test_what_is_due_goes_with_the_next_run(self) -> None:
        due = replace(self.LEFT, retrying=1, next_try=NOW - HOUR)
        assert standing(due, NOW).why == "1 record could not be sent yet, and is tried again with its next run."

    def test_nobody_is_called_for_it(self) -> None:
        assert alarms({"a": standing(self.LEFT, NOW)}, {}) == []
        assert alarms({"a": standing(replace(WELL, due=NOW - 2 * HOUR), NOW)}, {}), (
            "a schedule that is not kept is another"
        )


def test_a_paused_flow_says_what_piles_up() -> None:
    assert "1,200 records wait" in standing(replace(WELL, paused=True, piles_up=1_200), NOW).why
    assert "1 record waits for it" in standing(replace(WELL, paused=True, piles_up=1), NOW).why


class TestWhatInitializeHasBroughtUp:
    """The flow's own DAG has had no run; its source has been read all the same."""

    BROUGHT_UP = replace(WELL, last=None)
    NEVER = replace(WELL, last=None, read_from=None)

    def test_it_is_in_step_as_of_then_until_its_first_tick(self) -> None:
        said = standing(self.BROUGHT_UP, NOW)
        assert (said.word, said.as_of) == (Word.in_step, READ)
        assert sentence({"a": said}, 0) == f"In step as of {READ:%Y-%m-%d %H:%M} UTC."

    def test_while_it_is_paused_nobody_is_told_that_it_has_never_run(self) -> None:
        said = standing(replace(self.BROUGHT_UP, paused=True), NOW)
        assert (said.word, said.as_of, said.why) == (Word.paused, READ, "Its schedule is switched off.")
        assert standing(replace(self.NEVER, paused=True), NOW).why == "Its schedule is switched off, and has never run."

    def test_while_all_are_paused_it_is_said_when_records_were_read_last(self) -> None:
        said = sentence({"a": standing(replace(self.BROUGHT_UP, paused=True), NOW)}, 0)
        assert said == (
            f"Nothing is kept in step: no flow is switched on. Records were read last at {READ:%Y-%m-%d %H:%M} UTC."
        )

    def test_nobody_is_told_that_no_flow_is_switched_on_while_one_is(self) -> None:
        off, on = standing(replace(self.NEVER, paused=True), NOW), standing(self.NEVER, NOW)
        assert sentence({"a": off}, 0) == "Nothing is kept in step yet: no flow is switched on."
        assert sentence({"a": off, "b": on}, 0) == (
            "Nothing is kept in step yet: 1 flow is switched on and waits for the first run of its schedule."
        )
        assert sentence({"a": on, "b": on}, 0) == (
            "Nothing is kept in step yet: 2 flows are switched on and wait for the first runs of their schedules."
        )

    def test_in_step_is_not_said_first_where_most_flows_are_switched_off(self) -> None:
        on, off = standing(WELL, NOW), standing(replace(WELL, paused=True), NOW)
        assert sentence({"a": on, "b": off, "c": off}, 0) == (
            "1 of 3 flows is in step; switched off or not begun: b, c."
        )
        new = standing(self.NEVER, NOW)
        assert sentence({"a": on, "b": on, "c": new}, 0) == "2 of 3 flows are in step; switched off or not begun: c."


class TestAnOutage:
    """The headline names each reason with its flows, at most two."""

    ID, OTHER = "1a45ce2f-0b1c-4d2e-8f3a-5b6c7d8e9f01", "9b45ce2f-0b1c-4d2e-8f3a-5b6c7d8e9f02"

    @staticmethod
    def _stopped(**reasons: str) -> str:
        return sentence(
            {flow: standing(replace(WELL, problem=(why, "Wait.")), NOW) for flow, why in reasons.items()}, 0
        )

    def test_one_reason_is_said_once(self) -> None:
        assert self._stopped(a="It is down.", b="It is down.") == "Stopped: a, b. It is down."

    def test_each_reason_is_said_with_its_flows(self) -> None:
        said = self._stopped(a="It is down.", b="The secret is wrong.", c="It is down.")
        assert said == "Stopped: a, c. It is down. Also stopped: b. The secret is wrong."

    def test_of_more_than_two_reasons_it_is_said_how_many_flows_have_others(self) -> None:
        said = self._stopped(a="One (HTTP 503)", b="Two.", c="Three.", d="Four.")
        assert said == "Stopped: a. One (HTTP 503). Also stopped: b. Two. And 2 more flows."

    @pytest.mark.parametrize("how", ["iPaaS.com: It is down (HTTP 503{})", "iPaaS.com: It is down{}"])
    def test_what_differs_by_the_id_of_a_request_is_one_reason_and_no_id_is_shown(self, how: str) -> None:
        named = ", request {}" if "HTTP" in how else " (request {})"
        said = self._stopped(a=how.format(named.format(self.ID)), b=how.format(named.format(self.OTHER)))
        assert said == f"Stopped: a, b. {how.format('')}"

    def test_a_row_gives_the_reason_in_the_words_of_the_headline(self) -> None:
        row = standing(replace(WELL, problem=(f"It is down (HTTP 503, request {self.ID})", "Wait.")), NOW)
        assert row.why == "It is down (HTTP 503)"
        assert row.why in sentence({"a": row}, 0)


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

    def test_what_could_not_be_compared_is_said_beside_what_was(self) -> None:
        clean = replace(self.FOUND, left={}, unfinished=2)
        assert str(clean) == "no differences, 2 could not be compared"
        assert str(replace(self.FOUND, unfinished=1)) == "2 stale, 1 missing, 1 could not be compared"
        assert "all records but 2 were compared at" in sentence({"a": standing(WELL, NOW)}, 0, {"a": clean})

    def test_a_flow_that_is_switched_off_raises_no_alarm(self) -> None:
        on, off = standing(WELL, NOW), standing(replace(WELL, paused=True), NOW)
        (line,) = alarms({"a": on}, {}, {"a": self.FOUND})
        assert line.startswith("a: its records were compared at ") and "2 stale, 1 missing" in line
        assert alarms({"a": off}, {}, {"a": self.FOUND}) == []

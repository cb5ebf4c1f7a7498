"""One word for how a flow stands, from what is known of it. Pure; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from include.sync.differences import Reconciled

# How a fault names the request that failed: "(HTTP 503, request 1a45…)", or "(request 1a45…)".
_ID = r"request [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REQUEST = re.compile(rf" \({_ID}\)|, {_ID}", re.IGNORECASE)
# Reasons that the sentence on all flows names.
_SHOWN = 2
SEE_DIFFERENCES = "The run of the DAG reconcile lists them; its mode Heal writes what differs."


class Word(StrEnum):
    """How a flow stands, in the order of what a person looks at first."""

    stopped = "Stopped"
    needs_you = "Needs you"
    late = "Late"
    running = "Running"
    paused = "Paused"
    not_begun = "Not begun"
    in_step = "In step"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a flow's schedule, of webhooks, or by hand without ids."""

    run_id: str
    began: datetime
    ended: datetime | None = None
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a flow."""

    paused: bool
    last: Run | None = None
    # What ended the last run, and what to do about it, when that was the run's own fault.
    problem: tuple[str, str] | None = None
    # When the next run was to begin, and the time between two.
    due: datetime | None = None
    every: timedelta | None = None
    # Up to when its source has been read.
    read_from: datetime | None = None
    # How many records only a person can mend.
    needs: int = 0
    # How much waits for the flow to run: webhooks, and records to be tried again.
    piles_up: int = 0
    # Since when a run waits for an approval.
    asks: datetime | None = None
    # How many records have not gone through and are tried again by themselves, and from when on.
    retrying: int = 0
    next_try: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The word, as of when it holds, and why, with what to do; `passes`: nobody has to do anything about it."""

    word: Word
    as_of: datetime | None = None
    why: str = ""
    advice: str = ""
    passes: bool = False


def standing(known: Known, now: datetime) -> Standing:
    """How a flow stands."""
    last = known.last
    if known.problem:
        return Standing(
            word=Word.stopped,
            as_of=last.ended if last else None,
            why=_without_request(known.problem[0]),
            advice=f"{known.problem[1]} {_way_on(known, now)}".lstrip(),
        )
    if known.asks:
        return Standing(
            word=Word.needs_you,
            as_of=known.read_from,
            why=f"A run waits for your approval since {known.asks:%Y-%m-%d %H:%M} UTC; other changes wait behind it.",
            advice="Answer it: the page Sync links to the question.",
        )
    if known.needs:
        return Standing(
            word=Word.needs_you,
            as_of=known.read_from,
            why=f"{_records(known.needs)} only a person can mend.",
            advice="Each reason is listed on the page Sync, under Needs you, with what to do.",
        )
    if known.paused:
        wait = "waits" if known.piles_up == 1 else "wait"
        piled = f" Meanwhile {_records(known.piles_up)} {wait} for it." if known.piles_up else ""
        never = "" if has_run(known) else ", and has never run"
        return Standing(
            word=Word.paused,
            as_of=known.read_from,
            why=f"Its schedule is switched off{never}.{piled}",
            advice="Unpause it when it is to go on.",
        )
    if last and not last.ended:
        return Standing(word=Word.running, as_of=known.read_from, why=f"Since {last.began:%Y-%m-%d %H:%M} UTC.")
    if known.due and known.every and now - known.due > known.every:
        return Standing(
            word=Word.late,
            as_of=known.read_from,
            why=f"Its run of {known.due:%Y-%m-%d %H:%M} UTC has not begun.",
            advice="Look whether Airflow's scheduler is up, and whether the pools have free slots (Admin, Pools).",
        )
    if not has_run(known):
        return Standing(word=Word.not_begun, why="It waits for the first run of its schedule.")
    if known.retrying:
        again = (
            f"at {known.next_try:%Y-%m-%d %H:%M} UTC"
            if known.next_try and known.next_try > now
            else "with its next run"
        )
        one = known.retrying == 1
        return Standing(
            word=Word.late,
            as_of=known.read_from,
            why=f"{_records(known.retrying)} could not be sent yet, and {'is' if one else 'are'} tried again {again}.",
            advice="Nothing to do: should it go on for too long, it stands under Needs you.",
            passes=True,
        )
    return Standing(word=Word.in_step, as_of=known.read_from or (last.began if last else None))


def has_run(known: Known) -> bool:
    """Whether a flow has brought its records over: by a run of its own, or wholly by one of another DAG, as `initialize`,
    of which only the ledger knows. Records that somebody has named alone are none of it."""
    return known.last is not None or known.read_from is not None


def alarms(
    standings: Mapping[str, Standing], webhooks: Mapping[str, int], compared: Mapping[str, Reconciled] | None = None
) -> list[str]:
    """What a person has to see to, one line each; `webhooks` are the webhooks that wait for a flow, `compared` what the last
    comparison of its records found."""
    red = (Word.stopped, Word.needs_you, Word.late)
    lines = [
        f"{flow}: {one.word}. {one.why} {one.advice}".rstrip()
        for flow, one in standings.items()
        if one.word in red and not one.passes
    ]
    lines += [
        f"{flow}: Paused, and {webhooks[flow]:,} webhooks wait for it. {one.advice}"
        for flow, one in standings.items()
        if one.word is Word.paused and webhooks.get(flow)
    ]
    lines += [
        f"{flow}: its records were compared at {found.as_of:%Y-%m-%d %H:%M} UTC, and differ: {found}. {SEE_DIFFERENCES}"
        for flow, found in (compared or {}).items()
        if found.differences and flow in standings and standings[flow].word is not Word.paused
    ]
    return lines


def _way_on(known: Known, now: datetime) -> str:
    """How a flow goes on that was stopped, once what stopped it is mended or over."""
    if known.paused:
        return "To go on, clear the run that failed, or unpause the flow."
    at = f", at {known.due:%Y-%m-%d %H:%M} UTC," if known.due and known.due > now else ""
    return f"To go on at once, clear the run that failed; the next one{at} goes on by itself."


def _records(number: int) -> str:
    return f"{number:,} {'record' if number == 1 else 'records'}"


def sentence(
    standings: Mapping[str, Standing],
    needs: int,
    compared: Mapping[str, Reconciled] | None = None,
    asking: Sequence[str] = (),
) -> str:
    """One sentence on all flows: what is stopped and why, or what needs a person, or that all are in step as of when.

    `compared` is what the last comparison of each flow's records found, `asking` are the flows of which runs wait for an
    approval.
    """
    of = {word: [flow for flow, one in standings.items() if one.word is word] for word in Word}
    stopped, late, paused = of[Word.stopped], of[Word.late], of[Word.paused]
    if stopped:
        return _stopped({flow: standings[flow].why for flow in stopped})
    if needs or asking:
        runs = "A run waits" if len(asking) == 1 else f"{len(asking):,} runs wait"
        asked = [f"{runs} for your approval: {_flows(asking)}."] if asking else []
        return " ".join([*asked, *([f"{_records(needs)} only a person can mend."] if needs else [])])
    if late:
        return f"Late: {_flows(late)}. {standings[late[0]].why}"
    working = {flow for flow, one in standings.items() if one.word not in (Word.paused, Word.not_begun)}
    found = {flow: one for flow, one in (compared or {}).items() if flow in working}
    if apart := [flow for flow, one in found.items() if one.differences]:
        number, since = sum(found[flow].differences for flow in apart), min(found[flow].as_of for flow in apart)
        named = "difference" if number == 1 else "differences"
        return f"{number:,} {named} between the two systems, as of {since:%Y-%m-%d %H:%M} UTC: {_flows(apart)}."
    if idle := [*paused, *of[Word.not_begun]]:
        if not working:
            return _nothing_yet([standings[flow] for flow in paused], len(of[Word.not_begun]))
        are = "flows is" if len(working) == 1 else "flows are"
        return f"{len(working)} of {len(standings)} {are} in step; switched off or not begun: {_flows(idle)}."
    if working and working == found.keys():
        compared_at = min(one.as_of for one in found.values())
        unfinished = sum(one.unfinished for one in found.values())
        but = f" but {unfinished:,}" if unfinished else ""
        return f"In step: all records{but} were compared at {compared_at:%Y-%m-%d %H:%M} UTC, and there were no differences."
    dates = [one.as_of for one in standings.values() if one.as_of]
    return f"In step as of {min(dates):%Y-%m-%d %H:%M} UTC." if dates else "In step."


def _stopped(reasons: Mapping[str, str]) -> str:
    """Which flows are stopped, by their reasons: one outage may stop many, and each flow may have a reason of its own."""
    of: dict[str, list[str]] = {}
    for flow, why in reasons.items():
        of.setdefault(why, []).append(flow)
    said = [f"{_flows(flows)}. {why}" for why, flows in list(of.items())[:_SHOWN]]
    if len(of) == 1:
        return f"Stopped: {said[0]}"
    left = sum(len(flows) for flows in list(of.values())[_SHOWN:])
    more = f" And {left} more {'flow' if left == 1 else 'flows'}." if left else ""
    return f"Stopped: {' Also stopped: '.join(one if one.endswith('.') else f'{one}.' for one in said)}{more}"


def _without_request(text: str) -> str:
    """A reason without the id of the request that failed, which differs with each: the run says it, for the service's
    support."""
    return _REQUEST.sub("", text)


def _nothing_yet(paused: Sequence[Standing], waiting: int) -> str:
    """Why nothing is kept in step, when each flow is switched off or waits for the first run of its schedule."""
    if waiting:
        one = "1 flow is switched on and waits for the first run of its schedule"
        several = f"{waiting} flows are switched on and wait for the first runs of their schedules"
        return f"Nothing is kept in step yet: {one if waiting == 1 else several}."
    dates = [one.as_of for one in paused if one.as_of]
    if dates:
        return f"Nothing is kept in step: no flow is switched on. Records were read last at {max(dates):%Y-%m-%d %H:%M} UTC."
    return "Nothing is kept in step yet: no flow is switched on."


def _flows(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more flows"

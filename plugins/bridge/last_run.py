"""Which run of a flow says how it stands, and what it says. The page and the DAG `health` each have a way of their own to
Airflow's runs; from there on both ask here, so that they never disagree.

Runs of a schedule are found by their logical date. Runs that a webhook or Airflow's API has started have none, and tasks
have no word to ask for those: each notes that it began in the folder of its flow, where `health` finds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.form import IDS_PARAMS
from bridge.staging import base, private_folder
from include.sync.ledger.entries import moment
from include.sync.overview import FlowState
from include.sync.staging.files import reading_from, writing_to
from include.sync.states import Known, Run, Standing, standing

SILENT = (
    "Look for the reason where the worker ran: it had too little memory, was restarted, or lost touch with Airflow. "
    "Then clear the task: what was written is not written again."
)
# States of tasks that ended otherwise than they should.
ENDED = ("failed", "up_for_retry")
_OVER = ("success", "failed")
_NOTES = "begun"
# Of a flow's runs without a logical date, how many are remembered; more than can be under way at once.
_REMEMBERED = 10


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a run says of itself: its counts, once it has a report, and what stopped it, with advice."""

    counts: Mapping[str, int] | None = None
    problems: Iterable[Mapping[str, str]] = field(default=())


def reads_all_changes(run: Any) -> bool:
    """Whether a run, as Airflow has it, is one of the schedule, of webhooks, or a whole one by hand: none of ids, no plan,
    no backfill. Only those say how a flow stands."""
    return (
        str(getattr(run.run_type, "value", run.run_type)) != "backfill"
        and not names_records(run)
        and (run.conf or {}).get("mode") != "plan"
    )


def names_records(run: Any) -> bool:
    """Whether somebody has named the records of a run in the form of its flow."""
    return any((run.conf or {}).get(name) for name in IDS_PARAMS)


def telling(runs: Iterable[Any]) -> Run | None:
    """The one of a flow's runs that says how it stands: what stopped it holds until another run has ended well."""
    found = [_run(run) for run in runs if reads_all_changes(run)]
    over = max((run for run in found if run.ended), key=lambda run: run.ended or run.began, default=None)
    if over and over.failed:
        return over
    return max(found, key=lambda run: run.began, default=None)


def standing_of(
    state: FlowState,
    last: Run | None,
    said: Callable[[Run], Said],
    now: datetime,
    *,
    paused: bool,
    due: datetime | None,
    every: timedelta | None,
    needs: int,
    asks: datetime | None,
) -> Standing:
    """How a flow stands, by the run that tells."""
    known = Known(
        paused=paused,
        last=last,
        problem=stopped_by(said(last)) if last and last.failed else None,
        due=due,
        every=every,
        read_from=moment(state.read_from) if state.read_from else None,
        needs=needs,
        piles_up=state.webhooks + sum(state.unfinished.values()),
        asks=asks,
        retrying=state.retrying,
        next_try=moment(state.next_try) if state.next_try else None,
    )
    return standing(known, now)


def stopped_by(said: Said) -> tuple[str, str] | None:
    """What ended a run that failed, where that was not the fault of single records."""
    for problem in said.problems:
        return problem["what"], problem["advice"]
    if said.counts is None:
        return "The last run ended without a word: its process was ended from outside.", SILENT
    if said.counts.get("failed"):
        return None
    retrying = said.counts.get("retrying", 0)
    return f"The service took none of the {retrying:,} records.", "Nothing to do: they are tried again by themselves."


def silent(tasks: Iterable[str]) -> list[dict[str, str]]:
    """What there is to say of tasks that ended without saying why."""
    return [
        {"what": f"The task {task} ended without a word: its process was ended from outside.", "advice": SILENT}
        for task in sorted(tasks)
    ]


def note_run(run: Any) -> None:
    """Remember that a run of a flow has begun which no logical date leads to. Raises StagingFault."""
    if run.logical_date is not None or not reads_all_changes(run):
        return
    folder = base() / str(run.dag_id) / _NOTES
    private_folder()
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if str(run.run_id) in begun(str(run.dag_id)):
            return  # by an earlier try
        # A file for each, so that two runs that begin at once lose neither of them.
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{hashlib.sha256(str(run.run_id).encode()).hexdigest()[:8]}"
        (folder / name).write_text(str(run.run_id))
        for old in sorted(folder.iterdir(), key=lambda file: file.name, reverse=True)[_REMEMBERED:]:
            old.unlink(missing_ok=True)


def begun(dag_id: str) -> list[str]:
    """The run ids of the last runs of a flow that have no logical date. Raises StagingFault."""
    folder = base() / dag_id / _NOTES
    with reading_from(folder):
        try:
            return [file.read_text() for file in folder.iterdir()] if folder.exists() else []
        except FileNotFoundError:
            return begun(dag_id)  # another run has just tidied up


def _run(run: Any) -> Run:
    state = str(getattr(run.state, "value", run.state))
    began = run.start_date or run.run_after or datetime.now(UTC)
    return Run(
        run_id=run.run_id,
        began=began,
        ended=(run.end_date or began) if state in _OVER else None,
        failed=state == "failed",
    )

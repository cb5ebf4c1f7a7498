"""Runs of one flow take turns, so that none reads what another is about to write.

A poll that begins while another is under way leaves everything to that and to the next. A run that a webhook has started
waits for the one before it, of which the webhook may have come too late; whatever is announced meanwhile goes with it, so
that no more than one waits. It waits for no poll, which may take hours.

Airflow could hold runs back (`max_active_runs`), but then a run by hand would queue behind them, too. Nothing depends on
it: two runs at once would read the same twice, and wait for each other's records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import simplejson
from airflow.sdk import ObjectStoragePath

from bridge.staging import base
from include.sync.staging.files import reading_from, writing_to

_QUESTION = "question.json"
_POLL = "poll"
_ANNOUNCED = "announced"
_WAITING = "waiting"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whether a run may go on: not while `waits_for` is under way; not at all when `leaves_to` does its work."""

    waits_for: str | None = None
    leaves_to: str | None = None


def take_turn(context: Mapping[str, Any]) -> str | None:
    """Let this run be the flow's poll; or answer which other one still is, by its run id. Raises StagingFault."""
    other = _holder(context, _POLL)
    if other is None:
        _hold(context, _POLL)
    return other


def take_turn_of_announced(context: Mapping[str, Any]) -> Turn:
    """Let this run be the one that takes what was announced, or the one that waits for that. Raises StagingFault."""
    other = _holder(context, _ANNOUNCED)
    if other is None:
        _hold(context, _ANNOUNCED)
        return Turn()
    # Who waits has not read yet, or `other` would be another one.
    waiting = _holder(context, _WAITING)
    if waiting and waiting != other:
        return Turn(leaves_to=waiting)
    _hold(context, _WAITING)
    return Turn(waits_for=other)


def takes_announced(context: Mapping[str, Any]) -> bool:
    """Whether another run is under way that takes what was announced. Raises StagingFault."""
    return _holder(context, _ANNOUNCED) is not None


def _holder(context: Mapping[str, Any], name: str) -> str | None:
    """The other run that has this turn and is under way."""
    run = context["dag_run"]
    place = base() / str(run.dag_id) / name
    with reading_from(place):
        last = place.read_text() if place.exists() else None
    if last and last != run.run_id and _under_way(context, str(run.dag_id), last):
        return str(last)
    return None


def _hold(context: Mapping[str, Any], name: str) -> None:
    run = context["dag_run"]
    place = base() / str(run.dag_id) / name
    with writing_to(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(str(run.run_id))


def take_question(context: Mapping[str, Any], flow: str, why: str) -> str | None:
    """Let this run ask a person about a flow; or answer which other one has a question open, by its DAG and run.

    There is one question of a flow at a time, whichever DAG its run is of. Raises StagingFault.
    """
    run, ti = context["dag_run"], context["ti"]
    open_ = open_question(flow)
    mine = {"dag_id": str(run.dag_id), "run_id": str(run.run_id)}
    if open_ and any(open_[name] != value for name, value in mine.items()) and _is_asking(context, open_):
        return f"{open_['run_id']} of {open_['dag_id']}"
    asked = {**mine, "task_id": str(ti.task_id), "at": datetime.now(UTC).isoformat(), "why": why}
    place = _question_of(flow)
    with writing_to(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(simplejson.dumps(asked))
    return None


def answer_question(context: Mapping[str, Any], flow: str) -> None:
    """Let the next run of the flow ask. Raises StagingFault."""
    place = _question_of(flow)
    if (open_ := open_question(flow)) and open_["run_id"] == str(context["dag_run"].run_id):
        with writing_to(place):
            place.unlink(missing_ok=True)


def open_question(flow: str) -> dict[str, str] | None:
    """The run that asked last about a flow and has not been answered, so far as its files say: its DAG, run and task, when
    and why it asked. Raises StagingFault."""
    place = _question_of(flow)
    with reading_from(place):
        return dict(simplejson.loads(place.read_text())) if place.exists() else None


def _question_of(flow: str) -> ObjectStoragePath:
    return base() / flow / _QUESTION


def _is_asking(context: Mapping[str, Any], open_: Mapping[str, str]) -> bool:
    """Whether that task still waits for its answer, or is about to."""
    found = context["ti"].get_ti_count(
        dag_id=open_["dag_id"],
        run_ids=[open_["run_id"]],
        task_ids=[open_["task_id"]],
        states=["awaiting_input", "running"],
    )
    return bool(found)


def _under_way(context: Mapping[str, Any], dag_id: str, run_id: str) -> bool:
    return bool(context["ti"].get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["running"]))

"""Records of Business Central whose number another one has now: where they have gone is found out before anything is
written.

In iPaaS.com such a record is still linked under the number that it had. Whoever has the number now must not take its
place there; and a person may never have it transferred again, so that nobody would wait for it in vain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from include.errors import Unreadable
from include.sync.ledger.entries import Transfer
from include.sync.records import Json
from include.sync.task_context import TaskContext
from include.sync.values import fold

_FILE = "displaced"


@dataclass(frozen=True, kw_only=True)
class Displaced:
    """A record that has another number now: which, and its immutable id."""

    now: str
    record_id: str


def stage_displaced(task: TaskContext, displaced: Mapping[str, str]) -> None:
    """Ask Business Central what has become of records whose numbers others have now, and of those whose numbers they have in
    turn. By number: the immutable id of the record that had it. One that was deleted is in no answer."""
    found: dict[str, Json] = {}
    asked: set[str] = set()
    while wanted := {record_id: number for number, record_id in displaced.items() if record_id not in asked}:
        asked.update(wanted)
        now = {wanted[record_id]: key for record_id, key in _keys_of(task, list(wanted)).items()}
        found |= {fold(old): {"old": fold(old), "now": key, "record_id": displaced[old]} for old, key in now.items()}
        known = task.ledger.transfers(task.flow.name, now.values(), outcome=False)
        displaced = displaced_by(task, {key: displaced[old] for old, key in now.items()}, known)
    task.staging.write_all(_FILE, found.values())


def displaced_by(task: TaskContext, records: Mapping[str, str], known: Mapping[str, Transfer]) -> dict[str, str]:
    """By number: the immutable ids of other records that had the numbers of these, of which the ledger has what is `known`.

    Where that says nothing the link does: the flow the other way may have moved on what is known, and not the link.
    """
    had = {key: one.record_id for key, one in known.items() if one.record_id}
    linked = task.ledger.spelled(task.flow.writer.table, [key for key in records if key not in had])
    had |= {key: of for key in records if key not in had and (of := linked.get(fold(key), (key, None))[1])}
    return {key: of for key, of in had.items() if key in records and of != records[key]}


def _keys_of(task: TaskContext, record_ids: list[str]) -> dict[str, str]:
    """By immutable id: the keys that records have now."""
    ids = {record_id.casefold(): record_id for record_id in record_ids}
    found: dict[str, str] = {}
    try:
        for record in task.flow.source.by_ids(task, [task.flow.again(record_id) for record_id in record_ids]):
            if (record_id := ids.get((record.record_id or "").casefold())) is not None:
                found[record_id] = record.key
    except Unreadable:
        pass  # which the run has been told
    return found


def displaced_of(task: TaskContext) -> Mapping[str, Displaced]:
    """By folded number: the records of the run's flow that had it."""
    staged = task.staging.read_if_there(_FILE)
    return {entry["old"]: Displaced(now=entry["now"], record_id=entry["record_id"]) for entry in staged}

"""What a run that explains says of its records: each line with what is known of the record beside what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from include.sync.base import Base
from include.sync.endings import times
from include.sync.explain import Explained, explain
from include.sync.ledger.entries import State, Transfer, told
from include.sync.lines import EXPLAINED, told_files
from include.sync.outcomes import Both, Outcome
from include.sync.records import Json
from include.sync.task_context import TaskContext

# Of what waits for a record, so many are named.
_NAMED = 10
_STATES = {
    State.done: "It is done",
    State.waiting: "It waits",
    State.retry: "It is to be tried again",
    State.failed: "It failed",
    State.ignored: "It is left alone until it changes",
}


def stage_explained(task: TaskContext) -> None:
    """Stage all lines of the run anew, each with what the ledger knows of the record."""
    files = chain.from_iterable(task.staging.read(name) for name in told_files(task.staging))
    task.staging.write_all(EXPLAINED, (_explained(task, Outcome.from_json(line)).as_json() for line in files))


def _explained(task: TaskContext, line: Outcome) -> Outcome:
    flow = task.flow
    tables = {name: other.writer.table for name, other in task.catalogue.items()}
    found = explain(task.ledger, line.key, {flow.name: flow.writer.table})
    known = next((one for name, one in found.records if name == flow.name and one.key == line.key), None)
    # What waits for it, or has been told of it, may be of any flow.
    around = explain(task.ledger, line.key, tables)
    notes = [*_links(found), *_sent(known), *_tried(known), *_announced(task, found), *_waits(around)]
    return replace(line, both=_with_agreed(line.both, known)).with_notes(notes)


def _links(found: Explained) -> Iterator[str]:
    for link in found.links:
        told = "" if link.pushed else ", which iPaaS.com has yet to be told"
        own = f", whose immutable id is {link.record_id}" if link.record_id else ""
        yield f"Linked: {link.external_id} in Business Central{own}, is {link.internal_id} in iPaaS.com{told}."
    if not found.links:
        yield "No link of it is remembered."


def _sent(known: Transfer | None) -> Iterator[str]:
    if known is None:
        yield "This flow has not met it yet."
        return
    at = f" {told(known.read_at)}" if known.read_at else ""
    by = f", by the run {known.run_id}" if known.run_id else ""
    yield f"{_STATES.get(State(known.state), known.state)}, as it was read{at}{by}."


def _tried(known: Transfer | None) -> Iterator[str]:
    if known is None or known.state == State.done:
        return
    when = f" Next try {told(known.next_try)}." if known.next_try else " No further try unless it changes."
    if known.is_due:
        when = " Next try with the next run of its flow."
    since = f" since {told(known.since)}" if known.since else ""
    # A try by hand does not count as one.
    tried = f"Tried {times(known.attempts)}" if known.attempts else "Not done"
    yield f"{tried}{since}: {known.message or 'no reason was given.'}{when}"
    if known.waits_for:
        yield f"It waits for {known.waits_for.replace('|', ' ').replace('#', ' ')}."


def _announced(task: TaskContext, found: Explained) -> Iterator[str]:
    for flow, since in found.announced.items():
        waits = "is paused: it waits until that is unpaused" if task.is_off(flow) else "takes it with its next run"
        yield f"A webhook has announced it at {told(since)} to {flow}, which {waits}."


def _waits(around: Explained) -> Iterator[str]:
    if around.waiting_total:
        named = ", ".join(f"{key} of {flow}" for flow, key in around.waiting[:_NAMED])
        more = f" and {around.waiting_total - _NAMED:,} more" if around.waiting_total > _NAMED else ""
        yield f"Waiting for it: {named}{more}."


def _with_agreed(both: tuple[Both, ...], known: Transfer | None) -> tuple[Both, ...]:
    """The fields with what was last agreed of each; where the sides could not be compared, what was agreed beside what was
    read."""
    base = Base.from_json(known.base) if known and known.base else Base()
    agreed: Json = {**base.values, **base.kept}
    found = tuple(replace(one, agreed=agreed.get(one.field)) for one in both)
    if any(one.target is not None or one.differs for one in both):
        return found
    named = {one.field for one in both}
    return (*found, *(Both(field=name, agreed=value) for name, value in sorted(agreed.items()) if name not in named))

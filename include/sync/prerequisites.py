"""Reads, maps and stages the records that others need first, so that `load` can bring them over on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from include.errors import Rejected, RunFault, Unreadable, Waiting
from include.sync.batches import batches
from include.sync.endings import unexpected
from include.sync.fingerprints import fingerprint
from include.sync.flow import Flow
from include.sync.links import side_of
from include.sync.records import Json, Missing, Ref, SourceRecord, refs_of
from include.sync.staging.files import FileWriter, Staging
from include.sync.staging.keyset import KeySet
from include.sync.task_context import BATCH, TaskContext
from include.sync.values import fold
from include.sync.wire import from_wire, mapped_from_wire, mapped_to_wire, to_wire

# So many of them are followed to what they need in turn before the next ones are looked at.
_AT_ONCE = 4_000


_LEFT_OUT = "It is left out on purpose; change it so that it is transferred, or what refers to it."


class Wanted:
    """References to records that may have to be transferred first, each once; in a file, since they may be very many."""

    def __init__(self, out: FileWriter) -> None:
        self._out = out
        self._known = KeySet()

    def add(self, found: Iterable[Ref]) -> None:
        """Take in a record's references, but for those that nothing is to be transferred for."""
        for ref in found:
            if _transfers(ref) and self._known.add(_place(ref)):
                self._out.add(to_wire(ref))


@contextmanager
def wanted(staging: Staging) -> Iterator[Wanted]:
    """Write down anew what the records of a run need first."""
    with staging.write("wanted") as out:
        yield Wanted(out)


def stage_prerequisites(task: TaskContext, written: Iterable[str]) -> None:
    """Read and map the records that others need first and that no link is known of, and theirs in turn.

    `written` are the external ids that this run writes anyway; they are looked at only if one of them is needed.
    """
    needed = (from_wire(ref) for ref in task.staging.read("wanted"))
    staged, own = KeySet(), _Own(task.flow.writer.table, written)
    with task.staging.write("prerequisites") as out:
        for level in batches(needed, _AT_ONCE):
            # What needs one of the run's own records in turn waits for it likewise.
            while level := [ref for ref in level if not own.writes(ref)]:
                level = _stage_level(task, level, staged, out)


class _Own:
    """The records that the run writes anyway. They need no fetching; whoever refers to them is written after them."""

    def __init__(self, table: str, written: Iterable[str]) -> None:
        self._table = table
        self._written = written
        self._places: KeySet | None = None

    def writes(self, ref: Ref) -> bool:
        """Whether a reference names one of them. Looked up from the first one on that could."""
        if ref.table != self._table:
            return False
        if self._places is None:
            self._places = KeySet()
            for external_id in self._written:
                self._places.add(f"{self._table}|{fold(external_id)}")
        return _place(ref) in self._places


def _stage_level(task: TaskContext, level: Sequence[Ref], staged: KeySet, out: FileWriter) -> list[Ref]:
    """Stage the records that these references name; returns what they need in turn."""
    side = side_of(task.flow.direction)
    further: list[Ref] = []
    for flow_name in sorted({ref.flow for ref in level if ref.flow}):
        flow = task.catalogue[flow_name]
        group = [ref for ref in level if ref.flow == flow_name and staged.add(_place(ref))]
        linked = {
            f"{table}|{folded}"
            for table in {ref.table for ref in group}
            for folded in side.known(task.ledger, table, (ref.source_id for ref in group if ref.table == table))
        }
        for part in batches((ref for ref in group if _place(ref) not in linked), BATCH):
            asked = [flow.again(ref.source_id) for ref in part]
            absent = {fold(ref.source_id): ref for ref in part}
            why = "absent"
            since = datetime.now(UTC)
            try:
                for record in flow.source.by_ids(task, asked):
                    absent.pop(fold(record.key), None)
                    prerequisite = {**_prerequisite(task, flow, record), "read_at": task.dated(since)}
                    out.add(prerequisite)
                    further += filter(_transfers, needs_of(prerequisite))
            except Unreadable:
                why = "unreadable"
            for ref in absent.values():
                entry: Json = {"flow": flow_name, "table": ref.table, "key": ref.source_id}
                # Not the same as one that is not there.
                problem = task.refused.get(flow.again(ref.source_id).text) or task.refused.get(ref.source_id)
                out.add({**entry, "problem": _unreadable(flow, problem)} if problem else {**entry, why: True})
    return further


def _transfers(ref: Ref) -> bool:
    return ref.missing is Missing.transfer and ref.flow is not None


def _place(ref: Ref) -> str:
    return f"{ref.table}|{fold(ref.source_id)}"


def needs_of(prerequisite: Json) -> Iterable[Ref]:
    """What a staged prerequisite refers to itself."""
    mapped = mapped_from_wire(prerequisite["mapped"]) if "mapped" in prerequisite else None
    return refs_of(mapped) if mapped else ()


def _unreadable(flow: Flow, why: str) -> str:
    return f"The {flow.record} cannot be read: {why}."


def _prerequisite(task: TaskContext, flow: Flow, record: SourceRecord) -> Json:
    entry: Json = {"flow": flow.name, "table": flow.writer.table, "key": record.key}
    if record.problem:
        return {**entry, "problem": _unreadable(flow, record.problem)}
    context = task.context({})
    try:
        mapped = flow.take(record.data, context)
    except (Rejected, Waiting) as problem:
        return {**entry, "problem": problem.message, "advice": problem.advice}
    except RunFault:
        raise
    except Exception as defect:  # noqa: BLE001 - it must not stop the records that do not need it
        fault = unexpected("mapping", defect)
        return {**entry, "problem": fault.message, "advice": fault.advice}
    if isinstance(mapped, str):
        return {**entry, "problem": mapped, "advice": _LEFT_OUT}
    mapped = replace(mapped, record_id=record.record_id)
    return {**entry, "fingerprint": fingerprint(mapped), "mapped": mapped_to_wire(mapped)}

"""What writers work with: the records to write, what they did with them, references, prerequisites, the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from include.errors import Rejected, Waiting
from include.ipaas.external_ids import Id
from include.sync.approval.steps import Steps
from include.sync.called import Names
from include.sync.flow import Flow
from include.sync.forecast import Forecast
from include.sync.ledger.entries import Claimant, Tried
from include.sync.links import Link, side_of
from include.sync.natural_keys import NaturalKeys
from include.sync.outcomes import Outcome, Result, values_of_changes
from include.sync.prerequisites import needs_of
from include.sync.progress import Progress, finish_of, note
from include.sync.records import Json, Mapped, Missing, Ref, refs_of
from include.sync.task_context import TaskContext
from include.sync.tenure import Tenure
from include.sync.values import PLAIN, fold, text_of
from include.sync.wire import mapped_from_wire
from include.sync.work import Planned, ToBeMade, WriteRequest, WriteResult

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.ipaas.client import IPaaSClient
    from include.ipaas.endpoints import Endpoint

S = TypeVar("S")
T = TypeVar("T")
# How long to wait for a record that another run is writing at this moment, in seconds.
BUSY_WAIT = 60.0
# A link that was not there is asked for again after so many seconds: many records may wait for the same one.
_ABSENT_FOR = 30.0


class WriteContext:
    """What writers work with: the client of the system written to, references, prerequisites, the run.

    Plan and apply are one path. What is about to be sent goes through `send`, or is said to `plan_ends` before; what would
    be sent past both is refused by the client that a plan is given.
    """

    def __init__(
        self,
        task: TaskContext,
        concurrency: int,
        tenure: Tenure | None = None,
        *,
        chunk: int | None = None,
        present: Sequence[Json] | None = None,
        steps: Steps | None = None,
    ) -> None:
        """Bind the context to the stage; `concurrency` records of a `chunk` are written at a time, under `tenure`. `present`
        is what the target's list holds that concerns them, where that was read before (`include/sync/look.py`). What is
        about to be written passes by `steps`, where a run waits for a person's approval or has it."""
        self.task = task
        self.chunk = chunk
        self.present = present
        self._listed: dict[str, Json] | None = None
        self.concurrency = concurrency
        self.tenure = tenure
        self._steps = steps
        # Reentrant: a prerequisite may need one of its own (a category its parent).
        self._bringing = threading.RLock()
        self._under_way: set[tuple[str, str]] = set()
        # By claim: the thread that writes the record.
        self._writing: dict[tuple[str, str], int] = {}
        self.plan = task.plan
        self.ledger = task.ledger
        self.settings = task.settings
        # The two directions know a link by different ends; see `side`.
        self.side = side_of(task.flow.direction)
        # By table and folded id of the source: the id of the target.
        self.linked: dict[tuple[str, str], Id] = {}
        self.names = Names(self.ledger)
        self._absent: dict[tuple[str, str], float] = {}
        # Held while a link is asked for: records that need the same one wait for one answer.
        self._asking: dict[tuple[str, str], threading.Lock] = {}
        self.arrived: set[str] = set()
        # What writers keep for this task; a writer itself is shared by every run of the process.
        self._sessions: dict[tuple[type, str], object] = {}
        self._opening = threading.RLock()
        self.forecast = Forecast()
        # By thread: what a record that is being planned needs first.
        self._first: dict[int, list[str]] = {}
        self._prerequisites: dict[tuple[str, str], Json] = {}
        # Which records of this task wait for one another, since they share a natural key.
        self.natural = NaturalKeys(self, task.flow.writer.table)
        # Records of the target that were found unlinked -> the record of ours that matched first.
        self._matched: dict[tuple[str, str], str] = {}

    @property
    def owner(self) -> Claimant:
        """Who claims what is written here."""
        if self.tenure is None:
            raise RuntimeError("Nothing is claimed without a tenure")
        return self.tenure.claimant

    @contextmanager
    def writing(self, table: str, key: str) -> Iterator[None]:
        """Within, the record of a claim is written: nothing is sent once the claim is lost. See `Tenure.writing`."""
        self._writing[table, key] = threading.get_ident()
        try:
            with self.tenure.writing(table, key) if self.tenure else nullcontext():
                yield
        finally:
            self._writing.pop((table, key), None)

    def sending(self, item: WriteRequest, fields: Json, target: str, tried: Mapping[str, tuple[Any, Any]]) -> None:
        """Note what is about to be sent of a record to `target`: by its names there, and as the flow the other way names it,
        what was there and what is sent."""
        other = item.flow.counterpart
        told = Tried(flow=other.flow, key=target, fields=tried, at=self.now_there) if other else None
        self.ledger.sending(item.flow.name, item.key, fields, {}, told)

    @property
    def bc(self) -> BusinessCentralClient:
        """Business Central (flows from iPaaS.com)."""
        return self.task.bc

    @property
    def ipaas(self) -> IPaaSClient:
        """iPaaS.com (flows to it)."""
        return self.task.ipaas

    @property
    def now_there(self) -> str:
        """The time by the clock of the system written to, which dates what is read of it, too."""
        return self.task.dated(datetime.now(UTC))

    def listed(self, endpoint: Endpoint, internal_id: Id) -> Json | None:
        """A record of the flow's own list, where that was read before; None where it was not, or is not in it."""
        if self.present is None or endpoint.table != self.task.flow.writer.table:
            return None
        if self._listed is None:
            self._listed = {str(record["id"]): record for record in self.present}
        return self._listed.get(str(internal_id))

    def session(self, kind: type[S], name: str, make: Callable[[], S]) -> S:
        """What a writer keeps for this task: one of its own kind for each name, made when it is first asked for."""
        with self._opening:
            found = self._sessions.get((kind, name))
            if found is None:
                found = self._sessions[kind, name] = make()
        assert isinstance(found, kind)
        return found

    # --- plan and apply --------------------------------------------------------------------------------------

    def send(self, write: Callable[[], T], *, what: Any, planned: T, requests: int = 1) -> T:
        """Do one write, and return its answer. A plan goes on as if it had been answered `planned`.

        `what` says of which record which values are sent, and which stand there. Raises Waiting when a run that was
        approved would write something else than was shown.
        """
        if self._steps:
            self._steps.step(what)
        if self.plan.applies:
            return write()
        self.forecast.add(requests=requests)
        return planned

    @property
    def tells(self) -> bool:
        """Whether what is about to be done is to be said: in a plan, and where a run waits for a person's approval or has it."""
        return self._steps is not None or not self.plan.applies

    def plan_ends(self, result: WriteResult, *, requests: int, links: int = 0) -> None:
        """Say what is about to be done with a record: a plan ends here. Applying takes `requests`, and leaves `links` that
        iPaaS.com is told of when the run is settled. Raises Waiting as `send` does."""
        if self._steps:
            self._steps.step([result.result.value, result.target_id, values_of_changes(result.changes)])
        if not self.plan.applies:
            self.forecast.add(requests=requests, links=links)
            raise Planned(result)

    def write(self, item: WriteRequest) -> WriteResult:
        """Have a record written by its flow's writer; in a plan, what would be done with it."""
        thread = threading.get_ident()
        outer = self._first.get(thread)
        mine: list[str] = []
        self._first[thread] = mine
        try:
            with self._steps.record(item) if self._steps else nullcontext():
                written = self._written(item)
                if self._steps:
                    self._steps.ended(item, written)
        finally:
            # What a prerequisite needs first is needed before the record, too.
            self._first.pop(thread)
            if outer is not None:
                outer += [note for note in mine if note not in outer]
                self._first[thread] = outer
        self.forecast.add(links=len(written.unpushed))
        return replace(written, notes=(*written.notes, *mine)) if mine else written

    def _written(self, item: WriteRequest) -> WriteResult:
        try:
            written: WriteResult = item.flow.writer.write(self, item)
        except Planned as planned:
            written = planned.result
            if written.result is Result.created:
                self._as_if_made(item, written)
        if written.result in (Result.created, Result.updated):
            made = written.result is Result.created
            self.task.foreseen.add(item.flow.writer.table, item.mapped.source_id, written.target_id, made=made)
        return written

    def _as_if_made(self, item: WriteRequest, planned: WriteResult) -> None:
        """Let the other records of a plan refer to one that would be made."""
        table, source_id = item.flow.writer.table, item.mapped.source_id
        fields = {change.field: change.after for change in planned.changes}
        self.linked[table, fold(source_id)] = _to_be_made(table, source_id, planned.target_id, fields)
        self.arrived.add(self.side.waits_for(table, source_id))

    def _needs_first(self, ref: Ref, made: ToBeMade) -> None:
        """Say of the record that this thread plans what is made before it."""
        shown = ", ".join(f"{name} {text_of(value)}" for name, value in made.fields.items() if value is not None)
        note = f"{ref.label} is created first{f' ({shown[:300]})' if shown else ''}."
        notes = self._first.setdefault(threading.get_ident(), [])
        if note not in notes:
            notes.append(note)

    def know_links(self, table: str, ids: Iterable[str]) -> None:
        """Read from the ledger which of these records of the source are linked."""
        for folded, target_id in self.side.known(self.ledger, table, ids).items():
            self.linked[table, folded] = target_id

    def foresee(self, table: str, ids: Iterable[str]) -> None:
        """In a plan, let records refer to those of the source that plans before it would make."""
        for id_ in ids:
            place = (table, fold(id_))
            if place not in self.linked and (found := self.task.foreseen.of(table, id_)) is not None:
                there = None if found.made else found.target_id
                self.linked[place] = there or _to_be_made(table, id_, found.target_id, {})

    def remember(self, links: Iterable[Link]) -> None:
        """Links that exist now, for the other records of this task."""
        for link in links:
            source_id, target_id = self.side.ids_of(link)
            self.linked[link[0], fold(source_id)] = target_id
            self.arrived.add(self.side.waits_for(link[0], source_id))

    def link_of(self, table: str, id_: str) -> Id | None:
        """The target's id of a record of the source; to iPaaS.com it is asked there when it is not known here."""
        place = (table, fold(id_))
        if (linked := self.linked.get(place)) is not None:
            return linked
        with self._asking.setdefault(place, threading.Lock()):
            if (known := self.linked.get(place)) is not None:
                return known
            if time.monotonic() < self._absent.get(place, 0.0):
                return None
            found = self.side.look_up(self.task, table, id_)
            if found is None:
                self._absent[place] = time.monotonic() + _ABSENT_FOR
            else:
                self.linked[place] = found
            return found

    def matched_by(self, table: str, target_id: Id, external_id: str) -> str:
        """Which record of ours takes an unlinked record of the target: of several that match it, the first to ask.

        All of them found it unlinked, and the last to link it would take the link from the others.
        """
        return self._matched.setdefault((table, str(target_id)), external_id)

    def resolve(self, value: Any) -> Any:
        """`value` with every reference replaced by what it points at; dropped ones disappear. Raises Waiting."""
        if isinstance(value, Ref):
            return self._resolve(value)
        if isinstance(value, Mapping):
            resolved = {name: item if type(item) in PLAIN else self.resolve(item) for name, item in value.items()}
            if "custom_field_name" in resolved and resolved.get("value") is _DROPPED:
                return {}  # a custom field without a value is refused
            return {name: item for name, item in resolved.items() if item is not _DROPPED}
        if isinstance(value, list | tuple):
            items = [self.resolve(item) for item in value]
            # A list entry is nothing without the record it refers to.
            return [
                item
                for item, was in zip(items, value, strict=True)
                if item is not _DROPPED and not (item == {} and was)
            ]
        return value

    def _resolve(self, ref: Ref) -> Any:
        target_id = self.link_of(ref.table, ref.source_id)
        if target_id is None and ref.missing is Missing.transfer:
            target_id = self._bring(ref)
        if target_id is None and (ref.missing is Missing.drop or self._unreadable(ref)):
            return _DROPPED
        if target_id is None:
            raise Waiting(
                f"It needs {ref.label}, which is not in {self.side.target} yet.",
                table=ref.table,
                source_id=ref.source_id,
            )
        if isinstance(target_id, ToBeMade):
            self._needs_first(ref, target_id)
        if ref.value == "name":
            return self.names.of(ref.table, target_id) or ref.source_id
        return target_id if ref.value == "id" or isinstance(target_id, ToBeMade) else str(target_id)

    def _unreadable(self, ref: Ref) -> bool:
        """True when the record goes without what it refers to, since that cannot be read: its page is gone."""
        return "unreadable" in self._prerequisites.get((ref.table, fold(ref.source_id)), {})

    def _bring(self, ref: Ref) -> Any:
        """Transfer a prerequisite on the spot and return its id."""
        entry = self._prerequisites.get((ref.table, fold(ref.source_id)))
        here = self._writing.get((self.side.claim_scope(ref.table), ref.source_id))
        if here == threading.get_ident() and ref.flow:
            raise _circle(self.task.catalogue[ref.flow], ref.source_id)
        if entry is None or "unreadable" in entry:
            # Another record of this run, which this one goes after; or one that cannot be read.
            return None
        if entry.get("absent"):
            raise Rejected(
                f"It refers to {ref.label}, which does not exist in {self.side.source}.",
                f"Correct the reference, or create {ref.label} in {self.side.source}.",
            )
        if "problem" in entry:
            raise Waiting(
                f"It needs {ref.label}, which cannot be transferred: {entry['problem']}",
                table=ref.table,
                source_id=ref.source_id,
                advice=f"Of {ref.label}: {entry.get('advice', '')} Then this one goes through by itself.",
            )
        flow = self.task.catalogue[entry["flow"]]
        mapped = mapped_from_wire(entry["mapped"])
        self.transfer(flow, entry["key"], mapped, entry["fingerprint"], entry["read_at"])
        return self.linked.get((ref.table, fold(ref.source_id)))

    def transfer(self, flow: Flow, key: str, mapped: Mapped, print_: str, read_at: str) -> WriteResult:
        """Write a record of another flow that this one needs first, under a claim of its own."""
        item = WriteRequest(flow=flow, key=key, mapped=mapped, fingerprint=print_, read_at=read_at)
        place = (flow.writer.table, fold(mapped.source_id))
        # One at a time within this task; the claim keeps other tasks and runs away.
        with self._bringing:
            if place in self._under_way:
                raise _circle(flow, key)
            self._under_way.add(place)
            try:
                return self._transfer(flow, key, item)
            finally:
                self._under_way.remove(place)

    def _transfer(self, flow: Flow, key: str, item: WriteRequest) -> WriteResult:
        mapped = item.mapped
        known = self.linked.get((flow.writer.table, fold(mapped.source_id)))
        if known is not None:
            return WriteResult(result=Result.unchanged, target_id=known)
        claims = self.side.claim_scope(flow.writer.table)
        # This task has its claim already; claiming it again, and giving it up, would take it from whoever writes it here.
        if (writer := self._writing.get((claims, key))) == threading.get_ident():
            raise _circle(flow, key)
        if writer is not None:
            raise Waiting(f"{flow.record} {key} is being written.", table=flow.writer.table, source_id=mapped.source_id)
        deadline = time.monotonic() + BUSY_WAIT
        while not (claim := self.ledger.claim(claims, [key], self.owner)[key]).held:
            if time.monotonic() > deadline:
                raise Waiting(f"Another run is writing {flow.record} {key}.")
            time.sleep(0.5)
        # While waiting for the claim, another worker or run may have brought the very record.
        self.know_links(flow.writer.table, [key])
        item = replace(
            item,
            suspect=claim.suspect,
            transfer=self.ledger.transfers(flow.name, [key], base=True).get(key),
            reserved=self.ledger.reservation(claims, key),
        )
        try:
            with self.writing(claims, key):
                written = self.write(item)
        except Exception:
            self.ledger.release(claims, [key], self.owner)
            raise
        self.remember([*written.links, *written.unpushed])
        outcome = Outcome(key=key, result=written.result, target_id=written.target_id)
        progress = Progress(ends=[finish_of(self, item, written, outcome)])
        progress.take(written, item, flow.writer.table)
        note(self, progress, flow)
        return written

    def prepare(self, items: Sequence[WriteRequest]) -> None:
        """Know the links that the chunk's references point at, and the prerequisites staged for them."""
        wanted: dict[str, set[str]] = {}
        named: dict[str, set[str]] = {}
        reached: set[tuple[str, str]] = set()

        def reach(found: Iterable[Ref]) -> None:
            for ref in found:
                wanted.setdefault(ref.table, set()).add(ref.source_id)
                if ref.value == "name":
                    named.setdefault(ref.table, set()).add(fold(ref.source_id))
                reached.add((ref.table, fold(ref.source_id)))

        for item in items:
            reach(refs_of(item.mapped))
        # Those of the whole run do not fit into memory; what a prerequisite needs in turn may stand before it.
        before = -1
        while before < len(reached):
            before = len(reached)
            for entry in self.task.staging.read("prerequisites"):
                place = (entry["table"], fold(entry["key"]))
                if place in reached and place not in self._prerequisites:
                    self._prerequisites[place] = entry
                    reach(needs_of(entry))
        for table, external_ids in wanted.items():
            self.know_links(table, external_ids)
            self.foresee(table, external_ids)
        for table, folded in named.items():
            self.names.know(table, [id_ for one in folded if (id_ := self.linked.get((table, one))) is not None])


def _circle(flow: Flow, key: str) -> Rejected:
    return Rejected(
        f"{flow.record} {key} needs, by way of others, itself first.",
        "Break the circle in the source system: one of these records must not refer to the next.",
    )


def _to_be_made(table: str, source_id: str, target_id: Id | None, fields: Json) -> ToBeMade:
    return ToBeMade(str(target_id), fields) if target_id else ToBeMade.nameless(f"{table} {source_id!r}", fields)


class _Dropped:
    """Stands for a reference that is left out."""


_DROPPED = _Dropped()

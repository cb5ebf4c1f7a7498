"""What writers work with: the records to write, what they did with them, references, prerequisites, the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.errors import Rejected, Waiting
from include.ipaas.external_ids import Id
from include.sync.companions import give_back, unfinished
from include.sync.endings import finish_failed
from include.sync.flow import Flow
from include.sync.ledger.entries import Claimant, Finish, State
from include.sync.links import Link, side_of
from include.sync.natural_keys import NaturalKeys
from include.sync.outcomes import Outcome, Result
from include.sync.prerequisites import needs_of
from include.sync.records import Json, Mapped, Missing, Ref, refs_of
from include.sync.stage import TaskContext
from include.sync.tenure import Tenure
from include.sync.values import fold
from include.sync.wire import mapped_from_wire
from include.sync.work import Echo, WriteRequest, WriteResult

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.ipaas.client import IPaaSClient

# How long to wait for a record that another run is writing at this moment, in seconds.
BUSY_WAIT = 60.0
# A link that was not there is asked for again after so many seconds: many records may wait for the same one.
_ABSENT_FOR = 30.0


class WriteContext:
    """What writers work with: the client of the system written to, references, prerequisites, the run."""

    def __init__(self, task: TaskContext, concurrency: int, tenure: Tenure | None = None) -> None:
        """Bind the context to the stage; `concurrency` records are written at a time, under `tenure` unless in a plan."""
        self.stage = task
        self.concurrency = concurrency
        self.tenure = tenure
        # Reentrant: a prerequisite may need one of its own (a category its parent).
        self._bringing = threading.RLock()
        self._under_way: set[tuple[str, str]] = set()
        # By claim: the thread that writes the record.
        self._writing: dict[tuple[str, str], int] = {}
        self.plan = task.plan
        self.ledger = task.ledger
        self.settings = task.settings
        # The two directions know a link by different ends; see `route`.
        self.route = side_of(task.flow.direction)
        # By table and folded id of the source: the id of the target.
        self.linked: dict[tuple[str, str], Id] = {}
        self._absent: dict[tuple[str, str], float] = {}
        # Held while a link is asked for: records that need the same one wait for one answer.
        self._asking: dict[tuple[str, str], threading.Lock] = {}
        self.arrived: set[str] = set()
        # What writers prepared for this chunk; a writer itself is shared by every run of the process.
        self.scratch: dict[str, Any] = {}
        self._prerequisites: dict[tuple[str, str], Json] = {}
        # Which records of this task wait for one another, since they share a natural key.
        self.natural = NaturalKeys(self, task.flow.writer.table)
        # Records of the target that were found unlinked -> the record of ours that matched first.
        self._matched: dict[tuple[str, str], str] = {}

    @property
    def owner(self) -> Claimant:
        """Who claims what is written here."""
        if self.tenure is None:
            raise RuntimeError("A plan claims nothing")
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

    @property
    def bc(self) -> BusinessCentralClient:
        """Business Central (flows from iPaaS.com)."""
        return self.stage.bc

    @property
    def ipaas(self) -> IPaaSClient:
        """iPaaS.com (flows to it)."""
        return self.stage.ipaas

    @property
    def now_there(self) -> str:
        """The time by the clock of the system written to, which dates what is read of it, too."""
        return self.stage.dated(datetime.now(UTC))

    @property
    def applies(self) -> bool:
        """False in plan mode: nothing may be written."""
        return self.plan.applies

    def know_links(self, table: str, ids: Iterable[str]) -> None:
        """Read from the ledger which of these records of the source are linked."""
        for folded, target_id in self.route.known(self.ledger, table, ids).items():
            self.linked[table, folded] = target_id

    def remember(self, links: Iterable[Link]) -> None:
        """Links that exist now, for the other records of this task."""
        for link in links:
            source_id, target_id = self.route.ids_of(link)
            self.linked[link[0], fold(source_id)] = target_id
            self.arrived.add(self.route.waits_for(link[0], source_id))

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
            found = self.route.look_up(self.stage, table, id_)
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
            resolved = {name: self.resolve(item) for name, item in value.items()}
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
                f"It needs {ref.label}, which is not in {self.route.target} yet.",
                table=ref.table,
                source_id=ref.source_id,
            )
        if ref.value == "external_id":
            return ref.source_id
        return str(target_id) if ref.value == "text" else target_id

    def _unreadable(self, ref: Ref) -> bool:
        """True when the record goes without what it refers to, since that cannot be read: its page is gone."""
        return "unreadable" in self._prerequisites.get((ref.table, fold(ref.source_id)), {})

    def _bring(self, ref: Ref) -> Any:
        """Transfer a prerequisite on the spot and return its id."""
        entry = self._prerequisites.get((ref.table, fold(ref.source_id)))
        here = self._writing.get((self.route.claim_scope(ref.table), ref.source_id))
        if here == threading.get_ident() and ref.flow:
            raise _circle(self.stage.catalogue[ref.flow], ref.source_id)
        if entry is None or "unreadable" in entry:
            # Another record of this run, which this one goes after; or one that cannot be read.
            return None
        if entry.get("absent"):
            raise Rejected(
                f"It refers to {ref.label}, which does not exist in {self.route.source}.",
                f"Correct the reference, or create {ref.label} in {self.route.source}.",
            )
        if "problem" in entry:
            raise Waiting(
                f"It needs {ref.label}, which cannot be transferred: {entry['problem']}",
                table=ref.table,
                source_id=ref.source_id,
            )
        flow = self.stage.catalogue[entry["flow"]]
        if not self.applies:
            return f"({ref.label}, to be created first)"
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
        claims = self.route.claim_scope(flow.writer.table)
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
            item, suspect=claim.suspect, transfer=self.ledger.transfers(flow.name, [key], base=True).get(key)
        )
        try:
            with self.writing(claims, key):
                written: WriteResult = flow.writer.write(self, item)
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
        reached: set[tuple[str, str]] = set()

        def reach(found: Iterable[Ref]) -> None:
            for ref in found:
                wanted.setdefault(ref.table, set()).add(ref.source_id)
                reached.add((ref.table, fold(ref.source_id)))

        for item in items:
            reach(refs_of(item.mapped))
        # Those of the whole run do not fit into memory; what a prerequisite needs in turn may stand before it.
        before = -1
        while before < len(reached):
            before = len(reached)
            for entry in self.stage.staging.read("prerequisites"):
                place = (entry["table"], fold(entry["key"]))
                if place in reached and place not in self._prerequisites:
                    self._prerequisites[place] = entry
                    reach(needs_of(entry))
        for table, external_ids in wanted.items():
            self.know_links(table, external_ids)


def _circle(flow: Flow, key: str) -> Rejected:
    return Rejected(
        f"{flow.record} {key} needs, by way of others, itself first.",
        "Break the circle in the source system: one of these records must not refer to the next.",
    )


class _Dropped:
    """Stands for a reference that is left out."""


_DROPPED = _Dropped()


@dataclass
class Progress:
    """What has come of the chunk so far."""

    outcomes: list[Outcome] = field(default_factory=list)
    ends: list[Finish] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    unpushed: list[Link] = field(default_factory=list)
    echoes: list[Echo] = field(default_factory=list)
    # Business Central's immutable ids, by table and external id of what was written.
    record_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    in_a_row: int = 0
    # What has come of companions, by their flow, and the records whose companions were not all tried.
    companions: dict[str, Progress] = field(default_factory=dict)
    left: list[WriteRequest] = field(default_factory=list)
    first_taken: datetime | None = None
    last_taken: datetime | None = None

    def took(self, now: datetime) -> None:
        """Note that the target has taken a record."""
        self.first_taken = self.first_taken or now
        self.last_taken = now

    def take(self, written: WriteResult, item: WriteRequest, table: str) -> None:
        """Keep what a written record leaves to be noted."""
        self.record_ids |= written.record_ids
        if item.mapped.record_id:
            self.record_ids[table, item.mapped.source_id] = item.mapped.record_id
        self.links += written.links
        self.unpushed += written.unpushed
        self.echoes += written.echoes

    def take_companions(self, work: WriteContext, item: WriteRequest, written: WriteResult) -> None:
        """Keep what has become of the records that came along with a written one."""
        tried = {request.key for request, _ in written.companions}
        for request, end in written.companions:
            of_flow = self.companions.setdefault(request.flow.name, Progress())
            if isinstance(end, WriteResult):
                outcome = Outcome(
                    key=request.key, result=end.result, target_id=end.target_id, changes=tuple(end.changes)
                )
                of_flow.take(end, request, request.flow.writer.table)
                of_flow.ends.append(finish_of(work, request, end, outcome))
            else:
                of_flow.ends.append(unfinished(work, request, end))
        self.left.append(replace(item, companions=tuple(one for one in item.companions if one.key not in tried)))


def finish_of(work: WriteContext, item: WriteRequest, written: WriteResult, outcome: Outcome) -> Finish:
    """What the ledger remembers of a record that was written; one that is held up after that stays unfinished."""
    memory: Mapping[str, Any] | None = item.mapped.carry if written.memory is None else written.memory
    finish = Finish(
        key=item.key,
        state=State.done,
        run_id=work.plan.run_id,
        outcome=outcome.as_json(),
        record_id=item.mapped.record_id,
        read_at=item.read_at,
        target_id=written.target_id,
        fingerprint=item.fingerprint,
        memory=memory,
        base=written.base.as_json() if written.base else None,
        base_at=item.base.at if item.base else None,
        watches=tuple(work.route.waits_for(table, id_) for table, id_ in item.mapped.watches),
    )
    if written.then is None:
        return finish
    held_up = finish_failed(work.plan, outcome, item.tried, item.read_at, written.then)
    if item.mapped.companions:
        memory = None  # of places that have been emptied, some may not have been told yet
    return replace(held_up, target_id=written.target_id, memory=memory, base=finish.base, base_at=finish.base_at)


def note(work: WriteContext, progress: Progress, flow: Flow) -> None:
    """Bring what has been settled of a flow's records into the ledger, and give up their claims."""
    if not work.applies:
        return
    # Before the records that they came along with: those are looked at again, should the process die in between.
    for name, of_flow in progress.companions.items():
        note(work, of_flow, work.stage.catalogue[name])
    give_back(work, progress.left)
    progress.left = []
    if progress.unpushed:
        # Before the claims go: a link that only this task knows must not be lost with it.
        work.ledger.link(progress.unpushed, pushed=False, record_ids=progress.record_ids)
    # Before the record counts as done: a process that dies in between does it once more.
    written = [(echo.flow, echo.key, echo.written) for echo in progress.echoes]
    if written:
        work.ledger.settle(written, work.now_there)
    work.ledger.receive([(echo.flow, echo.key, "left to it") for echo in progress.echoes if echo.look])
    if progress.ends or progress.links:
        claims = work.route.claim_scope(flow.writer.table)
        work.ledger.finish(
            flow.name, claims, progress.ends, progress.links, owner=work.owner, record_ids=progress.record_ids
        )
    progress.ends, progress.links, progress.unpushed, progress.echoes = [], [], [], []
    progress.record_ids = {}

"""The load stage: writes the records of one chunk, several at a time, and remembers what became of each.

Nothing is doubled: a record is claimed in the ledger before anything is sent for it, what an earlier attempt may
have written is looked for before it is written again, and a finished record is not written twice by one run.
Nothing is lost: every outcome is in the ledger before its claim is given up.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

from include.sync.flow import Flow
from include.sync.ledger import Claim, Finish, Transfer, iso
from include.sync.model import (
    Json,
    Mapped,
    Missing,
    Outcome,
    Ref,
    Rejected,
    Result,
    Waiting,
    fingerprint,
    fold,
    mapped_from_wire,
    refs,
)
from include.sync.route import Link, route_of
from include.sync.stages import Stage, finish_failed, problem_outcome
from include.transport.errors import ErrorKind, ServiceError

# Claims are taken and outcomes noted for this many records at a time.
_GROUP = 25
# Records handed to the pool, in multiples of what it writes at a time.
_AHEAD = 3
# So many records in a row that the service could not take mean that it is down: the task stops and is retried.
_GIVE_UP_AFTER = 10
# A link that was not there is asked for again after so many seconds: many records may wait for the same one.
_ABSENT_FOR = 30.0
# How long to wait for a record that another run is writing at this moment, in seconds.
_BUSY_WAIT = 60.0


@dataclass(frozen=True, kw_only=True)
class Staged:
    """One record to write. `suspect`: an earlier attempt may have written it without our knowing."""

    key: str
    mapped: Mapped
    fingerprint: str
    transfer: Transfer | None = None
    suspect: bool = False


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a writer did with a record.

    `links` are (table, external id, iPaaS.com id) of everything that iPaaS.com knows to be linked now. `unpushed` are
    links that it still has to be told of. `then` is why the record is written but not finished: it is tried again.
    `echoes` are (flow, key) whose next change may be what was just written here.
    """

    result: Result
    target_id: Any = None
    fields: Sequence[str] = ()
    links: Sequence[Link] = ()
    unpushed: Sequence[Link] = ()
    echoes: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    memory: Mapping[str, Any] | None = None
    then: Waiting | Rejected | None = None


class LoadContext:
    """What writers work with: the client of the system written to, references, prerequisites, the run."""

    def __init__(self, stage: Stage, concurrency: int, name: str = "load") -> None:
        """Bind the context to the stage; `concurrency` records are written at a time. `name` is the task's."""
        self.stage = stage
        self.concurrency = concurrency
        # Claims belong to a task, not to its run: tasks of one run must not write the same record either.
        self.owner = f"{stage.plan.run_id}#{name}"
        # Reentrant: a prerequisite may need one of its own (a category its parent).
        self._bringing = threading.RLock()
        self._under_way: set[tuple[str, str]] = set()
        self.plan = stage.plan
        self.ledger = stage.ledger
        self.settings = stage.settings
        # The two directions know a link by different ends; see `route`.
        self.route = route_of(stage.flow.direction)
        # By table and folded id of the source: the id of the target.
        self.linked: dict[tuple[str, str], Any] = {}
        self._absent: dict[tuple[str, str], float] = {}
        self.arrived: set[str] = set()
        # What writers prepared for this chunk; a writer itself is shared by every run of the process.
        self.scratch: dict[str, Any] = {}
        self._prerequisites: dict[tuple[str, str], Json] = {}

    @property
    def bc(self) -> Any:
        """Business Central (flows from iPaaS.com)."""
        return self.stage.bc

    @property
    def ipaas(self) -> Any:
        """iPaaS.com (flows to it)."""
        return self.stage.ipaas

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
            source_id, target_id = self.route.ends(link)
            self.linked[link[0], fold(source_id)] = target_id
            self.arrived.add(self.route.waits_for(link[0], source_id))

    def link_of(self, table: str, id_: str) -> Any | None:
        """The target's id of a record of the source; to iPaaS.com it is asked there when it is not known here."""
        place = (table, fold(id_))
        if place not in self.linked:
            if time.monotonic() < self._absent.get(place, 0.0):
                return None
            found = self.route.ask(self.stage, table, id_)
            if found is None:
                self._absent[place] = time.monotonic() + _ABSENT_FOR
                return None
            self.linked[place] = found
        return self.linked[place]

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
        target_id = self.link_of(ref.table, ref.external_id)
        if target_id is None and ref.missing is Missing.transfer:
            target_id = self._bring(ref)
        if target_id is None and ref.missing is Missing.drop:
            return _DROPPED
        if target_id is None:
            raise Waiting(
                f"It needs {ref.label}, which is not in {self.route.target} yet.",
                table=ref.table,
                external_id=ref.external_id,
            )
        if ref.value == "external_id":
            return ref.external_id
        return str(target_id) if ref.value == "text" else target_id

    def _bring(self, ref: Ref) -> Any:
        """Transfer a prerequisite on the spot and return its id."""
        entry = self._prerequisites.get((ref.table, fold(ref.external_id)))
        if entry is None:
            # Another record of this run: this one goes after it.
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
                external_id=ref.external_id,
            )
        flow = self.stage.catalogue[entry["flow"]]
        if not self.applies:
            return f"({ref.label}, to be created first)"
        mapped = mapped_from_wire(entry["mapped"])
        self.transfer(flow, entry["key"], mapped, entry["fingerprint"])
        return self.linked.get((ref.table, fold(ref.external_id)))

    def transfer(self, flow: Flow, key: str, mapped: Mapped, print_: str = "") -> Written:
        """Write a record of another flow that this one needs first, under a claim of its own."""
        item = Staged(key=key, mapped=mapped, fingerprint=print_ or fingerprint(mapped))
        place = (flow.writer.table, fold(mapped.external_id))
        # One at a time within this task; the claim keeps other tasks and runs away.
        with self._bringing:
            if place in self._under_way:
                raise Rejected(
                    f"{flow.record} {key} needs, by way of others, itself first.",
                    "Break the circle in the source system: one of these records must not refer to the next.",
                )
            self._under_way.add(place)
            try:
                return self._transfer(flow, key, item)
            finally:
                self._under_way.remove(place)

    def _transfer(self, flow: Flow, key: str, item: Staged) -> Written:
        mapped = item.mapped
        known = self.linked.get((flow.writer.table, fold(mapped.external_id)))
        if known is not None:
            return Written(result=Result.unchanged, target_id=known)
        claims = self.route.claims(flow.writer.table)
        deadline = time.monotonic() + _BUSY_WAIT
        while not (claim := self.ledger.claim(claims, [key], self.owner)[key]).held:
            if time.monotonic() > deadline:
                raise Waiting(f"Another run is writing {flow.record} {key}.")
            time.sleep(0.5)
        # While waiting for the claim, another worker or run may have brought the very record.
        self.know_links(flow.writer.table, [key])
        item = replace(item, suspect=claim.suspect, transfer=self.ledger.transfers(flow.name, [key]).get(key))
        try:
            written = flow.writer.write(self, item)
        except Exception:
            self.ledger.release(claims, [key], self.owner)
            raise
        self.remember([*written.links, *written.unpushed])
        outcome = Outcome(key=key, result=written.result, target_id=written.target_id)
        progress = _Progress(ends=[_finish(self, item, written, outcome)])
        progress.take(written)
        _note(self, progress, flow)
        return written

    def prepare(self, items: Sequence[Staged]) -> None:
        """Know the links that the chunk's references point at, and the prerequisites staged for them."""
        wanted: dict[str, set[str]] = {}
        for item in items:
            for ref in refs([item.mapped.body, list(item.mapped.also)]):
                wanted.setdefault(ref.table, set()).add(ref.external_id)
        for entry in self.stage.staging.read("prerequisites"):
            self._prerequisites[entry["table"], fold(entry["key"])] = entry
            for ref in refs(mapped_from_wire(entry["mapped"]).body) if "mapped" in entry else ():
                wanted.setdefault(ref.table, set()).add(ref.external_id)
        for table, external_ids in wanted.items():
            self.know_links(table, external_ids)


class _Dropped:
    """Stands for a reference that is left out."""


_DROPPED = _Dropped()


class ServiceDown(Exception):
    """The service could not take one record after another; the task is to be repeated later."""


@dataclass
class _Progress:
    """What has come of the chunk so far."""

    outcomes: list[Outcome] = field(default_factory=list)
    ends: list[Finish] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    unpushed: list[Link] = field(default_factory=list)
    echoes: list[tuple[str, str]] = field(default_factory=list)
    in_a_row: int = 0

    def take(self, written: Written) -> None:
        """Keep what a written record leaves to be noted."""
        self.links += written.links
        self.unpushed += written.unpushed
        self.echoes += written.echoes


def load(stage: Stage, chunk: int, concurrency: int) -> None:
    """Write the records of one chunk, at most `concurrency` at a time.

    Raises ServiceError when a fault concerns the whole run (bad credentials, a missing service), and ServiceDown
    when the service takes nothing any more; what was finished until then is in the ledger.
    """
    name = f"load-{chunk:04}"
    items = [_staged(record) for record in stage.staging.read(name)]
    context = LoadContext(stage, concurrency, name)
    progress = _Progress()
    todo = _still_to_do(stage, items, progress)
    context.prepare(todo)
    if todo:
        stage.flow.writer.prepare(context, todo)
    try:
        _write_all(context, todo, progress)
    finally:
        _note(context, progress, stage.flow)
    stage.staging.write_all(f"outcomes-{name}", (o.as_json() for o in progress.outcomes if _worth_a_line(stage, o)))
    counts = Counter(outcome.result.value for outcome in progress.outcomes)
    stage.save_stats(name, counts=dict(counts))


def _worth_a_line(stage: Stage, outcome: Outcome) -> bool:
    return outcome.result is not Result.unchanged or bool(outcome.notes or outcome.message)


def _staged(record: Json) -> Staged:
    return Staged(key=record["key"], mapped=mapped_from_wire(record["mapped"]), fingerprint=record["fingerprint"])


def _still_to_do(stage: Stage, items: Sequence[Staged], progress: _Progress) -> list[Staged]:
    """The items without those that are done: by an earlier try of this task, or newer by another run."""
    known = stage.ledger.transfers(stage.flow.name, (item.key for item in items))
    latest = {item.key: item for item in items}  # a record that was read twice is written once, as last read
    todo: list[Staged] = []
    for item in latest.values():
        transfer = known.get(item.key)
        if transfer and transfer.run_id == stage.plan.run_id and transfer.state == "done" and transfer.outcome:
            progress.outcomes.append(Outcome.from_json(transfer.outcome))
        elif transfer and not stage.plan.force and _superseded(stage, item, transfer):
            progress.outcomes.append(Outcome(key=item.key, result=Result.unchanged))
        else:
            todo.append(replace(item, transfer=transfer))
    return todo


def _superseded(stage: Stage, item: Staged, transfer: Transfer) -> bool:
    if transfer.state != "done":
        return False
    if transfer.read_at is not None and transfer.read_at > iso(stage.plan.started_at):
        return True
    return transfer.fingerprint == item.fingerprint and route_of(stage.flow.direction).stands(
        stage.ledger, stage.flow.writer.table, item.mapped, transfer
    )


def _write_all(context: LoadContext, todo: Sequence[Staged], progress: _Progress) -> None:
    """Write the items; then again those that waited for a record which has arrived meanwhile."""
    busy: list[Staged] = []
    waiting = _pass(context, todo, progress, busy)
    deadline = time.monotonic() + _BUSY_WAIT
    while busy or waiting:
        ready = [item for item, problem in waiting if _arrived(context, problem)]
        waiting = [(item, problem) for item, problem in waiting if not _arrived(context, problem)]
        again, busy = [*ready, *busy], []
        if not again:
            break
        waiting += _pass(context, again, progress, busy)
        if busy and time.monotonic() > deadline:
            for item in busy:
                _fail(context, item, Waiting("Another run is writing this record at the moment."), progress)
            break
        if busy:
            time.sleep(0.5)
    for item, problem in waiting:
        _fail(context, item, problem, progress)


def _arrived(context: LoadContext, problem: Waiting) -> bool:
    return bool(problem.table) and context.route.waits_for(problem.table, problem.external_id) in context.arrived


def _pass(
    context: LoadContext, items: Sequence[Staged], progress: _Progress, busy: list[Staged]
) -> list[tuple[Staged, Waiting]]:
    """Write the items once, a fixed number at a time, without a barrier between them."""
    waiting: list[tuple[Staged, Waiting]] = []
    queue = deque(items)
    ready: deque[Staged] = deque()
    running: dict[Future[Written], Staged] = {}
    write = context.stage.flow.writer.write
    with ThreadPoolExecutor(max_workers=context.concurrency) as pool:
        try:
            while queue or ready or running:
                # More are handed to the pool than it runs, so that its workers go on while outcomes are noted here.
                while len(running) < _AHEAD * context.concurrency and (ready or queue):
                    if not ready:
                        ready.extend(_claimed(context, [queue.popleft() for _ in range(min(_GROUP, len(queue)))], busy))
                        continue
                    item = ready.popleft()
                    running[pool.submit(write, context, item)] = item
                if not running:
                    continue
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    item = running.pop(done)
                    problem = _settle(context, item, done, progress)
                    if problem:
                        waiting.append((item, problem))
                if len(progress.ends) >= _GROUP:
                    _note(context, progress, context.stage.flow)
        except BaseException:
            # Nothing new is sent; what is under way is awaited and noted, so that its outcome is not lost.
            _give_back(context, [*ready, *(item for future, item in running.items() if future.cancel())])
            for future, item in running.items():
                if not future.cancelled() and isinstance(future.exception(), Exception | None):
                    _take_in(context, item, future, progress, waiting)
            # Nothing was sent for those that wait: the next run finds them free.
            _give_back(context, [item for item, _ in waiting])
            raise
    return waiting


def _claimed(context: LoadContext, group: Sequence[Staged], busy: list[Staged]) -> list[Staged]:
    if not context.applies:
        return list(group)
    table = context.stage.flow.writer.table
    held = context.ledger.claim(context.route.claims(table), [item.key for item in group], context.owner)
    busy.extend(item for item in group if not held[item.key].held)
    mine = [item for item in group if held[item.key].held]
    # Another run may have linked or written a record between our reading and our claim.
    context.know_links(table, [item.mapped.external_id for item in mine])
    return [_with_claim(item, held[item.key]) for item in mine]


def _with_claim(item: Staged, claim: Claim) -> Staged:
    return replace(item, suspect=claim.suspect)


def _give_back(context: LoadContext, items: Iterable[Staged]) -> None:
    if context.applies:
        claims = context.route.claims(context.stage.flow.writer.table)
        context.ledger.release(claims, (item.key for item in items), context.owner)


def _take_in(
    context: LoadContext,
    item: Staged,
    done: Future[Written],
    progress: _Progress,
    waiting: list[tuple[Staged, Waiting]],
) -> None:
    """Take in a record that was still under way when the pass broke off for another one."""
    try:
        problem = _settle(context, item, done, progress)
    except (ServiceError, ServiceDown):
        return  # as the one that broke it off
    if problem:
        waiting.append((item, problem))


def _settle(context: LoadContext, item: Staged, done: Future[Written], progress: _Progress) -> Waiting | None:
    """Take in one finished record. Returns why it waits, when it may still go through in this pass."""
    problem: Exception
    try:
        written = done.result()
    except Waiting as waits:
        return waits
    except ServiceError as error:
        if error.stops_run:
            _give_back(context, [item])
            raise
        problem = error
    except Rejected as rejected:
        problem = rejected
    except Exception as defect:  # noqa: BLE001 - one record's defect must not stop the others
        problem = Rejected(
            f"Unexpected fault while writing it: {type(defect).__name__}: {defect}",
            "This is a fault of the integration: report it with the run's log.",
        )
    else:
        progress.in_a_row = 0
        outcome = Outcome(
            key=item.key,
            result=written.result,
            fields=tuple(written.fields),
            target_id=written.target_id,
            notes=(*item.mapped.notes, *written.notes),
        )
        if written.then is not None:
            held_up = problem_outcome(item.key, written.then)
            outcome = replace(outcome, kind=held_up.kind, message=held_up.message, advice=held_up.advice)
            if written.result is Result.unchanged:
                outcome = replace(outcome, result=held_up.result)
        context.remember([*written.links, *written.unpushed])
        progress.outcomes.append(outcome)
        progress.take(written)
        if context.applies:
            progress.ends.append(_finish(context, item, written, outcome))
        return None
    _fail(context, item, problem, progress)
    return None


def _finish(context: LoadContext, item: Staged, written: Written, outcome: Outcome) -> Finish:
    memory = item.mapped.memory if written.memory is None else written.memory
    finish = Finish(
        key=item.key,
        state="done",
        run_id=context.plan.run_id,
        outcome=outcome.as_json(),
        read_at=iso(context.plan.started_at),
        target_id=written.target_id,
        fingerprint=item.fingerprint,
        memory=memory,
    )
    if written.then is None:
        return finish
    held_up = finish_failed(context.plan, outcome, item.fingerprint, written.then)
    return replace(held_up, target_id=written.target_id, memory=memory)


def _fail(context: LoadContext, item: Staged, problem: Exception, progress: _Progress) -> None:
    if isinstance(problem, ServiceError):
        retried = problem.kind in (ErrorKind.throttled, ErrorKind.unavailable, ErrorKind.conflict)
        progress.in_a_row = progress.in_a_row + 1 if retried else 0
        outcome = Outcome(
            key=item.key,
            result=Result.waiting if retried else Result.failed,
            kind=problem.kind,
            message=str(problem),
            advice=problem.advice,
            notes=item.mapped.notes,
        )
    else:
        assert isinstance(problem, Rejected | Waiting)
        outcome = problem_outcome(item.key, problem).with_notes(item.mapped.notes)
    progress.outcomes.append(outcome)
    if context.applies:
        progress.ends.append(finish_failed(context.plan, outcome, item.fingerprint, problem))
    if progress.in_a_row >= _GIVE_UP_AFTER:
        raise ServiceDown(f"{outcome.message} ({progress.in_a_row} records in a row; the task is tried again later.)")


def _note(context: LoadContext, progress: _Progress, flow: Flow) -> None:
    """Bring what has been settled of a flow's records into the ledger, and give up their claims."""
    if not context.applies:
        return
    if progress.unpushed:
        # Before the claims go: a link that only this task knows must not be lost with it.
        context.ledger.link(progress.unpushed, pushed=False)
    if progress.ends or progress.links:
        claims = context.route.claims(flow.writer.table)
        context.ledger.finish(flow.name, claims, progress.ends, progress.links, owner=context.owner)
    by_flow: dict[str, list[str]] = {}
    for flow_name, key in progress.echoes:
        by_flow.setdefault(flow_name, []).append(key)
    for flow_name, keys in by_flow.items():
        context.ledger.expect_echo(flow_name, keys)
    progress.ends, progress.links, progress.unpushed, progress.echoes = [], [], [], []

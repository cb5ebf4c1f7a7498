"""The transform stage: filters, maps and fingerprints what was read, and stages what has to be written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from include.errors import Rejected, RunFault, Waiting
from include.sync.batches import batches
from include.sync.companions import without_news
from include.sync.displaced import displaced_by, stage_displaced
from include.sync.echoes import Echoes
from include.sync.endings import finish_failed, overtaken, problem_outcome, resting, unexpected
from include.sync.fingerprints import canonical, fingerprint
from include.sync.headway import TO_WRITE
from include.sync.ledger.entries import Finish, Purpose, State, Transfer, iso
from include.sync.links import side_of
from include.sync.outcomes import Outcome, Result, as_read
from include.sync.prerequisites import stage_prerequisites, wanted
from include.sync.records import Json, Mapped, refs_of
from include.sync.runs import RunKind, RunPlan
from include.sync.seen import Prints, Staged
from include.sync.slots import load_tasks
from include.sync.staging.chunks import Chunks
from include.sync.task_context import BATCH, TaskContext
from include.sync.telling import tells
from include.sync.twins import Twins
from include.sync.values import fold

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@tells
def transform(task: TaskContext) -> int:
    """Filter, map and fingerprint what was read; stage what differs from what was last written. Returns the chunks."""
    counts: Counter[str] = Counter()
    twins, prints = Twins(), Prints(task.plan)
    chunks = Chunks(task.staging, load_tasks(task.plan.settings))
    displaced: dict[str, str] = {}
    read, seen = next(task.staging.read("stats-extract"))["read"], 0
    with task.staging.write("outcomes-transform") as outcomes, wanted(task.staging) as needs:
        for staged in batches(task.staging.read_as("raw", Staged), BATCH):
            known = _known(task, staged, displaced)
            twins.look_at(record.key for record in staged)
            task.headway.at("looked at", seen, read)
            seen += len(staged)
            unchanged = _Unchanged()
            batch = [record for one in staged if (record := unchanged.without(one, prints, known)) is not None]
            counts[Result.unchanged.value] += len(staged) - len(batch)
            echoes = Echoes(task, batch, known)
            ends: list[Finish] = []
            overtook: list[str] = []
            for record, decided, late in _decided(task, batch, known):
                key = record["key"]
                if isinstance(decided, _Changed):
                    needs.add(refs_of(decided.mapped))
                    chunks.add(key, decided.mapped, decided.fingerprint, record["read_at"], echoes.of(record))
                    continue
                outcome = decided.outcome
                counts[outcome.result.value] += 1
                if outcome.message or outcome.notes:
                    outcomes.add(outcome.as_json())
                if decided.end:
                    ends.append(decided.end)
                elif outcome.result is Result.unchanged and late:
                    overtook.append(key)
                elif outcome.result is Result.unchanged:
                    unchanged.add(key, record["read_at"], record["print"] if decided.lasts else None)
            unchanged.note(task)
            task.ledger.look_again(task.flow.name, overtook)
            if ends:
                claims = side_of(task.flow.direction).claim_scope(task.flow.writer.table)
                # This task holds no claim, and what another one is writing at the moment stays claimed.
                task.ledger.finish(task.flow.name, claims, ends, [], owner=task.plan.task("transform"))
    cuts = chunks.close()
    number = max(0, len(cuts) - 1)
    twins.stage(task.staging)
    stage_displaced(task, displaced)
    stage_prerequisites(task, chunks.source_ids())
    task.save_stats("transform", counts=dict(counts), chunks=number, cuts=cuts, changed=chunks.total)
    task.headway.end(TO_WRITE, chunks.total)
    return number


class _Unchanged:
    """The records of a batch that are unchanged, by when they were read, and prints of what was read of them."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}
        self._prints: dict[str, str] = {}

    def without(self, staged: Staged, prints: Prints, known: Mapping[str, Transfer]) -> Json | None:
        """A record as it is mapped; None for one that was read as when it was last found unchanged, which is added here."""
        transfer = known.get(staged.key)
        print_ = prints.of(staged, transfer) if transfer else None
        if transfer and print_ and print_ == transfer.seen_as:
            self.add(staged.key, staged.read_at)
            return None
        return staged.as_json() | {"print": print_}

    def add(self, key: str, read_at: str, print_: str | None = None) -> None:
        """Take in one, with a print where what was read is known to be unchanged by that alone."""
        self._keys.setdefault(read_at, []).append(key)
        if print_:
            self._prints[key] = print_

    def note(self, task: TaskContext) -> None:
        """Have the ledger know."""
        for read_at, keys in self._keys.items():
            prints = {key: self._prints[key] for key in keys if key in self._prints}
            task.ledger.seen(task.flow.name, keys, read_at, prints)


def _known(task: TaskContext, batch: Sequence[Staged], displaced: dict[str, str]) -> dict[str, Transfer]:
    """What the ledger knows of these records; of one that was renumbered, what it left behind under its old number.

    What is known under a key that another record had before says nothing of the one that has it now: the other one is
    `displaced`, and added there.
    """
    flow = task.flow
    ids = {record.key: record.record_id for record in batch if record.record_id}
    found = task.ledger.transfers(flow.name, (record.key for record in batch), outcome=False)
    others = displaced_by(task, ids, found)
    displaced |= others
    known = {key: one for key, one in found.items() if key not in others or not one.record_id}
    new = {ids[key]: key for key in ids if key not in known or known[key].target_id is None}
    moved = task.ledger.links_of_record_id(flow.writer.table, new)
    before = {old: new[record_id] for record_id, (old, _) in moved.items() if old != new[record_id]}
    for old, transfer in task.ledger.transfers(flow.name, before).items():
        # Nothing has been written under the new number yet.
        now = known.get(before[old]) or Transfer(key=old, memory={}, state=State.retry, next_try=iso(_LONG_AGO))
        known[before[old]] = replace(now, key=old, memory=transfer.memory)
    return known


@dataclass(frozen=True, kw_only=True)
class _Changed:
    """A record that is to be written."""

    mapped: Mapped
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class _Settled:
    """A record that nothing is written of, and what the ledger is to remember. `lasts`: of an unchanged one, that it is so
    whenever the same is read, as long as the ledger knows the same of it."""

    outcome: Outcome
    end: Finish | None = None
    lasts: bool = False


Decision = _Changed | _Settled


def _decided(
    task: TaskContext, batch: Sequence[Json], known: Mapping[str, Transfer]
) -> Iterator[tuple[Json, Decision, bool]]:
    """What is to be done with each record, see `_decide`, and whether a later reading of it has been written already."""
    quiet: list[tuple[Json, _Quiet]] = []
    for record in batch:
        transfer = known.get(record["key"])
        late = overtaken(record["key"], transfer, record["read_at"]) if transfer else None
        decided = _Settled(outcome=late) if late else _decide(task, record, transfer)
        if isinstance(decided, _Quiet):
            quiet.append((record, decided))
        else:
            yield record, decided, late is not None
    still = without_news(task, {record["key"]: (one.record.mapped, record["read_at"]) for record, one in quiet})
    for record, one in quiet:
        yield record, one.settled if record["key"] in still else one.record, False


@dataclass(frozen=True, kw_only=True)
class _Quiet:
    """A record that is unchanged, if what comes along with it is."""

    record: _Changed
    settled: _Settled


def _decide(task: TaskContext, record: Json, transfer: Transfer | None) -> Decision | _Quiet:
    """The mapped record when it has to be written, else what became of it and what the ledger should remember."""
    key, data = record["key"], record["data"]
    unfinished = transfer is not None and transfer.state != State.done
    context = task.context(transfer.memory if transfer else {})

    def source_print() -> str:
        return fingerprint(Mapped(source_id=key, body=data))

    try:
        if "problem" in record:
            raise Rejected(f"The {task.flow.record} cannot be read: {record['problem']}.")
        mapped = task.flow.take(task.flow.row_of(data), context)
        if isinstance(mapped, str) and unfinished and transfer:
            _forget(task, key, transfer, mapped)
    except RunFault:
        raise
    except Exception as fault:  # noqa: BLE001 - one record's defect must not stop the others
        problem = fault if isinstance(fault, Rejected | Waiting) else unexpected("mapping", fault)
        both = as_read(data) if task.plan.explains else ()
        if unfinished and transfer and _rests(task.plan, transfer, source_print()):
            return _Settled(outcome=replace(resting(key, transfer), both=both))
        outcome = replace(problem_outcome(key, problem), both=both)
        end = finish_failed(task.plan, outcome, source_print(), record["read_at"], problem)
        return _Settled(outcome=outcome, end=end)
    if isinstance(mapped, str):
        outcome = Outcome(key=key, result=Result.skipped, message=mapped)
        # What stays missing on the other side is remembered, so that not every poll reads it again.
        if task.flow.poll != "missing":
            return _Settled(outcome=outcome)
        return _Settled(outcome=outcome, end=_left_out(task.plan, outcome, source_print(), record["read_at"]))
    mapped = mapped.altered(record_id=record.get("record_id"))
    print_ = fingerprint(mapped)
    changed = _Changed(mapped=mapped, fingerprint=print_)
    if transfer and not task.plan.force:
        side = side_of(task.flow.direction)
        same = transfer.fingerprint == print_ and not unfinished and not task.plan.compares
        if same and side.link_is_current(task.ledger, task.flow.writer.table, mapped, transfer):
            asked = task.plan.kind is RunKind.ids
            message = "Equal to what was last written." if asked else ""
            outcome = Outcome(key=key, result=Result.unchanged, message=message)
            carried = _remembered(task.plan, outcome, mapped, transfer, record["read_at"])
            lasts = not context.today.asked and not mapped.companions
            settled = _Settled(outcome=outcome, end=carried, lasts=lasts)
            return _Quiet(record=changed, settled=settled) if mapped.companions else settled
        if unfinished and _rests(task.plan, transfer, fingerprint(mapped, whole=True)):
            return _Settled(outcome=resting(key, transfer))
    return changed


def _forget(task: TaskContext, key: str, transfer: Transfer, reason: str) -> None:
    """Forget that a record is unfinished, since it is left out now. Raises Rejected where a document of it was begun, or was to
    be changed; one that was done, and is to be looked at again for no fault of its own, is what the transaction said."""
    flow, side = task.flow, side_of(task.flow.direction)
    done = transfer.fingerprint is not None
    if flow.makes and not (done and transfer.tried_fingerprint in (None, transfer.fingerprint)):
        link = side.known(task.ledger, flow.writer.table, [key]).get(fold(key))
        there = str(link) if link is not None and flow.makes(str(link)) else ""
        begun = task.ledger.reservation(side.claim_scope(flow.writer.table), key)
        if there or (begun and begun.purpose is Purpose.create and begun.numbers == flow.numbers):
            raise Rejected(
                f"{reason} Before that its {flow.record} {there or '(its number is not known)'} was begun in {side.target}, "
                f"or was to be changed, and that did not come to its end: it is not what the transaction said.",
                f"Complete the {flow.record} in {side.target}{'' if done else ', or delete it if there is one'}; then have this "
                "record left alone.",
            )
    task.ledger.forget(flow.name, [key])


def _remembered(plan: RunPlan, outcome: Outcome, mapped: Mapped, transfer: Transfer, read_at: str) -> Finish | None:
    """What the flow wants back of a record the next time, where that is other than before though the record is not."""
    if mapped.carry == transfer.memory or canonical(mapped.carry) == canonical(transfer.memory):
        return None
    return Finish(
        key=outcome.key,
        state=State.done,
        run_id=plan.run_id,
        outcome=outcome.as_json(),
        read_at=read_at,
        fingerprint=transfer.fingerprint,
        memory=mapped.carry,
    )


def _left_out(plan: RunPlan, outcome: Outcome, print_: str, read_at: str) -> Finish:
    return Finish(
        key=outcome.key,
        state=State.done,
        run_id=plan.run_id,
        outcome=outcome.as_json(),
        read_at=read_at,
        fingerprint=print_,
    )


def _rests(plan: RunPlan, transfer: Transfer, print_: str) -> bool:
    """True while a transfer that could not be finished is not to be tried again: same record, next try not yet due."""
    if plan.kind is RunKind.ids or plan.force or transfer.tried_fingerprint != print_:
        return False
    if plan.compares:
        # What a person has set aside is left alone; of all others it is asked how they stand now.
        return transfer.state == State.ignored
    return transfer.next_try is None or transfer.next_try > iso(plan.started_at)

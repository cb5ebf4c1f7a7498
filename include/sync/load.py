"""The load stage: writes the records of one chunk, several at a time, and remembers what became of each.

Nothing is doubled: a record is claimed in the ledger before anything is sent for it, what an earlier attempt may
have written is looked for before it is written again, and a finished record is not written twice by one run.
Nothing is lost: every outcome is in the ledger before its claim is given up.
It may give way to others between two records, and goes on after them.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from queue import SimpleQueue

from include.errors import ODD, ErrorKind, GaveWay, Rejected, RunFault, Sent, ServiceDown, ServiceError, Waiting
from include.sync.approval.steps import Steps
from include.sync.awaited import looked_into
from include.sync.companions import claimed_with, give_back, without_news
from include.sync.context import BUSY_WAIT, WriteContext
from include.sync.endings import finish_failed, overtaken, problem_outcome, tried_since, unexpected, unreadable
from include.sync.forecast import Forecast
from include.sync.ledger.entries import State, Transfer
from include.sync.links import side_of
from include.sync.look import present_of
from include.sync.outcomes import Outcome, Result, as_read
from include.sync.progress import Progress, finish_of, note, outage_over
from include.sync.shift import give_way, go_on, requests_with
from include.sync.staging.chunks import chunk_records, load_name
from include.sync.task_context import TaskContext
from include.sync.telling import tells
from include.sync.tenure import Tenure
from include.sync.twins import twins_of
from include.sync.work import WriteRequest, WriteResult, both_of, difference_of
from include.transport.throttle import PATIENCE

# Claims are taken for this many records at a time: another run that has one of them waits for all.
_GROUP = 50
# Outcomes are noted for at most this many at a time, and those of a slow service after so many seconds: what was not
# noted when a process dies is looked for by the next one, record by record.
_NOTED = 100
_NOTED_AFTER = 1.0
# Records handed to the pool, in multiples of what it writes at a time.
_AHEAD = 3
_NEXT = "Nothing to do: it is looked at again with the next run."
# So many records in a row that the service could not take mean that it is down: the task stops and is retried.
_GIVE_UP_AFTER = 10


@tells
def load(task: TaskContext, chunk: int, concurrency: int, tasks: int = 1, steps: Steps | None = None) -> bool:
    """Write the records of one chunk, at most `concurrency` at a time. `tasks`: how many of the run do at once; `steps`:
    what writes pass by, of a run that needs an approval.

    Answers False when it has given way to others: called again, it goes on with what is left.

    Raises ServiceError when a fault concerns the whole run (bad credentials, a missing service), and ServiceDown
    when the service takes nothing any more, and ClaimLost when a later try has taken over; what was finished until then
    is in the ledger.
    """
    name = load_name(chunk)
    progress = Progress()
    before = go_on(task, name)
    forecast = Forecast()
    try:
        task.ledger.know_growth()
        # Claims belong to a task, not to its run: tasks of one run must not write the same record either.
        with Tenure(task.ledger, task.plan.task(name), task.under_way) as tenure:
            items = [WriteRequest.staged(task.flow, record) for record in chunk_records(task.staging, chunk)]
            progress.of = len(items)
            if todo := _still_to_do(task, items, progress, goes_on=before is not None):
                task.identify()
                present = present_of(task, chunk)
                work = WriteContext(task, concurrency, tenure, chunk=chunk, present=present, steps=steps)
                _load_chunk(work, todo, progress)
                forecast = work.forecast
                task.foreseen.leave(task.staging, chunk)
    except GaveWay:
        give_way(task, name, before)
        return False
    finally:
        counts = Counter(outcome.result.value for outcome in progress.outcomes)
        task.did(counts)
    task.staging.write_all(f"outcomes-{name}", (o.as_json() for o in progress.outcomes if _worth_a_line(task, o)))
    task.save_stats(name, counts=dict(counts), forecast=forecast.as_json(), tasks=tasks, **requests_with(task, before))
    task.headway.end(task.plan.does, len(progress.outcomes), progress.of)
    return True


def _load_chunk(work: WriteContext, todo: Sequence[WriteRequest], progress: Progress) -> None:
    writer = work.task.flow.writer
    work.prepare(todo)
    try:
        todo = _without_twins(work, todo, progress)
        if todo:
            work.know_links(writer.table, [item.mapped.source_id for item in todo])
            work.natural.claim(todo)
        for part in _prepared(work, todo, progress):
            _write_all(work, part, progress)
    except GaveWay:
        # It has been tried: whoever goes on need not begin with it.
        _wait_on(work, progress)
        raise
    finally:
        note(work, progress, work.task.flow)
        work.natural.release()
        outage_over(work.task, progress)


def _prepared(
    work: WriteContext, items: Sequence[WriteRequest], progress: Progress
) -> Iterator[Sequence[WriteRequest]]:
    """The items, ready to be written: all at once, unless something that is read for one of them is odd, or the service
    objects to it. Then that one is found by halves and rejected, and the others go on."""
    if not items:
        return
    try:
        work.task.flow.writer.prepare(work, items)
    except (*ODD, ServiceError) as fault:
        if isinstance(fault, ServiceError) and not fault.concerns_one:
            raise
        if len(items) == 1:
            _fail(work, items[0], unreadable(work.side.target, fault), progress, claimed=False)
            return
        half = len(items) // 2
        for part in (items[:half], items[half:]):
            yield from _prepared(work, part, progress)
        return
    yield items


def _worth_a_line(task: TaskContext, outcome: Outcome) -> bool:
    return task.plan.explains or outcome.result is not Result.unchanged or bool(outcome.notes or outcome.message)


def _without_twins(work: WriteContext, items: Sequence[WriteRequest], progress: Progress) -> list[WriteRequest]:
    """The items without those whose key is, but for blanks, that of another record of the run."""
    twins = twins_of(work.task.staging)
    for item in items:
        if item.key in twins:
            _fail(work, item, twins[item.key], progress, claimed=False)
    return [item for item in items if item.key not in twins]


def _still_to_do(
    task: TaskContext, items: Sequence[WriteRequest], progress: Progress, *, goes_on: bool = False
) -> list[WriteRequest]:
    """The items without those that are done: by an earlier try of this task, or by another run that read them later.

    Each comes with what the ledger knows of it now. A task that `goes_on` after it gave way has tried some that did not go
    through: they are not tried again.
    """
    known = task.ledger.transfers(task.flow.name, (item.key for item in items))
    quiet = without_news(task, {item.key: (item.mapped, item.read_at) for item in items if item.mapped.companions})
    latest = {item.key: item for item in items}  # a record that was read twice is written once, as last read
    todo: list[WriteRequest] = []
    overtook: list[str] = []
    seen: dict[str, list[str]] = {}
    for item in latest.values():
        transfer = known.get(item.key)
        if transfer is None:
            todo.append(item)
        elif mine := _by_an_earlier_try(task, item, transfer, goes_on=goes_on):
            progress.rests(replace(item, transfer=transfer), mine)
        elif late := overtaken(item.key, transfer, item.read_at):
            progress.outcomes.append(late)
            if late.result is Result.unchanged:
                overtook.append(item.key)
        elif (
            not (task.plan.force or task.plan.compares)
            and _written(task, item, transfer)
            and (not item.mapped.companions or item.key in quiet)
        ):
            progress.outcomes.append(Outcome(key=item.key, result=Result.unchanged))
            seen.setdefault(item.read_at, []).append(item.key)
        else:
            todo.append(replace(item, transfer=transfer))
    task.ledger.look_again(task.flow.name, overtook)
    for read_at, keys in seen.items():
        task.ledger.seen(task.flow.name, keys, read_at)
    return todo


def _by_an_earlier_try(task: TaskContext, item: WriteRequest, transfer: Transfer, *, goes_on: bool) -> Outcome | None:
    """What an earlier try of this task made of the same reading of a record, if it finished it."""
    if transfer.run_id != task.plan.run_id or not transfer.outcome:
        return None
    if transfer.state != State.done and (not goes_on or transfer.is_due):
        return None
    # What was read anew since, by a repeated `extract`, is something else.
    same = transfer.read_at is not None and transfer.read_at >= item.read_at
    return Outcome.from_json(transfer.outcome) if same else None


def _written(task: TaskContext, item: WriteRequest, transfer: Transfer) -> bool:
    """Whether the target has this very version already."""
    if transfer.state != State.done or transfer.fingerprint != item.fingerprint:
        return False
    return side_of(task.flow.direction).link_is_current(task.ledger, task.flow.writer.table, item.mapped, transfer)


def _write_all(work: WriteContext, todo: Sequence[WriteRequest], progress: Progress) -> None:
    """Write the items; then those that waited for a record which has arrived meanwhile, in this shift or in one before."""
    busy: list[WriteRequest] = []
    _pass(work, todo, progress, busy)
    deadline = time.monotonic() + BUSY_WAIT
    while True:
        ready = [item for item, problem in progress.waiting if _arrived(work, problem)]
        progress.waiting = [(item, problem) for item, problem in progress.waiting if not _arrived(work, problem)]
        again, busy = [*ready, *progress.woken(work.arrived), *busy], []
        if not again:
            break
        _pass(work, again, progress, busy)
        if busy and time.monotonic() > deadline:
            for item in busy:
                # Or it has died a moment ago: the next run finds out.
                busy_elsewhere = Waiting(
                    "Another run is writing this record at the moment.", advice=_NEXT, at_once=True
                )
                _fail(work, item, busy_elsewhere, progress, claimed=False)
            break
        if busy:
            note(work, progress, work.task.flow)
            work.natural.release()
            time.sleep(0.5)
    _wait_on(work, progress)


def _wait_on(work: WriteContext, progress: Progress) -> None:
    """Note of what waits for another record that it does."""
    waiting, progress.waiting = progress.waiting, []
    for item, problem in waiting:
        _fail(work, item, looked_into(work.task, problem), progress)


def _arrived(work: WriteContext, problem: Waiting) -> bool:
    return bool(problem.table) and work.side.waits_for(problem.table, problem.source_id) in work.arrived


def _pass(work: WriteContext, items: Sequence[WriteRequest], progress: Progress, busy: list[WriteRequest]) -> None:
    """Write the items once, a fixed number at a time, without a barrier between them."""
    queue = deque(items)
    ready: deque[WriteRequest] = deque()
    running: dict[Future[WriteResult], WriteRequest] = {}
    ended: SimpleQueue[Future[WriteResult]] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=work.concurrency) as pool:
        try:
            while queue or ready or running:
                # More are handed to the pool than it runs, so that its workers go on while outcomes are noted here.
                while len(running) < _AHEAD * work.concurrency and (ready or queue):
                    if not ready:
                        group = [queue.popleft() for _ in range(min(_GROUP, len(queue)))]
                        ready.extend(_claimed(work, group, progress, busy))
                        continue
                    item = ready.popleft()
                    # In the task's own context: its span is the parent of those of the requests.
                    future = pool.submit(copy_context().run, _write, work, item)
                    running[future] = item
                    future.add_done_callback(ended.put)
                if not running:
                    continue
                done = ended.get()
                item = running.pop(done)
                work.task.headway.at(work.task.plan.does, len(progress.outcomes), progress.of)
                _settle(work, item, done, progress)
                following = work.natural.done(item)
                if following is not None:
                    # It must find what has become of the one before it.
                    note(work, progress, work.task.flow)
                    ready.extend(_with_bases(work, [following]))
                if len(progress.ends) >= _NOTED or progress.unnoted_for(_NOTED_AFTER):
                    note(work, progress, work.task.flow)
                    work.natural.release()
                if (queue or ready or running) and work.task.gives_way():
                    raise GaveWay()
        except BaseException:
            # Nothing new is sent; what is under way is awaited and noted, so that its outcome is not lost. The claims on
            # all others are given back as the try ends (`Tenure`).
            for future in running:
                future.cancel()
            for future, item in running.items():
                if not future.cancelled() and isinstance(future.exception(), Exception | None):
                    _take_in(work, item, future, progress)
            raise


def _write(work: WriteContext, item: WriteRequest) -> WriteResult:
    if item.base and item.base.at and item.base.at > item.read_at:
        # What was read may be older than what is agreed: it would pass for a change, and be sent back.
        raise Waiting(
            "It was written by the flow the other way while it was read.",
            advice="Nothing to do: it is read again with the next run.",
            at_once=True,
        )
    claims = work.side.claim_scope(item.flow.writer.table)
    with work.natural.writing(item), work.writing(claims, item.key):
        return work.write(item)


def _with_bases(work: WriteContext, group: Sequence[WriteRequest]) -> list[WriteRequest]:
    """The items with what was last agreed of them, few at a time, since a long document has much of it; and with what is
    reserved for them."""
    keys = [item.key for item in group]
    known = work.ledger.transfers(work.task.flow.name, keys, base=True)
    reserved = work.ledger.reservations(work.side.claim_scope(work.task.flow.writer.table), keys)
    return [
        replace(item, transfer=known.get(item.key, item.transfer), reserved=reserved.get(item.key)) for item in group
    ]


def _claimed(
    work: WriteContext, group: Sequence[WriteRequest], progress: Progress, busy: list[WriteRequest]
) -> list[WriteRequest]:
    """Those of the group that this task may write now, and that are still to be written."""
    table = work.task.flow.writer.table
    held = work.ledger.claim(work.side.claim_scope(table), [item.key for item in group], work.owner)
    busy.extend(item for item in group if not held[item.key].held)
    mine = [item for item in group if held[item.key].held]
    # Another run may have linked or written a record between our reading and our claim.
    work.know_links(table, [item.mapped.source_id for item in mine])
    before = {item.key: item.transfer for item in mine}
    todo, occupied = claimed_with(work, _still_to_do(work.task, mine, progress))
    busy.extend(occupied)
    left = {item.key for item in todo}
    _give_back(work, [item for item in mine if item.key not in left])
    admitted, elsewhere = work.natural.admit(
        replace(one, suspect=held[one.key].suspect, stale=one.stale or tried_since(before[one.key], one.transfer))
        for one in todo
    )
    # What an earlier try may have written stays claimed, so that it is still suspect when its turn comes.
    _give_back(work, [item for item in elsewhere if not item.suspect])
    busy.extend(elsewhere)
    return _with_bases(work, admitted)


def _give_back(work: WriteContext, items: Iterable[WriteRequest]) -> None:
    items = list(items)
    claims = work.side.claim_scope(work.task.flow.writer.table)
    work.ledger.release(claims, (item.key for item in items), work.owner)
    give_back(work, items)


def _take_in(
    work: WriteContext,
    item: WriteRequest,
    done: Future[WriteResult],
    progress: Progress,
) -> None:
    """Take in a record that was still under way when the pass broke off for another one."""
    with suppress(ServiceError, RunFault):  # as the one that broke it off
        _settle(work, item, done, progress)


def _settle(work: WriteContext, item: WriteRequest, done: Future[WriteResult], progress: Progress) -> None:
    """Take in one finished record, or that it waits: it may still go through."""
    problem: Exception
    try:
        written = done.result()
    except Waiting as waits:
        progress.waiting.append((item, waits))
        return
    except ServiceError as error:
        if error.stops_run:
            raise
        if (error.retry_after or 0) > PATIENCE and error.sent is Sent.no:
            # It takes nobody's calls for longer than a task may wait: the record is free for whoever comes back.
            raise ServiceDown(str(error), error.retry_after) from None
        problem = error
    except Rejected as rejected:
        problem = rejected
    except RunFault:
        raise
    except ODD as odd:
        problem = unreadable(work.side.target, odd)
    except Exception as defect:  # noqa: BLE001 - one record's defect must not stop the others
        problem = unexpected("writing", defect)
    else:
        progress.in_a_row = 0
        progress.took(datetime.now(UTC))
        outcome = Outcome(
            key=item.key,
            result=written.result,
            changes=tuple(written.changes),
            target_id=written.target_id,
            notes=(*item.mapped.notes, *written.notes),
            difference=difference_of(item, written) if work.plan.compares else None,
            both=both_of(written) if work.plan.explains else (),
        )
        if written.then is not None:
            held_up = problem_outcome(item.key, written.then)
            outcome = replace(
                outcome,
                kind=held_up.kind,
                message=held_up.message,
                advice=held_up.advice,
                difference=outcome.difference or held_up.difference,
            )
            if written.result is Result.unchanged:
                outcome = replace(outcome, result=held_up.result)
        work.remember([*written.links, *written.unpushed])
        progress.outcomes.append(outcome)
        progress.take(written, item, work.task.flow.writer.table)
        progress.take_companions(work, item, written)
        progress.ends.append(finish_of(work, item, written, outcome))
        return
    _fail(work, item, problem, progress)


def _fail(
    work: WriteContext, item: WriteRequest, problem: Exception, progress: Progress, *, claimed: bool = True
) -> None:
    if isinstance(problem, ServiceError):
        retried = problem.kind in (ErrorKind.throttled, ErrorKind.unavailable, ErrorKind.conflict)
        progress.in_a_row = progress.in_a_row + 1 if retried else 0
        outcome = Outcome(
            key=item.key,
            result=Result.retrying if retried else Result.failed,
            kind=problem.kind,
            message=str(problem),
            advice=problem.advice,
            notes=item.mapped.notes,
        )
    else:
        assert isinstance(problem, Rejected | Waiting)
        outcome = problem_outcome(item.key, problem).with_notes(item.mapped.notes)
    if work.plan.explains:
        outcome = replace(outcome, both=as_read(item.mapped.body))
    progress.outcomes.append(outcome)
    progress.left.append(item)
    end = finish_failed(work.plan, outcome, item.tried, item.read_at, problem)
    progress.ends.append(replace(end, claimed=claimed))
    if progress.in_a_row >= _GIVE_UP_AFTER:
        raise ServiceDown(f"{outcome.message} ({progress.in_a_row} records in a row; the task is tried again later.)")

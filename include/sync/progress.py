"""What has come of the records of a task, and how that gets into the ledger."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from include.errors import Waiting
from include.sync.companions import Work, give_back, unfinished
from include.sync.endings import finish_failed
from include.sync.flow import Flow
from include.sync.history import history_of
from include.sync.ledger.entries import Finish, State
from include.sync.links import Link
from include.sync.outcomes import Outcome
from include.sync.task_context import TaskContext
from include.sync.work import Echo, WriteRequest, WriteResult


@dataclass
class Progress:
    """What has come of the chunk so far."""

    of: int = 0  # records of the chunk
    outcomes: list[Outcome] = field(default_factory=list)
    ends: list[Finish] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    unpushed: list[Link] = field(default_factory=list)
    echoes: list[Echo] = field(default_factory=list)
    # Business Central's immutable ids, by table and external id of what was written.
    record_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    in_a_row: int = 0
    # What waits for a record that may still arrive in this chunk.
    waiting: list[tuple[WriteRequest, Waiting]] = field(default_factory=list)
    # What an earlier shift of the task has left waiting: by the name of what it waits for, with what was said of it.
    left_waiting: dict[str, list[tuple[WriteRequest, Outcome]]] = field(default_factory=dict)
    # What has come of companions, by their flow, and the records whose companions were not all tried.
    companions: dict[str, Progress] = field(default_factory=dict)
    left: list[WriteRequest] = field(default_factory=list)
    first_taken: datetime | None = None
    last_taken: datetime | None = None
    noted_at: float = field(default_factory=time.monotonic)

    def unnoted_for(self, seconds: float) -> bool:
        """Whether there are outcomes, and the last were noted longer ago."""
        return bool(self.ends) and time.monotonic() - self.noted_at > seconds

    def rests(self, item: WriteRequest, outcome: Outcome) -> None:
        """Keep what an earlier try of the task has made of a record that it does not try again by itself."""
        self.outcomes.append(outcome)
        if item.transfer and item.transfer.state == State.waiting and item.transfer.waits_for:
            self.left_waiting.setdefault(item.transfer.waits_for, []).append((item, outcome))

    def woken(self, arrived: Collection[str]) -> list[WriteRequest]:
        """Those that an earlier shift has left waiting for what has arrived by now; they are to be tried again."""
        woken = [one for name in [*self.left_waiting] if name in arrived for one in self.left_waiting.pop(name)]
        for _, outcome in woken:
            self.outcomes.remove(outcome)
        return [item for item, _ in woken]

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

    def take_companions(self, work: Work, item: WriteRequest, written: WriteResult) -> None:
        """Keep what has become of the records that came along with a written one."""
        if not item.companions:
            return
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


def finish_of(work: Work, item: WriteRequest, written: WriteResult, outcome: Outcome) -> Finish:
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
        history=history_of(work.plan.settings, item, written),
        watches=tuple(work.side.waits_for(table, id_) for table, id_ in item.mapped.watches),
    )
    if written.then is None:
        return finish
    held_up = finish_failed(work.plan, outcome, item.tried, item.read_at, written.then)
    if item.mapped.companions:
        memory = None  # of places that have been emptied, some may not have been told yet
    return replace(
        held_up,
        target_id=written.target_id,
        memory=memory,
        base=finish.base,
        base_at=finish.base_at,
        history=finish.history,
    )


def note(work: Work, progress: Progress, flow: Flow) -> None:
    """Bring what has been settled of a flow's records into the ledger, and give up their claims."""
    # Before the records that they came along with: those are looked at again, should the process die in between.
    for name, of_flow in progress.companions.items():
        note(work, of_flow, work.task.catalogue[name])
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
        claims = work.side.claim_scope(flow.writer.table)
        work.ledger.finish(
            flow.name, claims, progress.ends, progress.links, owner=work.owner, record_ids=progress.record_ids
        )
    noted = len(progress.ends)
    progress.ends, progress.links, progress.unpushed, progress.echoes = [], [], [], []
    progress.record_ids = {}
    progress.noted_at = time.monotonic()
    work.ledger.grew(noted)


def outage_over(task: TaskContext, progress: Progress) -> None:
    """What the target did not take during an outage need not wait for its next try once it takes records again."""
    if progress.first_taken is None or progress.last_taken is None:
        return
    direction = task.flow.direction
    taken = f"{direction.value}|taken"
    flows = [name for name, flow in task.catalogue.items() if flow.direction is direction]
    due = task.ledger.outage_over(flows, after=task.ledger.position(taken), before=progress.first_taken)
    task.wakes.update(due)
    task.ledger.advance(taken, progress.last_taken)

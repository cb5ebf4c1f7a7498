"""Records of another flow that come along with a record: each has one memory and one claim, whichever flow writes it.

What is remembered of a companion stands under its own flow. So neither flow sends again what the other has sent, and
neither takes for unchanged what the other has changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from include.errors import Rejected, ServiceError, Waiting
from include.sync.endings import finish_failed, overtaken, problem_outcome
from include.sync.fingerprints import fingerprint
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Claimant, Finish, State, Transfer
from include.sync.links import Side
from include.sync.outcomes import Outcome, Result
from include.sync.records import Companion, Mapped
from include.sync.runs import RunPlan
from include.sync.task_context import TaskContext
from include.sync.work import WriteRequest


class Work(Protocol):
    """What is needed of the context that records are written in."""

    task: TaskContext
    plan: RunPlan
    ledger: Ledger
    side: Side

    @property
    def owner(self) -> Claimant:
        """Who claims what is written."""

    @property
    def now_there(self) -> str:
        """The time by the clock of the system written to."""

    def know_links(self, table: str, ids: Iterable[str]) -> None:
        """Read from the ledger which of these records are linked."""


Known = Mapping[str, Mapping[str, Transfer]]


def without_news(task: TaskContext, records: Mapping[str, tuple[Mapped, str]]) -> set[str]:
    """Those of these records all of whose companions the target has as they are. By key: the record, and when it was
    read, which is noted of its companions."""
    known = _known(task, [mapped for mapped, _ in records.values()])
    quiet: set[str] = set()
    seen: dict[tuple[str, str], list[str]] = {}
    for key, (mapped, read_at) in records.items():
        if all(_is_written(known, companion) for companion in mapped.companions):
            quiet.add(key)
            for companion in mapped.companions:
                seen.setdefault((companion.flow, read_at), []).append(companion.mapped.source_id)
    for (flow, read_at), keys in seen.items():
        task.ledger.seen(flow, keys, read_at)
    return quiet


def claimed_with(work: Work, items: Sequence[WriteRequest]) -> tuple[list[WriteRequest], list[WriteRequest]]:
    """The items, each with those of its companions that are to be written, claimed; and the items one of whose companions
    another task writes at the moment."""
    wanted = _by_flow(item.mapped for item in items)
    if not wanted:
        return list(items), []
    held = {
        (flow, key): claim
        for flow, keys in wanted.items()
        for key, claim in work.ledger.claim(_claims(work, flow), keys, work.owner).items()
    }
    known = _known(work.task, [item.mapped for item in items], base=True)
    for flow, keys in wanted.items():
        work.know_links(work.task.catalogue[flow].writer.table, keys)
    free: list[WriteRequest] = []
    busy: list[WriteRequest] = []
    unwritten: dict[str, list[str]] = {}
    overtook: dict[str, list[str]] = {}
    for item in items:
        places = [(c, (c.flow, c.mapped.source_id)) for c in item.mapped.companions]
        occupied = any(not held[place].held for _, place in places)
        requests = []
        for companion, (flow, key) in places:
            transfer = known[flow].get(key)
            late = transfer and overtaken(key, transfer, item.read_at)
            done = not work.plan.force and _is_written(known, companion)
            claim = held.get((flow, key))
            if occupied or late or done:
                # What an earlier try may have written stays claimed until its turn comes.
                if not occupied or (claim and claim.held and not claim.suspect):
                    unwritten.setdefault(flow, []).append(key)
                if late and not done and not occupied:
                    overtook.setdefault(flow, []).append(key)
                continue
            requests.append(_request(work, item, companion, transfer, suspect=bool(claim and claim.suspect)))
        (busy if occupied else free).append(replace(item, companions=tuple(requests)))
    for flow, keys in unwritten.items():
        work.ledger.release(_claims(work, flow), keys, work.owner)
    for flow, keys in overtook.items():
        work.ledger.look_again(flow, keys)
    return free, [replace(item, companions=()) for item in busy]


def give_back(work: Work, items: Iterable[WriteRequest]) -> None:
    """Give up the claims on the companions of these items."""
    keys: dict[str, list[str]] = {}
    for item in items:
        for companion in item.companions:
            keys.setdefault(companion.flow.name, []).append(companion.key)
    for flow, of_flow in keys.items():
        work.ledger.release(_claims(work, flow), of_flow, work.owner)


def unfinished(work: Work, request: WriteRequest, problem: Exception) -> Finish:
    """What the ledger remembers of a companion that could not be written."""
    key = request.key
    if isinstance(problem, ServiceError):
        outcome = Outcome(
            key=key, result=Result.retrying, kind=problem.kind, message=str(problem), advice=problem.advice
        )
    else:
        assert isinstance(problem, Rejected | Waiting)
        outcome = problem_outcome(key, problem)
    return finish_failed(work.plan, outcome, request.fingerprint, request.read_at, problem)


def _request(
    work: Work, item: WriteRequest, companion: Companion, transfer: Transfer | None, *, suspect: bool
) -> WriteRequest:
    return replace(
        item,
        flow=work.task.catalogue[companion.flow],
        key=companion.mapped.source_id,
        mapped=companion.mapped,
        fingerprint=fingerprint(companion.mapped),
        transfer=transfer,
        suspect=suspect,
        own={},
        modified=None,
        settled=None,
        companions=(),
    )


def _by_flow(records: Iterable[Mapped]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for mapped in records:
        for companion in mapped.companions:
            keys.setdefault(companion.flow, []).append(companion.mapped.source_id)
    return keys


def _known(task: TaskContext, records: Sequence[Mapped], *, base: bool = False) -> Known:
    return {flow: task.ledger.transfers(flow, keys, base=base) for flow, keys in _by_flow(records).items()}


def _is_written(known: Known, companion: Companion) -> bool:
    transfer = known[companion.flow].get(companion.mapped.source_id)
    if transfer is None or transfer.state != State.done:
        return False
    return transfer.fingerprint == fingerprint(companion.mapped)


def _claims(work: Work, flow: str) -> str:
    return work.side.claim_scope(work.task.catalogue[flow].writer.table)

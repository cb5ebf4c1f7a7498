"""Tells iPaaS.com the links of what was made or matched in Business Central."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from include.errors import ErrorKind, NotFound, RecordExists, Rejected, ServiceError
from include.sync.endings import finish_failed, problem_outcome
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Purpose, iso
from include.sync.links import Link, side_of
from include.sync.outcomes import Outcome
from include.sync.task_context import TaskContext


def push_links(task: TaskContext) -> dict[str, Outcome]:
    """Push every link that iPaaS.com does not know, those of runs that died included.

    Returns, by key, the flow's records whose link is refused: another record has their external id. Raises
    ServiceError when the fault concerns the whole run.
    """
    refused: dict[str, Outcome] = {}
    for link in _unpushed(task.ledger):
        table, external_id, internal_id = link
        try:
            task.ipaas.link(table, internal_id, external_id)
        except ServiceError as error:
            if error.stops_run:
                raise
            outcome = _not_pushed(task, link, error)
            if outcome is not None:
                refused[outcome.key] = outcome
        else:
            task.ledger.mark_pushed(table, external_id)
    return refused


def _unpushed(ledger: Ledger) -> Iterator[Link]:
    """Every link that iPaaS.com does not know, a few at a time: they may be very many."""
    after = ("", "")
    while links := ledger.unpushed(after=after):
        yield from links
        after = links[-1][:2]


def _not_pushed(task: TaskContext, link: Link, error: ServiceError) -> Outcome | None:
    """Deal with a link that could not be pushed: kept for the next run, given up, or the record's rejection."""
    table, external_id, internal_id = link
    if error.kind is not ErrorKind.rejected:
        # The ledger keeps it; the next run tries again.
        task.warn(f"The link of {table} {internal_id} to {external_id!r} is not in iPaaS.com yet: {error}")
        return None
    holder = task.ipaas.internal_id(table, external_id) if isinstance(error, RecordExists) else None
    if holder is not None and str(holder) == str(internal_id):
        task.ledger.mark_pushed(table, external_id)
        return None
    task.ledger.unlink(table, external_id)
    if table != task.flow.writer.table or isinstance(error, NotFound):
        task.warn(f"The link of {table} {internal_id} to {external_id!r} cannot be made in iPaaS.com: {error}")
        return None
    return _refused(task, link, holder, error)


def _refused(task: TaskContext, link: Link, holder: Any | None, error: ServiceError) -> Outcome:
    table, external_id, internal_id = link
    key = str(internal_id)
    belongs = f" The external id belongs to iPaaS.com {table} {holder}." if holder is not None else ""
    problem = Rejected(
        f"Business Central {external_id} was written for it, but iPaaS.com refuses the link: {error}.{belongs}",
        f"Two records of iPaaS.com are the same one of Business Central: merge them, or remove the external id "
        f"{external_id!r} from the wrong one.",
    )
    outcome = problem_outcome(key, problem)
    if holder is not None:
        task.ledger.link([(table, external_id, holder)])
    claims = side_of(task.flow.direction).claim_scope(table)
    # The next try finds what was written for it, instead of making it once more.
    task.ledger.reserve(claims, key, table, external_id, Purpose.keep)
    known = task.ledger.transfers(task.flow.name, [key]).get(key)
    print_ = known.fingerprint if known and known.fingerprint else ""
    read_at = known.read_at if known and known.read_at else iso(task.plan.started_at)
    end = finish_failed(task.plan, outcome, print_, read_at, problem)
    task.ledger.finish(task.flow.name, claims, [end], [], owner=f"{task.plan.run_id}#report")
    return outcome

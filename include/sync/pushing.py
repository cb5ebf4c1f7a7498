"""Tells iPaaS.com the links of what was made or matched in Business Central.

The flows from iPaaS.com begin at the same tick, and each tells whatever is untold, so that nothing depends on the run that
made a link: one of them at a time, so that no link is told twice.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from include.errors import ErrorKind, NotFound, RecordExists, Rejected, ServiceDown, ServiceError
from include.sync.batches import batches
from include.sync.context import BUSY_WAIT
from include.sync.endings import finish_failed, problem_outcome
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Claimant, Purpose, iso
from include.sync.links import Link, side_of
from include.sync.links_in_bulk import GIVE_UP_AFTER, IN_BULK, NOTED, ROOTS, is_away, root_of, tell_listed, unpushed
from include.sync.listing import LIST_FROM
from include.sync.outcomes import Outcome
from include.sync.task_context import TaskContext
from include.sync.tenure import Tenure
from include.transport.parallel import in_parallel

# Of what only other flows make, a run tells so much: its own records wait for its end, and others for its slots.
_OTHERS = 100
# Under which claims say who tells the links of a table, and of what is nested in its records.
_CLAIMS = "links to tell"


def push_links(task: TaskContext, tenure: Tenure) -> dict[str, Outcome]:
    """Push the links that iPaaS.com does not know, those of runs that died included: all that the flow may have made, its
    own first, and some of others'. What another run is pushing is left to it; of its own kind it is waited for, a while.

    Returns, by key, the flow's records whose link is refused: another record has their external id. Raises
    ServiceError when the fault concerns the whole run, and ClaimLost when a later try, or another run, has taken over.
    """
    tables: dict[str, list[str]] = {}
    for table in task.ledger.unpushed_tables():
        tables.setdefault(ROOTS.get(table, table), []).append(table)
    own = root_of(task.flow)
    may_have_made = {root_of(flow) for flow in _brought_by(task)}
    refused: dict[str, Outcome] = {}
    for root in sorted(tables, key=lambda root: (root != own, root not in may_have_made)):
        with links_claimed(task.ledger, tenure, root, waits=root == own) as mine:
            if mine:
                refused |= _push_all(task, root, tables[root], None if root in may_have_made else _OTHERS)
    return refused


def _brought_by(task: TaskContext) -> list[Flow]:
    """The flow, and those whose records it may bring along, or they theirs."""
    flows = [task.flow]
    for flow in flows:  # which grows
        before = (task.catalogue[name] for name in flow.after)
        flows += [one for one in before if one.direction is task.flow.direction and one not in flows]
    return flows


@contextmanager
def links_claimed(ledger: Ledger, tenure: Tenure, root: str, *, waits: bool) -> Iterator[bool]:
    """Within, the links of a type of record are told by nobody else, if it answers that they are this task's to tell.

    Raises ClaimLost from what is sent within when a later try, or another run, has taken over.
    """
    if not _is_mine(ledger, root, tenure.claimant, waits=waits):
        yield False
        return
    with tenure.writing(_CLAIMS, root):
        yield True
    ledger.release(_CLAIMS, [root], tenure.claimant)


def _is_mine(ledger: Ledger, root: str, owner: Claimant, *, waits: bool) -> bool:
    """Whether nobody else pushes these links; `waits`, for a while, until nobody does."""
    deadline = time.monotonic() + (BUSY_WAIT if waits else 0)
    while not ledger.claim(_CLAIMS, [root], owner)[root].held:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.5)
    return True


def _push_all(task: TaskContext, root: str, tables: Collection[str], most: int | None) -> dict[str, Outcome]:
    """Push the links of these tables, or no more than so many."""
    number = task.ledger.unpushed_tables().get(root, 0)
    wanted = number if most is None else min(number, most)
    told = 0
    if root in IN_BULK and wanted >= LIST_FROM:
        with suppress(ServiceDown):  # which is found out of single links, too
            told = tell_listed(task, IN_BULK[root], wanted, most)
    return _push_one_by_one(task, tables, None if most is None else max(0, most - told))


def _push_one_by_one(task: TaskContext, tables: Collection[str], most: int | None) -> dict[str, Outcome]:
    """Push each link of these tables, or the first so many, by itself, several at once."""
    refused: dict[str, Outcome] = {}
    in_a_row = 0
    calls = (partial(_push, task, link) for link in islice(_final(task, tables), most))
    for done in batches(in_parallel(calls, task.ipaas.concurrency), NOTED):
        task.ledger.mark_pushed(*(link for link, error in done if error is None))
        for link, error in done:
            in_a_row = in_a_row + 1 if error and is_away(error) else 0
            outcome = _not_pushed(task, link, error) if error else None
            if outcome is not None:
                refused[outcome.key] = outcome
        if in_a_row >= GIVE_UP_AFTER:
            task.warn("iPaaS.com takes no links at the moment: those that are left are told by the next run.")
            break
    return refused


def _final(task: TaskContext, tables: Collection[str]) -> Iterator[Link]:
    """The links of these tables, but for those of records that another run writes at the moment: it may take them back."""
    side = side_of(task.flow.direction)
    for links in batches(unpushed(task.ledger, tables), NOTED):
        for table in dict.fromkeys(table for table, _, _ in links):
            of_table = [link for link in links if link[0] == table]
            ids = (str(ipaas_id) for _, _, ipaas_id in of_table)
            claimed = task.ledger.claimed(side.claim_scope(table), ids, alive=True)
            yield from (link for link in of_table if str(link[2]) not in claimed)


def _push(task: TaskContext, link: Link) -> tuple[Link, ServiceError | None]:
    table, external_id, internal_id = link
    try:
        task.ipaas.link(table, internal_id, external_id)
    except ServiceError as error:
        if error.stops_run:
            raise
        return link, error
    return link, None


def _not_pushed(task: TaskContext, link: Link, error: ServiceError) -> Outcome | None:
    """Deal with a link that could not be pushed: kept for the next run, given up, or its record's rejection."""
    table, external_id, internal_id = link
    key, own = str(internal_id), task.flow
    not_yet = f"The link of {table} {internal_id} to {external_id!r} is not in iPaaS.com yet: {error}"
    if error.kind is not ErrorKind.rejected:
        # The ledger keeps it; the next run tries again.
        task.warn(not_yet)
        return None
    if task.ledger.claimed(side_of(own.direction).claim_scope(table), [key]):
        # Who writes it is about to note what it is; or its flow's next run takes it up.
        task.warn(not_yet)
        return None
    holder = task.ipaas.internal_id(table, external_id) if isinstance(error, RecordExists) else None
    if holder is not None and str(holder) == key:
        task.ledger.mark_pushed(link)
        return None
    refused: Outcome | None = None
    makers = [f.name for f in task.catalogue.values() if f.direction is own.direction and f.writer.table == table]
    of = [name for name in makers if key in task.ledger.transfers(name, [key])] or makers
    flow = own.name if own.name in of else next(iter(of), None)
    if flow and not isinstance(error, NotFound):
        refused = _refused(task, flow, link, holder, error)
    # Last: should this process die before, the next run meets the link once more, and ends what was begun.
    if refused and holder is not None:
        task.ledger.link([(table, external_id, holder)])
    else:
        task.ledger.unlink(table, external_id)
    if refused and flow == own.name:
        return refused
    # Of another flow's record it is said here, too: that flow's run has ended.
    told = f" {refused.advice}" if refused else ""
    task.warn(f"The link of {table} {internal_id} to {external_id!r} cannot be made in iPaaS.com: {error}{told}")
    return None


def _refused(task: TaskContext, flow: str, link: Link, holder: Any | None, error: ServiceError) -> Outcome:
    """Note that the link of a flow's record is refused."""
    table, external_id, internal_id = link
    key = str(internal_id)
    belongs = f" The external id belongs to iPaaS.com {table} {holder}." if holder is not None else ""
    problem = Rejected(
        f"Business Central {external_id} was written for it, but iPaaS.com refuses the link: {error}.{belongs}",
        f"Two records of iPaaS.com are the same one of Business Central: merge them, or remove the external id "
        f"{external_id!r} from the wrong one.",
    )
    outcome = problem_outcome(key, problem)
    claims = side_of(task.flow.direction).claim_scope(table)
    # The next try finds what was written for it, instead of making it once more.
    task.ledger.reserve(claims, key, table, external_id, Purpose.keep)
    known = task.ledger.transfers(flow, [key]).get(key)
    print_ = known.fingerprint if known and known.fingerprint else ""
    read_at = known.read_at if known and known.read_at else iso(task.plan.started_at)
    end = finish_failed(task.plan, outcome, print_, read_at, problem)
    if flow != task.flow.name and known and known.run_id:
        end = replace(end, run_id=known.run_id)  # what is told of it is looked for in a run of its own flow
    task.ledger.finish(flow, claims, [end], [], owner=task.plan.task("report"))
    return outcome

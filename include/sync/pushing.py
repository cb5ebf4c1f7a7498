"""Tells iPaaS.com the links of what was made or matched in Business Central.

The flows from iPaaS.com begin at the same tick, and each tells whatever is untold, so that nothing depends on the run that
made a link: one of them at a time, so that no link is told twice.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from include.errors import ODD, ErrorKind, NotFound, RecordExists, Rejected, ServiceError
from include.ipaas.endpoints import ENDPOINTS, Endpoint
from include.ipaas.external_ids import external_id_of
from include.ipaas.lists import ListPage
from include.sync.batches import batches
from include.sync.context import BUSY_WAIT
from include.sync.endings import finish_failed, problem_outcome
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Claimant, Purpose, iso
from include.sync.links import Link, side_of
from include.sync.listing import LIST_FROM, Listing, from_list
from include.sync.outcomes import Outcome
from include.sync.records import Json
from include.sync.task_context import TaskContext
from include.sync.tenure import Tenure
from include.sync.values import fold
from include.transport.parallel import in_parallel

# Links of so many records are noted at once.
_GROUP = 25
# Of what only other flows make, a run tells so much: its own records wait for its end, and others for its slots.
_OTHERS = 100
# Under which claims say who tells the links of a table, and of what is nested in its records.
_CLAIMS = "links to tell"
# The tables of nested records, with the table of what they stand in.
_ROOTS = {child.table: endpoint.table for endpoint in ENDPOINTS.values() for child in endpoint.children.values()}
_IN_BULK = {each.table: each for each in ENDPOINTS.values() if each.updates and not each.within}


def push_links(task: TaskContext, tenure: Tenure) -> dict[str, Outcome]:
    """Push the links that iPaaS.com does not know, those of runs that died included: all that the flow may have made, its
    own first, and some of others'. What another run is pushing is left to it; of its own kind it is waited for, a while.

    Returns, by key, the flow's records whose link is refused: another record has their external id. Raises
    ServiceError when the fault concerns the whole run, and ClaimLost when a later try, or another run, has taken over.
    """
    tables: dict[str, list[str]] = {}
    for table in task.ledger.unpushed_tables():
        tables.setdefault(_ROOTS.get(table, table), []).append(table)
    own = _root(task.flow)
    may_have_made = {_root(flow) for flow in _brought_by(task)}
    refused: dict[str, Outcome] = {}
    for root in sorted(tables, key=lambda root: (root != own, root not in may_have_made)):
        if _is_mine(task.ledger, root, tenure.claimant, waits=root == own):
            with tenure.writing(_CLAIMS, root):
                refused |= _push_all(task, root, tables[root], None if root in may_have_made else _OTHERS)
            task.ledger.release(_CLAIMS, [root], tenure.claimant)
    return refused


def _root(flow: Flow) -> str:
    """The table that the links of a flow's records are told with."""
    return _ROOTS.get(flow.writer.table, flow.writer.table)


def _brought_by(task: TaskContext) -> list[Flow]:
    """The flow, and those whose records it may bring along, or they theirs."""
    flows = [task.flow]
    for flow in flows:  # which grows
        before = (task.catalogue[name] for name in flow.after)
        flows += [one for one in before if one.direction is task.flow.direction and one not in flows]
    return flows


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
    if root in _IN_BULK and wanted >= LIST_FROM:
        told = _push_with_their_records(task, _IN_BULK[root], wanted, most)
    return _push_one_by_one(task, tables, None if most is None else max(0, most - told))


# --- many at once: each record with what is nested in it ----------------------------------------------------------


def _push_with_their_records(task: TaskContext, endpoint: Endpoint, number: int, most: int | None) -> int:
    """Link the records that the list shows, or the first so many, each with all that is nested in it in one change;
    answers how many links are made.

    No external id is taken from another record: the list has to show all links that there are. What does not go that way
    is left to be pushed by itself, where it is found out what is wrong with it.
    """
    listing = Listing(endpoint, task.plan.system_id)
    pages = task.ipaas.pages(endpoint, ahead=number)
    rows = from_list(pages, listing, partial(_to_link, task.ledger, endpoint), number)
    sound = (row for row in rows if listing.complete and _free(listing, row["links"]))
    calls = (partial(_link_whole, task, endpoint, row["record"], row["links"]) for row in islice(sound, most))
    told = 0
    for done in batches(in_parallel(calls, task.ipaas.concurrency), _GROUP):
        made = [link for links in done for link in links]
        task.ledger.mark_pushed(*made)
        told += len(made)
    return told


def _to_link(ledger: Ledger, endpoint: Endpoint, page: ListPage) -> Iterator[Json]:
    """The records of a page that are to be linked, with their links and those of what is nested in them."""
    records = {str(record["id"]): record for record in page.records}
    own = ledger.external_ids(endpoint.table, records, pushed=False)
    if not own or not page.whole:
        return
    nested = {
        child.table: ledger.external_ids(
            child.table, [one["id"] for i in own for one in _children(records[i], name)], pushed=False
        )
        for name, child in endpoint.children.items()
    }
    for ipaas_id, external_id in own.items():
        record = records[ipaas_id]
        links: list[Link] = [(endpoint.table, external_id, record["id"])]
        for name, child in endpoint.children.items():
            known = nested[child.table]
            links += [
                (child.table, known[i], one["id"]) for one in _children(record, name) if (i := str(one["id"])) in known
            ]
        yield {"record": record, "links": links}


def _children(record: Json, name: str) -> list[Json]:
    listed = record.get(name)
    return [one for one in listed if isinstance(one, dict) and one.get("id")] if isinstance(listed, list) else []


def _free(listing: Listing, links: Sequence[Link]) -> bool:
    """Whether none of these external ids is another record's."""
    held = ((listing.holder(table, external_id), ipaas_id) for table, external_id, ipaas_id in links)
    return all(holder is None or str(holder) == str(ipaas_id) for holder, ipaas_id in held)


def _link_whole(task: TaskContext, endpoint: Endpoint, record: Json, links: Sequence[Link]) -> list[Link]:
    """Link a record and what is nested in it in one change; answers the links that are made by it."""
    wanted = {(table, str(ipaas_id)): external_id for table, external_id, ipaas_id in links}
    system_id = task.plan.system_id
    body: Json = {"external_ids": _linked(record, wanted[endpoint.table, str(record["id"])], system_id)}
    for name, child in endpoint.children.items():
        named = [one for one in _children(record, name) if (child.table, str(one["id"])) in wanted]
        if named:
            body[name] = [
                {"id": one["id"], "external_ids": _linked(one, wanted[child.table, str(one["id"])], system_id)}
                for one in named
            ]
    try:
        saved = task.ipaas.update(endpoint, record["id"], body, record)
        return [link for link in links if _shows(endpoint, saved, link, system_id)]
    except ServiceError as error:
        if error.stops_run:
            raise
    except ODD:
        pass  # what cannot be read of one record is no reason to stop
    return []


def _linked(record: Json, external_id: str, system_id: int) -> list[Json]:
    """The external ids of a record with ours, those of other systems as they stand."""
    others = [
        {"system_id": one["system_id"], "external_id": one["external_id"]}
        for one in record.get("external_ids") or ()
        if str(one.get("system_id")) != str(system_id) and one.get("external_id")
    ]
    return [*others, {"system_id": system_id, "external_id": external_id}]


def _shows(endpoint: Endpoint, saved: Json, link: Link, system_id: int) -> bool:
    """Whether the answer has a link that was asked for: what was passed over in silence is not made."""
    table, external_id, ipaas_id = link
    nested = (
        one for name, child in endpoint.children.items() if child.table == table for one in _children(saved, name)
    )
    places = [saved] if table == endpoint.table else [one for one in nested if str(one["id"]) == str(ipaas_id)]
    return any(fold(external_id_of(place, system_id) or "") == fold(external_id) for place in places)


# --- one by one --------------------------------------------------------------------------------------------------


def _push_one_by_one(task: TaskContext, tables: Collection[str], most: int | None) -> dict[str, Outcome]:
    """Push each link of these tables, or the first so many, by itself, several at once."""
    refused: dict[str, Outcome] = {}
    calls = (partial(_push, task, link) for link in islice(_unpushed(task.ledger, tables), most))
    for done in batches(in_parallel(calls, task.ipaas.concurrency), _GROUP):
        task.ledger.mark_pushed(*(link for link, error in done if error is None))
        for link, error in done:
            outcome = _not_pushed(task, link, error) if error else None
            if outcome is not None:
                refused[outcome.key] = outcome
    return refused


def _push(task: TaskContext, link: Link) -> tuple[Link, ServiceError | None]:
    table, external_id, internal_id = link
    try:
        task.ipaas.link(table, internal_id, external_id)
    except ServiceError as error:
        if error.stops_run:
            raise
        return link, error
    return link, None


def _unpushed(ledger: Ledger, tables: Collection[str]) -> Iterator[Link]:
    """Every link of these tables that iPaaS.com does not know, a few at a time: they may be very many."""
    after = ("", "")
    while links := ledger.unpushed(tables, after=after):
        yield from links
        after = links[-1][:2]


def _not_pushed(task: TaskContext, link: Link, error: ServiceError) -> Outcome | None:
    """Deal with a link that could not be pushed: kept for the next run, given up, or its record's rejection."""
    table, external_id, internal_id = link
    key, own = str(internal_id), task.flow
    not_yet = f"The link of {table} {internal_id} to {external_id!r} is not in iPaaS.com yet: {error}"
    if error.kind is not ErrorKind.rejected:
        # The ledger keeps it; the next run tries again.
        task.warn(not_yet)
        return None
    if task.ledger.is_claimed(side_of(own.direction).claim_scope(table), key):
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

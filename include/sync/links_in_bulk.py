"""Links that are told many at once: each record with what is nested in it, in one change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

from include.errors import ODD, ServiceError
from include.ipaas.endpoints import ENDPOINTS, Endpoint
from include.ipaas.external_ids import external_id_of
from include.ipaas.lists import ListPage
from include.sync.batches import batches
from include.sync.exact import from_json, to_json
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.links import Link
from include.sync.listing import Listing, from_list
from include.sync.records import Json
from include.sync.staging.keyset import KeyPairs
from include.sync.task_context import TaskContext
from include.sync.values import fold
from include.transport.parallel import in_parallel
from include.transport.values import as_records

# Links of so many records are noted at once.
GROUP = 25
# For so many seconds a record that was read is one that was read a moment ago.
_FRESH = 300.0
# The tables of nested records, with the table of what they stand in.
ROOTS = {child.table: endpoint.table for endpoint in ENDPOINTS.values() for child in endpoint.children.values()}
IN_BULK = {each.table: each for each in ENDPOINTS.values() if each.updates and not each.within}


def root_of(flow: Flow) -> str:
    """The table that the links of a flow's records are told with."""
    return ROOTS.get(flow.writer.table, flow.writer.table)


def tell_listed(task: TaskContext, endpoint: Endpoint, number: int, most: int | None) -> int:
    """Link the records that the list shows, or the first so many, each with all that is nested in it in one change;
    answers how many links are made.

    No external id is taken from another record: the list has to show all links that there are. What does not go that way
    is left to be pushed by itself, where it is found out what is wrong with it.
    """
    listing = Listing(endpoint, task.plan.system_id)
    until = time.monotonic() + _FRESH

    def to_link(page: ListPage) -> Iterator[Json]:
        for record, links in _with_links(task.ledger, endpoint, page.records if page.whole else ()):
            yield {"record": record, "links": links}

    rows = from_list(task.ipaas.pages(endpoint, ahead=number), listing, to_link, number)
    found = ((row["record"], row["links"]) for row in rows if listing.complete)
    return _tell(task, endpoint, listing, islice(found, most), fresh=lambda: time.monotonic() < until)


class UnlinkedRows:
    """The records of a list that nobody has linked to our system yet. They are kept in a file until their links are known."""

    def __init__(self, task: TaskContext, endpoint: Endpoint, number: int) -> None:
        """Read the list, if that costs less than asking for a `number` of its records. `complete`: it was, all of it."""
        self._task = task
        self._endpoint = endpoint
        self._listing = Listing(endpoint, task.plan.system_id)
        self._rows = KeyPairs()
        pages = task.ipaas.pages(endpoint, ahead=number)
        for row in from_list(pages, self._listing, self._of_page, number):
            self._rows.add(str(row["id"]), to_json(row).decode())
        self.complete = self._listing.complete

    def _of_page(self, page: ListPage) -> Iterator[Json]:
        for record in page.records if page.whole else ():
            with suppress(*ODD):  # of which the list does not tell all: then it is complete for nobody
                if external_id_of(record, self._task.plan.system_id) is None:
                    children = self._endpoint.children
                    yield _links_of(record) | {name: list(map(_links_of, _children(record, name))) for name in children}

    def tell(self, links: Iterable[Link]) -> int:
        """Link those that these links of records are of, with what is nested in them; answers how many links are made.

        Each is tried once: what does not go this way is left to be pushed by itself.
        """
        records = [as_records(from_json(row)) for _, _, ipaas_id in links for row in self._rows.take(str(ipaas_id))]
        found = _with_links(self._task.ledger, self._endpoint, records)
        return _tell(self._task, self._endpoint, self._listing, found)


def _links_of(record: Json) -> Json:
    """Of a record what a change of its links needs."""
    return {"id": record["id"], "external_ids": record.get("external_ids") or []}


def _with_links(ledger: Ledger, endpoint: Endpoint, found: Iterable[Json]) -> Iterator[tuple[Json, list[Link]]]:
    """The records that are to be linked, with their links and those of what is nested in them."""
    records = {str(record["id"]): record for record in found}
    own = ledger.external_ids(endpoint.table, records, pushed=False)
    nested = {
        child.table: ledger.external_ids(
            child.table, [one["id"] for i in own for one in _children(records[i], name)], pushed=False
        )
        for name, child in endpoint.children.items()
        if own
    }
    for ipaas_id, external_id in own.items():
        record = records[ipaas_id]
        links: list[Link] = [(endpoint.table, external_id, record["id"])]
        for name, child in endpoint.children.items():
            known = nested[child.table]
            links += [
                (child.table, known[i], one["id"]) for one in _children(record, name) if (i := str(one["id"])) in known
            ]
        yield record, links


def _children(record: Json, name: str) -> list[Json]:
    listed = record.get(name)
    return [one for one in listed if isinstance(one, dict) and one.get("id")] if isinstance(listed, list) else []


def _free(listing: Listing, links: Sequence[Link]) -> bool:
    """Whether none of these external ids is another record's."""
    held = ((listing.holder(table, external_id), ipaas_id) for table, external_id, ipaas_id in links)
    return all(holder is None or str(holder) == str(ipaas_id) for holder, ipaas_id in held)


def _tell(
    task: TaskContext,
    endpoint: Endpoint,
    listing: Listing,
    found: Iterable[tuple[Json, Sequence[Link]]],
    fresh: Callable[[], bool] = lambda: False,
) -> int:
    """Make the links of records that were found in a list; answers how many are made. `fresh`: the records are as they stand."""
    calls = (
        partial(_link_whole, task, endpoint, record, links, fresh) for record, links in found if _free(listing, links)
    )
    told = 0
    for done in batches(in_parallel(calls, task.ipaas.concurrency), GROUP):
        made = [link for links in done for link in links]
        task.ledger.mark_pushed(*made)
        told += len(made)
    return told


def _link_whole(
    task: TaskContext, endpoint: Endpoint, record: Json, links: Sequence[Link], fresh: Callable[[], bool]
) -> list[Link]:
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
        saved = task.ipaas.update(endpoint, record["id"], body, record if fresh() else None)
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

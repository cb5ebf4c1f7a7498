"""Links that are told many at once: each record with what is nested in it, in one change."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from include.errors import ODD, ErrorKind, ServiceDown, ServiceError
from include.ipaas.endpoints import ENDPOINTS, Endpoint
from include.ipaas.external_ids import external_id_of
from include.ipaas.lists import ListPage
from include.sync.batches import batches
from include.sync.exact import from_json, to_json
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.links import Link, side_of
from include.sync.listing import Listing, from_list
from include.sync.records import Json
from include.sync.staging.keyset import KeyPairs
from include.sync.task_context import TaskContext
from include.sync.values import fold
from include.transport.parallel import in_parallel
from include.transport.values import as_records

# Links of so many records are noted at once, and those of so many looked at.
NOTED, _AT_ONCE = 25, 250
# For so many seconds a record stands as it was read: the links of other systems, which a change repeats, would else be
# those of long ago.
_FRESH = 300.0
# So many records in a row that iPaaS.com could not take mean that it is down.
GIVE_UP_AFTER = 10
# The tables of nested records, with the table of what they stand in.
ROOTS = {child.table: endpoint.table for endpoint in ENDPOINTS.values() for child in endpoint.children.values()}
IN_BULK = {each.table: each for each in ENDPOINTS.values() if each.updates and not each.within}


def root_of(flow: Flow) -> str:
    """The table that the links of a flow's records are told with."""
    return ROOTS.get(flow.writer.table, flow.writer.table)


def tell_listed(task: TaskContext, endpoint: Endpoint, number: int, most: int | None) -> int:
    """Link the records that the list shows, or no more than so many, each with all that is nested in it in one change;
    answers how many links are made. What does not go that way is left to be pushed by itself, where it is found out what
    is wrong with it.

    Raises ServiceDown when iPaaS.com takes nothing any more.
    """

    def to_link(page: ListPage) -> list[Json]:
        known = task.ledger.external_ids(endpoint.table, (record["id"] for record in page.records), pushed=False)
        return [record for record in page.records if str(record["id"]) in known]

    listed = ListedRecords(task, endpoint, number, to_link)
    told = 0
    for links in batches(islice(unpushed(task.ledger, [endpoint.table]) if listed.complete else (), most), _AT_ONCE):
        told += listed.tell(listed.ready(links, alive=True))
    return told


def unpushed(ledger: Ledger, tables: Collection[str]) -> Iterator[Link]:
    """Every link of these tables that iPaaS.com does not know, a few at a time: they may be very many."""
    after = ("", "")
    while links := ledger.unpushed(tables, after=after):
        yield from links
        after = links[-1][:2]


class ListedRecords:
    """Records of a list that are to be linked, kept in a file until their links are told, as they stand by then.

    No external id is taken from another record: the list has to show all links that there are.
    """

    def __init__(
        self, task: TaskContext, endpoint: Endpoint, number: int, pick: Callable[[ListPage], Iterable[Json]]
    ) -> None:
        """Read the list, if that costs less than asking for a `number` of its records, and keep what is picked of its
        pages. `complete`: it was read, all of it, and tells of all links."""
        self._task = task
        self._endpoint = endpoint
        self._claims = side_of(task.flow.direction).claim_scope(endpoint.table)
        self._listing = Listing(endpoint, task.plan.system_id)
        self._kept = KeyPairs()

        def picked(page: ListPage) -> Iterator[Json]:
            for record in pick(page):
                yield {"page": page.number, "at": time.monotonic(), "record": record}

        for row in from_list(task.ipaas.pages(endpoint, ahead=number), self._listing, picked, number):
            self._keep(row)
        self.complete = self._listing.complete

    def ready(self, links: Sequence[Link], *, alive: bool) -> list[Link]:
        """Those of these links of records that can be told here. What is being written at the moment may get more links,
        or lose this one; what was when his task died may, too, and counts unless its writer is to be `alive`."""
        here = [link for link in links if str(link[2]) in self._kept]
        claimed = self._task.ledger.claimed(self._claims, (str(link[2]) for link in here), alive=alive)
        return [link for link in here if str(link[2]) not in claimed]

    def tell(self, links: Sequence[Link]) -> int:
        """Link the records of these links, with what is nested in them; answers how many links are made. Each is tried
        once. Raises ServiceDown when iPaaS.com takes nothing any more."""
        ids = [str(ipaas_id) for _, _, ipaas_id in links]
        self._refresh(ids)
        oldest = time.monotonic() - _FRESH
        rows = [from_json(row) for i in ids for row in self._kept.take(i)]
        records = [as_records(row["record"]) for row in rows if row["at"] >= oldest]
        found = _with_links(self._task.ledger, self._endpoint, records)
        return _tell(self._task, self._endpoint, self._listing, found)

    def _keep(self, row: Json) -> None:
        self._kept.add(str(row["record"]["id"]), to_json(row).decode())

    def _refresh(self, ids: Iterable[str]) -> None:
        """Read the pages of these records again that were read a while ago, and have all their records as they stand now.

        What has moved to another page is left to be pushed by itself.
        """
        oldest, read = time.monotonic() - _FRESH, set[int]()
        for ipaas_id in ids:
            old = [row for text in self._kept.of(ipaas_id) if (row := from_json(text))["at"] < oldest]
            for number in {int(row["page"]) for row in old} - read:
                read.add(number)
                page = self._task.ipaas.page(self._endpoint, number)
                for record in page.records if page and page.whole else ():
                    if self._kept.take(str(record["id"])):
                        self._keep({"page": number, "at": time.monotonic(), "record": record})


def unlinked(system_id: int, page: ListPage) -> list[Json]:
    """The records of a page that are linked to nothing of ours. Raises BadRecord."""
    return [record for record in page.records if external_id_of(record, system_id) is None]


def _with_links(ledger: Ledger, endpoint: Endpoint, found: Iterable[Json]) -> Iterator[tuple[Json, list[Link]]]:
    """The records that are to be linked, with their links and those of what is nested in them."""
    records = {str(record["id"]): record for record in found}
    own = ledger.external_ids(endpoint.table, records, pushed=False)
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
        yield record, links


def _children(record: Json, name: str) -> list[Json]:
    listed = record.get(name)
    return [one for one in listed if isinstance(one, dict) and one.get("id")] if isinstance(listed, list) else []


def _free(listing: Listing, links: Sequence[Link]) -> bool:
    """Whether none of these external ids is another record's."""
    held = ((listing.holder(table, external_id), ipaas_id) for table, external_id, ipaas_id in links)
    return all(holder is None or str(holder) == str(ipaas_id) for holder, ipaas_id in held)


def _tell(task: TaskContext, endpoint: Endpoint, listing: Listing, found: Iterable[tuple[Json, Sequence[Link]]]) -> int:
    """Make the links of records that were found in a list; answers how many are made."""
    calls = (partial(_link_whole, task, endpoint, record, links) for record, links in found if _free(listing, links))
    told = in_a_row = 0
    for done in batches(in_parallel(calls, task.ipaas.concurrency), NOTED):
        made = [link for links in done if not isinstance(links, ServiceError) for link in links]
        task.ledger.mark_pushed(*made)
        told += len(made)
        for each in done:
            in_a_row = in_a_row + 1 if isinstance(each, ServiceError) and is_away(each) else 0
            if in_a_row == GIVE_UP_AFTER:
                raise ServiceDown(f"{each} ({in_a_row} records in a row.)")
    return told


def is_away(error: ServiceError) -> bool:
    """Whether iPaaS.com could not take a call at the moment, whatever it was."""
    return error.kind in (ErrorKind.throttled, ErrorKind.unavailable)


def _link_whole(
    task: TaskContext, endpoint: Endpoint, record: Json, links: Sequence[Link]
) -> list[Link] | ServiceError:
    """Link a record and what is nested in it in one change; answers the links that are made by it, or why none is."""
    system_id = task.plan.system_id
    try:
        # Where the platform wants what a new record needs repeated, that is read now: the shop may have cancelled an order
        # since its page was read.
        saved = task.ipaas.update(endpoint, record["id"], _change(endpoint, record, links, system_id))
        return [link for link in links if _shows(endpoint, saved, link, system_id)]
    except ServiceError as error:
        if error.stops_run:
            raise
        return error
    except ODD:
        return []  # what cannot be read of one record is no reason to stop


def _change(endpoint: Endpoint, record: Json, links: Sequence[Link], system_id: int) -> Json:
    wanted = {(table, str(ipaas_id)): external_id for table, external_id, ipaas_id in links}
    body: Json = {"external_ids": _linked(record, wanted[endpoint.table, str(record["id"])], system_id)}
    for name, child in endpoint.children.items():
        named = [one for one in _children(record, name) if (child.table, str(one["id"])) in wanted]
        if named:
            body[name] = [
                {"id": one["id"], "external_ids": _linked(one, wanted[child.table, str(one["id"])], system_id)}
                for one in named
            ]
    return body


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

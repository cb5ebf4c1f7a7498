"""A list of iPaaS.com that is read whole: what each record is linked to, and which records share a natural key.

Where many records are to be looked up, the list tells of all of them in a few pages what would be a request for each.
It tells only when all of it was seen, and held still meanwhile: what a list leaves out must not pass for not linked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import simplejson

from include.errors import BadRecord
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, external_id_of
from include.sync.records import Json
from include.sync.staging.keyset import KeyPairs, KeySet
from include.sync.staging.spool import Spool
from include.sync.values import fold

if TYPE_CHECKING:
    from include.ipaas.lists import ListPage

# From so many records on, a list may cost less than asking for each.
LIST_FROM = 20


class Listing:
    """What the list of one endpoint has said. `complete`: of every record there is."""

    def __init__(self, endpoint: Endpoint, system_id: int) -> None:
        self.complete = False
        self._endpoint = endpoint
        self._system_id = system_id
        self._held = KeyPairs()
        self._alike = KeyPairs()
        self._ids = KeySet()
        self._still = True
        self._pages: set[int] = set()
        self._count: int | None = None

    def take(self, page: ListPage) -> None:
        """Take in a page."""
        self._pages.add(page.total)
        self._still &= (
            page.whole and not page.odd and len(self._pages) == 1 and page.count in (None, self._count or page.count)
        )
        self._count = page.count
        for record in page.records:
            # One that is met twice has moved from one page to the next: then another may have moved past us.
            self._still &= self._ids.add(str(record["id"]))
            self._take(record)

    def all_seen(self) -> None:
        """The list has ended."""
        self.complete = self._still and self._count in (None, len(self._ids))

    def _take(self, record: Json) -> None:
        try:
            own = self._hold(self._endpoint.table, record)
            for name, nested in self._endpoint.children.items():
                for child in record.get(name) or ():
                    self._hold(nested.table, child)
        except (BadRecord, AttributeError, TypeError, KeyError):
            self._still = False  # what one is linked to cannot be told
            return
        if self._endpoint.key and record.get(self._endpoint.key):
            alike = {"id": record["id"], "external_id": own}
            self._alike.add(fold(str(record[self._endpoint.key])), simplejson.dumps(alike))

    def _hold(self, table: str, record: Any) -> str | None:
        own = external_id_of(record, self._system_id)
        if own is not None:
            self._held.add(f"{table}|{fold(own)}", simplejson.dumps(record["id"]))
        return own

    def holder(self, table: str, external_id: str) -> Id | None:
        """The record that is linked to an external id, None when there is none."""
        found = self._held.of(f"{table}|{fold(external_id)}")
        return None if not found else simplejson.loads(found[0])

    def tells_of(self, table: str) -> bool:
        """Whether all links of a table are known."""
        return self.complete and table in (self._endpoint.table, *(c.table for c in self._endpoint.children.values()))

    def alike(self, value: str) -> list[Json]:
        """The records whose natural key is this: their ids and what they are linked to."""
        found = [simplejson.loads(one) for one in self._alike.of(fold(value))]
        return [
            {"id": one["id"], "external_ids": [{"system_id": self._system_id, "external_id": one["external_id"]}]}
            for one in found
        ]


def from_list(
    pages: Iterable[ListPage], listing: Listing, pick: Callable[[ListPage], Iterable[Json]], number: int | None = None
) -> Iterator[Json]:
    """What is picked from the pages of a list, once `listing` knows what it can of all others.

    Of a `number` of records, it is read as long as that costs less than asking for each: while there are no more pages than
    wanted records, or every page has brought some. Without one it is read to its end.
    """
    spool = Spool()
    for read, page in enumerate(pages, 1):
        listing.take(page)
        for record in pick(page):
            spool.add(record)
        if number is not None and (not page.whole or (page.total > number and not read <= spool.count < number)):
            break
    else:
        listing.all_seen()
    yield from spool

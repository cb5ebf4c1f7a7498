"""Lists of iPaaS.com: pages, whose rows need not be whole records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import simplejson
from urllib3 import BaseHTTPResponse

from include.errors import senseless
from include.ipaas import errors
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import OddEntry, is_summary, sound
from include.transport.session import json_of
from include.transport.values import Json


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One page of a list: its records, its number and how many there are; `count` is how many records, where it says so.

    `whole` is false when rows are no whole records: what a row does not hold is not known, its links among it.
    `odd` are the entries without an id; they are none of the records.
    """

    records: list[Json]
    number: int
    total: int
    count: int | None = None
    whole: bool = True
    odd: tuple[OddEntry, ...] = ()

    def within(self, name: str) -> ListPage:
        """The same page with the records that are nested in its own, in their list `name`."""
        nested: list[Any] = []
        for record in self.records:
            listed = record.get(name)
            for child in listed if isinstance(listed, list) else ():
                nested.append({"parent_id": record["id"], **child} if isinstance(child, dict) else child)
        records, odd = sound(nested, f"{name} of page {self.number}")
        whole = self.whole and not any(map(is_summary, records))
        return replace(self, records=records, count=None, odd=(*self.odd, *odd), whole=whole)


def may_be(row: Json, endpoint: Endpoint, value: str) -> bool:
    """Whether a row may be the record that is looked for: whatever it says of the natural key agrees."""
    said = row.get(endpoint.key)
    return said is None or _agrees(said, value)


def is_another(content: Any, endpoint: Endpoint, value: str) -> bool:
    """Whether an entry that is no record is plainly not the one that is looked for: it has another natural key."""
    said = content.get(endpoint.key) if isinstance(content, dict) else None
    return isinstance(said, str) and bool(said.strip()) and not _agrees(said, value)


def _agrees(said: Any, value: str) -> bool:
    return str(said).strip().casefold() == value.strip().casefold()


def page_decoder(number: int) -> Callable[[BaseHTTPResponse], ListPage]:
    """A decoder for page `number` of a list, which is a bare array with its place in the header X-Pagination."""

    def decode(response: BaseHTTPResponse) -> ListPage:
        records = json_of(errors.SYSTEM)(response)
        try:
            place = simplejson.loads(response.headers.get("X-Pagination") or "{}")
            folded = {name.lower(): int(value) for name, value in place.items() if value is not None}
        except (AttributeError, TypeError, ValueError):
            raise senseless(errors.SYSTEM, "The header X-Pagination cannot be read.") from None
        if not isinstance(records, list):
            raise senseless(errors.SYSTEM, "A list was asked for and none was answered.")
        if folded.get("current_page", number) != number:
            raise senseless(errors.SYSTEM, f"Page {number} was asked for and page {folded['current_page']} answered.")
        kept, odd = sound(records, f"page {number}")
        total, count = folded.get("total_pages", 1), folded.get("total_count")
        return ListPage(records=kept, number=number, total=total, count=count, odd=odd)

    return decode

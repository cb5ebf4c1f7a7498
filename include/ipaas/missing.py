"""`External/Missing`: which records have no external id of ours. What it answers is documented in words alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import simplejson
from urllib3 import BaseHTTPResponse

from include.errors import NotFound, senseless
from include.ipaas import errors
from include.ipaas.external_ids import Id, MissingUnreadable
from include.transport.parallel import in_parallel
from include.transport.session import json_of

# Without a header that says how many pages there are, so many ids or more may be one page of several.
_PERHAPS_A_PAGE = 20


@dataclass(frozen=True)
class _Answer:
    ids: list[Id]
    pages: int | None


class Unlinked:
    """The ids of all records without an external id of ours: an array, or pages of one."""

    def __init__(self, send: Callable[[Mapping[str, str], Callable[[BaseHTTPResponse], _Answer]], _Answer]) -> None:
        """`send` sends the request with these parameters and decodes what is answered."""
        self._send = send

    def ids(self, at_once: int = 1) -> Iterator[Id]:
        """Every id, at least once. Raises MissingUnreadable for an answer that is no list of ids."""
        first = self._page(1)
        yield from first.ids
        if first.pages is not None:
            calls = (partial(self._page, number) for number in range(2, first.pages + 1))
            for page in in_parallel(calls, at_once):
                yield from page.ids
            return
        number, last = 1, set(first.ids)
        while last and len(first.ids) >= _PERHAPS_A_PAGE:
            # It says nothing of pages, and may have some all the same: then the next one holds others.
            number += 1
            further = self._page(number).ids
            if not set(further) - last:
                return
            yield from further
            last = set(further)

    def _page(self, number: int) -> _Answer:
        try:
            return self._send({"pageNumber": str(number)} if number > 1 else {}, _read)
        except NotFound:
            if number > 1:
                return _Answer([], None)
            raise MissingUnreadable("There is no such list (404)") from None


def _read(response: BaseHTTPResponse) -> _Answer:
    answer = json_of(errors.SYSTEM)(response)
    if answer is None:
        raise senseless(errors.SYSTEM, "The records without an external id were asked for, and nothing was answered.")
    if not isinstance(answer, list):
        shape = "an empty object" if answer == {} else "no list"
        raise MissingUnreadable(f"{shape.capitalize()} was answered where ids were expected")
    return _Answer([_id(item) for item in answer], _pages(response))


def _id(item: Any) -> Id:
    found = item.get("id") if isinstance(item, dict) else item
    if isinstance(found, bool) or not isinstance(found, int | str) or found == "":
        raise MissingUnreadable("Something else than ids was answered where ids were expected")
    return found


def _pages(response: BaseHTTPResponse) -> int | None:
    try:
        place = simplejson.loads(response.headers.get("X-Pagination") or "null")
        folded = {str(name).lower(): value for name, value in place.items()} if isinstance(place, dict) else {}
        return int(folded["total_pages"]) if folded.get("total_pages") is not None else None
    except (TypeError, ValueError):
        return None

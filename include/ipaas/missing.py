"""`External/Missing`: which records have no external id of ours. What it answers is documented in words alone."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    ids: Sequence[Id]
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
        number, last = 1, first.ids
        while len(first.ids) >= _PERHAPS_A_PAGE:
            # It says nothing of pages, and may have some all the same: then the next one holds others.
            number += 1
            further = self._page(number).ids
            if not _holds_others(further, last):
                return
            yield from further
            last = further

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
    return _Answer(_ids(answer), _pages(response))


def _ids(answer: Sequence[Any]) -> Sequence[Id]:
    """The ids of an answer, which may be a million at once: as objects they take 40 bytes each, as bare numbers 8."""
    ids = [_id(item) for item in answer]
    numbers = [i for i in ids if isinstance(i, int)]
    if len(numbers) < len(ids):
        return ids
    try:
        return array("q", numbers)
    except OverflowError:
        return ids


def _holds_others(ids: Sequence[Id], before: Sequence[Id]) -> bool:
    """Whether some of these were not among those before. Who knows no pages answers the same once more."""
    if ids == before:
        return False
    known = set(before)
    return any(i not in known for i in ids)


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

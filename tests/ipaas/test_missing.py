"""Ids of records without an external id, of which one answer may hold any number."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from urllib3 import BaseHTTPResponse, HTTPResponse

from include.ipaas.missing import Unlinked

MANY = 100_000


def _of(*pages: list[Any]) -> Unlinked:
    """What a platform answers that has these pages and does not say so; beyond the last one it repeats that."""

    def send(params: Mapping[str, str], decode: Callable[[BaseHTTPResponse], Any]) -> Any:
        page = pages[min(int(params.get("pageNumber", 1)), len(pages)) - 1]
        headers = {"Content-Type": "application/json"}
        return decode(HTTPResponse(json.dumps(page).encode(), headers, status=200, preload_content=True))

    return Unlinked(send)


def test_a_million_ids_fit_into_the_memory_of_a_task() -> None:
    many = _of(list(range(1_000_000, 1_000_000 + MANY)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in many.ids()) == MANY
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Of a million these would be 100 MB.
    assert peak / MANY < 100


@pytest.mark.parametrize(
    "ids",
    [[*range(40), "a"], [*range(40), 10**30], [{"id": number} for number in range(40)]],
    ids=["texts", "huge", "objects"],
)
def test_ids_of_any_kind_come_as_they_are(ids: list[Any]) -> None:
    named = [i["id"] if isinstance(i, dict) else i for i in ids]
    assert list(_of(ids).ids()) == named


def test_pages_that_are_not_announced_are_read_until_one_holds_nothing_new() -> None:
    pages = [list(range(20)), list(range(20, 40)), [39, 38]]
    assert list(_of(*pages).ids()) == list(range(40))

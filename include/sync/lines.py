"""What a finished run says of its records, page by page, from the files that its tasks have staged. Reads only."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from include.sync.outcomes import Result
from include.sync.records import Json
from include.sync.staging.chunks import load_chunks, load_name
from include.sync.staging.files import Staging

# What a person looks at first.
URGENCY = (
    Result.failed,
    Result.retrying,
    Result.waiting,
    Result.created,
    Result.updated,
    Result.skipped,
    Result.unchanged,
)
VANISHED = "outcomes-vanished"  # of a run that compares
EXPLAINED = "outcomes-explained"  # of a run that explains: all lines, with what is known beside them
NAMES = "names"  # by which ids a person asks for records that are known by others
# By what they may be sorted.
LineSort = Literal["result", "-result", "record", "-record"]
_RANK = {result.value: rank for rank, result in enumerate(URGENCY)}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A page of lines, each with the `name` that a person asks for its record by, where that is not its key; and how many
    there are of each result, over all pages."""

    lines: Sequence[Json]
    total: int
    counts: Mapping[str, int]


def outcome_files(staging: Staging) -> list[str]:
    """The files of a run that hold what became of its records, but for what was refused when links were pushed."""
    if staging.has(EXPLAINED):
        return [EXPLAINED]
    return told_files(staging)


def told_files(staging: Staging) -> list[str]:
    """The same as the tasks before the report have staged them."""
    loads = (f"outcomes-{load_name(number)}" for number in range(load_chunks(staging)))
    vanished = [VANISHED] if staging.has(VANISHED) else []
    return ["outcomes-extract", "outcomes-transform", *loads, *vanished]


def lines_of(
    staging: Staging,
    *,
    result: str | None = None,
    search: str = "",
    sort: LineSort = "result",
    offset: int = 0,
    limit: int = 100,
) -> Listed:
    """A page of what became of the records: the most urgent first, then by their keys, or by these alone; with a minus the
    other way round. Raises StagingFault.

    Holds no more than the pages up to the one that is asked for.
    """
    counts: dict[str, int] = {}
    wanted = search.casefold()
    named = {key for key, name in _names(staging) if wanted in name.casefold()} if wanted else ()

    def chosen(lines: Iterable[Json]) -> Iterator[Json]:
        for line in lines:
            told = f"{line['key']}\n{line.get('target_id', '')}\n{line.get('message', '')}".casefold()
            if wanted in told or line["key"] in named:
                counts[line["result"]] = counts.get(line["result"], 0) + 1
                if result in (None, line["result"]):
                    yield line

    first = heapq.nlargest if sort.startswith("-") else heapq.nsmallest
    found = first(offset + limit, chosen(_all(staging)), key=_SORTS[sort.removeprefix("-")])
    total = sum(number for name, number in counts.items() if result in (None, name))
    lines = found[offset:]
    keys = {line["key"] for line in lines}
    names = {key: name for key, name in _names(staging) if key in keys} if keys else {}
    return Listed(
        lines=[{**line, "name": names[line["key"]]} if line["key"] in names else line for line in lines],
        total=total,
        counts=counts,
    )


def _names(staging: Staging) -> Iterator[tuple[str, str]]:
    return ((row["key"], row["name"]) for row in staging.read_if_there(NAMES))


def _all(staging: Staging) -> Iterator[Json]:
    """Every line once: a record whose link was refused afterwards is a failed one."""
    refused = {line["key"]: line for line in staging.read_if_there("outcomes-report")}
    for line in chain.from_iterable(staging.read(name) for name in outcome_files(staging)):
        if line["key"] not in refused:
            yield line
    yield from refused.values()


def _by_key(line: Json) -> list[str | int]:
    """Numbers within a key by their size: texts and numbers take turns, so that each meets its like."""
    return [int(part) if n % 2 else part.casefold() for n, part in enumerate(re.split(r"([0-9]+)", line["key"]))]


def _by_result(line: Json) -> tuple[int, list[str | int]]:
    return _RANK[line["result"]], _by_key(line)


_SORTS: Mapping[str, Callable[[Json], Any]] = {"result": _by_result, "record": _by_key}

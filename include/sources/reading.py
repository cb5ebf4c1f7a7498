"""How flows read Business Central: a change feed from API v2.0, joined with details of a published page service.

Details are read many per request and never one by one. A page that is not published stops the run with advice, or,
where Microsoft's pages have ended (BC v30), is replaced by what API v2.0 knows, which the run says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from include.business_central.odata import Page, Resource, literal
from include.business_central.records.base import unblank
from include.business_central.services import without
from include.errors import ODD, ServiceError, ServiceNotPublished, said_of
from include.sync.asked import GUID
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.values import fold

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)
# Records of a page of a feed, and of a range of details. Of wide rows as many take seconds and some megabytes; Business
# Central answers up to 20,000.
FEED_PAGE = 5_000
# What records are known by, and how long that may be at most.
_NAMES = ("id", "number", "code", "itemNumber")
_LONGEST = 100
# Records asked for by name in one request.
BY_NAME = 100
_GOES_ON = "the run goes on"


def _filter(where: str | None, window: Window) -> str | None:
    """The OData filter of a window; None for everything, so that records never modified are read too."""
    parts = [where] if where else []
    if window.since:
        parts.append(f"lastModifiedDateTime ge {literal(window.since)}")
    if window.until:
        parts.append(f"lastModifiedDateTime lt {literal(window.until)}")
    return " and ".join(parts) or None


def from_page(
    reads: Reads, name: str, lost: Sequence[str], read: Callable[[Page], Iterable[Json]]
) -> Iterator[Json] | None:
    """The rows of a published page, or None, with a warning that names the fields lost, where pages have ended.

    Raises ServiceError (misconfigured) when the page should be there: before BC v30 an unpublished page that is needed
    is a mistake in the set-up, and going on without it would silently lose fields.
    """
    if not reads.bc.does_without(name):
        rows = iter(read(Page(name)))
        try:
            first = next(rows, None)
        except ServiceNotPublished:
            if not reads.bc.goes_without(name):
                raise
        else:
            return iter(()) if first is None else chain([first], rows)
    reads.warn(without([name], _GOES_ON, lost))
    return None


def optional(reads: Reads, name: str, lost: str) -> bool:
    """Whether a page that a flow can do without is published. Where pages have ended it was there before, perhaps:
    then the run says what is lost."""
    if reads.bc.published(name):
        return True
    if reads.bc.goes_without(name):
        reads.warn(without([name], _GOES_ON, [lost]))
    return False


def feed(
    reads: Reads,
    resource: Resource,
    window: Window,
    *,
    select: Sequence[str],
    where: str | None = None,
    by: str = "",
) -> Iterator[Json]:
    """Records of an API feed modified in the window. `by` orders them, for joins by ranges."""
    rows = reads.bc.read(
        resource,
        filter=_filter(where, window),
        select=select,
        orderby=(by,) if by else (),
        page_size=FEED_PAGE,
        read_only=True,
    )
    return sound(reads, rows, resource, names_in(select))


def names_in(select: Iterable[str]) -> list[str]:
    """Those of these fields that records are known by."""
    return [name for name in _NAMES if name in select]


def sound(
    reads: Reads,
    rows: Iterable[Json],
    resource: Resource,
    names: Sequence[str],
    asked: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Json]:
    """The rows that have what they are known by; the others are rejected, by what is left of that or by their place.

    `asked` says, by a folded name of theirs, how records were asked for: then they are rejected by that.
    """
    for place, row in enumerate(rows, 1):
        lacking = [name for name in names if not _names(name, row.get(name))]
        if not lacking:
            yield row
            continue
        known = {name: str(row[name]) for name in names if name not in lacking}
        why = f"{lacking[0]} is {str(row.get(lacking[0]))[:60]!r}"
        if (text := next((asked[fold(said)] for said in known.values() if fold(said) in asked), None)) is not None:
            reads.refuse(text, why)
            continue
        said = ", ".join(f"{name} {value}" for name, value in known.items())
        reads.reject(f"{resource.name} {said}" if known else f"record {place} of {resource.name}", why)


def each(
    batch: Sequence[T], complete: Callable[[Sequence[T]], Iterable[SourceRecord[R]]], key: Callable[[T], str]
) -> Iterator[SourceRecord[R]]:
    """The records of a batch, completed together. One that cannot be, or that the service objects to, is found by halves
    and rejected by its `key`; the others go on."""
    try:
        done = list(complete(batch))
    except (*ODD, ServiceError) as fault:
        if isinstance(fault, ServiceError) and not fault.concerns_one:
            raise
        if len(batch) == 1:
            yield SourceRecord[Any](key=key(batch[0]), data={}, asked=key(batch[0]), problem=said_of(fault))
            return
        half = len(batch) // 2
        for part in (batch[:half], batch[half:]):
            yield from each(part, complete, key)
        return
    yield from done


def sound_codes(reads: Reads, rows: Iterable[Json], model: type[M], what: str) -> Iterator[M]:
    """The rows of a table that records refer to, as far as they can be read; of the others the run is told."""
    for place, row in enumerate(rows, 1):
        try:
            yield model.model_validate(row)
        except ODD as fault:
            reads.warn(f"Record {place} of {what} cannot be read, so records go without it: {said_of(fault)}.")


def _names(name: str, value: object) -> bool:
    """Whether a value can be what a record is known by. A record with another id would be another record for good."""
    if not isinstance(value, str) or not unblank(value):
        return False
    return GUID.fullmatch(value) is not None if name == "id" else len(value) <= _LONGEST


def neighbours(
    reads: Reads,
    resource: Resource,
    field: str,
    values: Sequence[str],
    select: Sequence[str],
    *,
    refused: Callable[[object, Exception], None] | None = None,
) -> Iterator[Json]:
    """Records by a field's values, which stand in the field's order: by one range when they are many, the others by name.

    A page of a range costs a request, as asking for so many by name does; so a range is left as soon as it is mostly others.
    """
    wanted = {value.upper() for value in values}
    lacking = {value.upper(): value for value in values}
    if len(values) > BY_NAME:
        between = f"{field} ge {literal(values[0])} and {field} le {literal(values[-1])}"
        rows = reads.bc.read(resource, filter=between, select=select, page_size=FEED_PAGE, read_only=True)
        try:
            for place, record in enumerate(rows, 1):
                # One that does not say which it is, is among the lacking.
                if isinstance(record.get(field), str) and (name := record[field].upper()) in wanted:
                    lacking.pop(name, None)
                    yield record
                if place % FEED_PAGE == 0 and len(values) - len(lacking) < BY_NAME * (place // FEED_PAGE):
                    break
        except ServiceError as error:
            # What the service objects to may be one of the two ends alone: by name, that is told from the others.
            if not error.concerns_one:
                raise
    # Should the service sort otherwise than it answered, or the range come from a replica that lags behind, it lacks
    # some; they must not pass for deleted.
    if lacking:
        yield from reads.bc.read_many(resource, field, list(lacking.values()), select=select, refused=refused)


def refusing(reads: Reads, names: Mapping[str, str] | None = None) -> Callable[[object, Exception], None]:
    """What is done with a value that the service objects to; `names` says how its record was asked for."""

    def refuse(value: object, error: Exception) -> None:
        name = (names or {}).get(fold(str(value)), str(value))
        advice = error.advice if isinstance(error, ServiceError) else ""
        reads.refuse(name, f"{error} {advice}".strip().rstrip("."))

    return refuse


def selected(model_fields: Iterable[str], extra: Iterable[str] = (), without: Iterable[str] = ()) -> tuple[str, ...]:
    """The fields to read: those of a model and those that custom fields use, each once."""
    left_out = set(without)
    return tuple(dict.fromkeys(f for f in (*model_fields, *sorted(extra)) if f not in left_out))

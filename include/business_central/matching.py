"""Rows that were asked for by a field's values: which of them are whose, and what is wrong with a single one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal

from include.errors import BadRecord, ServiceError
from include.transport.values import Json, Record

# Told of a value that the service objects to, or whose row says that it is another's.
Refused = Callable[[object, Exception], None]
# Characters that a filter may take for more than themselves.
_WILD = re.compile(r"[*?@&|<>=()'.~%]")


def matching(
    field: str,
    values: Sequence[object],
    read: Callable[[Sequence[object]], Iterator[Json]],
    refused: Refused | None,
    *,
    listed: bool = False,
    named: bool = True,
) -> Iterator[Json]:
    """The rows of these values. `named`: each row says of which value it is. Where something is wrong with one value, or with
    one row, fewer and fewer are asked for at once until it is known which one that is."""
    wanted = {_folded(value) for value in values}
    seen: set[str] = set()
    nameless = foreign = answered = False
    try:
        for row in read(values):
            answered = True
            if not named:
                yield row
                continue
            if not _is_name(row.get(field)):
                nameless = True
                continue
            name = _folded(_first(row[field]) if listed else row[field])
            # Characters such as * and .. may act as wildcards within `eq`.
            if name in wanted:
                seen.add(name)
                yield row
            else:
                foreign = True
    except ServiceError as error:
        if answered or not error.concerns_one or (refused is None and len(values) == 1):
            raise
        if len(values) == 1 and refused is not None:
            refused(values[0], error)
            return
        half = len(values) // 2
        for part in (values[:half], values[half:]):
            yield from matching(field, part, read, refused, listed=listed, named=named)
        return
    if nameless or (foreign and refused):
        lacking = [value for value in values if nameless or _folded(value) not in seen]
        yield from _attributed(field, lacking, read, refused, seen, listed=listed)


def _attributed(
    field: str,
    values: Sequence[object],
    read: Callable[[Sequence[object]], Iterator[Json]],
    refused: Refused | None,
    seen: Collection[str],
    *,
    listed: bool,
) -> Iterator[Json]:
    """Rows that do not say whose they are belong to whom they are answered for; one that says otherwise is refused.

    What is `seen` has been yielded; a row that says only now whose it is has not.
    """
    for value in values:
        for row in read([value]):
            if not _is_name(row.get(field)):
                yield Record({**row, field: value})
            elif _folded(_first(row[field]) if listed else row[field]) == _folded(value):
                if _folded(value) not in seen:
                    yield row
            elif refused and not _WILD.search(str(value)):
                refused(value, BadRecord(f"{field} is {str(row[field])[:60]!r}, and {value} was asked for"))


def _is_name(value: object) -> bool:
    return isinstance(value, str | int | Decimal) and not isinstance(value, bool) and value != ""


def _first(value: object) -> str:
    """The first of several values with semicolons between them."""
    return str(value).strip(" ;").split(";")[0]


def _folded(value: object) -> str:
    return str(value).strip().casefold()

"""How two states of a record differ, and by what they may: for what is changed by hand elsewhere moves with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Moves = set[tuple[str, str]]
_NOT_COMPARED = {"updated_datetime", "created_datetime"}


def timeless(value: Any) -> Any:
    """A record without its times."""
    if isinstance(value, Mapping):
        return {name: timeless(one) for name, one in value.items() if name not in _NOT_COMPARED}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def moved(before: Any, after: Any, moves: Moves) -> bool:
    """Whether two states of a record differ in nothing but values that have moved with another record's."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and before.keys() == after.keys():
        return all(moved(value, after[name], moves) for name, value in before.items())
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return all(moved(one, other, moves) for one, other in zip(before, after, strict=True))
    return bool(before == after or (str(before), str(after)) in moves)


def children(record: Any) -> set[int]:
    """The ids of the records that are nested in a record: they are kept as records of their own, too."""
    lists = [value for value in (record or {}).values() if isinstance(value, list)]
    return {one["id"] for value in lists for one in value if isinstance(one, Mapping) and "id" in one}


def is_told_of(line: Mapping[str, Any], moves: Moves) -> bool:
    """Whether all that a line tells of a record has moved with another record's."""
    changes = line.get("changes") or ()
    return bool(changes) and all((str(one.get("before")), str(one.get("after"))) in moves for one in changes)


def apart(before: Any, after: Any) -> Any:
    """The fields of two states of a record that differ."""
    if after is None:
        return "gone"
    return {
        name: (before.get(name), after.get(name)) for name in {**before, **after} if before.get(name) != after.get(name)
    }


def holds(before: Any, inventory: set[int], after: Any) -> bool:
    """Whether two states of a product differ in stock rows alone."""
    return after is not None and {**before, "inventory": []} == {**after, "inventory": []}

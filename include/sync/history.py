"""What is kept of each write: its fields, before and after, without the values of fields that are masked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from include.settings import SyncSettings
from include.sync.outcomes import Change, Result
from include.sync.records import Json, Ref
from include.sync.values import PLAIN
from include.sync.work import WriteRequest, WriteResult

# What a path is made of: names, and in brackets the keys of nested records or the names of custom fields.
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")


def history_of(settings: SyncSettings, item: WriteRequest, written: WriteResult) -> list[Json] | None:
    """The fields of a write, for the ledger; None where nothing was written, or nothing is kept."""
    if not settings.sync_history_days or written.result not in (Result.created, Result.updated):
        return None
    changes = list(written.changes) or [
        Change(field=path, after=value) for path, value in _fields(item.mapped.body, "") if value is not None
    ]
    masked = [_names(name) for name in settings.sync_history_masked_fields]
    return [_kept(change, masked) for change in changes]


def _kept(change: Change, masked: Sequence[Sequence[str]]) -> Json:
    if masked and _is_masked(_names(change.field), masked):
        return {"field": change.field, "masked": True}
    values = {"before": change.before, "after": change.after}
    return {"field": change.field, **{name: _plain(value) for name, value in values.items() if value is not None}}


def _names(path: str) -> list[str]:
    """The names in a path, folded. The key of a nested record is none; the name of a custom field is."""
    found: list[str] = []
    for name, key in _STEP.findall(path):
        if name:
            found.append(name.casefold())
        elif found and found[-1] == "custom_fields":
            found.append(key.casefold())
    return found


def _is_masked(steps: Sequence[str], masked: Sequence[Sequence[str]]) -> bool:
    return any(_within(name, steps) for name in masked)


def _within(name: Sequence[str], steps: Sequence[str]) -> bool:
    """Whether the steps of a masked name stand in a path, one right after the other: it masks what is below it, too."""
    return any(list(steps[at : at + len(name)]) == list(name) for at in range(len(steps) - len(name) + 1))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list) or value is None else str(value)


def _fields(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every field of a body by its path; what it refers to by its name."""
    if type(value) in PLAIN:
        yield path, value
    elif isinstance(value, Ref):
        yield path, value.label
    elif isinstance(value, Mapping):
        if "custom_field_name" in value:
            yield f"{path.rpartition('[')[0]}[{value['custom_field_name']}]", value.get("value")
            return
        for name, item in value.items():
            yield from _fields(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _fields(item, f"{path}[{number}]")
    else:
        yield path, value

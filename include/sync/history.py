"""What is kept of each write: its fields, before and after, without the values of fields that are masked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from include.settings import SyncSettings
from include.sync.outcomes import Result
from include.sync.records import Json, Ref
from include.sync.values import PLAIN
from include.sync.work import WriteRequest, WriteResult

# What a path is made of: names, and in brackets the keys of nested records or the names of custom fields.
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")


def history_of(settings: SyncSettings, item: WriteRequest, written: WriteResult) -> list[Json] | None:
    """The fields of a write, for the ledger; None where nothing was written, or nothing is kept."""
    if not settings.sync_history_days or written.result not in (Result.created, Result.updated):
        return None
    masked = [_names(name) for name in settings.sync_history_masked_fields]
    changes = [(change.field, change.before, change.after) for change in written.changes]
    if not changes:
        _add_fields(item.mapped.body, "", changes)
    return [_kept(*change, masked) for change in changes]


def _kept(path: str, before: Any, after: Any, masked: Sequence[Sequence[str]]) -> Json:
    if masked and _is_masked(_names(path), masked):
        return {"field": path, "masked": True}
    kept: Json = {"field": path}
    if before is not None:
        kept["before"] = _plain(before)
    if after is not None:
        kept["after"] = _plain(after)
    return kept


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


def _add_fields(value: Any, path: str, found: list[tuple[str, Any, Any]]) -> None:
    """Every field of a body by its path, with nothing before it; what it refers to by its name."""
    if type(value) in PLAIN:
        if value is not None:
            found.append((path, None, value))
    elif isinstance(value, Mapping):
        if "custom_field_name" in value:
            _add_fields(value.get("value"), f"{path.rpartition('[')[0]}[{value['custom_field_name']}]", found)
            return
        for name, item in value.items():
            _add_fields(item, f"{path}.{name}" if path else str(name), found)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _add_fields(item, f"{path}[{number}]", found)
    else:
        found.append((path, None, value.label if isinstance(value, Ref) else value))

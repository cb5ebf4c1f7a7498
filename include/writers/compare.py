"""Field by field: what an iPaaS.com record lacks of what it shall be. Pure; used by echoes, plans and lost ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from include.ipaas.external_ids import external_id_of
from include.sync.records import Json
from include.sync.values import fold, same

# Lists whose items carry no identity of ours: the list that is sent is the whole set.
_WHOLE_SETS = {"categories"}


def differences(wanted: Mapping[str, Any], present: Mapping[str, Any], system_id: int) -> list[str]:
    """Names of the fields of `wanted` that `present` does not have alike, as `lines[1001|10000].qty`."""
    return list(_fields(wanted, present, system_id, ""))


def _fields(wanted: Mapping[str, Any], present: Mapping[str, Any], system_id: int, path: str) -> Iterable[str]:
    for name, value in wanted.items():
        found = present.get(name)
        here = f"{path}{name}"
        if name == "external_ids":
            if not _linked(value, found or [], system_id):
                yield here
        elif name == "custom_fields":
            yield from _custom_fields(value, found or [], here)
        elif isinstance(value, list) and name in _WHOLE_SETS:
            if _as_set(value) != _as_set(found or []):
                yield here
        elif isinstance(value, list):
            yield from _children(value, found or [], system_id, here)
        elif isinstance(value, Mapping):
            yield from _fields(value, found if isinstance(found, Mapping) else {}, system_id, f"{here}.")
        elif not same(value, found):
            yield here


def _children(wanted: Sequence[Any], present: Sequence[Any], system_id: int, path: str) -> Iterable[str]:
    by_external = {fold(own): child for child in present if (own := external_id_of(child, system_id))}
    by_id = {str(child.get("id")): child for child in present}
    for child in wanted:
        key = external_id_of(child, system_id)
        found = by_id.get(str(child["id"])) if child.get("id") is not None else None
        found = found or (by_external.get(fold(key)) if key else None)
        place = f"{path}[{key or '?'}]"
        if found is None:
            yield place
        else:
            yield from _fields(child, found, system_id, f"{place}.")


def _custom_fields(wanted: Sequence[Json], present: Sequence[Json], path: str) -> Iterable[str]:
    values = {item.get("custom_field_name"): item.get("value") for item in present}
    for item in wanted:
        name = item["custom_field_name"]
        if not same(item["value"], values.get(name)):
            yield f"{path}[{name}]"


def _as_set(items: Sequence[Json]) -> set[str]:
    # An assignment has an id of its own; what it assigns is the category.
    return {str(item.get("category_id", item.get("id"))) for item in items}


def _linked(wanted: Sequence[Json], present: Sequence[Json], system_id: int) -> bool:
    own = external_id_of({"external_ids": present}, system_id)
    return own is not None and fold(own) == fold(str(wanted[0]["external_id"]))

"""The fields of iPaaS.com records by path, as `lines[1001|10000].qty`: taken apart, compared, cut down, put together. Pure.

A path names a field of the record, of a record nested in it (by our external id of that one, or else `#` and its id), or
of a group of fields (`address.city`). Lists without identity of their own, as categories, are one field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from include.ipaas.external_ids import external_id_of, linked_to
from include.sync.records import Json
from include.sync.values import PLAIN, fold

# Lists whose items carry no identity of ours: the list that is sent is the whole set.
SETS = frozenset({"categories"})
# Fields that are taken apart whatever they hold.
_PARTS = frozenset({"external_ids", "custom_fields"})
_STEP = re.compile(r"(?P<name>[^.\[]+)(?:\[(?P<key>.*?)\](?=\.|$))?(?:\.(?P<rest>.*))?", re.DOTALL)


class FieldPair(NamedTuple):
    """One field as it shall be and as it is found. `missing`: the nested record that it belongs to is not there."""

    path: str
    wanted: Any
    found: Any
    missing: str | None = None


def values_of(body: Mapping[str, Any], system_id: int) -> Json:
    """Every field of a record by its path. Links are none."""
    return {pair.path: pair.wanted for pair in pairs(body, {}, system_id) if not is_link(pair.path)}


def is_link(path: str) -> bool:
    """Whether a path says how a record is linked."""
    return path.rpartition(".")[2] == "external_ids"


def pairs(wanted: Mapping[str, Any], present: Mapping[str, Any], system_id: int) -> Iterator[FieldPair]:
    """Every field of `wanted` beside what `present` has of it."""
    return _fields(wanted, present, system_id, "", None)


def _fields(
    wanted: Mapping[str, Any], present: Mapping[str, Any], system_id: int, path: str, missing: str | None
) -> Iterator[FieldPair]:
    for name, value in wanted.items():
        found, here = present.get(name), f"{path}{name}"
        if name == "id":
            continue
        if type(value) in PLAIN and name not in _PARTS:
            yield FieldPair(path=here, wanted=value, found=found, missing=missing)
        elif name == "external_ids":
            own = external_id_of({"external_ids": value}, system_id)
            linked = external_id_of({"external_ids": found or []}, system_id)
            yield FieldPair(path=here, wanted=own and fold(own), found=linked and fold(linked), missing=missing)
        elif name == "custom_fields":
            values = {item.get("custom_field_name"): item.get("value") for item in found or ()}
            for item in value:
                field = item["custom_field_name"]
                yield FieldPair(path=f"{here}[{field}]", wanted=item["value"], found=values.get(field), missing=missing)
        elif isinstance(value, list) and name in SETS:
            yield FieldPair(path=here, wanted=members(value), found=members(found or ()), missing=missing)
        elif isinstance(value, list):
            yield from _children(value, found or (), system_id, here)
        elif isinstance(value, Mapping):
            yield from _fields(value, found if isinstance(found, Mapping) else {}, system_id, f"{here}.", missing)
        else:
            yield FieldPair(path=here, wanted=value, found=found, missing=missing)


def _children(wanted: Sequence[Any], present: Sequence[Any], system_id: int, path: str) -> Iterator[FieldPair]:
    for child in wanted:
        found, place = child_of(child, present, system_id), f"{path}[{key_of(child, system_id)}]"
        yield from _fields(child, found or {}, system_id, f"{place}.", place if found is None else None)


def key_of(child: Mapping[str, Any], system_id: int) -> str:
    """How a nested record is named in a path."""
    return external_id_of(child, system_id) or f"#{child.get('id', '?')}"


def child_of(wanted: Mapping[str, Any], present: Iterable[Json], system_id: int) -> Json | None:
    """The nested record of a present one that `wanted` means: by its id, or else by our external id."""
    identifier, key = wanted.get("id"), external_id_of(wanted, system_id)
    linked: Json | None = None
    for child in present:
        if identifier is not None and str(child.get("id")) == str(identifier):
            return child
        own = external_id_of(child, system_id)
        if key and own and fold(own) == fold(key):
            linked = linked or child
    return linked


def members(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a set assigns, in its order. An assignment may have an id of its own; what it assigns is the category."""
    return list(dict.fromkeys(str(item.get("category_id", item.get("id"))) for item in items))


def pattern(path: str) -> str:
    """A path without the keys of nested records: `addresses[K1|address].city` is `addresses.city`."""
    found = _STEP.fullmatch(path)
    if found is None or not found["rest"]:
        return path if found is None or found["name"] == "custom_fields" else found["name"]
    return f"{found['name']}.{pattern(found['rest'])}"


def cut(body: Mapping[str, Any], paths: Iterable[str], system_id: int) -> Json:
    """The part of a body that these paths name, with the identity of the nested records that it is in."""
    return _cut(body, frozenset(paths), system_id, "")


def _cut(body: Mapping[str, Any], paths: frozenset[str], system_id: int, path: str) -> Json:
    kept: Json = {}
    for name, value in body.items():
        here = f"{path}{name}"
        if name == "custom_fields":
            fields = [item for item in value if f"{here}[{item['custom_field_name']}]" in paths]
            if fields:
                kept[name] = fields
        elif isinstance(value, list) and name not in SETS and name != "external_ids":
            children = [_cut_child(child, paths, system_id, here) for child in value]
            if any(children):
                kept[name] = [child for child in children if child]
        elif isinstance(value, Mapping):
            # Such a group is replaced whole.
            if any(known.startswith(f"{here}.") for known in paths):
                kept[name] = value
        elif here in paths:
            kept[name] = value
    return kept


def _cut_child(child: Mapping[str, Any], paths: frozenset[str], system_id: int, path: str) -> Json:
    kept = _cut(child, paths, system_id, f"{path}[{key_of(child, system_id)}].")
    if not kept:
        return {}
    return {name: child[name] for name in ("id", "external_ids") if name in child} | kept


def put(record: Json, values: Mapping[str, Any], system_id: int, *, add: bool = False) -> Json:
    """A record with other values of these fields; None takes a field away. A nested record that it does not have is
    added, or else passed over."""
    result = dict(record)
    for path, value in values.items():
        _put(result, path, value, system_id, add=add)
    return result


def _put(record: Json, path: str, value: Any, system_id: int, *, add: bool) -> None:
    step = _STEP.fullmatch(path)
    if step is None:
        return
    name, key, rest = step["name"], step["key"], step["rest"]
    if name == "custom_fields" and key is not None:
        others = [i for i in record.get(name) or () if i.get("custom_field_name") != key]
        record[name] = others if value is None else [*others, {"custom_field_name": key, "value": value}]
    elif key is not None:
        children = [dict(child) for child in record.get(name) or ()]
        # External ids of nested records have two parts.
        named = {"id": key[1:]} if key.startswith("#") and "|" not in key else linked_to(system_id, key)
        found = child_of(named, children, system_id)
        if found is None and add:
            found = {"id": 0, **named}
            children.append(found)
        if found is not None and rest:
            _put(found, rest, value, system_id, add=add)
            record[name] = children
    elif rest:
        group = dict(record.get(name) or {})
        _put(group, rest, value, system_id, add=add)
        record[name] = group
    elif name in SETS:
        record[name] = [{"id": member} for member in value or ()]
    elif value is None:
        record.pop(name, None)
    else:
        record[name] = value

"""Bodies that mean the same to every platform: nested records by their ids, custom fields and what is required in full.

Whether a nested record is found by its external id, whether a list of custom fields replaces what was there, and whether
a change must repeat what a new record needs, is not known. So a change is completed from the record as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import external_id_of
from include.transport.values import Json

_BLANK = (None, "")


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A body to be sent, and whether it brings nested records that were not there: sent twice, they might be there twice."""

    body: Json
    adds: bool


def needs_present(endpoint: Endpoint, changes: Mapping[str, Any]) -> bool:
    """Whether a change can only be completed from the record as it stands."""
    if changes.get("custom_fields"):
        return True
    children = [child for name in endpoint.children for child in changes.get(name) or ()]
    return any(child.get("id") is None or child.get("custom_fields") for child in children)


def lacks(endpoint: Endpoint, changes: Mapping[str, Any], required: Iterable[str]) -> bool:
    """Whether a change leaves out something that a new record needs."""
    if any(name not in changes for name in required):
        return True
    return any(
        name not in child
        for of, nested in endpoint.children.items()
        for child in changes.get(of) or ()
        for name in nested.required
    )


def completed(
    endpoint: Endpoint, changes: Mapping[str, Any], present: Mapping[str, Any], system_id: int, required: Sequence[str]
) -> Completed:
    """`changes` with the ids of the nested records, the custom fields that are to stay, and, of the record and of what
    is nested, what is `required` as it stands."""
    body = {**_kept(required, present, changes), **changes}
    adds = False
    for name, nested in endpoint.children.items():
        if changes.get(name):
            known = _Children(present.get(name) or (), system_id)
            found = [(child, known.find(child)) for child in changes[name]]
            adds = adds or any(there is None for _, there in found)
            body[name] = [_nested(child, there, nested.required if required else ()) for child, there in found]
    if changes.get("custom_fields"):
        body["custom_fields"] = custom_fields(changes["custom_fields"], present.get("custom_fields") or ())
    return Completed(body=body, adds=adds)


def _kept(names: Iterable[str], present: Mapping[str, Any], changes: Mapping[str, Any]) -> Json:
    return {name: present[name] for name in names if name not in changes and present.get(name) not in _BLANK}


class _Children:
    """The nested records that are there, by id and by external id of ours."""

    def __init__(self, present: Iterable[Json], system_id: int) -> None:
        self._system_id = system_id
        self._by_id = {str(child.get("id")): child for child in present}
        self._by_link = {own.upper(): child for child in present if (own := external_id_of(child, system_id))}

    def find(self, child: Mapping[str, Any]) -> Json | None:
        own = external_id_of(child, self._system_id)
        by_id = self._by_id.get(str(child["id"])) if child.get("id") is not None else None
        return by_id or (self._by_link.get(own.upper()) if own else None)


def _nested(child: Json, there: Json | None, required: Iterable[str]) -> Json:
    if there is None:
        return child
    body = {"id": there["id"], **_kept(required, there, child), **child}
    if child.get("custom_fields"):
        body["custom_fields"] = custom_fields(child["custom_fields"], there.get("custom_fields") or ())
    return body


def custom_fields(wanted: Sequence[Json], present: Sequence[Json]) -> list[Json]:
    """The custom fields that are wanted, and those that are there and are not to be touched. Names ignore case."""
    named = {str(item.get("custom_field_name")).casefold() for item in wanted}
    kept = [
        {"custom_field_name": item["custom_field_name"], "value": item["value"]}
        for item in present
        if str(item.get("custom_field_name")).casefold() not in named and item.get("value") not in _BLANK
    ]
    return [*wanted, *kept]


def category_ids(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """The categories of a product, however its assignments are spelt."""
    return [str(item["id"] if item.get("category_id") is None else item["category_id"]) for item in items]


def with_links(record: Json, endpoint: Endpoint, look_up: Callable[[str, Any], str | None], system_id: int) -> Json:
    """A record that says what it and its nested records are linked to; where it does not say, `look_up` tells by table and id.

    That nothing is said of links does not mean that there are none.
    """

    def told(item: Json, table: str) -> Json:
        if "external_ids" in item or item.get("id") is None:
            return item
        own = look_up(table, item["id"])
        links = [] if own is None else [{"system_id": system_id, "external_id": own}]
        return {**item, "external_ids": links}

    nested = {
        name: [told(child, kind.table) for child in record[name]]
        for name, kind in endpoint.children.items()
        if isinstance(record.get(name), list) and any("external_ids" not in child for child in record[name])
    }
    return {**told(record, endpoint.table), **nested}

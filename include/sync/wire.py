"""Mapped records as the JSON that is staged between tasks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from include.sync.records import Candidate, Companion, Follower, Json, Mapped, Missing, Ref
from include.sync.values import PLAIN

# What the keys were called in files that an earlier version has staged.
_BEFORE = {"source_id": "external_id", "followers": "also", "linked_children": "followers", "carry": "memory"}


def to_wire(value: Any) -> Any:
    """`value` with its `Ref`s as JSON, for staging."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, Ref):
        return {
            "$ref": {
                "table": value.table,
                "source_id": value.source_id,
                "missing": value.missing.value,
                "flow": value.flow,
                "value": value.value,
            }
        }
    if isinstance(value, Mapping):
        return {name: to_wire(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_wire(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def from_wire(value: Any) -> Any:
    """Read back what `to_wire` wrote."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, dict):
        if "$ref" in value:
            ref = value["$ref"]
            return Ref(
                table=ref["table"],
                source_id=ref["source_id"] if "source_id" in ref else ref["external_id"],
                missing=Missing(ref["missing"]),
                flow=ref["flow"],
                value="name" if ref["value"] in ("external_id", "source_id") else ref["value"],
            )
        return {name: from_wire(item) for name, item in value.items()}
    if isinstance(value, list):
        return [from_wire(item) for item in value]
    return value


def mapped_to_wire(mapped: Mapped) -> Json:
    """A mapped record as staged JSON."""
    return {
        "source_id": mapped.source_id,
        "body": to_wire(mapped.body),
        "match": mapped.match,
        "create_only": sorted(mapped.create_only),
        "insisted": sorted(mapped.insisted),
        "followers": [
            {"kind": a.kind, "external_id": a.external_id, "body": to_wire(a.body), "aside": to_wire(a.aside)}
            for a in mapped.followers
        ],
        "carry": to_wire(mapped.carry),
        "notes": list(mapped.notes),
        "made_from": mapped.made_from,
        "foreign_number": mapped.foreign_number,
        "record_id": mapped.record_id,
        "emptied": to_wire(mapped.emptied),
        "spared": list(mapped.spared),
        "aside": to_wire(mapped.aside),
        "linked": mapped.linked,
        "candidates": [{"by": c.by, "value": c.value, "agree": c.agree} for c in mapped.candidates],
        "holders": dict(mapped.holders),
        "children": [list(child) for child in mapped.children],
        "linked_children": [list(child) for child in mapped.linked_children],
        "watches": [list(watch) for watch in mapped.watches],
        "companions": [{"flow": c.flow, "mapped": mapped_to_wire(c.mapped)} for c in mapped.companions],
    }


def mapped_from_wire(data: Mapping[str, Any]) -> Mapped:
    """Read back what `mapped_to_wire` wrote; also what was under way when the project was upgraded."""
    if "source_id" not in data:
        data = {now: data[before] for now, before in _BEFORE.items()} | {
            name: value for name, value in data.items() if name not in _BEFORE.values()
        }
    return Mapped(
        source_id=data["source_id"],
        body=from_wire(data["body"]),
        match=data["match"],
        create_only=frozenset(data["create_only"]),
        insisted=frozenset(data["insisted"]),
        followers=tuple(
            Follower(
                kind=a["kind"],
                external_id=a["external_id"],
                body=from_wire(a["body"]),
                aside=from_wire(a.get("aside", {})),
            )
            for a in data["followers"]
        ),
        carry=from_wire(data["carry"]),
        notes=tuple(data["notes"]),
        made_from=data["made_from"],
        foreign_number=data.get("foreign_number"),
        record_id=data["record_id"],
        emptied=from_wire(data.get("emptied", {})),
        spared=tuple(data.get("spared", ())),
        aside=from_wire(data.get("aside", {})),
        linked=data["linked"],
        candidates=tuple(Candidate(**candidate) for candidate in data["candidates"]),
        holders=data["holders"],
        children=tuple((table, suffix, id_) for table, suffix, id_ in data["children"]),
        linked_children=tuple((table, suffix, id_) for table, suffix, id_ in data["linked_children"]),
        watches=tuple((table, id_) for table, id_ in data["watches"]),
        companions=tuple(
            Companion(flow=c["flow"], mapped=mapped_from_wire(c["mapped"])) for c in data.get("companions", ())
        ),
    )

"""What became of one record, in words an operator can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from include.errors import ErrorKind, Rejected
from include.sync.records import Json


class Result(StrEnum):
    """How a record left the run; the names of the report's counts.

    A `waiting` one goes through by itself when what it needs is there; a `retrying` one the service did not take.
    """

    skipped = "skipped"
    unchanged = "unchanged"
    created = "created"
    updated = "updated"
    waiting = "waiting"
    retrying = "retrying"
    failed = "failed"


class Difference(StrEnum):
    """How a record stands otherwise on the two sides, when both are compared.

    `missing`: the target has none. `unlinked`: it has one that is not linked. `doubly linked`: it has several that are.
    `stale`: it has another value. `vanished`: the record of one side is gone, and the other one's is still there.
    """

    missing = "missing"
    unlinked = "unlinked"
    doubly_linked = "doubly linked"
    stale = "stale"
    vanished = "vanished"


class Apart(Rejected):
    """The two sides differ in a way that a person has to settle."""

    def __init__(self, difference: Difference, message: str, advice: str) -> None:
        super().__init__(message, advice)
        self.difference = difference


# Of a value, and of a record's changes, a report shows so much.
_SHOWN_TEXT, _SHOWN_CHANGES = 120, 200


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that was changed: by its path, with what was there before and after, where that is known."""

    field: str
    before: Any = None
    after: Any = None

    def as_json(self) -> Json:
        """The change for staging and reports, without what is not known; long texts are cut."""
        values = {"field": self.field, "before": _shown(self.before), "after": _shown(self.after)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Both:
    """One field as the `source` would have it and as the `target` has it now, and what both last agreed on."""

    field: str
    source: Any = None
    target: Any = None
    agreed: Any = None
    differs: bool = False

    def as_json(self) -> Json:
        """The field for staging and reports, without what is not known; long texts are cut."""
        values = {name: _shown(getattr(self, name)) for name in ("source", "target", "agreed")}
        known = {name: value for name, value in values.items() if value is not None}
        return {"field": self.field, **known, **({"differs": True} if self.differs else {})}


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | Decimal):
        return value
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"


def as_read(values: Mapping[str, Any]) -> tuple[Both, ...]:
    """What was read of a record that could not be compared, field by field; without what is below it. It may stand in parts,
    as what the API and what a page knows of it."""
    parts = [values, *(part for part in values.values() if isinstance(part, Mapping))]
    found = {name: value for part in parts for name, value in part.items() if not name.startswith("@")}
    return tuple(
        Both(field=name, source=value)
        for name, value in sorted(found.items())
        if value not in (None, "") and not isinstance(value, Mapping | list | tuple)
    )


def values_of_changes(changes: Iterable[Change]) -> list[list[Any]]:
    """Changes as what is compared: the field, and what it has before and after, whole."""
    return [[change.field, change.before, change.after] for change in changes]


def in_one(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Each field once: what it was at first, and what it is in the end."""
    found: dict[str, Change] = {}
    for change in changes:
        first = found.get(change.field, change)
        found[change.field] = replace(change, before=first.before)
    return tuple(found.values())


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one record, in words an operator can act on."""

    key: str
    result: Result
    kind: ErrorKind | None = None
    message: str = ""
    advice: str = ""
    changes: tuple[Change, ...] = ()
    target_id: Any = None
    notes: tuple[str, ...] = ()
    more_changes: int = 0  # that are not among the changes, since there are too many of them
    difference: Difference | None = None  # where both sides were compared
    both: tuple[Both, ...] = ()  # where it is explained

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that were changed."""
        return tuple(change.field for change in self.changes)

    def as_json(self) -> Json:
        """The outcome for staging and reports, without what is empty."""
        values = {
            "key": self.key,
            "result": self.result.value,
            "kind": self.kind.value if self.kind else None,
            "message": self.message,
            "advice": self.advice,
            "changes": [change.as_json() for change in self.changes[:_SHOWN_CHANGES]],
            "more_changes": max(0, len(self.changes) - _SHOWN_CHANGES) + self.more_changes or None,
            "target_id": self.target_id,
            "notes": list(self.notes),
            "difference": self.difference.value if self.difference else None,
            "both": [one.as_json() for one in self.both],
        }
        return {name: value for name, value in values.items() if name == "key" or value not in (None, "", [])}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Read back what `as_json` wrote."""
        return cls(
            key=data["key"],
            result=Result(data["result"]),
            kind=ErrorKind(data["kind"]) if data.get("kind") else None,
            message=data.get("message", ""),
            advice=data.get("advice", ""),
            changes=tuple(Change(**change) for change in data.get("changes", ())),
            target_id=data.get("target_id"),
            notes=tuple(data.get("notes", ())),
            more_changes=data.get("more_changes", 0),
            difference=Difference(data["difference"]) if data.get("difference") else None,
            both=tuple(Both(**one) for one in data.get("both", ())),
        )

    def with_notes(self, notes: Iterable[str]) -> Outcome:
        """The same outcome with further notes."""
        return replace(self, notes=(*self.notes, *notes))

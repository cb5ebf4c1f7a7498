"""What two systems last agreed of a record: the base that changes of either side are told by. Values; no I/O.

Each flow remembers of a record what its source had when it was last written or found equal, in the names of the target.
What the flow the other way has written since is added to it as soon as that is known, so that no flow takes for a change
what came from its own target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from include.sync.records import Json
from include.sync.values import same

T = TypeVar("T")
Alike = Callable[[str, Any, Any], bool]


def alike(name: str, wanted: Any, found: Any) -> bool:
    """Whether two values of a field mean the same; of sets, whether they have the same members."""
    if isinstance(wanted, list) and isinstance(found, list | None):
        return set(wanted) == set(found or ())
    return same(wanted, found)


@dataclass(frozen=True, kw_only=True)
class Base:
    """What was last agreed of one record of one flow. Fields have the names of the target."""

    # What the source had.
    values: Json = field(default_factory=dict)
    # What the target had, where it was allowed to have something else.
    kept: Json = field(default_factory=dict)
    # What the other direction has written since into this flow's source, in the names of that: what had been agreed, and
    # what is there now; and when it last did.
    written: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    at: str | None = None
    # Whether all that the target had was made by this flow.
    made: bool = False
    # Whether nothing is known of fields that are not in `values`. Such a base is never stored.
    partial: bool = False
    # What tries have sent that did not come to their end: found there, it is this flow's own.
    sent: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    # Fields that one of those was yet to set again, after writes that reset them.
    owed: Json = field(default_factory=dict)
    # What the other direction was about to write into this flow's source, without coming to its end: what was there, and
    # each value that it may have sent.
    tried: Mapping[str, tuple[Any, Sequence[Any]]] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Whether it says anything of a field."""
        return not self.partial or name in self.values

    def agreed(self, name: str) -> Any:
        """What the target had of a field."""
        return self.kept[name] if name in self.kept else self.values.get(name)

    def changed(self, wanted: Mapping[str, Any], alike: Alike = alike) -> set[str]:
        """The fields that the source has otherwise now. What is absent is no change."""
        return {name for name, value in wanted.items() if not alike(name, value, self.values.get(name))}

    def settled(self, before: Mapping[str, Any], after: Mapping[str, Any], alike: Alike = alike) -> Base:
        """The base when the source's fields went from `before` to `after` by what the other direction wrote.

        A field that is made of several, one of which has also been changed by somebody else, keeps what it was.
        """
        values, kept = dict(self.values), dict(self.kept)
        for name in before.keys() | after.keys():
            was, now = before.get(name), after.get(name)
            if alike(name, now, was) or not alike(name, was, values.get(name)):
                continue
            kept.pop(name, None)
            if now is None:
                values.pop(name, None)
            else:
                values[name] = now
        return replace(self, values=values, kept=kept, written={}, tried={})

    def with_written(self, written: Mapping[str, tuple[Any, Any]], at: str) -> Base:
        """The base when the other direction has written more."""
        merged = {
            name: (self.written[name][0] if name in self.written else was, now) for name, (was, now) in written.items()
        }
        return replace(self, written={**self.written, **merged}, at=at, tried={})

    def with_tried(self, fields: Mapping[str, tuple[Any, Any]], at: str) -> Base:
        """The base when the other direction is about to write more: what it finds there, and what it sends."""
        tried = {name: (was, list(values)) for name, (was, values) in self.tried.items()}
        for name, (was, value) in fields.items():
            values = tried.setdefault(name, (was, []))[1]
            if value not in values:
                values.append(value)
        return replace(self, tried=tried, at=at)

    def written_by_now(self, found: Mapping[str, Any]) -> Mapping[str, tuple[Any, Any]]:
        """What the other direction has written, with what it tried and is `found` in this flow's source."""
        arrived = {
            name: (self.written[name][0] if name in self.written else was, found[name])
            for name, (was, values) in self.tried.items()
            if name in found and any(alike(name, value, found[name]) for value in values)
        }
        return {**self.written, **arrived}

    def with_sent(self, fields: Mapping[str, Any], owed: Json) -> Base:
        """The base when a try is about to send more."""
        sent = {name: list(values) for name, values in self.sent.items()}
        for name, value in fields.items():
            if value not in sent.setdefault(name, []):
                sent[name].append(value)
        return replace(self, sent=sent, owed=owed)

    def with_own(self, found: Mapping[str, Any], alike: Alike = alike) -> Base:
        """The base when what an unfinished try has sent, and is found, counts as agreed."""
        own = {
            name: found[name]
            for name, values in self.sent.items()
            if name in found and any(alike(name, value, found[name]) for value in values)
        }
        return replace(
            self, values={**self.values, **own}, kept={n: value for n, value in self.kept.items() if n not in own}
        )

    def renumbered(self, old: str, new: str) -> Base:
        """The base of a record that has another external id: those of what is nested in it begin with it."""

        def named(fields: Mapping[str, T]) -> dict[str, T]:
            return {name.replace(f"[{old}|", f"[{new}|"): value for name, value in fields.items()}

        return replace(
            self, values=named(self.values), kept=named(self.kept), sent=named(self.sent), owed=named(self.owed)
        )

    def as_json(self) -> Json:
        """The base for the ledger, without what is empty."""
        values: Json = {
            "values": self.values,
            "kept": self.kept,
            "written": {name: list(pair) for name, pair in self.written.items()},
            "at": self.at,
            "made": self.made,
            "sent": self.sent,
            "owed": self.owed,
            "tried": {name: list(pair) for name, pair in self.tried.items()},
        }
        return {name: value for name, value in values.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Base:
        """Read back what `as_json` wrote."""
        written = {name: (was, now) for name, (was, now) in data.get("written", {}).items()}
        return cls(
            values=data.get("values", {}),
            kept=data.get("kept", {}),
            written=written,
            at=data.get("at"),
            made=bool(data.get("made")),
            sent=data.get("sent", {}),
            owed=data.get("owed", {}),
            tried={name: (was, values) for name, (was, values) in data.get("tried", {}).items()},
        )


NOTHING = Base(partial=True)
"""The base of a record of which nothing was ever agreed."""

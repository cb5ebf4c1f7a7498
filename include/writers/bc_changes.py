"""What an update sends to a record of Business Central: what iPaaS.com changed since both sides last agreed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.business_central.records.base import unblank
from include.sync.base import NOTHING, Base
from include.sync.merge import Merged, Times, merge, unit_of
from include.sync.outcomes import Change
from include.sync.records import Json, Shared
from include.sync.runs import Direction
from include.sync.work import WriteRequest
from include.writers.bc_target import Target


def base_of(item: WriteRequest, target: Target, number: str) -> Base | None:
    """What was last agreed of a record, with what the other direction has written since; None when nothing is known.

    What was agreed with another record than the one it is linked to now says nothing.
    """
    base = item.base
    if item.settled and item.settled.whole and (base is None or not base.values):
        return Base(values=item.settled.after, at=base.at if base else None, partial=item.settled.partial)
    if base is None or not base.values or item.transfer is None or str(item.transfer.target_id) != number:
        return None
    if item.settled:
        return base.settled(item.settled.before, item.settled.after, target.alike)
    return base


@dataclass(kw_only=True)
class BCUpdate:
    """One record on its way to what it shall be. `wanted` is all that iPaaS.com has of it, `names` are the fields that are
    read of it."""

    target: Target
    item: WriteRequest
    wanted: Json
    base: Base | None
    times: Times
    names: Sequence[str]
    force: bool = False
    merged: Merged = field(default_factory=Merged)
    _first: Json = field(default_factory=dict)
    _sent: Json = field(default_factory=dict)
    _aim: Json = field(init=False)

    def look(self, row: Json) -> None:
        """Decide anew by what Business Central has now."""
        if not self._first:
            self._first = dict(row)
        found = {name: unblank(row.get(name)) for name in self.wanted}
        if self.force:
            self.merged = Merged(send=list(self.wanted))
        else:
            self.base = self.base and self.base.with_own(found, self.target.alike)
            base = self.base or NOTHING
            shared: Sequence[Shared] = self.item.flow.counterpart.shared if self.item.flow.counterpart else ()
            self.merged = merge(
                {name: value for name, value in self.wanted.items() if base.knows(name)},
                found,
                base,
                direction=Direction.from_ipaas,
                units=unit_of(shared, lambda thing: thing.bc),
                times=self.times,
                alike=self.target.alike,
            )
            unknown = {name: value for name, value in self.wanted.items() if not base.knows(name)}
            self.merged.send += self.target.differences(unknown, row)
        insisted = {name: self.wanted[name] for name in self.item.mapped.insisted if name in self.wanted}
        lacking = self.target.differences(insisted, row)
        self.merged.send += [name for name in lacking if name not in self.merged.send]
        # What Business Central changes along with what is sent, as the city with the post code, is set back to this.
        self._aim = {name: self.wanted[name] if name in self.merged.send else value for name, value in found.items()}

    def lacking(self, row: Json) -> Json:
        """What is yet to be sent, each field once."""
        if self.force and not self._sent:
            return dict(self.wanted)
        aim = {name: value for name, value in self._aim.items() if value is not None and name not in self._sent}
        return self.target.differences(aim, row)

    def took(self, changes: Json) -> None:
        """Note what has been sent."""
        self._sent |= changes

    def own(self, changes: Json) -> Json:
        """What iPaaS.com has of that. The rest is Business Central's, and is set back to what it was: found there, it was
        not agreed."""
        return {name: value for name, value in changes.items() if name in self.merged.send}

    def trying(self, row: Json, changes: Json) -> dict[str, tuple[Any, Any]]:
        """What is about to be sent, and what was agreed of it, for the flow the other way."""
        base, known = self.base, self._known
        return {
            name: (base.agreed(name) if base and name in known else unblank(row.get(name)), value)
            for name, value in changes.items()
        }

    @property
    def sent(self) -> list[str]:
        """The fields that have been sent."""
        return list(self._sent)

    def changes(self) -> list[Change]:
        """The same for the report."""
        return [
            Change(field=name, before=unblank(self._first.get(name)), after=value) for name, value in self._sent.items()
        ]

    def both(self) -> dict[str, tuple[Any, Any]]:
        """What each side had of every field, before anything was sent."""
        return {name: (value, unblank(self._first.get(name))) for name, value in self.wanted.items()}

    def agreed(self, row: Json, *, made: bool = False) -> Base:
        """What both sides agree on, now that Business Central has `row`."""
        before = self.base or NOTHING
        values = {**before.values, **{n: v for n, v in self.wanted.items() if n not in self.merged.held}}
        kept = {name: value for name, value in before.kept.items() if name not in self._sent}
        for name in self.names if made else self.target.fields:
            if (
                not before.knows(name)
                and name in row
                and not self.target.alike(name, values.get(name), unblank(row[name]))
            ):
                kept[name] = row[name]
        return Base(values=values, kept=kept, at=before.at, made=made or before.made)

    def written(self, row: Json) -> dict[str, tuple[Any, Any]]:
        """What the other direction is to know: what was agreed of a field, and what both sides have now."""
        found: dict[str, tuple[Any, Any]] = {}
        for name in self.names:
            if name not in row:
                continue
            now = row[name]
            was = unblank(self._first.get(name))
            before = self.base.agreed(name) if self.base and name in self._known else was
            moved = not self.target.alike(name, was, unblank(now))
            agreed = name in self.wanted and self.target.alike(name, self.wanted[name], unblank(now))
            if (moved or agreed) and not self.target.alike(name, before, unblank(now)):
                found[name] = (before, now)
        return found

    @property
    def _known(self) -> Mapping[str, Any]:
        return {**self.base.values, **self.base.kept} if self.base else {}

"""Decides field by field what one side's changes do to a record that the other side may have changed, too. Pure.

A field that only the source changed is sent, one that only the target changed is left alone. Where both changed the same
thing, one gives way, and a note says which value that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.sync.base import Alike, Base
from include.sync.fields import pattern
from include.sync.records import Shared
from include.sync.runs import Direction
from include.sync.values import text_of
from include.transport.dates import read_moment


@dataclass(frozen=True, kw_only=True)
class Times:
    """When each side last changed the record, where it is known. Asked for only when both have changed the same."""

    bc: Callable[[], Any]
    ipaas: Callable[[], Any]

    def ipaas_is_later(self) -> bool | None:
        """Whether iPaaS.com's change is the later one; None when a time is unknown."""
        ours, theirs = read_moment(self.bc()), read_moment(self.ipaas())
        return None if ours is None or theirs is None else theirs > ours


@dataclass(kw_only=True)
class Merged:
    """What is to be done. `send` are the fields to write; `held` those whose change gives way for now."""

    send: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def merge(
    wanted: Mapping[str, Any],
    found: Mapping[str, Any],
    base: Base,
    *,
    direction: Direction,
    units: Callable[[str], tuple[Any, bool]],
    times: Times,
    alike: Alike,
    ours: Callable[[str], bool] = lambda name: False,
) -> Merged:
    """What of `wanted` is to be written to a target that has `found` of the same fields.

    `units` says of a field which thing it belongs to, and whether the later change of that wins. `ours` are fields that
    nobody but the source decides about: what the target alone has changed of them is set back.
    """
    groups: dict[Any, list[str]] = {}
    changed = base.changed(wanted, alike)
    later: dict[Any, bool] = {}
    for name in wanted:
        unit, is_later = units(name)
        groups.setdefault(unit, []).append(name)
        later[unit] = is_later
    merged = Merged()
    for unit, names in groups.items():
        moved = [name for name in names if name in changed]
        lacking = [name for name in names if not alike(name, wanted[name], found.get(name))]
        if not moved:
            drifted = (name for name in lacking if ours(name) and not alike(name, base.agreed(name), found.get(name)))
            merged.send += drifted
            continue
        if not lacking:
            continue
        others = [name for name in lacking if not alike(name, base.agreed(name), found.get(name))]
        if not others:
            merged.send += [name for name in moved if name in lacking]
            merged.notes += _overwritten(moved, base, wanted, direction, alike)
            continue
        wins, why = _decide(direction, later[unit], times)
        if wins:
            merged.send += lacking
        else:
            merged.held += moved
        # What gave way is named in full: of a thing made of parts, each side may have changed another one.
        parts = others if wins else [name for name in lacking if name in moved or name in others]
        merged.notes += _gave_way(parts, wanted, found, direction, wins, why)
    return merged


def _decide(direction: Direction, by_time: bool, times: Times) -> tuple[bool, str]:
    """Whether the source's change wins, and why."""
    ipaas_later = times.ipaas_is_later() if by_time else None
    if ipaas_later is None:
        return direction is Direction.to_ipaas, "Business Central decides about it"
    to_ipaas = direction is Direction.to_ipaas
    return to_ipaas is not ipaas_later, "it was changed there later"


def _sides(direction: Direction) -> tuple[str, str]:
    names = ("Business Central", "iPaaS.com")
    return names if direction is Direction.to_ipaas else (names[1], names[0])


def _gave_way(
    names: Iterable[str],
    wanted: Mapping[str, Any],
    found: Mapping[str, Any],
    direction: Direction,
    wins: bool,
    why: str,
) -> list[str]:
    source, target = _sides(direction)
    lines = []
    for name in names:
        ours, theirs = shown(wanted[name]), shown(found.get(name))
        kept, kept_in, lost, lost_in = (ours, source, theirs, target) if wins else (theirs, target, ours, source)
        lines.append(
            f"{name} was changed on both sides: {lost} of {lost_in} gave way to {kept} of {kept_in}, since {why}."
        )
    return lines


def _overwritten(
    names: Iterable[str], base: Base, wanted: Mapping[str, Any], direction: Direction, alike: Alike
) -> list[str]:
    """What the target was allowed to have otherwise, and loses to a change."""
    source, target = _sides(direction)
    return [
        f"{name}: {shown(base.kept[name])} of {target} gave way to {shown(wanted[name])} of {source}, which was changed there."
        for name in names
        if base.kept.get(name) not in (None, "", []) and not alike(name, wanted[name], base.kept[name])
    ]


def shown(value: Any) -> str:
    """A value in a note."""
    return repr(text_of(value)) if not isinstance(value, list) else repr(", ".join(map(str, value)))


def unit_of(shared: Sequence[Shared], side: Callable[[Shared], Iterable[str]]) -> Callable[[str], tuple[Any, bool]]:
    """Which thing a field belongs to, and whether the later change of it wins, by its name on one side."""
    known: dict[str, tuple[Any, bool]] = {}
    for number, thing in enumerate(shared):
        known |= {name: (name, thing.later) for name in thing.shown}
        known |= dict.fromkeys(side(thing), (number, thing.later))
    return lambda name: known.get(pattern(name), (name, False))

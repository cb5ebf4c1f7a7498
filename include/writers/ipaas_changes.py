"""What an update sends to a record of iPaaS.com: what Business Central changed since both sides last agreed.

Without a base it is what the record lacks, but for what the shop may have otherwise: fields that the other direction
would map to what Business Central has at present.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from include.errors import Rejected, Waiting
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import (
    CUSTOMER_CATEGORY_TABLE,
    PRODUCT_CATEGORY_TABLE,
    Id,
    external_id_of,
    id_from,
    linked_to,
)
from include.sync.base import NOTHING, Base, alike
from include.sync.context import WriteContext
from include.sync.fields import SETS, FieldPair, cut, is_link, key_of, members, pairs, pattern, values_of
from include.sync.merge import Merged, Times, merge, unit_of
from include.sync.outcomes import Change
from include.sync.records import Json, Mapped, Shared
from include.sync.runs import Direction
from include.sync.values import fold
from include.sync.work import WriteRequest

_CATEGORIES = {"customers": CUSTOMER_CATEGORY_TABLE, "products": PRODUCT_CATEGORY_TABLE}


@dataclass(frozen=True, kw_only=True)
class Update:
    """What is to be sent, in `body`, and what both sides agree on once it is there.

    `written` says of the fields that are sent what was agreed and what is sent. `held`: some changes gave way. `both` is
    what each side has of every field.
    """

    body: Json
    base: Base
    changes: tuple[Change, ...] = ()
    written: Mapping[str, tuple[Any, Any]] | None = None
    notes: tuple[str, ...] = ()
    held: bool = False
    both: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def base_of(work: WriteContext, item: WriteRequest, internal_id: Id) -> Base | None:
    """What was last agreed of a record, with what the other direction has written since; None when nothing is known.

    What was agreed with another record than the one it is linked to now says nothing.
    """
    base = item.base
    if item.settled and (base is None or not base.values) and item.settled.whole:
        after = _resolved(work, item.settled.after)
        return None if after is None else Base(values=after, at=base.at if base else None, partial=item.settled.partial)
    if base is None or not base.values or item.transfer is None or str(item.transfer.target_id) != str(internal_id):
        return None
    if item.settled:
        before, after = _resolved(work, item.settled.before), _resolved(work, item.settled.after)
        if before is not None and after is not None:
            return base.settled(before, after)
    return base


def _resolved(work: WriteContext, body: Json) -> Json | None:
    try:
        return values_of(work.resolve(body), work.plan.system_id)
    except (Rejected, Waiting):
        return None


def with_emptied(mapped: Mapped, wanted: Json, present: Json, system_id: int) -> Json:
    """What is wanted of a present record, and of what is nested in it and is no more in the source, what is left of that."""
    start = fold(f"{mapped.source_id}|")
    whole = dict(wanted)
    for name, left in mapped.emptied.items():
        told = {fold(spared) for spared in mapped.spared}
        told |= {fold(key_of(child, system_id)) for child in wanted.get(name) or ()}
        gone = (key for child in present.get(name) or () if (key := external_id_of(child, system_id)))
        gone = (key for key in gone if fold(key).startswith(start) and fold(key) not in told)
        if more := [linked_to(system_id, key) | left for key in gone]:
            whole[name] = [*(wanted.get(name) or ()), *more]
    return whole


def update_of(
    work: WriteContext, endpoint: Endpoint, item: WriteRequest, base: Base | None, wanted: Json, present: Json | None
) -> Update:
    """What of `wanted` is to be sent to a record; `present` is how it was read, None when it was not.

    Without a base the record has to be read.
    """
    system_id = work.plan.system_id
    both = list(pairs(wanted, present or {}, system_id))
    values = {pair.path: pair.wanted for pair in both if not is_link(pair.path)}
    if present is None and base is not None:
        found = {path: base.agreed(path) for path in values}
    else:
        found = {pair.path: pair.found for pair in both if not is_link(pair.path)}
    base = base.with_own(found) if base else None
    sets = _Sets(work, endpoint, base, found)
    seen = {path: sets.ours(path, values[path]) if path in SETS else value for path, value in found.items()}
    merged, kept = _merged(work, item, base, wanted, present, values=values, seen=seen)
    send = set(merged.send)
    whole = {pair.missing for pair in both if pair.missing is not None and pair.path in send}
    send |= {pair.path for pair in both if pair.missing in whole and pair.missing}
    send |= {pair.path for pair in both if present is not None and _unlinked(pair)}
    body = cut(wanted, send, system_id)
    for path in send & SETS:
        body[path] = sets.sent(path, wanted[path])
    agreed = {path: value for path, value in values.items() if path not in merged.held}
    before = base or NOTHING
    return Update(
        body=body,
        base=replace(
            before,
            values={**before.values, **agreed},
            kept={path: value for path, value in {**before.kept, **kept}.items() if path not in send},
            written={},
            partial=False,
            sent={},
            tried={},
        ),
        changes=tuple(_changes(both, found, send, whole)),
        written={
            path: (
                before.agreed(path) if before.knows(path) else found[path],
                sets.merged(path, values[path]) if path in SETS else value,
            )
            for path, value in values.items()
            if path in send
        },
        notes=tuple(merged.notes),
        held=bool(merged.held),
        both={path: (value, found[path]) for path, value in values.items()} if work.plan.explains else {},
    )


def _merged(
    work: WriteContext,
    item: WriteRequest,
    base: Base | None,
    wanted: Json,
    present: Json | None,
    *,
    values: Json,
    seen: Json,
) -> tuple[Merged, Json]:
    """Which of `values` are to be sent, and what is kept of the record though it is said otherwise in Business Central.

    `seen` is what the record has, by the same paths.
    """
    if work.plan.force:
        return Merged(send=list(values)), {}
    base = base or NOTHING
    times = Times(bc=lambda: item.modified, ipaas=lambda: (present or {}).get("updated_datetime"))
    shared = item.flow.counterpart.shared if item.flow.counterpart else ()
    merged = merge(
        {path: value for path, value in values.items() if base.knows(path)},
        seen,
        base,
        direction=Direction.to_ipaas,
        units=unit_of(shared, lambda thing: thing.ipaas),
        times=times,
        alike=alike,
        ours=_ours(shared) if work.plan.compares else lambda path: False,
    )
    lacking = [path for path in values if not base.knows(path) and not alike(path, values[path], seen[path])]
    kept = _kept(work, item, wanted, present, {path: seen[path] for path in lacking})
    merged.send += [path for path in lacking if path not in kept]
    return merged, kept


def _kept(work: WriteContext, item: WriteRequest, wanted: Json, present: Json | None, lacking: Json) -> Json:
    """What of `lacking`, of which nothing is known, is left as the record has it."""
    if not lacking or item.flow.counterpart is None or present is None:
        return {}
    equal = _equal_otherwise(work, item, present)
    # A record that is yet to be linked owns nothing where it has nothing.
    new = "external_ids" in wanted
    return {path: value for path, value in lacking.items() if equal(path) and not (new and value in (None, "", []))}


def _ours(shared: Sequence[Shared]) -> Callable[[str], bool]:
    """Says of a field whether no flow carries the shop's changes of it to Business Central, and none may stand there."""
    theirs = {name for thing in shared for name in (*thing.ipaas, *thing.shown)}
    return lambda path: pattern(path) not in theirs


def _unlinked(pair: FieldPair) -> bool:
    return is_link(pair.path) and pair.missing is None and pair.wanted != pair.found


def _changes(both: Sequence[FieldPair], found: Mapping[str, Any], send: set[str], whole: set[str]) -> Iterable[Change]:
    """The changes for the report; of a nested record that is new, one for all."""
    told: set[str] = set()
    for pair in both:
        if pair.path not in send:
            continue
        if pair.missing and pair.missing in whole:
            if pair.missing not in told:
                told.add(pair.missing)
                yield Change(field=pair.missing)
        else:
            yield Change(field=pair.path, before=found.get(pair.path, pair.found), after=pair.wanted)


class _Sets:
    """Lists that are sent whole, though others put their own into them, too."""

    def __init__(self, work: WriteContext, endpoint: Endpoint, base: Base | None, found: Mapping[str, Any]) -> None:
        self._work, self._endpoint = work, endpoint
        self._base, self._found = base, found

    def _others(self, path: str, wanted: Sequence[str]) -> list[str]:
        """What is in it that did not come from here."""
        found = [member for member in self._found.get(path) or () if member not in wanted]
        if self._base is not None and self._base.knows(path):
            removed = self._base.values.get(path) or ()
            return [member for member in found if member not in removed]
        linked = self._work.task.links.external_ids(_CATEGORIES[self._endpoint.family], found) if found else {}
        return [member for member in found if member not in linked]

    def ours(self, path: str, wanted: Sequence[str]) -> list[str]:
        """What is in it, without what others put there."""
        others = self._others(path, wanted)
        return [member for member in self._found.get(path) or () if member not in others]

    def merged(self, path: str, wanted: Sequence[str]) -> list[str]:
        """What is to be in it, ours first."""
        return [*wanted, *self._others(path, wanted)]

    def sent(self, path: str, wanted: Sequence[Json]) -> list[Json]:
        """The list as it is sent."""
        named = next((name for item in wanted for name in item), "id")
        mine = {str(item[named]): item for item in wanted}
        return [mine.get(member, {named: id_from(member)}) for member in self.merged(path, members(wanted))]


def _equal_otherwise(work: WriteContext, item: WriteRequest, present: Json) -> Callable[[str], bool]:
    """Says of a field whether the other direction would map what iPaaS.com has to what Business Central has at present."""
    counterpart = item.flow.counterpart
    if counterpart is None or counterpart.row is None or counterpart.differences is None:
        return lambda path: False
    task = work.task
    try:
        mapped = task.catalogue[counterpart.flow].take(counterpart.row(task, present), task.context({}))
    except (Rejected, Waiting):
        return lambda path: False
    if isinstance(mapped, str):
        return lambda path: False
    # What iPaaS.com has nothing of differs from what is there in Business Central.
    absent = {name for name, value in item.own.items() if value is not None and name not in mapped.body}
    differing = {*counterpart.differences(mapped.body, item.own), *absent}
    equal: set[str] = set()
    for thing in counterpart.shared:
        if differing.isdisjoint(thing.bc):
            equal |= {*thing.ipaas, *thing.shown}
    return lambda path: pattern(path) in equal

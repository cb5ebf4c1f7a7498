"""Records that were renumbered in Business Central stay one: their immutable id is linked under another number.

The link in iPaaS.com gets the new number, and so do those of nested records whose external ids begin with it; then the
same record is updated. Without a ledger nothing is known of immutable ids, and the ordinary matching applies.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from include.errors import NotFound, Rejected, Waiting
from include.ipaas.external_ids import Id, external_id_of
from include.sync.base import Base
from include.sync.called import name_apart, name_in
from include.sync.displaced import displaced_of
from include.sync.ledger.entries import Renumbered, Transfer
from include.sync.links import Link
from include.sync.records import Json, Mapped
from include.sync.runs import Direction
from include.sync.twins import look_alike
from include.sync.values import fold

if TYPE_CHECKING:
    from include.ipaas.endpoints import Endpoint
    from include.sync.context import WriteContext
    from include.sync.work import WriteRequest

# So often a record waits for the one that had its number before, and that may have been deleted.
_PATIENCE = 2
# Before the number of a record that is linked to none for the moment. No number of Business Central has a bar in it.
_ASIDE = "moving|"


@dataclass(frozen=True, kw_only=True)
class _Around:
    """What is moved before a record gets a number that was another one's, and after that."""

    before: Sequence[Renumbered] = ()
    after: Sequence[Renumbered] = ()


class Renumbering:
    """What the ledger says of the immutable ids of the records that one task writes to an endpoint."""

    def __init__(self, work: WriteContext, endpoint: Endpoint, nested: Mapping[str, str]) -> None:
        """`nested`: the lists of nested records whose external ids begin with the record's, and their tables."""
        self._work = work
        self._endpoint = endpoint
        self._nested = nested
        self._asked: set[str | None] = {None}
        # By immutable id: the external id and the iPaaS.com id that it is linked under.
        self._known: dict[str, tuple[str, Id]] = {}
        # Folded external ids that records have left.
        self._left: set[str] = set()
        # Those that they have left in a plan: iPaaS.com still shows them.
        self._foreseen: set[str] = set()
        # By folded external id: as the ledger spells it, and the immutable id that it belongs to.
        self._spelled: dict[str, tuple[str, str | None]] = {}
        own = endpoint.table == work.task.flow.writer.table
        # By folded number: who had it before the record that has it now.
        self._displaced = displaced_of(work.task) if own else {}
        # By immutable id: what was known of the records that this task has moved.
        self._moved: dict[str, Transfer] = {}
        # Held while numbers change hands: several records may have to move for one.
        self._moving = threading.RLock()

    def learn(self, items: Iterable[WriteRequest]) -> None:
        """Read what is known of these records."""
        mapped = [item.mapped for item in items]
        ids = [one.record_id for one in mapped if one.record_id]
        self._asked |= {None, *ids}
        self._known |= self._work.ledger.links_of_record_id(self._endpoint.table, ids)
        self._spelled |= self._work.ledger.spelled(self._endpoint.table, [one.source_id for one in mapped])

    def follow(self, item: WriteRequest) -> Id | None:
        """Give the record that the same immutable id is linked under the new number; answers its iPaaS.com id.

        None when it was not renumbered, or the record is gone. Raises Rejected when its new number is linked to another record,
        which cannot be moved on from there.
        """
        mapped = item.mapped
        if mapped.record_id not in self._asked:
            self.learn([item])  # a prerequisite, which nobody has prepared
        if mapped.record_id is None or mapped.record_id not in self._known:
            return None
        if self._known[mapped.record_id][0].upper() == mapped.source_id.upper():
            return None
        with self._moving:
            return self._follow(mapped, mapped.record_id)

    def _follow(self, mapped: Mapped, record_id: str) -> Id | None:
        work, table = self._work, self._endpoint.table
        old, internal_id = self._known[record_id]
        if old.upper() == mapped.source_id.upper():
            return internal_id  # it was moved on for another one's sake
        # Another run may have moved it on since this task has learned where it was.
        old, internal_id = work.ledger.links_of_record_id(table, [record_id]).get(record_id, (old, internal_id))
        if old.upper() == mapped.source_id.upper():
            self._known[record_id] = old, internal_id
            if (known := self._transfer(old, record_id)) is not None:
                self._moved[record_id] = known
            return internal_id
        holder = self._holder(mapped.source_id)
        around: _Around | None = _Around()
        if holder is not None and str(holder) != str(internal_id):
            around = self._around(mapped.source_id, (fold(old),))
        if around is None:
            raise Rejected(
                f"It was renumbered from {old!r}, which is linked to iPaaS.com {self._endpoint.name} {internal_id}, and "
                f"its new number is linked to {holder}.",
                "Remove the external id from the wrong one in iPaaS.com; it is tried again by itself.",
            )
        self._clear(around.before)
        moved: Id | None = internal_id
        try:
            self.move(Renumbered(old=old, new=mapped.source_id, internal_id=internal_id, record_id=record_id))
        except NotFound:
            work.ledger.unlink(table, old)
            del self._known[record_id]
            moved = None
        self._clear(around.after)
        return moved

    def _clear(self, moves: Sequence[Renumbered]) -> None:
        """Have records that are in the way move on; one that is gone from iPaaS.com is in nobody's way."""
        for move in moves:
            try:
                self.move(move)
            except NotFound:
                self._work.ledger.unlink(self._endpoint.table, move.old)
                self._work.linked.pop((self._endpoint.table, fold(move.old)), None)
                self._spelled.pop(fold(move.old), None)

    def make_way(self, item: WriteRequest) -> bool:
        """Have the record that had this one's number before go to the number that it has now; answers whether it did."""
        number = item.mapped.source_id
        if fold(number) not in self._displaced or self.left(number):
            return False
        with self._moving:
            around = None if self.left(number) else self._around(number, ())
            self._clear([*around.before, *around.after] if around else ())
            return around is not None

    def _around(self, number: str, moving: tuple[str, ...]) -> _Around | None:
        """What has to be moved so that a number is free; None when that is not known. `moving` are the numbers, folded, that
        are about to be free."""
        gone = self._displaced.get(fold(number))
        linked = self._work.ledger.links_of_record_id(self._endpoint.table, [gone.record_id] if gone else [])
        if gone is None or gone.record_id not in linked:
            return None
        spelled, internal_id = linked[gone.record_id]
        if fold(spelled) != fold(number) or spelled.upper() == gone.now.upper():
            return None  # it is elsewhere by now, or has its number, which merely looks like this one
        holder = self._holder(gone.now)
        move = Renumbered(old=number, new=gone.now, internal_id=internal_id, record_id=gone.record_id)
        if holder is None or str(holder) == str(internal_id):
            return _Around(before=[move])
        if fold(gone.now) in moving:
            # Numbers that were exchanged: one record has to step aside, since no two have one external id.
            aside = f"{_ASIDE}{gone.now}"
            return _Around(before=[replace(move, new=aside)], after=[replace(move, old=aside)])
        around = self._around(gone.now, (*moving, fold(number)))
        return around and replace(around, before=[*around.before, move])

    def _holder(self, number: str) -> Id | None:
        """Which record is linked to a number. What iPaaS.com says is not noted here: a move that broke off, and that it may be
        the trace of, is found unfinished by what the ledger says."""
        table = self._endpoint.table
        known = self._work.ledger.internal_ids(table, [number]).get(fold(number))
        return self._work.ipaas.internal_id(table, number) if known is None else known

    def move(self, it: Renumbered) -> None:
        """Give a record of iPaaS.com that is linked under an old name the one that it has now. Raises NotFound."""
        work, table = self._work, self._endpoint.table
        old, new, internal_id = it.old, it.new, it.internal_id

        def link() -> bool:
            work.ipaas.link(table, internal_id, new)
            return True

        if not work.send(link, what=[internal_id, new], planned=False, requests=2):
            self._foreseen.add(fold(old))
        name = name_in(table)
        reads = self._nested or name
        present = (work.ipaas.get(self._endpoint, internal_id) if reads else None) or {}
        self._follow_nested(old, new, present)
        now = (table, new, internal_id)
        # Documents may name it at any moment: by what it is called, from the moment on that this is not its number.
        called = name_apart(table, new, internal_id, present.get(name)) if name else []
        self._carry(it, [now, *called])
        work.linked.pop((table, fold(old)), None)
        work.remember([now])
        self._left.add(fold(old))
        self._spelled.pop(fold(old), None)
        if it.record_id:
            self._known[it.record_id] = new, internal_id
            self._spelled[fold(new)] = new, it.record_id

    def _carry(self, it: Renumbered, links: Sequence[Link]) -> None:
        """Remember its links, and keep what was agreed of a record: what either side changes meanwhile is still told by it."""
        flows = [flow for flow in self._work.task.catalogue.values() if flow.writer.table == self._endpoint.table]
        to_ipaas = [flow.name for flow in flows if flow.direction is Direction.to_ipaas]
        others = [flow.name for flow in flows if flow.direction is not Direction.to_ipaas]
        if it.record_id and self._work.task.flow.name in to_ipaas:
            before = self._moved.get(it.record_id) or self._transfer(it.old, it.record_id)
            if before is not None:
                base = Base.from_json(before.base or {}).renumbered(it.old, it.new)
                self._moved[it.record_id] = replace(before, key=it.new, fingerprint=None, base=base.as_json())
        self._work.ledger.renumber(it, to_ipaas, others, links)

    def _transfer(self, key: str, record_id: str) -> Transfer | None:
        """What the run's flow knows of a record under a key; None where that is of another one."""
        known = self._work.ledger.transfers(self._work.task.flow.name, [key], base=True).get(key)
        return known if known is not None and known.record_id in (None, record_id) else None

    def as_known(self, item: WriteRequest) -> WriteRequest:
        """A record with what is known of it, also if that was under another number until now."""
        moved = self._moved.get(item.mapped.record_id or "")
        return replace(item, transfer=moved) if moved else item

    def _follow_nested(self, old: str, new: str, present: Json) -> None:
        for table, nested_id, suffix in nested_of(old, present, self._nested, self._work.plan.system_id):
            link = partial(self._work.ipaas.link, table, nested_id, f"{new}{suffix}")
            self._work.send(link, what=[nested_id, f"{new}{suffix}"], planned=None, requests=2)
            self._work.ledger.link([(table, f"{new}{suffix}", nested_id)])

    def left(self, external_id: str) -> bool:
        """Whether a record of this task had this external id, and has another one now."""
        return fold(external_id) in self._left

    def foresees(self, external_id: str) -> bool:
        """Whether a record will have left this external id once what is planned is done."""
        return fold(external_id) in self._foreseen

    def check_own(self, item: WriteRequest, present: Json | None) -> None:
        """Raise Rejected when a record is linked under a key that merely looks like this one's, Waiting when it is linked
        under the same key as another record of Business Central.

        That one was renumbered, and moves on when its turn comes, or it was deleted: then this one takes its place.
        """
        mapped = item.mapped
        shown = external_id_of(present, self._work.plan.system_id) if present else None
        spelled, record_id = self._spelled.get(fold(mapped.source_id), (shown, None))
        if spelled is None or (record_id is not None and record_id == mapped.record_id):
            return
        if spelled.upper() != mapped.source_id.upper():
            raise look_alike(mapped.source_id, [spelled])
        waited = item.transfer.attempts if item.transfer else 0
        gone = self._displaced.get(fold(mapped.source_id))
        if mapped.record_id and record_id and gone is not None:
            raise Waiting(
                f"iPaaS.com knows another record of Business Central by the number {spelled!r}, which has the number "
                f"{gone.now!r} now, and cannot have that in iPaaS.com yet.",
                advice=f"Should this last, see what stands in the way of {gone.now!r}; this one goes through after that.",
                at_once=True,
            )
        if mapped.record_id and record_id and waited < _PATIENCE:
            raise Waiting(
                f"iPaaS.com knows another record of Business Central by the number {spelled!r}, which was renumbered or "
                "deleted there.",
                advice="Nothing to do: when that one has its new number, this one is transferred.",
                at_once=True,
            )


def nested_of(old: str, present: Json, nested: Mapping[str, str], system_id: int) -> Iterator[tuple[str, Id, str]]:
    """The nested records of `present` that are linked under a record's old number: table, id, what follows the number."""
    for name, table in nested.items():
        for child in present.get(name) or ():
            own = external_id_of(child, system_id) or ""
            if fold(own).startswith(f"{fold(old)}|"):
                yield table, child["id"], own[len(old) :]

"""Records that were renumbered in Business Central stay one: their immutable id is linked under another number.

The link in iPaaS.com gets the new number, and so do those of nested records whose external ids begin with it; then the
same record is updated. Without a ledger nothing is known of immutable ids, and the ordinary matching applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from include.errors import NotFound, Rejected, Waiting
from include.ipaas.external_ids import Id, external_id_of
from include.sync.called import name_apart, name_in
from include.sync.records import Json, Mapped
from include.sync.runs import Direction
from include.sync.twins import look_alike
from include.sync.values import fold

if TYPE_CHECKING:
    from include.ipaas.endpoints import Endpoint
    from include.sync.context import WriteContext
    from include.sync.work import WriteRequest

# So often a record waits for the one that had its number before.
_PATIENCE = 2


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
        # By folded external id: as the ledger spells it, and the immutable id that it belongs to.
        self._spelled: dict[str, tuple[str, str | None]] = {}

    def learn(self, items: Iterable[WriteRequest]) -> None:
        """Read what is known of these records."""
        mapped = [item.mapped for item in items]
        ids = [one.record_id for one in mapped if one.record_id]
        self._asked |= {None, *ids}
        self._known |= self._work.ledger.links_of_record_id(self._endpoint.table, ids)
        self._spelled |= self._work.ledger.spelled(self._endpoint.table, [one.source_id for one in mapped])

    def follow(self, item: WriteRequest) -> Id | None:
        """Give the record that the same immutable id is linked under the new number; answers its iPaaS.com id.

        None when it was not renumbered, or the record is gone. Raises Rejected when its new number is linked to another record.
        """
        mapped, work, table = item.mapped, self._work, self._endpoint.table
        if mapped.record_id not in self._asked:
            self.learn([item])  # a prerequisite, which nobody has prepared
        if mapped.record_id is None or mapped.record_id not in self._known:
            return None
        old, internal_id = self._known[mapped.record_id]
        if old.upper() == mapped.source_id.upper():
            return None
        holder = work.link_of(table, mapped.source_id)
        if holder is not None and str(holder) != str(internal_id):
            raise Rejected(
                f"It was renumbered from {old!r}, which is linked to iPaaS.com {self._endpoint.name} {internal_id}, and "
                f"its new number is linked to {holder}.",
                "Remove the external id from the wrong one in iPaaS.com; it is tried again by itself.",
            )
        try:
            self.move(old, mapped, internal_id)
        except NotFound:
            work.ledger.unlink(table, old)
            del self._known[mapped.record_id]
            return None
        self._known[mapped.record_id] = mapped.source_id, internal_id
        return internal_id

    def move(self, old: str, mapped: Mapped, internal_id: Id) -> None:
        """Give a record of iPaaS.com that is linked under an old name the one that it has now. Raises NotFound."""
        work, table = self._work, self._endpoint.table
        link = partial(work.ipaas.link, table, internal_id, mapped.source_id)
        work.send(link, what=[internal_id, mapped.source_id], planned=None, requests=2)
        name = name_in(table)
        reads = self._nested or name
        present = (work.ipaas.get(self._endpoint, internal_id) if reads else None) or {}
        self._follow_nested(old, mapped.source_id, present)
        now = (table, mapped.source_id, internal_id)
        # Documents may name it at any moment: by what it is called, from the moment on that this is not its number.
        called = name_apart(table, mapped.source_id, internal_id, present.get(name)) if name else []
        work.ledger.link([now, *called], record_ids={now[:2]: mapped.record_id} if mapped.record_id else {})
        # What was written under the old number says nothing any more, should the record ever have it again.
        for flow in work.task.catalogue.values():
            if flow.direction is Direction.to_ipaas and flow.writer.table == table:
                work.ledger.forget(flow.name, [old])
        work.linked.pop((table, fold(old)), None)
        work.remember([now])
        self._left.add(fold(old))

    def _follow_nested(self, old: str, new: str, present: Json) -> None:
        for table, nested_id, suffix in nested_of(old, present, self._nested, self._work.plan.system_id):
            link = partial(self._work.ipaas.link, table, nested_id, f"{new}{suffix}")
            self._work.send(link, what=[nested_id, f"{new}{suffix}"], planned=None, requests=2)
            self._work.ledger.link([(table, f"{new}{suffix}", nested_id)])

    def left(self, external_id: str) -> bool:
        """Whether a record of this task had this external id, and has another one now."""
        return fold(external_id) in self._left

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

"""Finds records of iPaaS.com: by their link, else the one that matches by natural key or by place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from include.errors import Rejected
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, external_id_of
from include.sync.context import WriteContext
from include.sync.ledger.entries import Renumbered
from include.sync.records import Json, Mapped
from include.sync.renumbering import Renumbering
from include.sync.task_context import TaskContext
from include.sync.values import fold
from include.sync.work import ToBeMade, WriteRequest
from include.writers.ipaas_companions import Siblings, linked_among
from include.writers.ipaas_index import Index, concerned_by, names_of, told_of
from include.writers.ipaas_shared_list import read_list

# From this many unlinked records on, reading the target's whole list may cost less than looking for each.
_INDEX_FROM = 10


@dataclass(frozen=True, kw_only=True)
class IPaaSFinder:
    """How one record type is found.

    `match_field` is the record's natural key in iPaaS.com. `shares_name`: several records may have the same one, so
    a match that is linked to another of our records does not count (companies); elsewhere it is a rejection.
    `counts` says whether a found record is a match at all. `match_shows_link`: the natural key never changes, so that the
    search by it finds a linked record, too, and its link needs no look of its own.
    `nested`: the lists of nested records whose external ids begin with the record's own, and their tables; they follow it
    when it is renumbered.
    `siblings`: an unlinked record is the one that has its place among those of its parent.
    """

    endpoint: Endpoint
    match_field: str | None = None
    shares_name: bool = False
    counts: Callable[[Mapped, Json, int], bool] = lambda mapped, present, system_id: True
    match_shows_link: bool = False
    siblings: Siblings | None = None
    nested: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The external-id table of the record."""
        return self.endpoint.table

    def prepare(self, work: WriteContext, items: Sequence[WriteRequest]) -> None:
        """Learn the links of the chunk, from the ledger and, when many are unknown, from the target's own list."""
        work.know_links(self.table, [name for item in items for name in names_of(item.mapped)])
        self._numbers(work).learn(items)
        if work.present is not None:
            self._session(work).index = self._compare_with(work, items, work.present)
            return
        unknown = [item for item in items if (self.table, fold(item.mapped.source_id)) not in work.linked]
        work.names.expect(self.table, [item.mapped.source_id for item in unknown])
        if len(unknown) >= _INDEX_FROM and self.endpoint.search:
            self._session(work).index = self._read_index(work, unknown)

    def _index(self, work: WriteContext, item: WriteRequest) -> Index | None:
        """What was read of the list; None where it says nothing of this record: one that is brought along as a
        prerequisite is looked for by itself."""
        index = self._session(work).index
        if index is None or fold(item.mapped.source_id) in index.external_ids:
            return index
        return None

    def _session(self, work: WriteContext) -> _Session:
        make = partial(Renumbering, work, self.endpoint, self.nested)
        return work.session(_Session, self.table, lambda: _Session(numbers=make()))

    def _read_index(self, work: WriteContext, unknown: Sequence[WriteRequest]) -> Index | None:
        index = Index.of(item.mapped for item in unknown)

        def take(record: Json) -> None:
            index.add(record, self.match_field, work.plan.system_id, self.siblings)

        # By its place a record is found only once its parent is known: no other task can pick it out.
        alone = self.siblings is not None
        if not read_list(work, self.endpoint, len(unknown), take, match_field=self.match_field, alone=alone):
            return None
        work.remember((self.table, own, record["id"]) for own, record in index.linked.items())
        return index

    # --- for a comparison of everything: see `include/sync/look.py` ------------------------------------------

    def concerned(self, task: TaskContext, records: Sequence[Mapped]) -> list[set[tuple[str, str]]]:
        """By what rows of the list concern each of these records; see `LooksThrough`."""
        return concerned_by(task.ledger, self.table, self.siblings, records)

    def concerns(self, row: Json, system_id: int) -> Iterable[tuple[str, str]]:
        """By what a row of the list may concern records; see `LooksThrough`."""
        return told_of(row, self.match_field, self.siblings, system_id)

    def _compare_with(self, work: WriteContext, items: Sequence[WriteRequest], present: Sequence[Json]) -> Index:
        index = Index.of((item.mapped for item in items), whole=True)
        for record in present:
            index.add(record, self.match_field, work.plan.system_id, self.siblings)
        work.remember((self.table, own, record["id"]) for own, record in index.linked.items())
        return index

    def _origin(self, work: WriteContext, item: WriteRequest) -> Id | None:
        """The id of the record that this one was made from, when it came from iPaaS.com in the first place."""
        mapped = item.mapped
        if not mapped.made_from or (self.table, fold(mapped.source_id)) in work.linked:
            return None
        if self._index(work, item) and not item.look_anew:
            return work.linked.get((self.table, fold(mapped.made_from)))
        return work.link_of(self.table, mapped.made_from)

    def _numbers(self, work: WriteContext) -> Renumbering:
        return self._session(work).numbers

    def _find(self, work: WriteContext, item: WriteRequest) -> tuple[Id | None, Json | None]:
        """The id of the linked record, and the record itself when it is known already."""
        external_id = item.mapped.source_id
        if (moved := self._numbers(work).follow(item)) is not None:
            return moved, None
        if self._numbers(work).left(external_id):
            return work.linked.get((self.table, fold(external_id))), None
        if item.beside is not None:
            own = linked_among(item.beside, external_id, work.plan.system_id)
            return (own["id"], own) if own else (work.linked.get((self.table, fold(external_id))), None)
        index = self._index(work, item)
        if index and (doubled := index.doubled.get(fold(external_id))):
            raise doubled
        if index and (present := index.linked.get(fold(external_id))):
            return present["id"], present
        if index and index.whole:
            return None, None
        if self.match_shows_link or (index and not item.look_anew):
            return work.linked.get((self.table, fold(external_id))), None
        return work.link_of(self.table, external_id), None

    def _match(self, work: WriteContext, item: WriteRequest) -> Json | None:
        """The one record with the natural key that is not linked, or linked to this very record; None when there is none.

        Raises Rejected for doubtful ones.
        """
        mapped, system_id = item.mapped, work.plan.system_id
        if not (self.match_field and mapped.match):
            return None
        found = [record for record in self._alike(work, item, mapped.match) if self.counts(mapped, record, system_id)]
        links = {str(record["id"]): external_id_of(record, system_id) for record in found}
        mine = fold(mapped.source_id)
        if own := next((record for record in found if fold(links[str(record["id"])] or "") == mine), None):
            return own
        taken = [record for record in found if links[str(record["id"])]]
        if taken and not self.shares_name:
            raise self._belongs(mapped, taken[0], external_id_of(taken[0], system_id))
        free = [record for record in found if not links[str(record["id"])]]
        if len(free) > 1:
            ids = ", ".join(str(record["id"]) for record in free)
            raise Rejected(
                f"Several iPaaS.com records have {self.match_field} {mapped.match!r}: {ids}.",
                "Merge them, or link the right one to this record by its external id.",
            )
        if not free:
            return None
        first = work.matched_by(self.table, free[0]["id"], mapped.source_id)
        if fold(first) == mine:
            return free[0]
        if self.shares_name:
            return None
        raise self._belongs(mapped, free[0], first)

    def _alike(self, work: WriteContext, item: WriteRequest, key: str) -> list[Json]:
        """The records with a natural key, out of what was read of the list where that tells."""
        index, wanted = self._index(work, item), key.casefold()
        tells = index and not item.look_anew
        found = index.matching.get(wanted, []) if index and tells else work.ipaas.search(self.endpoint, key)
        return [record for record in found if str(record.get(self.match_field or "") or "").casefold() == wanted]

    def _sibling(self, work: WriteContext, item: WriteRequest, body: Json) -> Json | None:
        """The record that has this one's place among those of its parent; None when there is none.

        One that is linked to it under a former name follows. Raises Rejected when it is linked to another record of ours.
        """
        siblings = self.siblings
        if siblings is None or siblings.by not in body:
            return None
        index = self._index(work, item)
        if item.beside is not None:
            found = next((row for row in item.beside if siblings.place(row) == siblings.place(body)), None)
        elif index and not item.look_anew:
            found = index.places.get(siblings.place(body))
        else:
            new = isinstance(body[siblings.by], ToBeMade)
            parent = {} if new else work.ipaas.get(siblings.parent, body[siblings.by]) or {}
            rows = ({siblings.by: body[siblings.by], **row} for row in parent.get(siblings.name) or ())
            found = next((row for row in rows if siblings.place(row) == siblings.place(body)), None)
        own = external_id_of(found, work.plan.system_id) if found else None
        if found and own and fold(own) != fold(item.mapped.source_id):
            if siblings.alike(own, item.mapped.source_id) or self._is_left_behind(work, own, item, body):
                mapped = item.mapped
                self._numbers(work).move(
                    Renumbered(old=own, new=mapped.source_id, internal_id=found["id"], record_id=mapped.record_id)
                )
                return found
            raise self._belongs(replace(item.mapped, match=str(found.get(siblings.same))), found, own)
        return found

    def _is_left_behind(self, work: WriteContext, own: str, item: WriteRequest, body: Json) -> bool:
        """Whether a row is of a record of Business Central that is gone, and whose place in iPaaS.com another one has taken,
        which is the one that is written."""
        siblings = self.siblings
        gone, now = (siblings.of(own), siblings.of(item.mapped.source_id)) if siblings else (None, None)
        if siblings is None or gone is None or now is None:
            return False
        linked = work.ledger.links_of_record_id(siblings.parent.table, [gone, now])
        return gone not in linked and now in linked and str(linked[now][1]) == str(body[siblings.by])

    def _belongs(self, mapped: Mapped, record: Json, other: str | None) -> Rejected:
        by = self.siblings.same if self.siblings else self.match_field
        return Rejected(
            f"{by} {mapped.match!r} belongs to iPaaS.com {self.endpoint.name} {record['id']}, which "
            f"is linked to Business Central {other!r}, not to {mapped.source_id!r}.",
            f"Two records share one {by}: correct it in Business Central, or correct the link.",
        )


@dataclass(kw_only=True)
class _Session:
    """What one task keeps of a table: its renumberings, and the part of the target's list that a chunk needed."""

    numbers: Renumbering
    index: Index | None = None

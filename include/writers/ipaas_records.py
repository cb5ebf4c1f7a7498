"""Writes records to iPaaS.com: finds the linked or matching one, else creates it, linked in the same call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from include.errors import NotFound, RecordExists, Rejected, Sent, ServiceError, Waiting
from include.ipaas.bodies import needs_present
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, external_id_of, linked_to
from include.sync.base import Base
from include.sync.context import WriteContext
from include.sync.fields import values_of
from include.sync.links import Link, side_of
from include.sync.outcomes import Change, Result, values_of_changes
from include.sync.records import Json, Mapped
from include.sync.renumbering import Renumbering
from include.sync.runs import Direction
from include.sync.task_context import TaskContext
from include.sync.values import fold
from include.sync.work import Echo, ToBeMade, WriteRequest, WriteResult
from include.writers.ipaas_changes import Update, base_of, update_of
from include.writers.ipaas_companions import (
    Ends,
    Siblings,
    changes_of,
    linked_among,
    nested_in,
    write_each,
    writing,
)
from include.writers.ipaas_followers import FollowerWriter
from include.writers.ipaas_index import Index, concerned_by, formerly_linked, names_of, told_of
from include.writers.ipaas_shared_list import read_list

# From this many unlinked records on, reading the target's whole list may cost less than looking for each.
_INDEX_FROM = 10


@dataclass(frozen=True, kw_only=True)
class IPaaSWriter:
    """How one record type is found and written.

    `match_field` is the record's natural key in iPaaS.com. `shares_name`: several records may have the same one, so
    a match that is linked to another of our records does not count (companies); elsewhere it is a rejection.
    `counts` says whether a found record is a match at all. `adopt` may take over children that the present record has
    already and that are not linked to us.
    `restrict` cuts the body down to what may be written to a present record, given that record. `match_shows_link`: the
    natural key never changes, so that the search by it finds a linked record, too, and its link needs no look of its own.
    `nested`: the lists of nested records whose external ids begin with the record's own, and their tables; they follow it
    when it is renumbered.
    `siblings`: an unlinked record is the one that has its place among those of its parent.
    """

    endpoint: Endpoint
    match_field: str | None = None
    shares_name: bool = False
    counts: Callable[[Mapped, Json, int], bool] = lambda mapped, present, system_id: True
    adopt: Callable[[Json, Json, int], Json] | None = None
    restrict: Callable[[Json, Json, int], Json] | None = None
    match_shows_link: bool = False
    siblings: Siblings | None = None
    nested: Mapping[str, str] = field(default_factory=dict)
    followers: Mapping[str, FollowerWriter] = field(default_factory=dict)

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
        if len(unknown) >= _INDEX_FROM and self.endpoint.search:
            self._session(work).index = self._read_index(work, unknown)

    def _index(self, work: WriteContext, item: WriteRequest) -> Index | None:
        """What was read of the list; None where it says nothing of this record: one that is brought along as a
        prerequisite is looked for by itself."""
        index = self._session(work).index
        if index is None or not index.whole or fold(item.mapped.source_id) in index.external_ids:
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

    def write(self, work: WriteContext, item: WriteRequest) -> WriteResult:
        """Create or update the record; see `Writer.write`."""
        try:
            return self._write(work, item)
        except NotFound:
            # The link points at a record that is gone: as good as not linked.
            work.linked.pop((self.table, fold(item.mapped.source_id)), None)
            work.ledger.unlink(self.table, item.mapped.source_id)
            return self._write(work, item)

    def _write(self, work: WriteContext, item: WriteRequest) -> WriteResult:
        mapped = item.mapped
        if (origin := self._origin(work, item)) is not None:
            note = f"It was made from iPaaS.com {self.endpoint.name} {origin}, which it belongs to."
            return WriteResult(result=Result.unchanged, target_id=origin, notes=[note])
        # A record that may only be changed in part needs only what that part refers to.
        taken = work.ipaas.taken(self.endpoint, mapped.body)
        body = taken if self.restrict else work.resolve(taken)
        internal_id, present = self._find(work, item)
        if internal_id is not None:
            self._numbers(work).check_own(item, present)
        if internal_id is None:
            body = work.resolve(body)
            index = self._index(work, item)
            matched = formerly_linked(work, self.endpoint, index, item) if index and index.whole else None
            if matched is None:
                matched = self._sibling(work, item, body) if self.siblings else self._match(work, item)
            if matched is None:
                return self._create(work, item, body)
            if external_id_of(matched, work.plan.system_id):
                return self._update(work, item, body, matched["id"], matched)
            return self._take(work, item, body, matched)
        return self._update(work, item, body, internal_id, present)

    def _take(self, work: WriteContext, item: WriteRequest, body: Json, matched: Json) -> WriteResult:
        """Write to an unlinked record and link it, while no flow from iPaaS.com makes a record of its own from it.

        Raises Waiting while one does, Rejected when one has.
        """
        external_id, key = item.mapped.source_id, str(matched["id"])
        claims = side_of(Direction.from_ipaas).claim_scope(self.table)
        if not work.ledger.claim(claims, [key], work.owner)[key].held:
            raise Waiting(
                f"It matches iPaaS.com {self.endpoint.name} {key}, which another run transfers.", at_once=True
            )
        try:
            # iPaaS.com may not know yet what became of it.
            holder = work.ledger.external_ids(self.table, [key]).get(key, external_id)
            if fold(holder) != fold(external_id):
                if self.shares_name:
                    return self._create(work, item, body)
                raise self._belongs(item.mapped, matched, holder)
            with work.writing(claims, key):
                if not self.endpoint.updates:
                    written = self._link(work, item, matched["id"])
                else:
                    written = self._update(work, item, body | self._link_in(work, item.mapped), matched["id"], matched)
            work.ledger.link(written.links)
            return written
        finally:
            work.ledger.release(claims, [key], work.owner)

    def _origin(self, work: WriteContext, item: WriteRequest) -> Id | None:
        """The id of the record that this one was made from, when it came from iPaaS.com in the first place."""
        mapped = item.mapped
        if not mapped.made_from or (self.table, fold(mapped.source_id)) in work.linked:
            return None
        if self._index(work, item) and not item.suspect:
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
        if self.match_shows_link or (index and not item.suspect):
            return work.linked.get((self.table, fold(external_id))), None
        return work.link_of(self.table, external_id), None

    def _match(self, work: WriteContext, item: WriteRequest) -> Json | None:
        """The one record with the natural key that is not linked, or linked to this very record; None when there is none.

        Raises Rejected for doubtful ones.
        """
        mapped, system_id = item.mapped, work.plan.system_id
        if not (self.match_field and mapped.match):
            return None
        index = self._index(work, item)
        found = (
            index.matching.get(mapped.match.casefold(), [])
            if index and not item.suspect
            else work.ipaas.search(self.endpoint, mapped.match)
        )
        wanted = mapped.match.casefold()
        found = [
            record
            for record in found
            if str(record.get(self.match_field) or "").casefold() == wanted and self.counts(mapped, record, system_id)
        ]
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
        elif index and not item.suspect:
            found = index.places.get(siblings.place(body))
        else:
            new = isinstance(body[siblings.by], ToBeMade)
            parent = {} if new else work.ipaas.get(siblings.parent, body[siblings.by]) or {}
            rows = ({siblings.by: body[siblings.by], **row} for row in parent.get(siblings.name) or ())
            found = next((row for row in rows if siblings.place(row) == siblings.place(body)), None)
        own = external_id_of(found, work.plan.system_id) if found else None
        if found and own and fold(own) != fold(item.mapped.source_id):
            if siblings.alike(own, item.mapped.source_id):
                self._numbers(work).move(own, item.mapped, found["id"])
                return found
            raise self._belongs(replace(item.mapped, match=str(found.get(siblings.same))), found, own)
        return found

    def _belongs(self, mapped: Mapped, record: Json, other: str | None) -> Rejected:
        return Rejected(
            f"{self.match_field} {mapped.match!r} belongs to iPaaS.com {self.endpoint.name} {record['id']}, which "
            f"is linked to Business Central {other!r}, not to {mapped.source_id!r}.",
            f"Two records share one {self.match_field}: correct it in Business Central, or correct the link.",
        )

    def _create(self, work: WriteContext, item: WriteRequest, body: Json) -> WriteResult:
        mapped = item.mapped
        nested = nested_in(work, item)
        self._plan_create(work, item, body | nested.body)
        made: Ends = []
        try:
            with writing(work, nested.requests):
                created = work.ipaas.create(self.endpoint, body | self._link_in(work, mapped) | nested.body)
            internal_id = created["id"]
            made = nested.made(work, created)
        except RecordExists:
            internal_id = work.ipaas.internal_id(self.table, mapped.source_id)
            if internal_id is None:
                raise
            return self._update(work, item, body, internal_id, None)
        except ServiceError as error:
            if error.sent is not Sent.unknown:
                raise
            # The answer was lost, the record may be there. Repeating the call could double it: look instead.
            internal_id = work.ipaas.internal_id(self.table, mapped.source_id)
            if internal_id is None:
                raise
        written = {name: value for name, value in body.items() if name not in mapped.create_only}
        base = Base(values=values_of(written, work.plan.system_id), made=True)
        return self._after(work, item, internal_id, Result.created, Update(body=body, base=base), made=made)

    def _plan_create(self, work: WriteContext, item: WriteRequest, body: Json) -> None:
        """Say what a new record and all that comes along with it will be."""
        values = values_of(body, work.plan.system_id)
        followers = [Change(field=f"{one.kind}[{one.external_id}]") for one in item.mapped.followers]
        changes = [*(Change(field=path, after=value) for path, value in sorted(values.items())), *followers]
        notes = work.ipaas.not_taken(self.endpoint, item.mapped.body)
        # Each follower is looked for, among those that its parent has, and made.
        requests = 1 + 3 * len(followers)
        work.plan_ends(WriteResult(result=Result.created, changes=changes, notes=notes), requests=requests)

    def _link(self, work: WriteContext, item: WriteRequest, internal_id: Id) -> WriteResult:
        """Link a matching record whose fields cannot be written."""
        link = partial(work.ipaas.link, self.table, internal_id, item.mapped.source_id)
        work.send(link, what=[internal_id, item.mapped.source_id], planned=None, requests=2)
        linked = Update(body={}, base=Base(), changes=(Change(field="external_ids"),))
        return self._after(work, item, internal_id, Result.updated, linked)

    def _update(
        self, work: WriteContext, item: WriteRequest, body: Json, internal_id: Id, present: Json | None
    ) -> WriteResult:
        if not self.endpoint.updates:
            return self._after(work, item, internal_id, Result.unchanged)
        wanted = {name: value for name, value in body.items() if name not in item.mapped.create_only}
        base = base_of(work, item, internal_id)
        if self._is_agreed(work, wanted, base):
            return self._after(work, item, internal_id, Result.unchanged, Update(body={}, base=base or Base()))
        fresh: Json | None = None  # the record as read a moment ago, not out of a list
        if present is None and self._looks(work, item, base):
            present = fresh = work.ipaas.get(self.endpoint, internal_id)
            if present is None:
                raise NotFound.of_record("iPaaS.com", f"{self.endpoint.name} {internal_id}")
        update = self._update_to(work, item, base, wanted, present)
        if update.body and work.plan.compares and fresh is None:
            # It was listed a while ago; what is written, or told, is by what it is now.
            present = fresh = work.ipaas.get(self.endpoint, internal_id)
            if present is None:
                raise NotFound.of_record("iPaaS.com", f"{self.endpoint.name} {internal_id}")
            update = self._update_to(work, item, base, wanted, present)
        if update.body:
            if base is not None and update.written:
                # Should nobody hear what became of it, what is found there is still known for this flow's own.
                fields = {path: now for path, (_, now) in update.written.items()}
                work.sending(item, fields, str(internal_id), update.written)
            sent: Json = update.body
            requests = 1 + (fresh is None and needs_present(self.endpoint, sent))
            change = partial(work.ipaas.update, self.endpoint, internal_id, sent, fresh)
            what = [internal_id, sent, values_of_changes(update.changes)]
            work.send(change, what=what, planned=sent, requests=requests)
        result = Result.updated if update.body else Result.unchanged
        return self._after(work, item, internal_id, result, update, present=present)

    def _update_to(
        self, work: WriteContext, item: WriteRequest, base: Base | None, wanted: Json, present: Json | None
    ) -> Update:
        if present is not None and self.adopt:
            wanted = self.adopt(wanted, present, work.plan.system_id)
        if present is not None and self.restrict:
            wanted = work.resolve(self.restrict(wanted, present, work.plan.system_id))
        return update_of(work, self.endpoint, item, base, wanted, present)

    def _is_agreed(self, work: WriteContext, wanted: Json, base: Base | None) -> bool:
        """Whether the base alone says that there is nothing to write."""
        if base is None or base.sent or self.restrict or "external_ids" in wanted:
            return False
        if work.plan.force or work.plan.compares:
            return False
        return not base.changed(values_of(wanted, work.plan.system_id))

    def _looks(self, work: WriteContext, item: WriteRequest, base: Base | None) -> bool:
        """Whether the record has to be read before it is written.

        Without a base, and where others may change it, too, so that nothing of theirs is overwritten unseen.
        """
        if work.plan.compares:
            return True
        return base is None or self.restrict is not None or item.flow.counterpart is not None

    def _link_in(self, work: WriteContext, mapped: Mapped) -> Json:
        return linked_to(work.plan.system_id, mapped.source_id)

    def _after(
        self,
        work: WriteContext,
        item: WriteRequest,
        internal_id: Id,
        result: Result,
        update: Update | None = None,
        *,
        made: Sequence[tuple[WriteRequest, WriteResult | Exception]] = (),
        present: Json | None = None,
    ) -> WriteResult:
        """Write what comes along with the record; a part that waits leaves the record unfinished, not unwritten."""
        links: list[Link] = [(self.table, item.mapped.source_id, internal_id)]
        work.remember(links)
        then: Waiting | Rejected | None = None
        changed = False
        for follower in item.mapped.followers:
            try:
                new = self.followers[follower.kind].write(work, follower)
            except (Waiting, Rejected) as problem:
                then = then or problem
                continue
            changed = changed or bool(new)
            links += new
        ends, held_up = write_each(work, item, list(made), internal_id, present)
        told = changes_of(ends)
        result = Result.updated if (changed or told) and result is Result.unchanged else result
        return WriteResult(
            result=result,
            target_id=internal_id,
            changes=[*(update.changes if update else ()), *told],
            links=links,
            base=update.base if update else None,
            echoes=_echoes(item, internal_id, update),
            notes=[
                *(work.ipaas.not_taken(self.endpoint, item.mapped.body) if result is not Result.unchanged else ()),
                *(update.notes if update else ()),
            ],
            then=then or held_up,
            companions=[*made, *ends],
            both=update.both if update else {},
        )


@dataclass(kw_only=True)
class _Session:
    """What one task keeps of a table: its renumberings, and the part of the target's list that a chunk needed."""

    numbers: Renumbering
    index: Index | None = None


def _echoes(item: WriteRequest, internal_id: Id, update: Update | None) -> list[Echo]:
    counterpart = item.flow.counterpart
    if counterpart is None or update is None or not (update.written or update.held):
        return []
    return [Echo(flow=counterpart.flow, key=str(internal_id), written=update.written or {}, look=update.held)]

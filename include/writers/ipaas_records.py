"""Writes records to iPaaS.com: finds the linked or matching one, else creates it, linked in the same call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from include.errors import NotFound, RecordExists, Rejected, Sent, ServiceError, Waiting
from include.ipaas.bodies import needs_present
from include.ipaas.external_ids import Id, external_id_of, linked_to
from include.sync.base import Base
from include.sync.called import keep_name
from include.sync.context import WriteContext
from include.sync.fields import values_of
from include.sync.ledger.entries import Purpose
from include.sync.links import Link, side_of
from include.sync.outcomes import Change, Result, values_of_changes
from include.sync.records import Json, Mapped
from include.sync.runs import Direction
from include.sync.values import fold
from include.sync.work import Echo, WriteRequest, WriteResult
from include.writers.ipaas_changes import Update, base_of, update_of, with_emptied
from include.writers.ipaas_companions import (
    Ends,
    changes_of,
    nested_in,
    write_each,
    writing,
)
from include.writers.ipaas_finding import IPaaSFinder
from include.writers.ipaas_followers import FollowerWriter
from include.writers.ipaas_index import formerly_linked
from include.writers.ipaas_origins import Origins


@dataclass(frozen=True, kw_only=True)
class IPaaSWriter(IPaaSFinder):
    """How one record type is written.

    `adopt` may take over children that the present record has already and that are not linked to us. `restrict` cuts the
    body down to what may be written to a present record, given that record and what was mapped aside. `followers`: what is
    written after it. `origins`: what a record may have been made from, which is to be linked before one is made.
    """

    adopt: Callable[[Json, Json, int], Json] | None = None
    restrict: Callable[[Json, Json, int, Json], Json] | None = None
    followers: Mapping[str, FollowerWriter] = field(default_factory=dict)
    origins: Origins | None = None

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
        if self._numbers(work).make_way(item):
            item = replace(item, stale=True)  # what was read of the target shows it under its number of before
        internal_id, present = self._find(work, item)
        item = self._numbers(work).as_known(item)
        if internal_id is not None:
            self._numbers(work).check_own(item, present)
        if internal_id is None:
            body = work.resolve(body) if self.restrict else body
            index = self._index(work, item)
            matched = formerly_linked(work, self.endpoint, index, item) if index and index.whole else None
            if matched is None:
                matched = self._sibling(work, item, body) if self.siblings else self._match(work, item)
            if matched is None:
                if self.origins and (number := mapped.foreign_number):
                    self.origins.require_linked(work, body, self._alike(work, item, number))
                return self._create(work, item, body)
            if external_id_of(matched, work.plan.system_id):
                return self._update(work, item, body, matched["id"], matched)
            return self._take(work, item, body, matched)
        return self._update(work, item, body, internal_id, present)

    def _take(self, work: WriteContext, item: WriteRequest, body: Json, matched: Json) -> WriteResult:
        """Write to an unlinked record and link it, while no flow from iPaaS.com makes a record of its own from it.

        Raises Waiting while one does, or has yet to complete what it began, Rejected when one has.
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
            if key in work.ledger.external_ids(self.table, [key], pushed=True):
                # It did know, and somebody may have removed the link since.
                holder = work.ipaas.external_id(self.table, matched["id"]) or external_id
            if fold(holder) != fold(external_id):
                if self.shares_name:
                    return self._create(work, item, body)
                raise self._belongs(item.mapped, matched, holder)
            begun = work.ledger.reservation(claims, key)
            if begun and begun.purpose is Purpose.create and fold(begun.reference) == fold(external_id):
                # Linked, it would pass for whole: orders would be made out to it that lack what it still lacks.
                raise Waiting(
                    f"It is being made of iPaaS.com {self.endpoint.name} {key}, and is not complete yet.",
                    advice="Nothing to do: it goes on when the flow from iPaaS.com has completed it.",
                    at_once=True,
                )
            with work.writing(claims, key):
                if not self.endpoint.updates:
                    written = self._link(work, item, matched["id"])
                else:
                    written = self._update(work, item, body | self._link_in(work, item.mapped), matched["id"], matched)
            work.ledger.link(written.links)
            return written
        finally:
            work.ledger.release(claims, [key], work.owner)

    def _create(self, work: WriteContext, item: WriteRequest, body: Json) -> WriteResult:
        mapped = item.mapped
        nested = nested_in(work, item)
        if work.tells:
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
        work.names.makes(self.table, mapped.source_id)
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

    def _read(self, work: WriteContext, internal_id: Id) -> Json:
        """A record as it is now. Raises NotFound."""
        if (present := work.ipaas.get(self.endpoint, internal_id)) is None:
            raise NotFound.of_record("iPaaS.com", f"{self.endpoint.name} {internal_id}")
        return present

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
            present = fresh = self._read(work, internal_id)
            self._require_own(work, item, internal_id, present)
        if present is not None:
            keep_name(work.ledger, self.table, item.mapped.source_id, internal_id, present.get(self.endpoint.key))
        update = self._update_to(work, item, base, wanted, present)
        if update.body and work.plan.compares and fresh is None:
            # It was listed a while ago; what is written, or told, is by what it is now.
            present = fresh = self._read(work, internal_id)
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

    def _require_own(self, work: WriteContext, item: WriteRequest, internal_id: Id, present: Json) -> None:
        """Raise NotFound for a record that is not linked to this one any more, where iPaaS.com has given its link to another
        record, or that record to another of ours: then the ledger's link is as good as none. One that has lost its link, which
        nobody has now, is still the one."""
        mine, own = item.mapped.source_id, external_id_of(present, work.plan.system_id)
        if own is not None and (fold(own) == fold(mine) or self._numbers(work).foresees(own)):
            return
        if work.ledger.internal_ids(self.table, [mine], pushed=False):
            return  # iPaaS.com is yet to be told
        holder = work.ipaas.internal_id(self.table, mine)
        if str(holder) == str(internal_id) or (own is None and holder is None):
            return
        raise NotFound.of_record("iPaaS.com", f"The link of {self.endpoint.name} {internal_id} to {mine!r}")

    def _update_to(
        self, work: WriteContext, item: WriteRequest, base: Base | None, wanted: Json, present: Json | None
    ) -> Update:
        if present is not None and item.mapped.emptied:
            wanted = with_emptied(item.mapped, wanted, present, work.plan.system_id)
        if present is not None and self.adopt:
            wanted = self.adopt(wanted, present, work.plan.system_id)
        if present is not None and self.restrict:
            wanted = work.resolve(self.restrict(wanted, present, work.plan.system_id, item.mapped.aside))
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
        notes: list[str] = []
        for follower in item.mapped.followers:
            try:
                new = self.followers[follower.kind].write(work, follower)
            except (Waiting, Rejected) as problem:
                then = then or problem
                continue
            changed = changed or bool(new.links)
            links += new.links
            notes += new.notes
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
                *notes,
            ],
            then=then or held_up,
            companions=[*made, *ends],
            both=update.both if update else {},
        )


def _echoes(item: WriteRequest, internal_id: Id, update: Update | None) -> list[Echo]:
    counterpart = item.flow.counterpart
    if counterpart is None or update is None or not (update.written or update.held):
        return []
    return [Echo(flow=counterpart.flow, key=str(internal_id), written=update.written or {}, look=update.held)]

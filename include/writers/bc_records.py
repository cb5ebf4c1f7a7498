"""Writes records to Business Central: finds the linked or matching one, else creates it under a reserved number.

Business Central has no idempotency key. So a number is reserved in the ledger before a record is created under it or
matched to it: a create whose answer was lost is found again by its number, and two records never take the same one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from include.business_central.odata import Api
from include.business_central.services import without
from include.errors import (
    EntityChanged,
    ErrorKind,
    NotFound,
    RecordExists,
    Rejected,
    Sent,
    ServiceError,
    ServiceNotPublished,
    Signal,
    Waiting,
)
from include.ipaas.external_ids import id_from
from include.sync.base import Base
from include.sync.called import keep_name
from include.sync.context import WriteContext
from include.sync.ledger.entries import Purpose, Renumbered, State
from include.sync.links import Link
from include.sync.merge import Times
from include.sync.outcomes import Apart, Change, Difference, Result
from include.sync.records import Json
from include.sync.values import fold
from include.sync.work import Echo, WriteRequest, WriteResult
from include.writers.bc_beside import Beside, Found
from include.writers.bc_changes import BCUpdate, base_of
from include.writers.bc_fields import CustomFields
from include.writers.bc_matches import Matches
from include.writers.bc_refusal import refusal
from include.writers.bc_target import ANY_TAG, ETAG, KEY, TRIES, ApiSurface, PageSurface, Surface, Target

T = TypeVar("T")


class _Taken(Signal):
    """Somebody else was faster with a number: look again."""


@dataclass(kw_only=True)
class _Session:
    """What one task knows of a target: how it is reached, and what has been read of it."""

    surface: Surface
    custom: CustomFields
    matches: Matches
    select: tuple[str, ...] = ()
    # By number in capitals, with its blanks, which tell records apart; None: there is no such record.
    rows: dict[str, Json | None] = field(default_factory=dict)
    # By number in capitals: its immutable id, as far as that was asked; asked by one for all.
    ids: dict[str, str | None] = field(default_factory=dict)
    asking: threading.Lock = field(default_factory=threading.Lock)
    beside: Found = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BCWriter:
    """How one record type is written to Business Central.

    `table` is its external-id table in iPaaS.com. `shares_number`: a candidate that is linked to another record does not
    count (companies); elsewhere it is a rejection. `beside` is what a record may be instead of one of the target's.
    """

    target: Target
    table: str
    shares_number: bool = False
    beside: Beside | None = None

    # --- reading many at once --------------------------------------------------------------------------------

    def prepare(self, work: WriteContext, items: Sequence[WriteRequest]) -> None:
        """Read the linked records, and what unlinked ones may be, many per request."""
        session = self._session(work)
        work.know_links(self.table, [item.key for item in items])
        numbers = {number for item in items if (number := self._number(work, item))}
        unlinked = [item for item in items if not self._number(work, item)]
        session.matches.look(work, [c for item in unlinked for c in item.mapped.candidates])
        matched = {number for item in unlinked for number in session.matches.alike(item)}
        self._read(work, session, sorted(numbers | matched))
        if self.beside:
            self.beside.learn(work, session.beside, [i for i in unlinked if not session.matches.alike(i)])

    def _session(self, work: WriteContext) -> _Session:
        return work.session(_Session, self.target.page, lambda: self._open(work))

    def _open(self, work: WriteContext) -> _Session:
        custom = CustomFields(self.target.model, self.target.page, work.settings)
        matches = Matches(target=self.target, table=self.table, shares_number=self.shares_number)
        session = _Session(surface=PageSurface(self.target), custom=custom, matches=matches)
        session.select = tuple(
            dict.fromkeys((*self.target.fields, *custom.targets, *self.target.read_too(work.settings)))
        )
        if work.bc.goes_without(self.target.page):
            self._without_page(work, session)
        if custom.targets:
            custom.check(session.surface.properties(work.bc))
        return session

    def _without_page(self, work: WriteContext, session: _Session) -> None:
        """Go on with API v2.0, and say what is lost."""
        session.surface = ApiSurface(self.target)
        lost = [name for name in (*self.target.fields, *session.custom.targets) if session.surface.lacks(name)]
        going_on = f"each {self.target.name} is written through API v2.0"
        work.task.warn(without([work.bc.name_of(self.target.page)], going_on, lost))

    def _read(self, work: WriteContext, session: _Session, numbers: Sequence[str]) -> None:
        """Read these records anew."""
        if not numbers:
            return
        rows = self._through(work, session, lambda surface: list(surface.read(work.bc, numbers, session.select)))
        found = {str(row[KEY]).upper(): row for row in rows}
        for number in numbers:
            session.rows[number.upper()] = found.get(number.upper())

    def _through(self, work: WriteContext, session: _Session, act: Callable[[Surface], T]) -> T:
        """Do it on the page, or through API v2.0 where that turns out to be gone."""
        try:
            return act(session.surface)
        except ServiceNotPublished:
            if not work.bc.goes_without(self.target.page):
                raise
            self._without_page(work, session)
            return act(session.surface)

    def _row(self, work: WriteContext, session: _Session, number: str, *, anew: bool = False) -> Json | None:
        if anew or number.upper() not in session.rows:
            self._read(work, session, [number])
        return session.rows[number.upper()]

    # --- one record ------------------------------------------------------------------------------------------

    def write(self, work: WriteContext, item: WriteRequest) -> WriteResult:
        """Create or update the record; see `Writer.write`."""
        session = self._session(work)
        body = session.custom.convert(work.resolve(item.mapped.body))
        body = {name: value for name, value in body.items() if not session.surface.lacks(name)}
        for _ in range(TRIES):
            try:
                return self._write(work, session, item, body)
            except _Taken:
                session.matches.forget(item)
        raise Rejected(f"Every number that a new {self.target.name} could have was taken while it was to be created.")

    def _write(self, work: WriteContext, session: _Session, item: WriteRequest, body: Json) -> WriteResult:
        number = self._number(work, item)
        if self.beside:
            self.beside.refuse_linked(number)
        reserved = item.reserved
        begun = reserved.reference if reserved and reserved.purpose is Purpose.create else None
        kept = reserved.reference if reserved and reserved.purpose is Purpose.keep else None
        if begun and fold(number or begun) == fold(begun) and self._row(work, session, begun, anew=True):
            # An earlier try created it without learning so, or did not get as far as completing it.
            return self._complete(work, session, item, body, begun)
        if number is not None:
            return self._update(work, session, item, body, number, known=True)
        if kept and self._row(work, session, kept, anew=True):
            return self._update(work, session, item, body, kept, known=False)
        if item.look_anew:
            session.matches.forget(item)
            if self.beside:
                self.beside.forget(session.beside, item)
        session.matches.look(work, item.mapped.candidates)
        if begun and fold(begun) in map(fold, session.matches.alike(item)):
            # What an earlier try sent has arrived only now: it is no match, and lacks what new records are given.
            return self._complete(work, session, item, body, begun)
        matched = session.matches.match(work, item)
        if isinstance(matched, WriteResult):
            return matched
        if matched is not None:
            return self._adopt(work, session, item, body, matched)
        holder = partial(session.matches.holder, work, item)
        if self.beside and (linked := self.beside.take(work, session.beside, item, self.table, holder)):
            return linked
        return self._create(work, session, item, body, late=begun is not None)

    def _adopt(self, work: WriteContext, session: _Session, item: WriteRequest, body: Json, number: str) -> WriteResult:
        """Write to the record that an unlinked one turned out to be."""
        try:
            return self._update(work, session, item, body, number, known=False)
        except Rejected:
            work.ledger.unreserve(self._claims(work), item.key)
            raise

    def _number(self, work: WriteContext, item: WriteRequest) -> str | None:
        """The number it is linked to: by the record itself, or by a link that iPaaS.com is yet to be told of."""
        linked = item.mapped.linked or work.linked.get((self.table, fold(item.key)))
        return None if linked is None else str(linked)

    def _claims(self, work: WriteContext) -> str:
        return work.side.claim_scope(self.table)

    # --- creating --------------------------------------------------------------------------------------------

    def _create(
        self, work: WriteContext, session: _Session, item: WriteRequest, body: Json, *, late: bool
    ) -> WriteResult:
        number = session.matches.free_number(work, item)
        if work.tells:
            changes = [Change(field=name, after=value) for name, value in sorted(body.items())]
            # What only the page can write of it is written after that.
            requests = 1 + session.surface.completes
            planned = WriteResult(result=Result.created, target_id=number, changes=changes)
            work.plan_ends(planned, requests=requests, links=1 + len(item.mapped.children))
        claims = self._claims(work)
        try:
            made = self._through(work, session, lambda surface: surface.create(work.bc, number, body))
        except RecordExists:
            if not late:
                work.ledger.unreserve(claims, item.key)
            raise _Taken from None
        except ServiceError as error:
            if error.sent is not Sent.unknown:
                work.ledger.unreserve(claims, item.key)
                raise refusal(error, f"a new {self.target.name} {number}", body) from None
            # The answer was lost, the record may be there. Repeating the call could double it: look instead.
            if not self._row(work, session, number, anew=True):
                raise
            return self._complete(work, session, item, body, number)
        return self._complete(work, session, item, body, str(made[KEY]), made)

    def _complete(
        self,
        work: WriteContext,
        session: _Session,
        item: WriteRequest,
        body: Json,
        number: str,
        made: Json | None = None,
    ) -> WriteResult:
        """Write what creating a record has left out, as it is found now; `made` is it as it was answered a moment ago."""
        update = self._update_to(work, session, item, body, number, None)
        row = made and self._bring(work, session, made, update)
        if row is None or row[ETAG] == ANY_TAG:
            # Not known, or known in part: nothing was lacking of what is known.
            row = self._row(work, session, number, anew=True)
            if row is None:
                raise NotFound.of_record(work.side.target, f"{self.target.name} {number}")
            row = self._bring(work, session, row, update)
        update.wanted = {name: value for name, value in body.items() if name not in item.mapped.create_only}
        return self._written(item, row, Result.created, update.agreed(row, made=True), [], [], [])

    # --- updating --------------------------------------------------------------------------------------------

    def _update(
        self,
        work: WriteContext,
        session: _Session,
        item: WriteRequest,
        body: Json,
        number: str,
        *,
        known: bool,
        formerly: str | None = None,
    ) -> WriteResult:
        """Write to the record of a number; `formerly` is the one that it was linked by until now."""
        row = self._row(work, session, number)
        if row is None and (moved := self._renumbered(work, number)) is not None:
            return self._follow(work, session, item, body, number, moved, known=known)
        if row is None:
            if item.mapped.linked is None and not (item.transfer and item.transfer.state == State.waiting):
                raise Waiting(
                    f"It has been linked to Business Central {number} since it was read.",
                    advice="Nothing to do: it is read again with the next run.",
                    at_once=True,
                )
            raise self._gone(number)
        wanted = {name: value for name, value in body.items() if name not in item.mapped.create_only}
        base = base_of(item, self.target, formerly or number) if known else None
        update = self._update_to(work, session, item, wanted, number, base, force=work.plan.force)
        update.look(row)
        if known and not formerly and update.lacking(row) and (away := self._away(work, session, number)) is not None:
            return self._follow(work, session, item, body, number, away, known=known)
        try:
            row = self._bring(work, session, row, update)
        finally:
            session.rows.pop(number.upper(), None)  # whoever comes to it again reads it again
        keep_name(work.ledger, self.table, number, id_from(item.key), item.mapped.match)
        result = Result.updated if update.sent or not known else Result.unchanged
        told = update.written(row)
        echoes = self._echoes(item, number, told) if told or update.merged.held else []
        done = self._written(item, row, result, update.agreed(row), update.changes(), echoes, update.merged.notes)
        return replace(done, both=update.both()) if work.plan.explains else done

    def _follow(
        self,
        work: WriteContext,
        session: _Session,
        item: WriteRequest,
        body: Json,
        number: str,
        moved: tuple[str, str],
        *,
        known: bool,
    ) -> WriteResult:
        """Write to the record that a number was of, under the one that it has now."""
        now, record_id = moved
        holder = work.ledger.internal_ids(self.table, [now]).get(fold(now))
        if holder is not None and str(holder) != item.key:
            raise Waiting(
                f"It is {self.target.name} {now} of Business Central now, and iPaaS.com still knows {holder} by that number.",
                advice="Nothing to do: the flow the other way gives both their numbers, and this one goes on after it.",
                at_once=True,
            )
        if item.flow.counterpart:
            # What was agreed of it is known under its new number, too.
            it = Renumbered(old=number, new=now, internal_id=id_from(item.key), record_id=record_id)
            work.ledger.renumber(it, [item.flow.counterpart.flow])
        written = self._update(work, session, item, body, now, known=known, formerly=number)
        return replace(written, record_ids={(self.table, now): record_id})

    def _away(self, work: WriteContext, session: _Session, number: str) -> tuple[str, str] | None:
        """As `_renumbered`, of a record whose number another one has now; None also when it has that number still."""
        _, record_id = work.ledger.spelled(self.table, [number]).get(fold(number), (number, None))
        if record_id is None:
            return None
        with session.asking:
            if number.upper() not in session.ids:
                numbers = sorted({*session.rows, number.upper()} - session.ids.keys())
                rows = work.bc.read_many(Api(self.target.api), "number", numbers, select=("id", "number"))
                session.ids |= dict.fromkeys(numbers) | {str(row["number"]).upper(): str(row["id"]) for row in rows}
        there = session.ids[number.upper()]
        return None if there is None or fold(there) == fold(record_id) else self._renumbered(work, number)

    def _renumbered(self, work: WriteContext, number: str) -> tuple[str, str] | None:
        """Number, as it is now, and immutable id of a record that has gone from this number; None when nothing is known."""
        _, record_id = work.ledger.spelled(self.table, [number]).get(fold(number), (number, None))
        if record_id is None:
            return None
        rows = work.bc.read_many(Api(self.target.api), "id", [record_id], select=("id", "number"))
        now = next((str(row["number"]) for row in rows), None)
        return None if now is None or fold(now) == fold(number) else (now, record_id)

    def _update_to(
        self,
        work: WriteContext,
        session: _Session,
        item: WriteRequest,
        wanted: Json,
        number: str,
        base: Base | None,
        *,
        force: bool = False,
    ) -> BCUpdate:
        times = Times(bc=lambda: self._changed_at(work, number), ipaas=lambda: item.modified)
        return BCUpdate(
            target=self.target, item=item, wanted=wanted, base=base, times=times, names=session.select, force=force
        )

    def _changed_at(self, work: WriteContext, number: str) -> Any:
        """When a record was last changed there; no page tells."""
        rows = work.bc.read_many(Api(self.target.api), "number", [number], select=("number", "lastModifiedDateTime"))
        return next((row["lastModifiedDateTime"] for row in rows), None)

    def _bring(self, work: WriteContext, session: _Session, row: Json, update: BCUpdate) -> Json:
        """Send what a record lacks; returns it as it is now.

        Fields are compared again after a write: Business Central may have changed others along with it, as the city
        with the post code.
        """
        number = str(row[KEY])
        update.look(row)
        for _ in range(TRIES):
            changes = update.lacking(row)
            if not changes:
                return row
            written = self.target.to_write(changes, row)
            if update.base is not None and (own := update.own(written)):
                # Should nobody hear what became of it, what is found there is still known for this flow's own.
                work.sending(update.item, own, number, update.trying(row, own))
            try:
                change = partial(session.surface.update, work.bc, row, written)
                what = [number, [[name, row.get(name), value] for name, value in written.items()]]
                row = work.send(change, what=what, planned={**row, **written})
                update.took(changes)
            except EntityChanged:
                changed = self._row(work, session, number, anew=True)
                if changed is None:
                    raise self._gone(number) from None
                row = changed
                if not self.target.differences(changes, row):
                    update.took(changes)  # it arrived, and its answer was lost
                else:
                    update.look(row)
            except NotFound:
                raise self._gone(number) from None
            except ServiceError as error:
                raise refusal(error, f"{self.target.name} {number}", changes) from None
        raise ServiceError(
            f"{self.target.name.capitalize()} {number} is being changed by others all the time.",
            system=work.side.target,
            kind=ErrorKind.conflict,
            advice="It is tried again by itself.",
        )

    def _gone(self, number: str) -> Rejected:
        return Apart(
            Difference.vanished,
            f"It is linked to {self.target.name} {number}, which does not exist in Business Central any more.",
            f"If it was deleted on purpose, remove the external id from the record in iPaaS.com: then a new "
            f"{self.target.name} is created. If it was renumbered, correct the external id.",
        )

    # --- what is left behind ---------------------------------------------------------------------------------

    def _echoes(self, item: WriteRequest, number: str, written: Mapping[str, tuple[Any, Any]]) -> Sequence[Echo]:
        counterpart = item.flow.counterpart
        return [Echo(flow=counterpart.flow, key=number, written=written)] if counterpart else []

    def _written(
        self,
        item: WriteRequest,
        row: Json,
        result: Result,
        base: Base,
        changes: Sequence[Change],
        echoes: Sequence[Echo],
        notes: Sequence[str],
    ) -> WriteResult:
        number = str(row[KEY])
        own: Link = (self.table, number, id_from(item.key))
        linked = item.mapped.linked is not None and fold(item.mapped.linked) == fold(number)
        moved = item.mapped.linked is not None and not linked
        nested = (*item.mapped.children, *(item.mapped.linked_children if moved else ()))
        children = [(table, f"{number}{suffix}", id_) for table, suffix, id_ in nested]
        new = () if linked or result is Result.created else (f"Linked to Business Central {number}.",)
        return WriteResult(
            result=result,
            target_id=number,
            changes=tuple(changes),
            links=(own,) if linked else (),
            unpushed=(*(() if linked else (own,)), *children),
            base=base,
            echoes=echoes,
            notes=(*new, *notes),
        )

"""The whole ledger, and what concerns several kinds of what it keeps at once: how attempts ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.ipaas.external_ids import Id
from include.sync.base import Base
from include.sync.batches import batches
from include.sync.ledger.claims import Claims, claimant_of
from include.sync.ledger.entries import Claimant, Finish, Renumbered, State, as_text, cause_of, iso, pack
from include.sync.ledger.facts import Facts
from include.sync.ledger.faults import ClaimLost
from include.sync.ledger.history import History
from include.sync.ledger.inbox import Inbox
from include.sync.ledger.links import Links
from include.sync.ledger.pairs import Pairs
from include.sync.ledger.positions import Positions
from include.sync.ledger.reconciled import Comparisons
from include.sync.ledger.reservations import Reservations
from include.sync.ledger.statistics import Statistics
from include.sync.ledger.store import BATCH, of_pair, one_of, repeated
from include.sync.ledger.tables import reservations, watches
from include.sync.ledger.tables import transfers as transfers_table
from include.sync.ledger.transfers import Transfers, attempts_of, late, outdated, read_again, unfinished_since
from include.sync.ledger.windows import Windows

_NO_LONGER_RESERVED = sa.delete(reservations).where(
    of_pair(reservations), reservations.c.table_name == sa.bindparam("of_table"), one_of(reservations.c.key)
)
_NO_LONGER_WATCHED = sa.delete(watches).where(
    of_pair(watches), watches.c.flow == sa.bindparam("of_flow"), one_of(watches.c.key)
)


class Ledger(
    Pairs, Transfers, Links, Claims, Reservations, Positions, Inbox, Windows, Facts, Comparisons, History, Statistics
):
    """Reads and writes the ledger. Every method is one transaction; safe to use from several threads and processes."""

    @repeated
    def finish(
        self,
        flow: str,
        claimed: str,
        ends: Sequence[Finish],
        new_links: Sequence[tuple[str, str, Id]],
        *,
        owner: Claimant | str | None = None,
        record_ids: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Note how attempts ended, remember new links and give up the claims, in one transaction.

        `claimed` is the name that the claims are kept under (`Side.claim_scope`), `owner` whose they are: what another task
        is writing stays claimed. Of a try that has lost the claim on a record, how that ended is not noted, and after
        the others ClaimLost is raised. `new_links` are (table, external id, internal id); records waiting for one of them
        become due at once. `record_ids` gives Business Central's immutable ids of linked records by (table, external id).
        """
        now = self._now()
        lost = False
        with self._writing() as db:
            if isinstance(owner, Claimant):
                held = self._held_of(db, claimed, (end.key for end in ends if end.claimed), owner)
                lost = any(end.claimed and end.key not in held for end in ends)
                ends = [end for end in ends if not end.claimed or end.key in held]
            known = self._earlier(db, flow, [end.key for end in ends])
            later = self._settled_later(db, flow, ends)
            # Another run may have linked it since it was looked for here; then nobody would wake who waits for it.
            arrived = self._linked(db, {end.waits_for for end in ends if end.waits_for})
            # What is not named keeps its value, so rows are written together with those that name the same columns.
            rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for end in ends:
                before = known.get(end.key)
                if outdated(end, before):
                    continue
                at_once = end.at_once or end.waits_for in arrived
                values = _row(flow, end, before, now, at_once=at_once, later=later.get(end.key))
                rows.setdefault(tuple(values), []).append(values)
            for alike in rows.values():
                self._upsert(db, transfers_table, alike)
            self._keep_history(db, flow, ends, iso(now))
            self._watch(db, flow, ends)
            self._link(db, new_links, pushed=True, record_ids=record_ids or {})
            self._give_up(db, claimed, ends, owner)
        if lost:
            raise ClaimLost()

    @repeated
    def renumber(
        self,
        it: Renumbered,
        flows: Sequence[str],
        others: Sequence[str] = (),
        new_links: Sequence[tuple[str, str, Id]] = (),
    ) -> None:
        """Keep what is known of a record that has another external id, and remember its links, in one transaction: in these
        `flows` it is known by its external id, and in the `others` by its iPaaS.com id, as linked to it.

        What is known of a record with another immutable id stays what it is. What was unfinished under the old external id
        is due: it may be of the record that has it now.
        """
        with self._writing() as db:
            for flow in flows:
                self._renumber(db, flow, it)
            for flow in others:
                self._linked_to(db, flow, it)
            record_ids = {link[:2]: it.record_id for link in new_links if link[1] == it.new} if it.record_id else {}
            self._link(db, new_links, pushed=True, record_ids=record_ids)

    def _give_up(self, db: Connection, claimed: str, ends: Sequence[Finish], owner: Claimant | str | None) -> None:
        """Give up the claims of attempts that have ended, and the reservations of what is done."""
        whose = None if owner is None else claimant_of(owner)
        self._free(db, claimed, (end.key for end in ends if end.claimed), whose)
        if not isinstance(owner, Claimant):
            # It has written nothing: what another task has begun, of another flow it may be, is found by its reservation.
            return
        # What is done has its link; what is not may have been written, and is found again by its reservation.
        for batch in batches((end.key for end in ends if end.state == State.done), BATCH):
            db.execute(_NO_LONGER_RESERVED, {"of_pair": self.pair, "of_table": claimed, "keys": batch})

    def _settled_later(self, db: Connection, flow: str, ends: Sequence[Finish]) -> dict[str, Base]:
        """The bases that the flow the other way has added to since these attempts looked at them."""
        of = {end.key: end.base_at for end in ends if end.base is not None}
        found = {key: Base.from_json(base) for key, base in self._bases(db, flow, list(of)).items() if base}
        return {key: base for key, base in found.items() if base.at and base.at > (of[key] or "")}

    def _watch(self, db: Connection, flow: str, ends: Sequence[Finish]) -> None:
        """Note what the records that are done watch for, in place of what they did before."""
        for batch in batches((end.key for end in ends), BATCH):
            db.execute(_NO_LONGER_WATCHED, {"of_pair": self.pair, "of_flow": flow, "keys": batch})
        rows = [
            {"pair": self.pair, "waits_for": name, "flow": flow, "key": end.key} for end in ends for name in end.watches
        ]
        if rows:
            db.execute(self._insert(watches).on_conflict_do_nothing(), rows)
            # Another run may have linked it since it was looked for.
            self._wake(db, self._linked(db, {name for end in ends for name in end.watches}))


def _row(
    flow: str, end: Finish, before: sa.Row[Any] | None, now: datetime, *, at_once: bool, later: Base | None
) -> dict[str, Any]:
    """The columns of a transfer that the end of an attempt says something about. `before` is what is known of the record,
    `later` what the flow the other way has added to what was agreed since the attempt looked at it."""
    attempts, next_try = attempts_of(end, before, now, at_once=at_once)
    values: dict[str, Any] = {
        "flow": flow,
        "key": end.key,
        "run_id": end.run_id,
        "outcome": as_text(end.outcome),
        "state": end.state,
        "attempts": attempts,
        "next_try": next_try,
        "kind": end.kind,
        "message": end.message,
        "advice": end.advice,
        "waits_for": None if at_once else end.waits_for,
        "since": unfinished_since(end, before, now),
        "cause": cause_of(end),
        "tried_fingerprint": end.fingerprint,
        "read_at": end.read_at,
    }
    if end.state == State.done:
        values["fingerprint"] = end.fingerprint
    if late(end, before):
        values |= read_again(now)
    if end.memory is not None:
        values["memory"] = as_text(end.memory)
    if end.target_id is not None:
        values["target_id"] = as_text(end.target_id)
    if end.base is not None:
        values["base"] = pack(end.base)
    if later is not None and end.base is not None:
        # The flow the other way has written it meanwhile: that is still to be looked at.
        merged = replace(Base.from_json(end.base), written=later.written, at=later.at, tried=later.tried)
        values |= {"base": pack(merged.as_json()), "fingerprint": None}
    if end.record_id is not None:
        values["record_id"] = end.record_id
    return values

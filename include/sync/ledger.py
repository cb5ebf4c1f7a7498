"""The ledger: what this project remembers of links, of what it last wrote, and of every unfinished transfer.

A small SQL database (SQLite by default, PostgreSQL for several workers). iPaaS.com's external-ID service stays
the authority for links: the ledger may be deleted at any time, and the next run still creates no duplicate.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection

from include.ipaas.external_ids import Id
from include.sync.batches import batches
from include.sync.database import connect
from include.sync.ledger_entries import (
    Claim,
    Finish,
    Purpose,
    Reservation,
    Transfer,
    dump,
    iso,
    load,
    moment,
    waits_for_external,
    waits_for_internal,
)
from include.sync.ledger_tables import claims, inbox, links, metadata, positions, reservations, transfers
from include.sync.model import fold
from include.transport.errors import ErrorKind

# A claim older than this belongs to a run that died; far above the longest retry of one request.
CLAIM_LIFETIME = timedelta(minutes=15)
# After this many tries only a change of the record or a person starts another one.
MAX_ATTEMPTS = 8
# States of what is not done; named one by one, so that the index leads to them past all that is.
UNFINISHED = ("waiting", "retry", "failed")
_BATCH = 400  # bound parameters per statement, below every database's limit


def retry_delay(attempt: int) -> timedelta:
    """Time until the next try after `attempt` tries, as on the iPaaS.com platform (article 9530182)."""
    return timedelta(minutes=10 * attempt * (attempt + 1))


def _spellings(internal_id: Any) -> tuple[str, str]:
    """How the ledger may have written an id: received as a number or as a string, it means the same record."""
    return str(internal_id), dump(str(internal_id))


# A record of iPaaS.com has one external id of ours in a table. When it gets another one, the one before is gone.
_OTHER_LINKS = sa.delete(links).where(
    links.c.table_name == sa.bindparam("of_table"),
    links.c.internal_id.in_([sa.bindparam("as_it_is"), sa.bindparam("as_text")]),
    links.c.folded != sa.bindparam("but_for"),
)


def _other_links(row: Mapping[str, Any]) -> dict[str, Any]:
    as_it_is, as_text = _spellings(load(row["internal_id"]))
    return {"of_table": row["table_name"], "but_for": row["folded"], "as_it_is": as_it_is, "as_text": as_text}


class Ledger:
    """Reads and writes the ledger. Every method is one transaction; safe to use from several threads and processes."""

    def __init__(self, url: str | URL, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open the ledger at a SQLAlchemy `url`, creating its tables. `now` is the clock."""
        self._engine = connect(url, metadata)
        self._reads = self._engine.execution_options(reads=True)
        self._now = now
        # SQLite lets one write at a time, and whoever finds it busy looks again ever more seldom. The threads of a task
        # queue here instead, so that each goes on as soon as the one before it is done.
        self._turn = threading.Lock() if self._engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn, self._engine.begin() as db:
            yield db

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for questions that no run asks (`overview`); it only reads."""
        return self._reads.connect()

    # --- transfers -------------------------------------------------------------------------------------------

    def transfers(self, flow: str, keys: Iterable[str]) -> dict[str, Transfer]:
        """What is known of these records of a flow."""
        found: dict[str, Transfer] = {}
        with self._reads.connect() as db:
            for batch in batches(keys, _BATCH):
                where = (transfers.c.flow == flow) & transfers.c.key.in_(batch)
                for row in db.execute(sa.select(transfers).where(where)):
                    found[row.key] = Transfer.of_row(row)
        return found

    def keys(self, flow: str) -> Iterator[tuple[str, str | None]]:
        """Every key of a flow with the fingerprint last written, in order."""
        with self._reads.connect() as db:
            query = sa.select(transfers.c.key, transfers.c.fingerprint).where(transfers.c.flow == flow)
            for row in db.execution_options(stream_results=True).execute(query.order_by(transfers.c.key)):
                yield row.key, row.fingerprint

    def due(self, flow: str, limit: int | None = None) -> list[str]:
        """Keys of unfinished transfers whose next try has come, oldest first, at most `limit`."""
        query = sa.select(transfers.c.key).where(
            transfers.c.flow == flow, transfers.c.state.in_(UNFINISHED), transfers.c.next_try <= iso(self._now())
        )
        with self._reads.connect() as db:
            return list(db.execute(query.order_by(transfers.c.next_try, transfers.c.key).limit(limit)).scalars())

    def begin(self, flow: str, key: str, run_id: str, fingerprint: str) -> None:
        """Note that a record is about to be made step by step, before the first one.

        Should this process die on the way, the record is due again when its claim has run out, whatever else is known
        of it by then; `finish` takes its place otherwise.
        """
        values = {
            "flow": flow,
            "key": key,
            "run_id": run_id,
            "state": "retry",
            "attempts": 0,
            "next_try": iso(self._now() + CLAIM_LIFETIME),
            "kind": ErrorKind.unavailable.value,
            "message": "It is being written, or its writing was cut off.",
            "advice": "Nothing to do: it is taken up where it stopped.",
            "tried_fingerprint": fingerprint,
        }
        with self._writing() as db:
            self._upsert(db, transfers, [values], keep=("attempts",))

    def finish(
        self,
        flow: str,
        claimed: str,
        ends: Sequence[Finish],
        new_links: Sequence[tuple[str, str, Id]],
        *,
        owner: str | None = None,
    ) -> None:
        """Note how attempts ended, remember new links and give up the claims, in one transaction.

        `claimed` is the name that the claims are kept under (`Route.claims`), `owner` whose they are: what another task
        is writing stays claimed. `new_links` are (table, external id, internal id); records waiting for one of them
        become due at once.
        """
        now = self._now()
        with self._writing() as db:
            known = self._attempts(db, flow, [end.key for end in ends])
            # Another run may have linked it since it was looked for here; then nobody would wake who waits for it.
            arrived = self._linked(db, {end.waits_for for end in ends if end.waits_for})
            # What is not named keeps its value, so rows are written together with those that name the same columns.
            rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for end in ends:
                attempts = 0 if end.state == "done" else known.get(end.key, 0) + 1
                due = end.state != "done" and (end.state != "failed" or attempts < MAX_ATTEMPTS)
                at_once = end.at_once or end.waits_for in arrived
                values: dict[str, Any] = {
                    "flow": flow,
                    "key": end.key,
                    "run_id": end.run_id,
                    "outcome": dump(end.outcome),
                    "state": end.state,
                    "attempts": attempts,
                    "next_try": iso(now if at_once else now + retry_delay(attempts)) if due else None,
                    "kind": end.kind,
                    "message": end.message,
                    "advice": end.advice,
                    "waits_for": None if at_once else end.waits_for,
                    "tried_fingerprint": end.fingerprint,
                }
                if end.state == "done":
                    values |= {"fingerprint": end.fingerprint, "read_at": end.read_at, "echo": False}
                if end.memory is not None:
                    values["memory"] = dump(end.memory)
                if end.target_id is not None:
                    values["target_id"] = dump(end.target_id)
                rows.setdefault(tuple(values), []).append(values)
            for alike in rows.values():
                self._upsert(db, transfers, alike)
            self._link(db, new_links, pushed=True)
            for batch in batches((end.key for end in ends), _BATCH):
                held = (claims.c.table_name == claimed) & claims.c.key.in_(batch)
                db.execute(sa.delete(claims).where(held if owner is None else held & (claims.c.owner == owner)))
            # What is done has its link; what is not may have been written, and is found again by its reservation.
            for batch in batches((end.key for end in ends if end.state == "done"), _BATCH):
                mine = (reservations.c.table_name == claimed) & reservations.c.key.in_(batch)
                db.execute(sa.delete(reservations).where(mine))

    def forget(self, flow: str, keys: Iterable[str]) -> None:
        """Drop what is known of these records."""
        with self._writing() as db:
            for batch in batches(keys, _BATCH):
                db.execute(sa.delete(transfers).where(transfers.c.flow == flow, transfers.c.key.in_(batch)))

    def expect_echo(self, flow: str, keys: Iterable[str]) -> None:
        """Note that the other direction wrote these records: the next change seen here may be our own."""
        with self._writing() as db:
            for batch in batches(keys, _BATCH):
                where = (transfers.c.flow == flow) & transfers.c.key.in_(batch)
                db.execute(sa.update(transfers).where(where).values(echo=True))

    def _attempts(self, db: Connection, flow: str, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for batch in batches(keys, _BATCH):
            query = sa.select(transfers.c.key, transfers.c.attempts).where(
                transfers.c.flow == flow, transfers.c.key.in_(batch)
            )
            found |= {row.key: row.attempts for row in db.execute(query)}
        return found

    # --- links -----------------------------------------------------------------------------------------------

    def internal_ids(self, table: str, external_ids: Iterable[str]) -> dict[str, Id]:
        """iPaaS.com ids by folded external id, for those known to be linked."""
        found: dict[str, Id] = {}
        with self._reads.connect() as db:
            for batch in batches({fold(e) for e in external_ids}, _BATCH):
                query = sa.select(links).where(links.c.table_name == table, links.c.folded.in_(batch))
                found |= {row.folded: load(row.internal_id) for row in db.execute(query)}
        return found

    def external_ids(self, table: str, internal_ids: Iterable[Id], *, pushed: bool | None = None) -> dict[str, str]:
        """External ids by iPaaS.com id (as text), for those known to be linked.

        `pushed`: only links that iPaaS.com knows (True), or is yet to be told of (False).
        """
        found: dict[str, str] = {}
        with self._reads.connect() as db:
            spellings = (spelling for i in internal_ids for spelling in _spellings(i))
            for batch in batches(spellings, _BATCH):
                query = sa.select(links).where(links.c.table_name == table, links.c.internal_id.in_(batch))
                if pushed is not None:
                    query = query.where(links.c.pushed.is_(pushed))
                found |= {str(load(row.internal_id)): row.external_id for row in db.execute(query)}
        return found

    def link(self, new_links: Sequence[tuple[str, str, Id]], *, pushed: bool = True) -> None:
        """Remember links (table, external id, internal id); whoever waited for one becomes due.

        `pushed` False: iPaaS.com does not know the link yet; `unpushed` lists it until `mark_pushed`, also when the
        same link is remembered again.
        """
        with self._writing() as db:
            self._link(db, new_links, pushed=pushed)

    def unlink(self, table: str, external_id: str) -> None:
        """Forget a link that turned out to be gone."""
        with self._writing() as db:
            db.execute(sa.delete(links).where(links.c.table_name == table, links.c.folded == fold(external_id)))

    def unpushed(self, limit: int = 1_000, after: tuple[str, str] = ("", "")) -> list[tuple[str, str, Id]]:
        """Links that iPaaS.com does not know yet: (table, external id, internal id), in order.

        At most `limit` of them, those `after` the (table, external id) of the last one already seen.
        """
        place = sa.tuple_(links.c.table_name, links.c.folded)
        query = sa.select(links).where(links.c.pushed.is_(False), place > (after[0], fold(after[1])))
        with self._reads.connect() as db:
            rows = db.execute(query.order_by(links.c.table_name, links.c.folded).limit(limit))
            return [(row.table_name, row.external_id, load(row.internal_id)) for row in rows]

    def mark_pushed(self, table: str, external_id: str) -> None:
        """Note that iPaaS.com knows the link now."""
        where = (links.c.table_name == table) & (links.c.folded == fold(external_id))
        with self._writing() as db:
            db.execute(sa.update(links).where(where).values(pushed=True))

    def _link(self, db: Connection, new_links: Sequence[tuple[str, str, Id]], *, pushed: bool) -> None:
        if not new_links:
            return
        rows = [
            {
                "table_name": table,
                "folded": fold(external_id),
                "external_id": external_id,
                "internal_id": dump(internal_id),
                "pushed": pushed,
            }
            for table, external_id, internal_id in new_links
        ]
        db.execute(_OTHER_LINKS, [_other_links(row) for row in rows])
        statement = self._insert(links)
        new = statement.excluded
        # A link that iPaaS.com is yet to be told of stays one, whoever else uses it meanwhile.
        same = sa.and_(links.c.internal_id == new.internal_id, new.pushed)
        changes = {
            "external_id": new.external_id,
            "internal_id": new.internal_id,
            "pushed": sa.case((same, links.c.pushed), else_=new.pushed),
        }
        db.execute(statement.on_conflict_do_update(index_elements=["table_name", "folded"], set_=changes), rows)
        awaited = {waits_for_external(table, external_id) for table, external_id, _ in new_links}
        awaited |= {waits_for_internal(table, internal_id) for table, _, internal_id in new_links}
        for batch in batches(awaited, _BATCH):
            waiting = transfers.c.waits_for.in_(batch)
            db.execute(sa.update(transfers).where(waiting).values(next_try=iso(self._now()), waits_for=None))

    def _linked(self, db: Connection, awaited: Iterable[str]) -> set[str]:
        """Which of the records that others wait for are linked."""
        found: set[str] = set()
        for name in awaited:
            table, mark, id_ = re.split(r"([|#])", name, maxsplit=1)
            named = links.c.folded == id_ if mark == "|" else links.c.internal_id.in_(_spellings(id_))
            if db.execute(sa.select(links.c.folded).where(links.c.table_name == table, named).limit(1)).first():
                found.add(name)
        return found

    # --- claims ----------------------------------------------------------------------------------------------

    def claim(self, table: str, keys: Sequence[str], owner: str) -> dict[str, Claim]:
        """Claim the right to write these records; committed before any of them is sent.

        A claim left by an earlier try of the same task, or older than its lifetime, is taken over as suspect. One that another task
        holds is not held.
        """
        now = self._now()
        result: dict[str, Claim] = {}
        with self._writing() as db:
            for batch in batches(sorted(set(keys)), _BATCH):
                where = (claims.c.table_name == table) & claims.c.key.in_(batch)
                query = sa.select(claims).where(where).with_for_update()
                present = {row.key: row for row in db.execute(query)}
                for key in batch:
                    row = present.get(key)
                    if row is None:
                        held = self._insert_claim(db, table, key, owner, now)
                        result[key] = Claim(held=held)
                    elif row.owner == owner or moment(row.claimed_at) < now - CLAIM_LIFETIME:
                        mine = (claims.c.table_name == table) & (claims.c.key == key)
                        db.execute(sa.update(claims).where(mine).values(owner=owner, claimed_at=iso(now)))
                        result[key] = Claim(held=True, suspect=True)
                    else:
                        result[key] = Claim(held=False)
        return result

    def release(self, table: str, keys: Iterable[str], owner: str) -> None:
        """Give claims up without an outcome: nothing was sent for them."""
        with self._writing() as db:
            for batch in batches(keys, _BATCH):
                where = (claims.c.table_name == table) & claims.c.key.in_(batch) & (claims.c.owner == owner)
                db.execute(sa.delete(claims).where(where))

    # --- reservations ----------------------------------------------------------------------------------------

    def reserve(self, claimed: str, key: str, numbers: str, reference: str, purpose: Purpose) -> bool:
        """Take a reference in Business Central for a record, before anything is sent. False: another record has it.

        `claimed` and `key` name the record as its claim does; `numbers` is what the reference is a number of. It is
        kept until the record is done, so that a create whose answer was lost is found again by it, and no other record
        takes the same one meanwhile. A record has one reservation: a new one replaces it.
        """
        with self._writing() as db:
            db.execute(sa.delete(reservations).where(self._reserved(claimed, key)))
            values = {"numbers": numbers, "folded": fold(reference), "reference": reference}
            statement = self._insert(reservations).values(**values, table_name=claimed, key=key, purpose=purpose.value)
            return bool(db.execute(statement.on_conflict_do_nothing()).rowcount)

    def reservation(self, claimed: str, key: str) -> Reservation | None:
        """What a record has reserved."""
        with self._reads.connect() as db:
            row = db.execute(sa.select(reservations).where(self._reserved(claimed, key))).first()
        return Reservation(reference=row.reference, purpose=Purpose(row.purpose)) if row else None

    def unreserve(self, claimed: str, key: str) -> None:
        """Give up a record's reservation: nothing was written under it."""
        with self._writing() as db:
            db.execute(sa.delete(reservations).where(self._reserved(claimed, key)))

    @staticmethod
    def _reserved(claimed: str, key: str) -> sa.ColumnElement[bool]:
        return (reservations.c.table_name == claimed) & (reservations.c.key == key)

    def _insert_claim(self, db: Connection, table: str, key: str, owner: str, now: datetime) -> bool:
        values = {"table_name": table, "key": key, "owner": owner, "claimed_at": iso(now)}
        statement = self._insert(claims).values(**values).on_conflict_do_nothing()
        return bool(db.execute(statement).rowcount)

    # --- positions -------------------------------------------------------------------------------------------

    def position(self, flow: str) -> datetime | None:
        """Up to when the flow's source has been read and dealt with; None before the first successful poll."""
        with self._reads.connect() as db:
            text = db.execute(sa.select(positions.c.read_from).where(positions.c.flow == flow)).scalar()
        return moment(text) if text else None

    def advance(self, flow: str, read_from: datetime) -> None:
        """Move a flow's position forwards; never back."""
        with self._writing() as db:
            present = db.execute(sa.select(positions.c.read_from).where(positions.c.flow == flow)).scalar()
            if present is None or moment(present) < read_from:
                self._upsert(db, positions, [{"flow": flow, "read_from": iso(read_from)}])

    # --- hooks -----------------------------------------------------------------------------------------------

    def receive(self, notifications: Iterable[tuple[str, str, str]]) -> None:
        """Keep hook notifications (flow, iPaaS.com id, scope) until a run has dealt with them; committed on return.

        Duplicates fold into one row; its generation tells a later change from the one a run is working on.
        """
        folded = {(flow, ipaas_id): scope for flow, ipaas_id, scope in notifications}
        if not folded:
            return
        arrival = {"received_at": iso(self._now()), "generation": uuid.uuid4().hex}
        # In one order, so that two servers that receive the same records do not lock each other out.
        rows = [
            {"flow": flow, "ipaas_id": ipaas_id, "scope": scope, **arrival}
            for (flow, ipaas_id), scope in sorted(folded.items())
        ]
        with self._writing() as db:
            # The first receipt keeps its time: who changes often must not be overtaken for ever.
            self._upsert(db, inbox, rows, keep=("received_at",))

    def received(self, flow: str, limit: int | None = None) -> list[tuple[str, str]]:
        """The notifications waiting for a flow: (iPaaS.com id, generation), oldest first, at most `limit`."""
        query = sa.select(inbox.c.ipaas_id, inbox.c.generation).where(inbox.c.flow == flow)
        query = query.order_by(inbox.c.received_at, inbox.c.ipaas_id).limit(limit)
        with self._reads.connect() as db:
            return [(row.ipaas_id, row.generation) for row in db.execute(query)]

    def announced(self, flow: str, ipaas_ids: Iterable[str]) -> set[str]:
        """Those of these records that a notification is waiting for."""
        found: set[str] = set()
        with self._reads.connect() as db:
            for batch in batches(ipaas_ids, _BATCH):
                query = sa.select(inbox.c.ipaas_id).where(inbox.c.flow == flow, inbox.c.ipaas_id.in_(batch))
                found.update(db.execute(query).scalars())
        return found

    def dealt_with(self, flow: str, notifications: Iterable[tuple[str, str]]) -> None:
        """Drop notifications that a run has finished, unless a later one has come meanwhile."""
        with self._writing() as db:
            for batch in batches(notifications, _BATCH):
                # PostgreSQL finds rows by the key's columns, but not by a list of pairs.
                named = inbox.c.ipaas_id.in_([ipaas_id for ipaas_id, _ in batch])
                same = sa.tuple_(inbox.c.ipaas_id, inbox.c.generation).in_(batch)
                db.execute(sa.delete(inbox).where(inbox.c.flow == flow, named, same))

    # --- dialects --------------------------------------------------------------------------------------------

    def _insert(self, table: sa.Table) -> Any:
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return dialect.insert(table)

    def _upsert(
        self, db: Connection, table: sa.Table, rows: Sequence[dict[str, Any]], keep: Sequence[str] = ()
    ) -> None:
        """Insert rows, or change those that are there, but for the columns to `keep`. All rows name the same columns."""
        keys = [column.name for column in table.primary_key]
        statement = self._insert(table)
        changes = {name: statement.excluded[name] for name in rows[0] if name not in (*keys, *keep)}
        db.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), list(rows))

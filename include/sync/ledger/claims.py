"""Claims: who may write a record at the moment.

A claim belongs to a try of a task, and is renewed while that lives, by the database's clock: the clocks of workers may be
apart. A later try of the same task takes over what an earlier one holds, whether that is dead or only frozen; each
takeover raises the claim's fence, and whoever writes asks immediately before whether the claim is still its own. A try
that ends in order, whatever ends it, leaves nothing behind that anybody would have to wait for.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sync.batches import batches
from include.sync.ledger.entries import Claim, Claimant, iso, moment
from include.sync.ledger.faults import ClaimLost, faults
from include.sync.ledger.questions import Query
from include.sync.ledger.store import BATCH, Store, inserting, of_pair, one_of, repeated
from include.sync.ledger.tables import claims, tries

# A claim that was not renewed for so long belongs to a task that died: far longer than between two renewals.
CLAIM_LIFETIME = timedelta(minutes=5)
# A try that lives has renewed its claims within this time.
_RENEWED_WITHIN = timedelta(seconds=30)
# How long the ledger remembers which try of a task is the latest, when that never said that it ended.
_TRIES_KEPT = timedelta(days=14)


@lru_cache(maxsize=32)
def _holds(number: int) -> Query:
    """Whether a try is the latest and holds so many claims. Made once: it is asked before every write."""
    latest = sa.exists().where(
        of_pair(tries),
        tries.c.task == sa.bindparam("of_task"),
        tries.c.try_id == sa.bindparam("of_try"),
    )
    held = [
        sa.exists().where(
            of_pair(claims),
            claims.c.try_id == sa.bindparam("of_try"),
            claims.c.table_name == sa.bindparam(f"table_{one}"),
            claims.c.key == sa.bindparam(f"key_{one}"),
        )
        for one in range(number)
    ]
    return Query(sa.select(sa.and_(latest, *held)))


_OF_KEYS = sa.and_(of_pair(claims), claims.c.table_name == sa.bindparam("of_table"), one_of(claims.c.key))
_OF_TRY = sa.and_(_OF_KEYS, claims.c.try_id == sa.bindparam("of_try"))
_RENEWED = sa.select(claims.c.key, claims.c.renewed_at).where(_OF_KEYS)
# Nobody else takes over what is found until the transaction ends.
_PRESENT = sa.select(claims).where(_OF_KEYS).order_by(claims.c.key).with_for_update()
_HELD = sa.select(claims.c.key).where(_OF_TRY).order_by(claims.c.key).with_for_update()
_GIVE_UP = sa.delete(claims).where(_OF_TRY)
_GIVE_UP_ALL = sa.delete(claims).where(_OF_KEYS)


@cache
def _claiming(dialect: str) -> Any:
    """Claims what nobody has claimed, and answers that."""
    return inserting(dialect, claims).on_conflict_do_nothing().returning(claims.c.key)


class Claims(Store):
    """The right to write records, one try of one task at a time."""

    @repeated
    def begin_try(self, task: str, under_way: float) -> tuple[Claimant, float]:
        """Begin a try of a task: from now on earlier ones hold nothing any more.

        Also returns how many seconds what they have sent may still be `under_way`, so many seconds after the last sign
        of their life.
        """
        mine = Claimant(task=task, try_id=uuid.uuid4().hex)
        row = {"task": task, "try_id": mine.try_id}
        with self._writing() as db:
            now = self.database_time(db)
            self._upsert(db, tries, [{**row, "began_at": iso(now)}])
            db.execute(sa.delete(tries).where(self.mine(tries), tries.c.began_at < iso(now - _TRIES_KEPT)))
            theirs = self.mine(claims) & (claims.c.owner == task)
            latest = db.execute(sa.select(sa.func.max(claims.c.renewed_at)).where(theirs)).scalar()
            if latest is None:
                return mine, 0.0
            taken = {"try_id": mine.try_id, "fence": claims.c.fence + 1, "renewed_at": iso(now)}
            db.execute(sa.update(claims).where(theirs).values(**taken))
        # A frozen one may have gone on until just before its next renewal.
        last = min(now, moment(latest) + _RENEWED_WITHIN)
        return mine, max(0.0, under_way - (now - last).total_seconds())

    @repeated
    def end_try(self, claimant: Claimant, sent: Iterable[tuple[str, str]] = ()) -> None:
        """Note that a try has come to its end, and waits for no answer any more.

        What it still holds is free, unless something was `sent` for it, (table, key), or by whoever it was taken over
        from: that is anybody's at once, as suspect.
        """
        unknown = set(sent)
        with self._writing() as db:
            db.execute(sa.delete(tries).where(self._latest(claimant)))
            mine = self.mine(claims) & (claims.c.try_id == claimant.try_id)
            query = sa.select(claims.c.table_name, claims.c.key, claims.c.fence).where(mine)
            free: dict[str, list[str]] = {}
            for row in db.execute(query.order_by(claims.c.table_name, claims.c.key)):
                if row.fence == 1 and (row.table_name, row.key) not in unknown:
                    free.setdefault(row.table_name, []).append(row.key)
            for table, keys in free.items():
                for batch in batches(keys, BATCH):
                    db.execute(sa.delete(claims).where(mine, claims.c.table_name == table, claims.c.key.in_(batch)))
            run_out = iso(self.database_time(db) - 2 * CLAIM_LIFETIME)
            db.execute(sa.update(claims).where(mine).values(renewed_at=run_out))

    @repeated
    def renew(self, claimant: Claimant) -> None:
        """Say that a try is alive, for all that it holds."""
        with self._writing() as db:
            mine = self.mine(claims) & (claims.c.try_id == claimant.try_id)
            db.execute(sa.update(claims).where(mine).values(renewed_at=iso(self.database_time(db))))

    def holds(self, claimant: Claimant, records: Sequence[tuple[str, str]]) -> bool:
        """Whether a try is its task's latest, and holds the claims on all these records, (table, key)."""
        asked: dict[str, str | int] = {"of_pair": self.pair, "of_task": claimant.task, "of_try": claimant.try_id}
        for number, (table, key) in enumerate(records):
            asked |= {f"table_{number}": table, f"key_{number}": key}
        # A try's id is never given twice: whatever number the pair has by now, what this finds under its own is the try's.
        with faults():
            return bool(self._questions.answer(_holds(len(records)), asked))

    @repeated
    def claim(self, table: str, keys: Sequence[str], owner: Claimant | str) -> dict[str, Claim]:
        """Claim the right to write these records; committed before any of them is sent.

        A claim that the task has already, or that was not renewed for its lifetime, is held as suspect. One that
        another task holds is not held. A plain name as `owner` stands for a task that is never repeated. Raises
        ClaimLost when a later try of the task has begun.
        """
        claimant = claimant_of(owner)
        result: dict[str, Claim] = {}
        with self._writing() as db:
            now = self.database_time(db)
            self._still_latest(db, owner)
            for batch in batches(sorted(set(keys)), BATCH):
                present = {row.key: row for row in db.execute(_PRESENT, self._of_keys(table, batch))}
                new = self._insert_claims(db, table, [key for key in batch if key not in present], claimant, now)
                for key in batch:
                    row = present.get(key)
                    if row is None:
                        result[key] = Claim(held=key in new)
                    elif row.try_id == claimant.try_id or row.owner == claimant.task:
                        self._take_over(db, table, key, claimant, now, row.fence + (row.try_id != claimant.try_id))
                        result[key] = Claim(held=True, suspect=True)
                    elif moment(row.renewed_at) < now - CLAIM_LIFETIME:
                        self._take_over(db, table, key, claimant, now, row.fence + 1)
                        result[key] = Claim(held=True, suspect=True)
                    else:
                        result[key] = Claim(held=False)
        return result

    def claimed(self, table: str, keys: Iterable[str], *, alive: bool = False) -> set[str]:
        """Those of these records that somebody writes, or, unless he is to be `alive`, was writing when his task died."""
        with self.reading() as db:
            since = self.database_time(db) - CLAIM_LIFETIME if alive else datetime.min.replace(tzinfo=UTC)
            found = (db.execute(_RENEWED, self._of_keys(table, batch)) for batch in batches(keys, BATCH))
            return {row.key for rows in found for row in rows if moment(row.renewed_at) >= since}

    @repeated
    def release(self, table: str, keys: Iterable[str], owner: Claimant | str) -> None:
        """Give claims up without an outcome: nothing was sent for them."""
        keys = list(keys)
        if not keys:
            return
        with self._writing() as db:
            self._free(db, table, keys, claimant_of(owner))

    def database_time(self, db: Connection) -> datetime:
        """The time by the database's clock, unless the ledger was given another one."""
        if self._given_now is not None:
            return self._given_now()
        if db.dialect.name == "postgresql":
            there: datetime = db.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return there.astimezone(UTC)
        text = db.exec_driver_sql("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')").scalar_one()
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    def _still_latest(self, db: Connection, owner: Claimant | str) -> None:
        if not isinstance(owner, Claimant):
            return
        asked = {"of_pair": self.pair, "of_task": owner.task, "of_try": owner.try_id}
        if not _holds(0).answer(db, asked):
            raise ClaimLost()

    def _held_of(self, db: Connection, table: str, keys: Iterable[str], claimant: Claimant) -> set[str]:
        """Those of these records whose claim a try holds; nobody takes it over until the transaction ends."""
        held: set[str] = set()
        for batch in batches(sorted(set(keys)), BATCH):
            held.update(db.execute(_HELD, self._of_try(table, batch, claimant)).scalars())
        return held

    def _free(self, db: Connection, table: str, keys: Iterable[str], claimant: Claimant | None) -> None:
        """Give up the claims on these records: those that a try holds, or all."""
        for batch in batches(keys, BATCH):
            if claimant is None:
                db.execute(_GIVE_UP_ALL, self._of_keys(table, batch))
            else:
                db.execute(_GIVE_UP, self._of_try(table, batch, claimant))

    def _of_keys(self, table: str, keys: Sequence[str]) -> dict[str, Any]:
        return {"of_pair": self.pair, "of_table": table, "keys": keys}

    def _of_try(self, table: str, keys: Sequence[str], claimant: Claimant) -> dict[str, Any]:
        return {**self._of_keys(table, keys), "of_try": claimant.try_id}

    def _latest(self, claimant: Claimant) -> sa.ColumnElement[bool]:
        return self.mine(tries) & (tries.c.task == claimant.task) & (tries.c.try_id == claimant.try_id)

    def _of_table(self, table: str) -> sa.ColumnElement[bool]:
        return self.mine(claims) & (claims.c.table_name == table)

    def _take_over(self, db: Connection, table: str, key: str, by: Claimant, now: datetime, fence: int) -> None:
        which = self._of_table(table) & (claims.c.key == key)
        db.execute(sa.update(claims).where(which).values(**_held_by(by, now), fence=fence))

    def _insert_claims(
        self, db: Connection, table: str, keys: Sequence[str], by: Claimant, now: datetime
    ) -> Collection[str]:
        """Claim what nobody has claimed; answers which of these records that still held of."""
        if not keys:
            return ()
        held = {"pair": self.pair, "table_name": table, "fence": 1, **_held_by(by, now)}
        return set(db.execute(_claiming(db.dialect.name), [{**held, "key": key} for key in keys]).scalars())


def claimant_of(owner: Claimant | str) -> Claimant:
    """A plain name stands for a task of a single try, which has the same name."""
    return owner if isinstance(owner, Claimant) else Claimant(task=owner, try_id=owner[:36])


def _held_by(claimant: Claimant, now: datetime) -> dict[str, Any]:
    return {"owner": claimant.task, "try_id": claimant.try_id, "claimed_at": iso(now), "renewed_at": iso(now)}

"""Claims: who may write a record at the moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sync.batches import batches
from include.sync.ledger.entries import Claim, iso, moment
from include.sync.ledger.store import BATCH, Store
from include.sync.ledger.tables import claims

# A claim older than this belongs to a run that died; far above the longest retry of one request.
CLAIM_LIFETIME = timedelta(minutes=15)


class Claims(Store):
    """The right to write records, one task at a time."""

    def claim(self, table: str, keys: Sequence[str], owner: str) -> dict[str, Claim]:
        """Claim the right to write these records; committed before any of them is sent.

        A claim left by an earlier try of the same task, or older than its lifetime, is taken over as suspect. One that another task
        holds is not held.
        """
        now = self._now()
        result: dict[str, Claim] = {}
        with self._writing() as db:
            for batch in batches(sorted(set(keys)), BATCH):
                where = self._of_table(table) & claims.c.key.in_(batch)
                query = sa.select(claims).where(where).with_for_update()
                present = {row.key: row for row in db.execute(query)}
                for key in batch:
                    row = present.get(key)
                    if row is None:
                        held = self._insert_claim(db, table, key, owner, now)
                        result[key] = Claim(held=held)
                    elif row.owner == owner or moment(row.claimed_at) < now - CLAIM_LIFETIME:
                        mine = self._of_table(table) & (claims.c.key == key)
                        db.execute(sa.update(claims).where(mine).values(owner=owner, claimed_at=iso(now)))
                        result[key] = Claim(held=True, suspect=True)
                    else:
                        result[key] = Claim(held=False)
        return result

    def release(self, table: str, keys: Iterable[str], owner: str) -> None:
        """Give claims up without an outcome: nothing was sent for them."""
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                where = self._of_table(table) & claims.c.key.in_(batch) & (claims.c.owner == owner)
                db.execute(sa.delete(claims).where(where))

    def _of_table(self, table: str) -> sa.ColumnElement[bool]:
        return self.mine(claims) & (claims.c.table_name == table)

    def _insert_claim(self, db: Connection, table: str, key: str, owner: str, now: datetime) -> bool:
        values = {
            "pair": self.pair,
            "table_name": table,
            "key": key,
            "owner": owner,
            "try_id": "",
            "fence": 0,
            "claimed_at": iso(now),
            "renewed_at": iso(now),
        }
        statement = self._insert(claims).values(**values).on_conflict_do_nothing()
        return bool(db.execute(statement).rowcount)

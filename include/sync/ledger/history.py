"""What was written of records, before and after, for as long as somebody wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sync.batches import batches
from include.sync.ledger.entries import Finish, iso, pack, unpack
from include.sync.ledger.store import BATCH, Store, repeated
from include.sync.ledger.tables import history, pairs, transfers
from include.sync.records import Json


@dataclass(frozen=True, kw_only=True)
class Written:
    """One write of a record: when, by which run, whether it was created or updated, and its fields before and after."""

    at: str
    run_id: str
    result: str
    fields: Sequence[Json]


class History(Store):
    """What was written of records."""

    def history(self, flow: str, key: str, limit: int) -> list[Written]:
        """What was written of a record, the last first."""
        h = history.c
        query = sa.select(h.at, h.run_id, h.result, h.fields).where(self.mine(history), h.flow == flow, h.key == key)
        with self.reading() as db:
            rows = db.execute(query.order_by(h.id.desc()).limit(limit)).all()
        return [
            Written(at=row.at, run_id=row.run_id, result=row.result, fields=(unpack(row.fields) or {})["fields"])
            for row in rows
        ]

    @repeated
    def prune_history(self, days: int) -> None:
        """Drop what was written longer ago than so many days, of any pair: of one that is not in use any more, too."""
        with self._writing() as db:
            before = iso(self._now() - timedelta(days=days))
            # Named, so that the index is of use, which begins with the pair.
            any_pair = history.c.pair.in_(sa.select(pairs.c.id))
            db.execute(sa.delete(history).where(any_pair, history.c.at <= before))

    @repeated
    def erase(self, flow: str, keys: Iterable[str], words: str) -> None:
        """Drop the values that are remembered of these records, and what was said of them.

        That they are linked stays known, so that nothing is made twice, and what is unfinished stays so.
        """
        nothing: dict[str, Any] = {"memory": None, "seen_as": None, "base": None, "outcome": None, "cause": None}
        said = {"message": words, "advice": None}
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                mine = sa.and_(self.mine(transfers), transfers.c.flow == flow, transfers.c.key.in_(batch))
                # Without what was agreed, the next reading is compared with the target, whole.
                db.execute(sa.update(transfers).where(mine).values({**nothing, "fingerprint": None}))
                db.execute(sa.update(transfers).where(mine, transfers.c.message.is_not(None)).values(said))
                gone = sa.and_(self.mine(history), history.c.flow == flow, history.c.key.in_(batch))
                db.execute(sa.delete(history).where(gone))

    def _keep_history(self, db: Connection, flow: str, ends: Iterable[Finish], now: str) -> None:
        rows = [
            {
                "pair": self.pair,
                "flow": flow,
                "key": end.key,
                "run_id": end.run_id,
                "at": now,
                "result": end.outcome["result"],
                "fields": pack({"fields": end.history}),
            }
            for end in ends
            if end.history
        ]
        if rows:
            db.execute(sa.insert(history), rows)

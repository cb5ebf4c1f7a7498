"""Transfers: what is known of each record of each flow, and what is unfinished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sync.base import Base
from include.sync.batches import batches
from include.sync.ledger.claims import CLAIM_LIFETIME
from include.sync.ledger.entries import Transfer, iso, pack, unpack
from include.sync.ledger.store import BATCH, Store
from include.sync.ledger.tables import transfers
from include.sync.model import Json
from include.transport.errors import ErrorKind

# After this many tries only a change of the record or a person starts another one.
MAX_ATTEMPTS = 8
# States of what is not done; named one by one, so that the index leads to them past all that is.
UNFINISHED = ("waiting", "retry", "failed")


def retry_delay(attempt: int) -> timedelta:
    """Time until the next try after `attempt` tries, as on the iPaaS.com platform (article 9530182)."""
    return timedelta(minutes=10 * attempt * (attempt + 1))


def columns(*, base: bool = False) -> list[sa.Column[Any]]:
    """The columns that make a `Transfer`."""
    return [c for c in transfers.c if c.name not in ("pair", "flow") and (base or c.name != "base")]


class Transfers(Store):
    """What is known of the records of a flow."""

    def transfers(self, flow: str, keys: Iterable[str], *, base: bool = False) -> dict[str, Transfer]:
        """What is known of these records of a flow. `base`: with what was last agreed, which may be large."""
        found: dict[str, Transfer] = {}
        with self.reading() as db:
            for batch in batches(keys, BATCH):
                where = self._of(flow) & transfers.c.key.in_(batch)
                for row in db.execute(sa.select(*columns(base=base)).where(where)):
                    found[row.key] = Transfer.of_row(row)
        return found

    def keys(self, flow: str) -> Iterator[tuple[str, str | None]]:
        """Every key of a flow with the fingerprint last written, in order."""
        with self.reading() as db:
            query = sa.select(transfers.c.key, transfers.c.fingerprint).where(self._of(flow))
            for row in db.execution_options(stream_results=True).execute(query.order_by(transfers.c.key)):
                yield row.key, row.fingerprint

    def due(self, flow: str, limit: int | None = None) -> list[str]:
        """Keys of unfinished transfers whose next try has come, oldest first, at most `limit`."""
        query = sa.select(transfers.c.key).where(
            self._of(flow), transfers.c.state.in_(UNFINISHED), transfers.c.next_try <= iso(self._now())
        )
        with self.reading() as db:
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

    def forget(self, flow: str, keys: Iterable[str]) -> None:
        """Drop what is known of these records."""
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                db.execute(sa.delete(transfers).where(self._of(flow), transfers.c.key.in_(batch)))

    def settle(self, written: Sequence[tuple[str, str, Mapping[str, tuple[Any, Any]]]], at: str) -> None:
        """Note what the flow the other way has written `at` that time: (flow, key, fields as they were agreed and as they
        are now).

        The record is looked at again when its flow comes to it. What is not known of a flow stays so.
        """
        by_flow: dict[str, dict[str, Mapping[str, tuple[Any, Any]]]] = {}
        for flow, key, fields in written:
            by_flow.setdefault(flow, {})[key] = fields
        with self._writing() as db:
            for flow, records in by_flow.items():
                changes = []
                for key, base in self._bases(db, flow, list(records)).items():
                    settled = Base.from_json(base or {}).with_written(records[key], at)
                    changes.append({"of_key": key, "base": pack(settled.as_json()), "fingerprint": None})
                if changes:
                    where = self._of(flow) & (transfers.c.key == sa.bindparam("of_key"))
                    db.execute(sa.update(transfers).where(where), changes)

    def _bases(self, db: Connection, flow: str, keys: Sequence[str]) -> dict[str, Json | None]:
        found: dict[str, Json | None] = {}
        for batch in batches(keys, BATCH):
            query = sa.select(transfers.c.key, transfers.c.base).where(self._of(flow), transfers.c.key.in_(batch))
            found |= {row.key: unpack(row.base) for row in db.execute(query)}
        return found

    def _of(self, flow: str) -> sa.ColumnElement[bool]:
        return self.mine(transfers) & (transfers.c.flow == flow)

    def seen(self, flow: str, keys: Iterable[str], read_at: str) -> None:
        """Note of records that are done that they were read again then, and were what was last written.

        So what was read before that, and is written late, is known to be older.
        """
        older = sa.or_(transfers.c.read_at.is_(None), transfers.c.read_at < read_at)
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                where = sa.and_(self._of(flow), transfers.c.key.in_(batch), transfers.c.state == "done", older)
                db.execute(sa.update(transfers).where(where).values(read_at=read_at))

    def look_again(self, flow: str, keys: Sequence[str]) -> None:
        """Make records that are done due at once: one was read before what was written of it, or so its date says."""
        if not keys:
            return
        values = {
            "state": "retry",
            "next_try": iso(self._now()),
            "kind": ErrorKind.conflict.value,
            "message": "A run that read it earlier came later than the one that wrote it.",
            "advice": "Nothing to do: it is read again with the next run.",
            "tried_fingerprint": None,
        }
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                where = sa.and_(self._of(flow), transfers.c.key.in_(batch), transfers.c.state == "done")
                db.execute(sa.update(transfers).where(where).values(values))

    def _earlier(self, db: Connection, flow: str, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Of these records: how often they were tried, and when what is done of them was read."""
        found: dict[str, tuple[int, str]] = {}
        asked = sa.select(transfers.c.key, transfers.c.attempts, transfers.c.state, transfers.c.read_at)
        for batch in batches(keys, BATCH):
            rows = db.execute(asked.where(self._of(flow), transfers.c.key.in_(batch)))
            found |= {row.key: (row.attempts, (row.read_at or "") if row.state == "done" else "") for row in rows}
        return found

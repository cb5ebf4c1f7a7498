"""Transfers: what is known of each record of each flow, and what is unfinished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.errors import ErrorKind
from include.sync.base import Base
from include.sync.batches import batches
from include.sync.ledger.entries import Finish, Renumbered, State, Transfer, Tried, as_text, iso, moment, pack, unpack
from include.sync.ledger.store import BATCH, Store, of_pair, one_of, repeated
from include.sync.ledger.tables import transfers
from include.sync.records import Json

# After this many tries only a change of the record or a person starts another one.
MAX_ATTEMPTS = 8
# States of what is not done; named one by one, so that the index leads to them past all that is.
UNFINISHED = (State.waiting, State.retry, State.failed)

# The state of some records that are named: not what an index leads to, for nearly all that there are share one.
_STATE: sa.ColumnElement[Any] = sa.func.coalesce(transfers.c.state, "")


def retry_delay(attempt: int) -> timedelta:
    """Time until the next try after `attempt` tries, as on the iPaaS.com platform (docs/ipaas.md, "Repetition")."""
    return timedelta(minutes=10 * attempt * (attempt + 1))


def outdated(end: Finish, before: sa.Row[Any] | None) -> bool:
    """Whether an attempt that did not go through was made with what is older than what is done."""
    if end.state == State.done or before is None or before.state != State.done:
        return False
    return bool((before.read_at or "") > end.read_at)


def late(end: Finish, before: sa.Row[Any] | None) -> bool:
    """Whether what is done is older than what another run has read meanwhile and not brought over."""
    if end.state != State.done or before is None or before.state not in UNFINISHED:
        return False
    return bool((before.read_at or "") > end.read_at)


def read_again(now: datetime) -> dict[str, Any]:
    """What is noted of a record that is to be read again with the next run: it may have changed since it was read."""
    return {
        "state": State.retry,
        "next_try": iso(now),
        "since": iso(now),
        "kind": ErrorKind.conflict.value,
        "message": "Of two runs that read it, the one that read it earlier came to its end later.",
        "advice": "Nothing to do: it is read again with the next run.",
        "tried_fingerprint": None,
    }


# What is said of a record that has got another number and is yet to be written under it: nothing is unfinished.
_RENUMBERED = {
    "state": State.done,
    "attempts": 0,
    **dict.fromkeys(
        ("next_try", "since", "kind", "message", "advice", "waits_for", "cause", "tried_fingerprint", "seen_as")
    ),
}


def attempts_of(end: Finish, before: sa.Row[Any] | None, now: datetime, *, at_once: bool) -> tuple[int, str | None]:
    """How often a record has been tried after an attempt ended so, and when it is tried next."""
    if end.state == State.done:
        return 0, None
    attempts = (before.attempts if before else 0) + (0 if end.by_hand else 1)
    if at_once:
        next_try: str | None = iso(now)
    elif end.state == State.failed and attempts >= MAX_ATTEMPTS:
        next_try = None
    else:
        next_try = iso(now + retry_delay(max(attempts, 1)))
    if end.by_hand and before and before.state != State.done and not at_once:
        # It is no nearer, and no further away, than it was.
        next_try = before.next_try
    return attempts, None if end.rests else next_try


def unfinished_since(end: Finish, before: sa.Row[Any] | None, now: datetime) -> str | None:
    """From when on a record has not been done, after an attempt ended so; None when it is."""
    if end.state == State.done:
        return None
    earlier = before.since if before and before.state != State.done else None
    return earlier or iso(now)


def columns(*, base: bool = False, outcome: bool = True) -> list[sa.Column[Any]]:
    """The columns that make a `Transfer`."""
    left_out = {"pair", "flow", "" if base else "base", "" if outcome else "outcome"}
    return [column for column in transfers.c if column.name not in left_out]


_OF_KEYS = sa.and_(of_pair(transfers), transfers.c.flow == sa.bindparam("of_flow"), one_of(transfers.c.key))
_BASES = sa.select(transfers.c.key, transfers.c.base).where(_OF_KEYS)
_SEEN_AS = (
    sa.update(transfers)
    .where(of_pair(transfers), transfers.c.flow == sa.bindparam("of_flow"), transfers.c.key == sa.bindparam("of_key"))
    .values(seen_as=sa.bindparam("print"))
)
_EARLIER = sa.select(
    *(transfers.c[name] for name in ("key", "state", "attempts", "next_try", "read_at", "since"))
).where(_OF_KEYS)


@cache
def _known(*, base: bool, outcome: bool) -> sa.Select[Any]:
    return sa.select(*columns(base=base, outcome=outcome)).where(_OF_KEYS)


class Transfers(Store):
    """What is known of the records of a flow."""

    def transfers(
        self, flow: str, keys: Iterable[str], *, base: bool = False, outcome: bool = True
    ) -> dict[str, Transfer]:
        """What is known of these records of a flow. `base`: with what was last agreed, which may be large; `outcome`: with
        what became of them the last time."""
        found: dict[str, Transfer] = {}
        with self.reading() as db:
            for batch in batches(keys, BATCH):
                rows = db.execute(_known(base=base, outcome=outcome), self._keys(flow, batch))
                found |= {one.key: one for one in Transfer.of_rows(rows)}
        return found

    def keys(self, flow: str) -> Iterator[tuple[str, str | None]]:
        """Every key of a flow with the fingerprint last written, in order."""
        with self.reading() as db:
            query = sa.select(transfers.c.key, transfers.c.fingerprint).where(self._of(flow))
            for row in db.execution_options(stream_results=True).execute(query.order_by(transfers.c.key)):
                yield row.key, row.fingerprint

    def linked(self, flow: str) -> Iterator[Transfer]:
        """Every record of a flow that the target has or had, in order of the keys; without what was agreed."""
        with self.reading() as db:
            query = sa.select(*columns()).where(self._of(flow), transfers.c.target_id.is_not(None))
            yield from Transfer.of_rows(
                db.execution_options(stream_results=True).execute(query.order_by(transfers.c.key))
            )

    def due(self, flow: str, limit: int | None = None) -> list[str]:
        """Keys of unfinished transfers whose next try has come, oldest first, at most `limit`."""
        query = sa.select(transfers.c.key).where(
            self._of(flow), transfers.c.state.in_(UNFINISHED), transfers.c.next_try <= iso(self._now())
        )
        with self.reading() as db:
            return list(db.execute(query.order_by(transfers.c.next_try, transfers.c.key).limit(limit)).scalars())

    def flows_due(self, flows: Iterable[str]) -> list[str]:
        """Those of the flows that have records which a service did not take, and whose next try has come."""
        query = sa.select(transfers.c.flow).where(
            self.mine(transfers),
            transfers.c.flow.in_(list(flows)),
            transfers.c.state == State.retry,
            transfers.c.attempts > 0,
            transfers.c.next_try <= iso(self._now()),
        )
        with self.reading() as db:
            return sorted(db.execute(query.distinct()).scalars())

    @repeated
    def begin(self, flow: str, key: str, run_id: str, fingerprint: str) -> None:
        """Note that a record is about to be made step by step, before the first one.

        Should this process come no further, the record is due at once, whatever else is known of it by then: its claim
        alone says from when on somebody else may go on. `finish` takes its place otherwise.
        """
        values = {
            "flow": flow,
            "key": key,
            "run_id": run_id,
            "state": State.retry,
            "attempts": 0,
            "next_try": iso(self._now()),
            "kind": ErrorKind.unavailable.value,
            "message": "It is being written, or its writing was cut off.",
            "advice": "Nothing to do: it is taken up where it stopped.",
            "tried_fingerprint": fingerprint,
        }
        with self._writing() as db:
            self._upsert(db, transfers, [values], keep=("attempts",))

    @repeated
    def retry_now(self, flow: str, keys: Sequence[str]) -> list[str]:
        """Make unfinished and ignored transfers due with the next run; answers which there were."""
        return self._set_aside(flow, keys, {"state": State.retry, "next_try": iso(self._now()), "attempts": 0})

    @repeated
    def ignore(self, flow: str, keys: Sequence[str], by: str) -> list[str]:
        """Leave unfinished transfers alone until their records change, as a person wishes; answers which there were."""
        advice = f"Ignored by {by} until the record changes."
        # What it waits for, once there, is no change of it.
        return self._set_aside(
            flow, keys, {"state": State.ignored, "next_try": None, "waits_for": None, "advice": advice}
        )

    def _set_aside(self, flow: str, keys: Sequence[str], values: Mapping[str, Any]) -> list[str]:
        found: set[str] = set()
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                where = self._of(flow) & transfers.c.key.in_(batch) & _STATE.in_((*UNFINISHED, State.ignored))
                found.update(db.execute(sa.select(transfers.c.key).where(where)).scalars())
                db.execute(sa.update(transfers).where(where).values(values))
        return [key for key in keys if key in found]

    @repeated
    def forget(self, flow: str, keys: Iterable[str]) -> None:
        """Drop what is known of these records."""
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                db.execute(sa.delete(transfers).where(self._of(flow), transfers.c.key.in_(batch)))

    def _renumber(self, db: Connection, flow: str, it: Renumbered) -> None:
        """Keep what is known of a record under another key: what was agreed stays agreed, and it is not said that it has been
        written under that."""
        where = self._of(flow) & (transfers.c.key == it.old)
        before = db.execute(sa.select(transfers).where(where)).one_or_none()
        if before is None or (it.record_id and before.record_id and before.record_id != it.record_id):
            return  # it is known under another one by now, and this is what is known of the record that came after it
        base = Base.from_json(unpack(before.base) or {}).renumbered(it.old, it.new)
        kept = {name: getattr(before, name) for name in ("memory", "target_id", "record_id")}
        kept |= {"base": pack(base.as_json()), "fingerprint": None}
        there = self._of(flow) & (transfers.c.key == it.new)
        if not db.execute(sa.update(transfers).where(there).values(kept)).rowcount:
            row = {**before._mapping, "key": it.new, **_RENUMBERED, **kept}
            db.execute(sa.insert(transfers).values(row))
        if before.state == State.done:
            db.execute(sa.delete(transfers).where(where))
            return
        # Whether that is unfinished, or the record that has its number now, is known to whoever asks for that number.
        left = dict.fromkeys((*kept, "seen_as", "waits_for")) | {"next_try": iso(self._now())}
        db.execute(sa.update(transfers).where(where).values(left))

    def _linked_to(self, db: Connection, flow: str, it: Renumbered) -> None:
        """Note that what a flow knows by its iPaaS.com id is linked to another external id now."""
        where = self._of(flow) & (transfers.c.key == str(it.internal_id)) & (transfers.c.target_id == as_text(it.old))
        db.execute(sa.update(transfers).where(where).values(target_id=as_text(it.new)))

    @repeated
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

    @repeated
    def sending(self, flow: str, key: str, fields: Mapping[str, Any], owed: Json, tried: Tried | None = None) -> None:
        """Note what is about to be sent of a record, before it is: should this process die, the next one knows it for its
        own, and so does the flow the other way (`tried`). `owed` are fields that are set again last.
        """
        with self._writing() as db:
            base = Base.from_json(self._bases(db, flow, [key]).get(key) or {}).with_sent(fields, owed)
            where = self._of(flow) & (transfers.c.key == key)
            db.execute(sa.update(transfers).where(where).values(base=pack(base.as_json())))
            there = self._bases(db, tried.flow, [tried.key]).get(tried.key) if tried else None
            if tried and there:
                its = Base.from_json(there).with_tried(tried.fields, tried.at)
                where = self._of(tried.flow) & (transfers.c.key == tried.key)
                db.execute(sa.update(transfers).where(where).values(base=pack(its.as_json()), fingerprint=None))

    def _bases(self, db: Connection, flow: str, keys: Sequence[str]) -> dict[str, Json | None]:
        found: dict[str, Json | None] = {}
        for batch in batches(keys, BATCH):
            found |= {row.key: unpack(row.base) for row in db.execute(_BASES, self._keys(flow, batch))}
        return found

    def _keys(self, flow: str, keys: Sequence[str]) -> dict[str, Any]:
        return {"of_pair": self.pair, "of_flow": flow, "keys": keys}

    def _of(self, flow: str) -> sa.ColumnElement[bool]:
        return self.mine(transfers) & (transfers.c.flow == flow)

    @repeated
    def seen(self, flow: str, keys: Iterable[str], read_at: str, seen_as: Mapping[str, str] | None = None) -> None:
        """Note of records that are done that they were read again then, and were what was last written; of some as what
        they were seen.

        So what was read before that, and is written late, is known to be older.
        """
        older = sa.or_(transfers.c.read_at.is_(None), transfers.c.read_at < read_at)
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                where = sa.and_(self._of(flow), transfers.c.key.in_(batch), _STATE.in_([State.done]), older)
                db.execute(sa.update(transfers).where(where).values(read_at=read_at))
            if seen_as:
                mine = {"of_pair": self.pair, "of_flow": flow}
                db.execute(_SEEN_AS, [{**mine, "of_key": key, "print": seen_as[key]} for key in sorted(seen_as)])

    @repeated
    def look_again(self, flow: str, keys: Sequence[str]) -> None:
        """Make records that are done due at once: one was read before what was written of it, or so its date says."""
        if not keys:
            return
        values = read_again(self._now())
        with self._writing() as db:
            for batch in batches(keys, BATCH):
                where = sa.and_(self._of(flow), transfers.c.key.in_(batch), _STATE.in_([State.done]))
                db.execute(sa.update(transfers).where(where).values(values))

    @repeated
    def outage_over(self, flows: Sequence[str], *, after: datetime | None, before: datetime) -> list[str]:
        """Make due what a service did not take in an outage: `after` its last success, and `before` its first one since.
        Answers the flows of which something is due now.

        What it does not take while it takes others waits for its own next try.
        """
        now = self._now()
        asked = sa.select(transfers.c.flow, transfers.c.key, transfers.c.next_try, transfers.c.attempts).where(
            self.mine(transfers),
            transfers.c.flow.in_(flows),
            transfers.c.state == State.retry,
            transfers.c.kind.in_([ErrorKind.throttled.value, ErrorKind.unavailable.value]),
            transfers.c.attempts > 0,
            transfers.c.next_try > iso(now),
        )
        with self._writing() as db:
            due: dict[str, list[str]] = {}
            for row in db.execute(asked):
                failed = moment(row.next_try) - retry_delay(row.attempts)
                if failed < before and (after is None or failed > after):
                    due.setdefault(row.flow, []).append(row.key)
            for flow, keys in sorted(due.items()):
                for batch in batches(keys, BATCH):
                    where = sa.and_(self._of(flow), transfers.c.key.in_(batch), _STATE.in_([State.retry]))
                    db.execute(sa.update(transfers).where(where).values(next_try=iso(now)))
        return sorted(due)

    def _earlier(self, db: Connection, flow: str, keys: Sequence[str]) -> dict[str, sa.Row[Any]]:
        """How far these records have come: state, attempts, next try, and when what was tried of them was read."""
        found: dict[str, sa.Row[Any]] = {}
        for batch in batches(keys, BATCH):
            found |= {row.key: row for row in db.execute(_EARLIER, self._keys(flow, batch))}
        return found

"""The throttle windows: one for each system, shared through the database by all tasks of all runs on all machines.

Calls are leased some at a time, by the database's clock. A lease counts against the window from when it was given until
the last call under it has left the window, so that all tasks together never exceed it, wherever in its time they call.
Who waits stands in line: runs that have had little go first, so that a poll does not wait for a first load to end; among
equals whoever was served longest ago.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from math import ceil

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sync.ledger.store import Store
from include.sync.ledger.tables import window_leases, window_line, windows
from include.transport.throttle import Lease

# Who has not asked for so long does not wait any more; seconds.
_GONE = 5.0
# Whoever comes new is to be served within so many seconds, however long the window is.
_SERVED_WITHIN = 50.0
# The part of a window that a run may have had and still go before the others.
_LITTLE = 0.05
# The part of a long window that is kept for those that come new.
_KEPT = 0.1
_EPOCH = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch from clock_timestamp())::double precision",
}


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """One of those in line: calls that it needs, and whether its run has had little."""

    name: str
    needs: int
    little: bool
    served: float


class SystemWindow:
    """The window of one system, for one run; see `include.transport.throttle.ThrottleWindow`."""

    def __init__(self, store: Store, system: str, limit: int, seconds: float, *, run: str) -> None:
        """At most `limit` calls in any `seconds`. `run`: for whom they are; its tasks count as one."""
        self._store = store
        self._system = system[:200]
        self._limit = max(1, limit)
        self._seconds = seconds
        self._run = run[:300]
        self._name = uuid.uuid4().hex
        # Longer than its transaction takes on a busy machine, and short beside the window.
        self._lasts = max(1.0, min(5.0, seconds / 30))

    def lease(self, wanted: int, needed: int) -> Lease:
        """See `ThrottleWindow.lease`."""
        with self._store._writing() as db:
            not_before = self._enter(db)
            now = self._now(db)
            if not_before > now:
                self._out_of_line(db)
                return Lease(held=not_before - now)
            oldest = now - self._seconds - self._lasts
            db.execute(sa.delete(window_leases).where(self._of(window_leases), window_leases.c.at <= oldest))
            given = list(db.execute(sa.select(window_leases).where(self._of(window_leases))))
            used = sum(row.calls for row in given)
            mine = sum(row.calls for row in given if row.run == self._run)
            little = mine < max(1, _LITTLE * self._limit)
            needed = min(needed, self._limit)
            free = self._limit - used - (0 if little else self._kept(given, now))
            line = self._line(db, needed, little, now)
            number = self._share(line, free, wanted, needed)
            if number == 0:
                return Lease(again=self._next(given, now))
            db.execute(sa.insert(window_leases).values(system=self._system, run=self._run, at=now, calls=number))
            served = sa.update(window_line).where(self._mine()).values(served=now, seen=0.0)
            db.execute(served)
            return Lease(calls=number, lasts=self._lasts)

    def leave(self) -> None:
        """See `ThrottleWindow.leave`."""
        with self._store._writing() as db:
            self._out_of_line(db)

    def held(self) -> float:
        """See `ThrottleWindow.held`."""
        with self._store.reading() as db:
            row = db.execute(
                sa.select(windows.c.not_before, self._clock(db)).where(windows.c.system == self._system)
            ).first()
        return 0.0 if row is None else max(0.0, float(row[0]) - float(row[1]))

    def hold(self, seconds: float) -> None:
        """See `ThrottleWindow.hold`."""
        with self._store._writing() as db:
            until = max(self._enter(db), self._now(db) + seconds)
            db.execute(sa.update(windows).where(windows.c.system == self._system).values(not_before=until))

    # --- one transaction -------------------------------------------------------------------------------------

    def _enter(self, db: Connection) -> float:
        """Lock the window, which makes whoever leases from it wait for this transaction; its `not_before`."""
        new = self._store._insert(windows).values(system=self._system, not_before=0.0).on_conflict_do_nothing()
        db.execute(new)
        query = sa.select(windows.c.not_before).where(windows.c.system == self._system).with_for_update()
        return float(db.execute(query).scalar() or 0.0)

    @staticmethod
    def _clock(db: Connection) -> sa.ColumnElement[float]:
        return sa.literal_column(_EPOCH[db.dialect.name], sa.Float)

    def _now(self, db: Connection) -> float:
        return float(db.execute(sa.select(self._clock(db))).scalar() or 0.0)

    def _of(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.system == self._system

    def _mine(self) -> sa.ColumnElement[bool]:
        return self._of(window_line) & (window_line.c.name == self._name)

    def _out_of_line(self, db: Connection) -> None:
        db.execute(sa.delete(window_line).where(self._mine()))

    def _kept(self, given: list[sa.Row[tuple[object, ...]]], now: float) -> int:
        """Calls that are kept for runs that come new: so many that they need not wait for a window to pass.

        What becomes free by itself in time need not be kept, so nothing is kept of a short window.
        """
        if self._seconds + self._lasts <= _SERVED_WITHIN + 15:
            return 0
        soon = now + _SERVED_WITHIN - self._seconds - self._lasts
        coming: int = sum(row.calls for row in given if row.at <= soon)
        return max(0, min(ceil(_KEPT * self._limit), self._limit - 1) - coming)

    def _line(self, db: Connection, needed: int, little: bool, now: float) -> list[_Waiting]:
        """Those that wait, this one among them, in the order in which they are served."""
        values = {"system": self._system, "name": self._name, "needs": needed, "little": little, "seen": now}
        entry = self._store._insert(window_line).values(**values, served=0.0)
        changes = {"needs": needed, "little": little, "seen": now}
        db.execute(entry.on_conflict_do_update(index_elements=["system", "name"], set_=changes))
        old = self._of(window_line) & (window_line.c.seen <= now - _GONE) & (window_line.c.served <= now - 600)
        db.execute(sa.delete(window_line).where(old))
        query = sa.select(window_line).where(self._of(window_line), window_line.c.seen > now - _GONE)
        found = [
            _Waiting(name=row.name, needs=row.needs, little=row.little, served=row.served) for row in db.execute(query)
        ]
        return sorted(found, key=lambda one: (not one.little, one.served, one.name))

    def _share(self, line: list[_Waiting], free: int, wanted: int, needed: int) -> int:
        """How many calls this one gets of those that are free, after those that are to be served before it."""
        for one in line:
            if one.name == self._name:
                break
            free -= one.needs
        if free < needed:
            return 0
        # Alone it takes what it can use; among others no more than its part of what there is.
        fair = free if len(line) == 1 else free // (2 * len(line))
        return max(needed, min(wanted, fair))

    def _next(self, given: list[sa.Row[tuple[object, ...]]], now: float) -> float:
        """Seconds until something may be free: soon enough to keep its place in line."""
        first = min((row.at for row in given), default=now) + self._seconds + self._lasts - now
        return min(max(first, 0.05), 1.0)


class Windows(Store):
    """The windows of all systems."""

    def window(self, system: str, limit: int, seconds: float, *, run: str) -> SystemWindow:
        """The window of a system: at most `limit` calls in any `seconds`. `run`: for whom the calls are."""
        return SystemWindow(self, system, limit, seconds, run=run)

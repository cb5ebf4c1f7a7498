"""Connections that stay open from one transaction to the next.

A pool makes sure of a connection each time that it lends it, and cleans it when it comes back: of a small transaction in a
SQLite file that is most of what it costs. PostgreSQL's are worth it: they hang up, and the way there costs more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Full, LifoQueue

from sqlalchemy.engine import Connection, Engine

from include.sync.ledger.database import is_there

# As many stay open as transactions are commonly under way at once.
_STAY = 8


class OpenConnections:
    """Lends connections of an engine, each to one transaction at a time. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened until the first transaction."""
        self._engine = engine
        self._stay = engine.dialect.name == "sqlite"
        self._free: LifoQueue[Connection] = LifoQueue(_STAY)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection within a transaction of its own, which is rolled back by whatever is raised within."""
        db = self._one()
        try:
            with db.begin():
                yield db
        except BaseException:
            # Nobody knows what has become of it.
            db.close()
            raise
        try:
            if self._stay:
                self._free.put_nowait(db)
                return
        except Full:
            pass  # enough stay
        db.close()

    def close(self) -> None:
        """Close those that are lent to nobody."""
        with suppress(Empty):
            while True:
                self._free.get_nowait().close()

    def _one(self) -> Connection:
        """One that leads to the ledger as it is now."""
        while True:
            try:
                db = self._free.get_nowait()
            except Empty:
                return self._engine.connect()
            if is_there(db):
                return db
            db.close()

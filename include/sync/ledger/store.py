"""What all parts of the ledger share: its database, its clock, whose rows they are, and how they are written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from include.sync.ledger.database import connect
from include.sync.ledger.faults import LedgerFault

BATCH = 400  # bound parameters per statement, below every database's limit


class Store:
    """Each public method is one transaction; safe to use from several threads and processes. All raise LedgerFault."""

    def __init__(self, url: str | URL, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open the ledger at a SQLAlchemy `url`, bringing its schema to this version. `now` is the clock."""
        self._engine = connect(url)
        self._reads = self._engine.execution_options(reads=True)
        self._now = now
        self.pair = 1
        # SQLite lets one write at a time, and whoever finds it busy looks again ever more seldom. The threads of a task
        # queue here instead, so that each goes on as soon as the one before it is done.
        self._turn = threading.Lock() if self._engine.dialect.name == "sqlite" else nullcontext()

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for questions; it only reads."""
        try:
            with self._reads.connect() as db:
                yield db
        except SQLAlchemyError as error:
            raise LedgerFault.of(error) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._turn, self._engine.begin() as db:
                yield db
        except SQLAlchemyError as error:
            raise LedgerFault.of(error) from error

    def mine(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """The condition that a row is of this pair of systems."""
        return table.c.pair == self.pair

    # --- dialects --------------------------------------------------------------------------------------------

    def _insert(self, table: sa.Table) -> Any:
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return dialect.insert(table)

    def _upsert(
        self, db: Connection, table: sa.Table, rows: Sequence[dict[str, Any]], keep: Sequence[str] = ()
    ) -> None:
        """Insert rows of this pair, or change those that are there, but for the columns to `keep`.

        All rows name the same columns.
        """
        keys = [column.name for column in table.primary_key]
        statement = self._insert(table)
        changes = {name: statement.excluded[name] for name in rows[0] if name not in (*keys, *keep)}
        mine = [{"pair": self.pair, **row} for row in rows]
        db.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), mine)

"""Single questions, as are asked before every write and at the beginning of every transaction.

What it takes to borrow a connection, to begin and to end a transaction costs several times what SQLite takes for the
answer, and with PostgreSQL three more ways there and back: `Questions` keeps a connection. To put a statement into words, and
to make of the answer what can be asked for anything, costs ten times as much again: `Query` is asked of the driver itself.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from include.sync.ledger.database import is_there


class Query:
    """A statement that is made once and asked very often. Raises SQLAlchemyError, as any other."""

    def __init__(self, statement: sa.Select[Any]) -> None:
        self._statement = statement
        # By dialect: the words as its driver takes them, and in which order their values, where it takes them in an order.
        self._in_words: dict[str, tuple[str, list[str] | None]] = {}

    def answer(self, db: Connection, values: Mapping[str, Any]) -> Any:
        """The first value of the first row, None where there is no row. It begins no transaction."""
        words, order = self._words(db.dialect)
        driver = db.dialect.loaded_dbapi
        cursor = db.connection.cursor()
        try:
            cursor.execute(words, values if order is None else tuple(values[name] for name in order))
            row = cursor.fetchone()
        except driver.Error as error:
            raise sa.exc.DBAPIError.instance(words, None, error, driver.Error, hide_parameters=True) from error
        finally:
            cursor.close()
        return None if row is None else row[0]

    def _words(self, dialect: sa.Dialect) -> tuple[str, list[str] | None]:
        if dialect.name not in self._in_words:
            compiled: Any = self._statement.compile(dialect=dialect)
            self._in_words[dialect.name] = compiled.string, compiled.positiontup
        return self._in_words[dialect.name]


class Questions:
    """Asks one question at a time, of whichever thread; each sees what is committed by then."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened until the first question."""
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._turn = threading.Lock()
        self._kept: Connection | None = None

    def answer(self, query: Query, values: Mapping[str, Any]) -> Any:
        """What a question is answered. Raises SQLAlchemyError."""
        with self._turn:
            try:
                return self._asked(query, values)
            except sa.exc.DBAPIError:
                # It may have hung up since the last one; and nothing was changed.
                pass
            return self._asked(query, values)

    def close(self) -> None:
        """Give the connection back."""
        with self._turn:
            self._close()

    def _asked(self, query: Query, values: Mapping[str, Any]) -> Any:
        try:
            return query.answer(self._connection(), values)
        except BaseException:
            # Whatever broke it off, the next question begins anew.
            self._close()
            raise

    def _connection(self) -> Connection:
        if self._kept and not is_there(self._kept):
            self._close()
        if self._kept is None:
            self._kept = self._engine.connect()
        return self._kept

    def _close(self) -> None:
        kept, self._kept = self._kept, None
        if kept:
            kept.close()

"""Single questions, as are asked before every write: on a connection that is kept for them.

What it takes to borrow a connection, to begin and to end a transaction costs several times what SQLite takes for the
answer, and with PostgreSQL three more ways there and back. To put a statement into words costs as much again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from include.sync.ledger.database import file_of


class Questions:
    """Asks one question at a time, of whichever thread; each sees what is committed by then."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened until the first question."""
        self._engine = engine.execution_options(asks_once=True, isolation_level="AUTOCOMMIT")
        self._turn = threading.Lock()
        self._kept: Connection | None = None
        self._in_words: dict[sa.Select[Any], tuple[str, list[str] | None]] = {}

    def answer(self, statement: sa.Select[Any], values: Mapping[str, str | int]) -> Any:
        """The one value that a statement asks for, which is one of few that are made once. Raises SQLAlchemyError."""
        with self._turn:
            try:
                return self._asked(statement, values)
            except sa.exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            # The database has hung up since the last one: nothing was changed, so it may be asked again.
            return self._asked(statement, values)

    def close(self) -> None:
        """Give the connection back."""
        with self._turn:
            self._close()

    def _asked(self, statement: sa.Select[Any], values: Mapping[str, Any]) -> Any:
        try:
            words, order = self._words_of(statement)
            given = values if order is None else tuple(values[name] for name in order)
            return self._connection().exec_driver_sql(words, given).scalar()
        except BaseException:
            # Whatever broke it off, the next question begins anew.
            self._close()
            raise

    def _words_of(self, statement: sa.Select[Any]) -> tuple[str, list[str] | None]:
        """A statement as the driver takes it, and in which order its values, where it takes them in an order."""
        if statement not in self._in_words:
            compiled: Any = statement.compile(dialect=self._engine.dialect)
            self._in_words[statement] = compiled.string, compiled.positiontup
        return self._in_words[statement]

    def _connection(self) -> Connection:
        kept = self._kept
        if kept and self._engine.dialect.name == "sqlite":
            # The ledger may be deleted at any time, and a deleted file goes on saying what was.
            path = self._engine.url.database or ""
            if kept.connection.info["file"] != file_of(path):
                self._close()
        if self._kept is None:
            self._kept = self._engine.connect()
        return self._kept

    def _close(self) -> None:
        kept, self._kept = self._kept, None
        if kept:
            kept.close()

"""How the ledger reaches its database: SQLite in one file, or PostgreSQL for several machines."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import NullPool, Pool, QueuePool
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random

from include.sync.ledger.faults import faults
from include.sync.ledger.schema import NEWEST, READ_VERSION, bring_up, is_newest

# Its owner alone: it holds what the two systems hold of people and of money.
_OWNER_ONLY = 0o600
# What tells a file from another one of the same name: its device and its number there.
FileId = tuple[int, int]


def connect(url: str | URL) -> Engine:
    """An engine for the ledger at `url`, whose schema is of this version.

    A transaction that only reads begins with the execution option `reads`; any other may write. Raises LedgerFault.
    """
    with faults():
        # A file does not hang up.
        far = sa.make_url(url).get_backend_name() != "sqlite"
        # Nor does it lend only so many: whoever waited for the pool would not see what stays open between transactions.
        engine = _engine(url, poolclass=QueuePool, pool_pre_ping=far, pool_size=8, max_overflow=20 if far else -1)
        if not far:
            _Sqlite(engine, begin="BEGIN IMMEDIATE", checks=True)
        keep_up(engine)
    return engine


def keep_up(engine: Engine) -> None:
    """Bring the schema to this version; a connection to SQLite does so by itself."""
    with engine.execution_options(reads=True).connect() as db:
        current = engine.dialect.name == "sqlite" or is_newest(db)
    if not current:
        _bring_up(engine.url)


def _engine(url: str | URL, *, poolclass: type[Pool], **options: Any) -> Engine:
    # Many rows of one statement go to PostgreSQL together; by itself its driver sends them one by one.
    together = {"executemany_mode": "values_plus_batch"} if sa.make_url(url).get_dialect().driver == "psycopg2" else {}
    return sa.create_engine(url, poolclass=poolclass, **together, **options)


def _bring_up(url: URL) -> None:
    engine = _engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        _Sqlite(engine, begin="BEGIN EXCLUSIVE", checks=False)
    bring_up(engine)


class _Sqlite:
    """What an engine for a SQLite file needs beyond SQLAlchemy's own.

    `begin` is how a transaction that writes begins, `checks` whether each new connection finds the schema of this
    version.
    """

    def __init__(self, engine: Engine, *, begin: str, checks: bool) -> None:
        self._url = engine.url
        self._path = engine.url.database or ""
        self._begin = begin
        self._checks = checks
        sa.event.listen(engine, "do_connect", self._on_opening)
        sa.event.listen(engine, "connect", self._on_connect)
        sa.event.listen(engine, "checkout", self._on_checkout)
        sa.event.listen(engine, "begin", self._on_begin)

    def _on_opening(self, *_: Any) -> None:
        """Make the file before SQLite does, which would let others read it; those beside it take after it.

        A file that is there is never opened here: closing it again would give up the locks that this process's other
        connections hold on it, and another process would clear away what they are still writing to.
        """
        with contextlib.suppress(OSError):  # it is there; or SQLite says what is wrong
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY))
        try:
            for file in (self._path, f"{self._path}-wal", f"{self._path}-shm"):
                if Path(file).exists() and Path(file).stat().st_mode & 0o077:
                    os.chmod(file, _OWNER_ONLY)
        except OSError:
            pass  # SQLite says what is wrong

    def _on_connect(self, connection: Any, record: Any) -> None:
        # Several task processes write: wait for each other instead of failing, and let readers read meanwhile.
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout = 60000")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        if self._checks and not _has_newest(connection):
            _bring_up(self._url)
        record.info["file"] = file_of(self._path)

    def _on_checkout(self, _connection: Any, record: Any, _proxy: Any) -> None:
        # The ledger may be deleted at any time; what a process wrote into a deleted file would be lost.
        if record.info["file"] != file_of(self._path):
            raise sa.exc.DisconnectionError

    def _on_begin(self, connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once, so that a transaction that reads and then writes cannot deadlock.
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else self._begin)


@retry(
    retry=retry_if_exception_type(sqlite3.OperationalError),
    wait=wait_random(0.01, 0.1),
    stop=stop_after_delay(60),
    reraise=True,
)
def _write_ahead(connection: Any) -> None:
    # The one statement for which SQLite does not wait: while a new file is switched over, others find it locked.
    connection.execute("PRAGMA journal_mode = WAL")


def _has_newest(connection: Any) -> bool:
    try:
        row = connection.execute(READ_VERSION).fetchone()
    except sqlite3.OperationalError:
        return False
    return row is not None and row[0] == NEWEST


def is_there(db: Connection) -> bool:
    """Whether a connection leads to the ledger as it is now. A file may be deleted at any time, and who has it open goes on
    reading what it said, and writes what nobody will read."""
    engine = db.engine
    return engine.dialect.name != "sqlite" or db.connection.info["file"] == file_of(engine.url.database or "")


def file_of(path: str) -> FileId | None:
    """Which file lies at a path; None when there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino

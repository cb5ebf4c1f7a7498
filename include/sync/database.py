"""How the ledger reaches its database: SQLite in one file, or PostgreSQL for several machines."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateIndex, CreateTable
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random

# Any number, the same in every process: PostgreSQL's name of the lock under which tables are made.
_MAKING_TABLES = 4_711_000


def connect(url: str | URL, metadata: sa.MetaData) -> Engine:
    """An engine whose database has the tables of `metadata`.

    A transaction that only reads begins with the execution option `reads`; any other may write.
    """
    # Many rows of one statement go to PostgreSQL together; by itself its driver sends them one by one.
    together = {"executemany_mode": "values_plus_batch"} if sa.make_url(url).get_dialect().driver == "psycopg2" else {}
    engine = sa.create_engine(url, pool_pre_ping=True, poolclass=QueuePool, pool_size=2, max_overflow=20, **together)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, metadata)
        return engine
    with engine.begin() as db:
        # Processes that find no tables at the same time would make them twice, and fail.
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
        metadata.create_all(db)
    return engine


def _prepare_sqlite(engine: Engine, metadata: sa.MetaData) -> None:
    schema = _sqlite_schema(metadata)
    path = engine.url.database or ""

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, record: Any) -> None:
        # Several task processes write: wait for each other instead of failing, and let readers read meanwhile.
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout = 60000")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        for statement in schema:
            connection.execute(statement)
        record.info["file"] = _file(path)

    @sa.event.listens_for(engine, "checkout")
    def _on_checkout(_connection: Any, record: Any, _proxy: Any) -> None:
        # The ledger may be deleted at any time; what a process wrote into a deleted file would be lost.
        if record.info["file"] != _file(path):
            raise sa.exc.DisconnectionError

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once, so that a transaction that reads and then writes cannot deadlock.
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@retry(
    retry=retry_if_exception_type(sqlite3.OperationalError),
    wait=wait_random(0.01, 0.1),
    stop=stop_after_delay(60),
    reraise=True,
)
def _write_ahead(connection: Any) -> None:
    # The one statement for which SQLite does not wait: while a new file is switched over, others find it locked.
    connection.execute("PRAGMA journal_mode = WAL")


def _sqlite_schema(metadata: sa.MetaData) -> list[str]:
    tables = metadata.sorted_tables
    parts: list[CreateTable | CreateIndex] = [CreateTable(table, if_not_exists=True) for table in tables]
    parts += [CreateIndex(index, if_not_exists=True) for table in tables for index in sorted(table.indexes, key=str)]
    dialect = sqlite.dialect()
    return [str(part.compile(dialect=dialect)) for part in parts]


def _file(path: str) -> tuple[int, int] | None:
    """What tells a file from another one of the same name; None when there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino

"""Puts the project's root on sys.path, so that plain Airflow finds `include` as Astro does; and lets Airflow's own
database, where it is SQLite, wait for a turn to write.

Airflow loads this file in every process and takes the functions named in `__all__` instead of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

__all__ = ["create_async_metadata_engine", "create_metadata_engine"]

# Seconds that a process waits for SQLite's one writer before it fails with "database is locked". The driver's own 5
# are over in no time on a busy machine, and Airflow's API then answers 500.
_BUSY = 60


def create_metadata_engine(sql_alchemy_conn: str, *, engine_args: dict[str, Any], connect_args: dict[str, Any]) -> Any:
    """The engine of Airflow's own database."""
    from sqlalchemy import create_engine

    engine = create_engine(sql_alchemy_conn, connect_args=connect_args, **engine_args)
    _be_patient(engine)
    return engine


def create_async_metadata_engine(
    sql_alchemy_conn_async: str, *, connect_args: dict[str, Any], engine_args: dict[str, Any] | None = None
) -> Any:
    """The engine with which Airflow's API server reaches the same database."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(sql_alchemy_conn_async, connect_args=connect_args, **(engine_args or {}))
    _be_patient(engine.sync_engine)
    return engine


def _be_patient(engine: Any) -> None:
    if engine.dialect.name != "sqlite":
        return
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        # First of all, so that switching to the write-ahead log waits, too.
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY * 1000}")
        # Readers and the writer do not wait for each other; and with the log no commit has to wait for the disk.
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

"""Where Airflow's database and the ledger are, by one variable: DATABASE=postgresql, a PostgreSQL's address, or sqlite.

Run as a program it prints, for `scripts/run`, what Airflow's processes have to know of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import socket
import sys
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

HOME = Path(os.environ["AIRFLOW_HOME"])
# What the home remembers of the variable, for who starts without it.
_KEPT = HOME / "database"
_SQLITE = "sqlite"
# Beside Airflow's own tables, whose names the ledger's need not avoid.
_SCHEMA = "sync_ledger"
_SERVER = "127.0.0.1:5432"
_ALLOWED = (
    f"postgresql (the one at {_SERVER}, user postgres, no password), postgresql://user:password@host:port/database "
    "(with ?sslmode=... where it is needed), or sqlite"
)


def chosen() -> URL | None:
    """The PostgreSQL that is named, or remembered; None for SQLite. Exits in words for anything else."""
    given = os.environ.get("DATABASE") or (_KEPT.read_text(encoding="utf-8") if _KEPT.exists() else _SQLITE)
    given = given.strip()
    if given == _SQLITE:
        return None
    if given == "postgresql":
        return sa.make_url(f"postgresql+psycopg2://postgres@{_SERVER}/{_own_name()}")
    try:
        url = sa.make_url(given)
    except (sa.exc.ArgumentError, ValueError):
        sys.exit(f"DATABASE is none of these: {_ALLOWED}.")
    if url.drivername.partition("+")[0] not in ("postgresql", "postgres") or not url.database:
        sys.exit(f"DATABASE is {url.render_as_string()!r}. It must be {_ALLOWED}.")
    if set(url.query) - {"sslmode"}:
        sys.exit(f"DATABASE names {', '.join(url.query)}. Only sslmode may stand behind the question mark.")
    return url.set(drivername="postgresql+psycopg2")


def environment(url: URL) -> dict[str, str]:
    """What Airflow's processes find the database by, and the ledger in a schema of its own in it."""
    ssl = {"ssl": url.query["sslmode"]} if url.query else {}
    ledger = {
        "conn_type": "postgres",
        "host": url.host,
        "port": url.port,
        "schema": url.database,
        "login": url.username,
        "password": url.password,
        "extra": {**url.query, "options": f"-csearch_path={_SCHEMA}"},
    }
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url.render_as_string(hide_password=False),
        # The API server's driver has its own name for what libpq calls sslmode.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": url.set(
            drivername="postgresql+asyncpg", query=ssl
        ).render_as_string(hide_password=False),
        "AIRFLOW_CONN_SYNC_LEDGER": json.dumps(ledger),
    }


def prepare() -> str:
    """Make the database and the ledger's schema where they are not there, and remember the choice.

    Answers in words where both are. Exits in words when the PostgreSQL does not answer, or refuses.
    """
    url = chosen()
    if url is None:
        _KEPT.unlink(missing_ok=True)
        return f"Database: SQLite, in {HOME}{_hint()}"
    try:
        _make_schema(url)
    except sa.exc.OperationalError as error:
        try:
            _make_database(url)
            _make_schema(url)
        except sa.exc.DBAPIError:
            reason = " ".join(str(error.orig).split())
            sys.exit(f"DATABASE: {url.render_as_string()} cannot be used: {reason} DATABASE=sqlite goes on without it.")
    if given := os.environ.get("DATABASE"):
        _KEPT.unlink(missing_ok=True)
        # Its owner's alone: there may be a password in it.
        _KEPT.touch(mode=0o600)
        _KEPT.write_text(given, encoding="utf-8")
    return f"Database: PostgreSQL, {url.database} at {url.host}:{url.port or 5432}; the ledger is its schema {_SCHEMA}"


def _hint() -> str:
    """That there is another choice, where there is one."""
    host, _, port = _SERVER.partition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return ". A PostgreSQL answers on this machine: DATABASE=postgresql has both there"
    return ""


def begin_anew() -> None:
    """Drop the database that is the home's own, and has its name; one that somebody has named is left as it is."""
    url = chosen()
    if url is not None and url.database == _own_name():
        with contextlib.suppress(sa.exc.OperationalError), _engine(url.set(database="postgres")).connect() as db:
            db.execute(sa.text(f"DROP DATABASE IF EXISTS {url.database} WITH (FORCE)"))


def _own_name() -> str:
    # A database for each home: two Airflows on one disturb each other.
    return f"airflow_{hashlib.sha256(str(HOME.resolve()).encode()).hexdigest()[:8]}"


def lose_ledger() -> None:
    """Empty the ledger, as anybody may at any time."""
    for file in HOME.glob("sync_ledger.db*"):
        file.unlink()
    if url := chosen():
        with _engine(url).connect() as db:
            db.execute(sa.text(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE"))
        _make_schema(url)


def _make_database(url: URL) -> None:
    with _engine(url.set(database="postgres")).connect() as db:
        name = db.dialect.identifier_preparer.quote_identifier(str(url.database))
        db.execute(sa.text(f"CREATE DATABASE {name}"))


def _make_schema(url: URL) -> None:
    with _engine(url).connect() as db:
        db.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}"))


def _engine(url: URL) -> sa.Engine:
    options = {"isolation_level": "AUTOCOMMIT", "connect_args": {"connect_timeout": 5}}
    return sa.create_engine(url, poolclass=NullPool, **options)


if __name__ == "__main__":
    if (_url := chosen()) is not None:
        for _name, _value in environment(_url).items():
            sys.stdout.write(f"export {_name}={shlex.quote(_value)}\n")

"""Where a test's ledger lives: a file of SQLite beside the test's own, or a schema of its own on a local PostgreSQL.

The environment's LEDGER says which of both, for this process and those that it starts: `make test LEDGER=postgresql`.
A schema is named by the process that the tests began with, and by the file that it stands for, so that another process
of the same test finds it.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

KINDS = ("sqlite", "postgresql")
WHERE = "127.0.0.1:5432"
SERVER = f"postgresql+psycopg2://postgres@{WHERE}/postgres"
_PREFIX = "ledger_of"
# What the processes of one run of tests are known by to each other.
_RUN = "LEDGER_RUN"
# Any number, the same in every process: the locks of tests.
_SPACE = 4_711


def kind() -> str:
    """The kind of database that ledgers are made in."""
    chosen = os.environ.get("LEDGER") or KINDS[0]
    if chosen not in KINDS:
        raise ValueError(f"LEDGER={chosen}: a test's ledger is one of {', '.join(KINDS)}")
    return chosen


def url_of(file: Path) -> str:
    """The address of the ledger that stands for a file; where there is none yet, it is empty."""
    return f"sqlite:///{file}" if kind() == "sqlite" else _schema_of(file)


def drop(folder: Path) -> None:
    """Give up the ledgers that stand for files of a folder, as the folder itself will be."""
    if kind() == "postgresql":
        _drop(f"{_PREFIX}_{_run()}_{_hash(folder)}_")


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty schema on PostgreSQL; the test is skipped where none answers."""
    need("postgresql")
    file = Path(secrets.token_hex(8)) / "ledger.db"
    try:
        yield _schema_of(file)
    finally:
        _drop(f"{_PREFIX}_{_run()}_{_hash(file.parent)}_")


def need(database: str) -> None:
    """Skip a test that needs a database which does not answer."""
    if database == "postgresql" and not answers():
        pytest.skip(f"no PostgreSQL answers at {WHERE}")


@functools.cache
def answers() -> bool:
    """Whether there is a PostgreSQL."""
    try:
        with _server().connect():
            return True
    except sa.exc.OperationalError:
        return False


@functools.cache
def _server() -> sa.Engine:
    options = {"poolclass": NullPool, "isolation_level": "AUTOCOMMIT", "connect_args": {"connect_timeout": 5}}
    return sa.create_engine(SERVER, **options)


def _hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _schema_of(file: Path) -> str:
    name = f"{_PREFIX}_{_run()}_{_hash(file.parent)}_{_hash(file)}"
    with _server().connect() as db:
        # Two processes may be at it at once, and "if not exists" is no lock.
        db.execute(sa.text("SELECT pg_advisory_lock(:space, -1)"), {"space": _SPACE})
        db.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {name}"))
    # What PostgreSQL promises of a crash of its own is not tested here.
    return f"{SERVER}?options=-csearch_path%3D{name}%20-csynchronous_commit%3Doff"


def _drop(prefix: str) -> None:
    found = sa.text("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :prefix)")
    with _server().connect() as db:
        # One by one: each table costs a lock, and their number is limited.
        for name in db.execute(found, {"prefix": prefix}).scalars().all():
            db.execute(sa.text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))


def begin() -> None:
    """Begin a run of tests, unless this process is part of one: it and those that it starts share their schemas.

    The run holds a lock of its number as long as it lives. What one has left that was killed is dropped by the next.
    """
    if _RUN in os.environ:
        return
    run = secrets.randbelow(2**31)
    os.environ[_RUN] = str(run)
    alive = _server().connect()
    alive.execute(sa.text("SELECT pg_advisory_lock(:space, :run)"), {"space": _SPACE, "run": run})
    atexit.register(_end, alive, run, os.getpid())
    names = sa.text("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :prefix)")
    for other in {int(name.split("_")[2]) for name in alive.execute(names, {"prefix": f"{_PREFIX}_"}).scalars()}:
        which = {"space": _SPACE, "run": other}
        if other != run and alive.execute(sa.text("SELECT pg_try_advisory_lock(:space, :run)"), which).scalar():
            _drop(f"{_PREFIX}_{other}_")
            alive.execute(sa.text("SELECT pg_advisory_unlock(:space, :run)"), which)


def _run() -> int:
    begin()
    return int(os.environ[_RUN])


def _end(alive: sa.Connection, run: int, pid: int) -> None:
    if os.getpid() == pid:
        _drop(f"{_PREFIX}_{run}_")
        alive.close()

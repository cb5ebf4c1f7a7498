"""The version of the ledger's schema: read when it is opened, and brought up to this one when it is an earlier one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from include.sync.ledger.faults import LedgerFault
from include.sync.ledger.tables import VERSIONS, metadata

# The version that the code knows: the newest of `migrations/versions`.
NEWEST = "0008"
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", NEWEST)
# Any number, the same in every process: PostgreSQL's name of the lock under which the schema is changed.
_CHANGING = 4_711_000
_SCRIPTS = "include.sync.ledger:migrations"
READ_VERSION = f"SELECT version_num FROM {VERSIONS.name}"


def is_newest(db: Connection) -> bool:
    """Whether a database of PostgreSQL has the schema of this version; one short question."""
    try:
        return db.exec_driver_sql(READ_VERSION).scalar() == NEWEST
    except sa.exc.ProgrammingError:
        return False  # there is no such table


def bring_up(engine: Engine) -> None:
    """Make the tables of an empty database, or bring those of an earlier version to this one, with their rows.

    One process does, the others wait: `engine` begins a SQLite transaction with a lock on the whole database. Raises
    LedgerFault when the database is of a newer version, or no ledger.
    """
    with engine.begin() as db:
        if db.dialect.name == "postgresql":
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHANGING)))
        version = _version(db)
        if version == NEWEST:
            return
        if version is not None and version not in KNOWN:
            raise _newer(version)
        if version is None and not _is_earlier(db):
            metadata.create_all(db)
            db.execute(sa.insert(VERSIONS).values(version_num=NEWEST))
            return
        _upgrade(db)


def _version(db: Connection) -> str | None:
    if not sa.inspect(db).has_table(VERSIONS.name):
        return None
    return db.exec_driver_sql(READ_VERSION).scalar()


def _is_earlier(db: Connection) -> bool:
    """Whether there are tables of a ledger from before there were versions. Raises LedgerFault for those of others."""
    inspector = sa.inspect(db)
    present = set(inspector.get_table_names())
    if "sync_transfers" in present:
        if {"flow", "key", "state"} <= {column["name"] for column in inspector.get_columns("sync_transfers")}:
            return True
        raise _no_ledger("it has a table sync_transfers of another kind")
    # A schema of PostgreSQL may be shared with others; a file is the ledger's alone.
    if present and db.dialect.name == "sqlite":
        raise _no_ledger(f"it has the tables {', '.join(sorted(present)[:5])}")
    return False


def _upgrade(db: Connection) -> None:
    # Alembic is needed once in a ledger's life, and takes a while to import.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.attributes["connection"] = db
    command.upgrade(config, NEWEST)


def _newer(version: str) -> LedgerFault:
    return LedgerFault(
        f"The ledger has the schema version {version[:40]!r}; this version of the project knows none beyond {NEWEST}.",
        advice="A newer version of the project has opened it: update this one, or give each a ledger of its own.",
        again=False,
    )


def _no_ledger(why: str) -> LedgerFault:
    return LedgerFault(
        f"The database is no ledger: {why}.",
        advice="Point the Connection sync_ledger at an empty database, or at the ledger's own.",
        again=False,
    )

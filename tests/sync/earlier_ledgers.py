"""The shapes that the ledger had before its schema had versions, with a few rows in each."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

KEY, MOMENT = sa.String(200), sa.String(40)
THEN = "2026-05-01T12:00:00.000000Z"


def _since_the_first(metadata: sa.MetaData) -> None:
    sa.Table(
        "sync_transfers",
        metadata,
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        sa.Column("target_id", sa.Text),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("memory", sa.Text),
        sa.Column("read_at", MOMENT),
        sa.Column("run_id", sa.String(250)),
        sa.Column("outcome", sa.Text),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, default=0),
        sa.Column("next_try", MOMENT),
        sa.Column("kind", sa.String(20)),
        sa.Column("message", sa.Text),
        sa.Column("advice", sa.Text),
        sa.Column("waits_for", sa.String(300)),
        sa.Column("tried_fingerprint", sa.String(64)),
        sa.Column("echo", sa.Boolean, nullable=False, default=False),
        sa.Index("sync_transfers_state", "flow", "state", "next_try"),
        sa.Index("sync_transfers_waits_for", "waits_for"),
    )
    sa.Table(
        "sync_links",
        metadata,
        sa.Column("table_name", sa.String(64), primary_key=True),
        sa.Column("folded", KEY, primary_key=True),
        sa.Column("external_id", KEY, nullable=False),
        sa.Column("internal_id", sa.Text, nullable=False),
        sa.Column("pushed", sa.Boolean, nullable=False, default=True),
        sa.Index("sync_links_internal", "table_name", "internal_id"),
    )
    sa.Table(
        "sync_claims",
        metadata,
        sa.Column("table_name", sa.String(64), primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("claimed_at", MOMENT, nullable=False),
    )
    sa.Table(
        "sync_positions",
        metadata,
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("read_from", MOMENT, nullable=False),
    )


def _inbox_by_record(metadata: sa.MetaData) -> None:
    sa.Table(
        "sync_inbox",
        metadata,
        sa.Column("record", sa.String(64), primary_key=True),
        sa.Column("ipaas_id", sa.String(64), primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False, default=1),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("scope", sa.String(100)),
    )


def _inbox_by_flow(metadata: sa.MetaData) -> None:
    sa.Table(
        "sync_inbox",
        metadata,
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("ipaas_id", sa.String(64), primary_key=True),
        sa.Column("generation", sa.String(32), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("scope", sa.String(100)),
        sa.Index("sync_inbox_age", "flow", "received_at"),
    )


def _reservations(metadata: sa.MetaData, *, numbers: bool, purpose: bool) -> None:
    sa.Table(
        "sync_reservations",
        metadata,
        *([sa.Column("numbers", sa.String(64), primary_key=True)] if numbers else []),
        sa.Column("table_name", sa.String(64), primary_key=not numbers, nullable=False),
        sa.Column("folded", KEY, primary_key=True),
        sa.Column("reference", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False)
        if purpose
        else sa.Column("creates", sa.Boolean, nullable=False),
        sa.Index("sync_reservations_key", "table_name", "key"),
    )


def _index_of_untold(metadata: sa.MetaData) -> None:
    links = metadata.tables["sync_links"]
    untold = links.c.pushed.is_(False)
    sa.Index("sync_links_unpushed", links.c.table_name, links.c.folded, sqlite_where=untold, postgresql_where=untold)


def _with_hooks_by_record() -> sa.MetaData:
    metadata = sa.MetaData()
    _since_the_first(metadata)
    _inbox_by_record(metadata)
    return metadata


def _with_hooks_by_flow() -> sa.MetaData:
    metadata = sa.MetaData()
    _since_the_first(metadata)
    _inbox_by_flow(metadata)
    return metadata


def _with_numbers_of_tables() -> sa.MetaData:
    metadata = _with_hooks_by_flow()
    _reservations(metadata, numbers=False, purpose=False)
    return metadata


def _with_shared_numbers() -> sa.MetaData:
    metadata = _with_hooks_by_flow()
    _reservations(metadata, numbers=True, purpose=False)
    return metadata


def _with_purposes() -> sa.MetaData:
    metadata = _with_hooks_by_flow()
    _reservations(metadata, numbers=True, purpose=True)
    return metadata


def _last_without_version() -> sa.MetaData:
    metadata = _with_purposes()
    _index_of_untold(metadata)
    return metadata


def _first_opened_later() -> sa.MetaData:
    """The first shape, opened by a later version that only made the tables that were missing."""
    metadata = _with_hooks_by_record()
    _reservations(metadata, numbers=True, purpose=True)
    return metadata


SHAPES: dict[str, Callable[[], sa.MetaData]] = {
    "hooks by record": _with_hooks_by_record,
    "hooks by flow": _with_hooks_by_flow,
    "numbers of tables": _with_numbers_of_tables,
    "shared numbers": _with_shared_numbers,
    "purposes": _with_purposes,
    "the last without a version": _last_without_version,
    "the first, opened later": _first_opened_later,
}


def make(db: Connection, shape: str) -> None:
    """Make a ledger of this shape, with rows in every table that it has."""
    metadata = SHAPES[shape]()
    metadata.create_all(db)
    tables = metadata.tables
    done = {"flow": "company_to_ipaas", "key": "C1", "state": "done", "target_id": "7", "fingerprint": "f"}
    failed = {"flow": "company_to_ipaas", "key": "C2", "state": "failed", "attempts": 2, "next_try": THEN}
    for row in (done, failed):
        db.execute(sa.insert(tables["sync_transfers"]).values(**row))
    link = {"table_name": "customer company", "folded": "C1", "external_id": "C1", "internal_id": "7"}
    db.execute(sa.insert(tables["sync_links"]).values(**link, pushed=False))
    claim = {"table_name": "customer company", "key": "C2", "owner": "a run", "claimed_at": THEN}
    db.execute(sa.insert(tables["sync_claims"]).values(**claim))
    db.execute(sa.insert(tables["sync_positions"]).values(flow="company_to_ipaas", read_from=THEN))
    inbox = tables["sync_inbox"]
    kept = {"record": "company"} if "record" in inbox.c else {"flow": "company_from_ipaas"}
    generation = 3 if "record" in inbox.c else "3"
    arrival = {"ipaas_id": "17", "generation": generation, "received_at": THEN, "scope": "company/updated"}
    db.execute(sa.insert(inbox).values(**kept, **arrival))
    if (reservations := tables.get("sync_reservations")) is not None:
        taken = {"folded": "C9", "reference": "C9", "table_name": "customer company from iPaaS.com", "key": "9"}
        taken |= {"numbers": "customers"} if "numbers" in reservations.c else {}
        purpose = {"purpose": "create"} if "purpose" in reservations.c else {"creates": True}
        db.execute(sa.insert(reservations).values(**taken, **purpose))

"""Brings any ledger from before there were versions to the last of their shapes, keeping its rows.

Those were made by "create what is missing" alone, so each table may have any shape that it ever had.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT, _KEY, _MOMENT = sa.Text(), sa.String(200), sa.String(40)


def upgrade() -> None:
    """Make what is missing, and change what had another shape."""
    present = set(sa.inspect(op.get_bind()).get_table_names())
    if "sync_transfers" not in present:
        _make_transfers()
    if "sync_links" not in present:
        _make_links()
    _index_unpushed()
    if "sync_claims" not in present:
        op.create_table(
            "sync_claims",
            sa.Column("table_name", sa.String(64), primary_key=True),
            sa.Column("key", _KEY, primary_key=True),
            sa.Column("owner", sa.String(300), nullable=False),
            sa.Column("claimed_at", _MOMENT, nullable=False),
        )
    if "sync_positions" not in present:
        op.create_table(
            "sync_positions",
            sa.Column("flow", sa.String(64), primary_key=True),
            sa.Column("read_from", _MOMENT, nullable=False),
        )
    _bring_reservations(present)
    _bring_inbox(present)


def _columns(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _rows(table: str) -> list[dict[str, object]]:
    rows = op.get_bind().execute(sa.select(sa.text("*")).select_from(sa.table(table)))
    return [dict(row._mapping) for row in rows]


def _make_transfers() -> None:
    op.create_table(
        "sync_transfers",
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("target_id", _TEXT),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("memory", _TEXT),
        sa.Column("read_at", _MOMENT),
        sa.Column("run_id", sa.String(250)),
        sa.Column("outcome", _TEXT),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try", _MOMENT),
        sa.Column("kind", sa.String(20)),
        sa.Column("message", _TEXT),
        sa.Column("advice", _TEXT),
        sa.Column("waits_for", sa.String(300)),
        sa.Column("tried_fingerprint", sa.String(64)),
        sa.Column("echo", sa.Boolean, nullable=False),
        sa.Index("sync_transfers_state", "flow", "state", "next_try"),
        sa.Index("sync_transfers_waits_for", "waits_for"),
    )


def _make_links() -> None:
    op.create_table(
        "sync_links",
        sa.Column("table_name", sa.String(64), primary_key=True),
        sa.Column("folded", _KEY, primary_key=True),
        sa.Column("external_id", _KEY, nullable=False),
        sa.Column("internal_id", _TEXT, nullable=False),
        sa.Column("pushed", sa.Boolean, nullable=False),
        sa.Index("sync_links_internal", "table_name", "internal_id"),
    )


def _index_unpushed() -> None:
    indexes = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("sync_links")}
    if "sync_links_unpushed" not in indexes:
        untold = sa.column("pushed", sa.Boolean).is_(False)
        op.create_index(
            "sync_links_unpushed",
            "sync_links",
            ["table_name", "folded"],
            sqlite_where=untold,
            postgresql_where=untold,
        )


def _bring_reservations(present: set[str]) -> None:
    """At first a number was one of the claims' table, and only said whether a record was to be created under it."""
    earlier: list[dict[str, object]] = []
    if "sync_reservations" in present:
        if {"numbers", "purpose"} <= _columns("sync_reservations"):
            return
        earlier = _rows("sync_reservations")
        op.drop_table("sync_reservations")
    made = op.create_table(
        "sync_reservations",
        sa.Column("numbers", sa.String(64), primary_key=True),
        sa.Column("folded", _KEY, primary_key=True),
        sa.Column("reference", _KEY, nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Index("sync_reservations_key", "table_name", "key"),
    )
    rows = {}
    for row in earlier:
        numbers = row.get("numbers") or ("items" if str(row["table_name"]).startswith("product") else "customers")
        kept = {name: row[name] for name in ("folded", "reference", "table_name", "key")}
        # A match can be made again; a number under which a record may have been created must not be lost.
        if row["creates"] or (numbers, row["folded"]) not in rows:
            rows[numbers, row["folded"]] = {
                **kept,
                "numbers": numbers,
                "purpose": "create" if row["creates"] else "match",
            }
    if rows:
        op.bulk_insert(made, list(rows.values()))


def _bring_inbox(present: set[str]) -> None:
    """At first a notification was kept by record type, and its generation was a count."""
    earlier: list[dict[str, object]] = []
    if "sync_inbox" in present:
        if "flow" in _columns("sync_inbox"):
            return
        earlier = _rows("sync_inbox")
        op.drop_table("sync_inbox")
    made = op.create_table(
        "sync_inbox",
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("ipaas_id", sa.String(64), primary_key=True),
        sa.Column("generation", sa.String(32), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("scope", sa.String(100)),
        sa.Index("sync_inbox_age", "flow", "received_at"),
    )
    if earlier:
        kept = ("ipaas_id", "received_at", "scope")
        op.bulk_insert(
            made,
            [
                {
                    **{name: row[name] for name in kept},
                    "flow": f"{row['record']}_from_ipaas",
                    "generation": str(row["generation"]),
                }
                for row in earlier
            ],
        )

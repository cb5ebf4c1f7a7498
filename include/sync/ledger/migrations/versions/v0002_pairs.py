"""Every row belongs to a pair of systems; what was last agreed, immutable ids, and claims that belong to a try.

Rows of before belong to a pair that is not known yet: it is the first that opens the ledger.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT, _KEY, _MOMENT = sa.Text(), sa.String(200), sa.String(40)
_EARLIER = 1  # the pair of the rows from before


def upgrade() -> None:
    """Make each table anew with the pair in its key, and move its rows there."""
    op.create_table(
        "sync_pairs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.String(64)),
        sa.Column("environment", sa.String(64)),
        sa.Column("company_name", sa.String(100)),
        sa.Column("company_id", sa.String(64)),
        sa.Column("ipaas_company_id", sa.String(64)),
        sa.Column("system_id", sa.Integer),
        sa.Column("named_at", _MOMENT),
        sa.Column("checked", sa.Boolean, nullable=False),
    )
    pairs = sa.table("sync_pairs", sa.column("id"), sa.column("checked", sa.Boolean))
    op.get_bind().execute(sa.insert(pairs).values(checked=False))
    _bring("sync_transfers", _transfers())
    _bring("sync_links", _links())
    _bring("sync_claims", _claims(), try_id="''", fence="0", renewed_at="claimed_at")
    op.create_table(
        "sync_tries",
        sa.Column("pair", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("task", sa.String(300), primary_key=True),
        sa.Column("try_id", sa.String(36), nullable=False),
        sa.Column("began_at", _MOMENT, nullable=False),
    )
    _bring("sync_reservations", _reservations())
    _bring(
        "sync_positions",
        [
            sa.Column("flow", sa.String(64), primary_key=True),
            sa.Column("read_from", _MOMENT, nullable=False),
        ],
    )
    _bring("sync_inbox", _inbox())
    _windows()


def _bring(name: str, parts: list[sa.schema.SchemaItem], **new: str) -> None:
    """Make a table anew and move its rows there. `new` are the columns that no earlier row has, as SQL."""
    bind = op.get_bind()
    earlier = sa.Table(f"{name}_earlier", sa.MetaData(), *(c for c in _present(name)))
    for index in sa.inspect(bind).get_indexes(name):
        op.drop_index(str(index["name"]), name)
    if bind.dialect.name == "postgresql":
        key = sa.inspect(bind).get_pk_constraint(name)["name"]
        op.drop_constraint(str(key), name)
    op.rename_table(name, earlier.name)
    table = op.create_table(name, sa.Column("pair", sa.SmallInteger, primary_key=True, autoincrement=False), *parts)
    values: dict[str, sa.ColumnElement[object]] = {c.name: earlier.c[c.name] for c in table.c if c.name in earlier.c}
    values |= {column: sa.literal_column(sql) for column, sql in new.items()}
    values["pair"] = sa.literal_column(str(_EARLIER))
    bind.execute(sa.insert(table).from_select(list(values), sa.select(*values.values()).select_from(earlier)))
    op.drop_table(earlier.name)


def _present(name: str) -> list[sa.Column[object]]:
    return [sa.Column(column["name"]) for column in sa.inspect(op.get_bind()).get_columns(name)]


def _transfers() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("target_id", _TEXT),
        sa.Column("record_id", sa.String(64)),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("memory", _TEXT),
        sa.Column("base", sa.LargeBinary),
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
        sa.Index("sync_transfers_state", "pair", "flow", "state", "next_try"),
        sa.Index("sync_transfers_waits_for", "pair", "waits_for"),
    ]


def _links() -> list[sa.schema.SchemaItem]:
    untold = sa.column("pushed", sa.Boolean).is_(False)
    return [
        sa.Column("table_name", sa.String(64), primary_key=True),
        sa.Column("folded", _KEY, primary_key=True),
        sa.Column("external_id", _KEY, nullable=False),
        sa.Column("internal_id", _TEXT, nullable=False),
        sa.Column("record_id", sa.String(64)),
        sa.Column("pushed", sa.Boolean, nullable=False),
        sa.Index("sync_links_internal", "pair", "table_name", "internal_id"),
        sa.Index("sync_links_record", "pair", "table_name", "record_id"),
        sa.Index("sync_links_unpushed", "pair", "table_name", "folded", sqlite_where=untold, postgresql_where=untold),
    ]


def _claims() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("table_name", sa.String(64), primary_key=True),
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("try_id", sa.String(36), nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("claimed_at", _MOMENT, nullable=False),
        sa.Column("renewed_at", _MOMENT, nullable=False),
    ]


def _reservations() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("numbers", sa.String(64), primary_key=True),
        sa.Column("folded", _KEY, primary_key=True),
        sa.Column("reference", _KEY, nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Index("sync_reservations_key", "pair", "table_name", "key"),
    ]


def _inbox() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("ipaas_id", sa.String(64), primary_key=True),
        sa.Column("generation", sa.String(32), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("scope", sa.String(100)),
        sa.Index("sync_inbox_age", "pair", "flow", "received_at"),
    ]


def _windows() -> None:
    """The throttle windows, which are new."""
    op.create_table(
        "sync_windows",
        sa.Column("system", _KEY, primary_key=True),
        sa.Column("not_before", sa.Float, nullable=False),
    )
    op.create_table(
        "sync_window_leases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("system", _KEY, nullable=False),
        sa.Column("run", sa.String(300), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Index("sync_window_leases_at", "system", "at"),
    )
    op.create_table(
        "sync_window_line",
        sa.Column("system", _KEY, primary_key=True),
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("needs", sa.Integer, nullable=False),
        sa.Column("little", sa.Boolean, nullable=False),
        sa.Column("seen", sa.Float, nullable=False),
        sa.Column("served", sa.Float, nullable=False),
    )

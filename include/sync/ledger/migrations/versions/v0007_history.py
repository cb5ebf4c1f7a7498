"""What was written of records is kept for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "sync_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("pair", sa.SmallInteger, nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("result", sa.String(10), nullable=False),
        sa.Column("fields", sa.LargeBinary, nullable=False),
        sa.Index("sync_history_record", "pair", "flow", "key"),
        sa.Index("sync_history_at", "pair", "at"),
    )

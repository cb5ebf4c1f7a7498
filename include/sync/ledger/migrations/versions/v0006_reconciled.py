"""How the two sides stood when they were compared last is remembered, flow by flow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "sync_reconciled",
        sa.Column("pair", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("as_of", sa.String(40), nullable=False),
        sa.Column("compared", sa.Integer, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
    )

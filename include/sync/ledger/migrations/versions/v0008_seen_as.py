"""A print is kept of what was read of a record when it was last found unchanged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column."""
    op.add_column("sync_transfers", sa.Column("seen_as", sa.String(32)))

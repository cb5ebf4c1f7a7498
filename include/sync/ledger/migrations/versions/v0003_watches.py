"""Records that are done and watch for a link of another one; what was marked as an echo is compared once more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table, and give up the marks of echoes: what is agreed of a record tells them by itself."""
    transfers = sa.table("sync_transfers", sa.column("fingerprint", sa.String), sa.column("echo", sa.Boolean))
    op.get_bind().execute(sa.update(transfers).where(transfers.c.echo.is_(True)).values(fingerprint=None))
    op.drop_column("sync_transfers", "echo")
    op.create_table(
        "sync_watches",
        sa.Column("pair", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("waits_for", sa.String(300), primary_key=True),
        sa.Column("flow", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Index("sync_watches_key", "pair", "flow", "key"),
    )

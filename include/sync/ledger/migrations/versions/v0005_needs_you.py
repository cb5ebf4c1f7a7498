"""Since when a record is unfinished, and what those that fail for the same reason have in common."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add both; what is unfinished already is told by its words until it is tried again."""
    op.add_column("sync_transfers", sa.Column("since", sa.String(40)))
    op.add_column("sync_transfers", sa.Column("cause", sa.String(300)))
    transfers = sa.table(
        "sync_transfers",
        *(sa.column(name, sa.String) for name in ("state", "read_at", "message", "since", "cause")),
    )
    known = {"since": transfers.c.read_at, "cause": sa.func.substr(transfers.c.message, 1, 300)}
    op.get_bind().execute(sa.update(transfers).where(transfers.c.state != "done").values(**known))

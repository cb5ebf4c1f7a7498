"""What Alembic runs the revisions with: the connection of `schema`, inside its transaction."""

from __future__ import annotations

from alembic import context

from include.sync.ledger.tables import VERSIONS, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSIONS.name
)
context.run_migrations()

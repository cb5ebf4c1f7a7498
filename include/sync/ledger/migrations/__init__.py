"""How a ledger of an earlier version becomes one of this version: Alembic's revisions, run by `schema`."""

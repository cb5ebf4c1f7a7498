"""Where the ledger lies: the Connection `sync_ledger`, or SQLite in Airflow's home."""

from __future__ import annotations

from bridge.staging import home


def ledger_url(connection_uri: str | None) -> str:
    """The ledger's database as SQLAlchemy names it, by the URI of the Connection if there is one."""
    if connection_uri is None:
        return f"sqlite:///{home() / 'sync_ledger.db'}"
    # Airflow writes `postgres://`, SQLAlchemy reads `postgresql://`.
    return connection_uri.replace("postgres://", "postgresql+psycopg2://", 1)

"""What the plugin's routes need of Airflow's API server, where the tools of tasks do not work: Connections, the ledger."""

from __future__ import annotations

from threading import Condition

from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.utils.session import create_session
from cachetools import cached
from sqlalchemy import select

from bridge.ledger import ledger_url
from include.sync.ledger import Ledger


def connection(conn_id: str) -> Connection | None:
    """A Connection, from wherever Airflow keeps it. Raises SQLAlchemyError when its database does not answer."""
    try:
        return Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        # Airflow says the same when its database is away; then nobody knows whether there is one.
        with create_session() as session:
            session.scalar(select(1))
        return None


@cached(cache={}, condition=Condition())
def ledger() -> Ledger:
    """The ledger, one object for the whole process."""
    place = connection("sync_ledger")
    return Ledger(ledger_url(place.get_uri() if place else None))

"""What the plugin's routes need of Airflow's API server, where the tools of tasks do not work: Connections, the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Condition
from typing import Any, cast

from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.utils.session import create_session
from cachetools import TTLCache, cached
from sqlalchemy import select
from sqlalchemy.engine import URL

from bridge.hooks import BusinessCentralHook, IPaaSHook
from bridge.ledger import Place, ledger_url, pair_of
from include.business_central.web_client import WebClient
from include.ipaas.portal import Portal
from include.sync.ledger import Ledger
from include.sync.runs import Pair

# Seconds for which the Connections are remembered: a burst of hooks must not ask Airflow's database each time, and a
# changed Connection must soon work.
LIFETIME = 5.0


@dataclass(frozen=True, kw_only=True)
class Current:
    """What the Connections say: the `key` that a hook's sender shows, the `secret` of Business Central's notifications,
    the two systems, their ledger, and where a person sees the records of each.

    There are no systems, and no ledger of theirs, while one of the Connections is not filled in.
    """

    key: str | None = field(repr=False)
    pair: Pair | None
    ledger: Ledger | None
    web: WebClient | None = None
    portal: Portal | None = None
    secret: str | None = field(default=None, repr=False)


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
def opened(address: URL) -> Ledger:
    """The ledger at an address, one object for the whole process. Raises LedgerFault."""
    return Ledger(address)


def ledger() -> Ledger:
    """The ledger where the Connection says that it is now, as tasks find it; `of` makes it one of a pair of systems."""
    return opened(ledger_url(cast(Place | None, connection("sync_ledger"))))


@cached(cache=TTLCache(maxsize=1, ttl=LIFETIME), condition=Condition())
def current() -> Current:
    """What the two Connections name. Raises SQLAlchemyError or LedgerFault when that cannot be found out."""
    bc, ipaas = connection(BusinessCentralHook.default_conn_name), connection(IPaaSHook.default_conn_name)
    extra: dict[str, Any] = ipaas.extra_dejson if ipaas else {}
    pair = pair_of(bc.extra_dejson if bc else {}, extra)
    return Current(
        key=str(extra.get("webhook_api_key") or "").strip() or None,
        secret=str((bc.extra_dejson if bc else {}).get("notification_secret") or "").strip() or None,
        pair=pair,
        ledger=ledger().of(pair) if pair else None,
        web=WebClient.of(bc.host, pair.tenant_id, pair.environment, pair.company_name) if bc and pair else None,
        portal=Portal.of(ipaas.host) if ipaas and pair else None,
    )

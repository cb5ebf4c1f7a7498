"""What a task works with: the pair of systems that the Connections name now, and their ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from bridge.hooks import BusinessCentralHook, IPaaSHook
from bridge.ledger import Place, ledger_url
from include.sync.ledger import Ledger
from include.sync.runs import Pair


@contextmanager
def ledger_of(pair: Pair) -> Iterator[Ledger]:
    """The ledger of two systems, as long as it is needed. Raises LedgerFault."""
    ledger = Ledger(ledger_url(place()), pair)
    try:
        yield ledger
    finally:
        ledger.close()


def place() -> Place | None:
    """The Connection `sync_ledger`; None when there is none."""
    try:
        return cast(Place, BaseHook.get_connection("sync_ledger"))
    except AirflowNotFoundException:
        return None


def current_pair() -> Pair:
    """The two systems that the Connections name now. Raises SettingsError."""
    bc, ipaas = BusinessCentralHook().settings(), IPaaSHook().settings()
    return Pair(
        tenant_id=bc.tenant_id,
        environment=bc.environment,
        company_name=bc.company_name,
        ipaas_company_id=ipaas.company_id or "",
        system_id=ipaas.system_id,
    )

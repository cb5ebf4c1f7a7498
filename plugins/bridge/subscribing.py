"""What the DAG `subscriptions` does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from bridge.advice import advised
from bridge.connected import current_pair, ledger_of
from bridge.hooks import BusinessCentralHook
from include.flows import FLOWS
from include.sync.notices import listening


def renew(context: Mapping[str, Any]) -> list[str]:
    """Have a subscription to each resource that a flow carries, and to each event that concerns one; answers in words what
    was done."""
    with advised(context), ledger_of(current_pair()) as ledger:
        window = partial(ledger.window, run=f"subscriptions {context['dag_run'].run_id}")
        listens = listening(FLOWS.values())
        done = BusinessCentralHook().subscribe(list(listens.resources), list(listens.events), window)
    return done or ["No notification_url is set in the Connection business_central: polls alone find what changes."]

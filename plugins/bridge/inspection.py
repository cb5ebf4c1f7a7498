"""What the DAG `preflight` and `make check` look at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from airflow.sdk import Variable
from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.exceptions import AirflowFailException

from bridge.advice import advised
from bridge.connected import current_pair, ledger_of
from bridge.hooks import BusinessCentralHook, IPaaSHook
from include.flows import FLOWS
from include.preflight import Line
from include.preflight.preflight import preflight
from include.preflight.project import Here
from include.settings import SyncSettings
from include.sync.ledger.entries import told
from include.sync.notices import listening
from include.sync.overview import flow_states
from include.sync.slots import LOAD_SLOTS


def lines(pools: Mapping[str, int] | None, variables: Callable[[], Collection[str]]) -> list[Line]:
    """All of them; `pools` are their slots by name, None where they cannot be looked at, `variables` the names of all
    Variables that Airflow keeps.
    """
    settings, wrong = SyncSettings.load_what_is_right(lambda name: Variable.get(name, default=None))
    bc, ipaas = BusinessCentralHook(), IPaaSHook()
    here = Here(
        settings=settings,
        wrong=wrong,
        business_central=bc.settings,
        ipaas=ipaas.settings,
        pools=pools,
        least_slots=LOAD_SLOTS,
        webhooks=_webhooks,
        events=tuple(listening(FLOWS.values()).events),
        variables=variables,
    )
    return preflight(here, lambda: bc.get_conn(settings), lambda: ipaas.get_conn(settings))


def look(context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines as data; fails with those that are red."""
    with advised(context):
        found = lines(None, Variable.keys)
    told = [
        {"line": line.line, "word": line.word, "said": str(redact(line.said)), "step": str(redact(line.step))}
        for line in found
    ]
    red = [line for line in told if line["word"] == "RED"]
    if red:
        context["ti"].xcom_push(key="return_value", value=told)
        number = f"{len(red)} of {len(told)} lines {'is' if len(red) == 1 else 'are'} red"
        what = f"{number}. The first: {red[0]['line']}: {red[0]['said']}"
        context["ti"].xcom_push(key="problem", value={"what": what, "advice": red[0]["step"]})
        raise AirflowFailException(f"{what} {red[0]['step']} All of them: the tab Records of the run.")
    return told


def _webhooks() -> tuple[int, str | None]:
    with ledger_of(current_pair()) as ledger:
        states = flow_states(ledger, list(FLOWS))
    since = [state.webhooks_since for state in states if state.webhooks_since]
    return sum(state.webhooks for state in states), told(min(since)) if since else None

"""In which order Airflow's list of DAGs stands, which goes by the names that it shows: each begins with a number.

First what people run by hand, as it is needed, then the flows, each after those that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping

from include.flows import FLOWS

# The DAGs beside those of the flows, by their ids, with their names in words; a newcomer begins with the first.
OPERATIONS: Mapping[str, str] = {
    "manual_sync": "Manual Sync",
    "preflight": "Preflight",
    "initialize": "Initialize",
    "reconcile": "Reconcile",
    "health": "Health",
    "subscriptions": "Subscriptions",
    "forget": "Forget",
}
# A number of their own for the flows, so that one more operation does not move them all.
_FIRST_FLOW = 11
_IN_ORDER = {
    **{name: number for number, name in enumerate(OPERATIONS, 1)},
    **{name: number for number, name in enumerate(FLOWS, _FIRST_FLOW)},
}


def listed_as(dag_id: str) -> str:
    """What a DAG is called in Airflow's list. The numbers are of one length: they are compared as texts."""
    name = OPERATIONS[dag_id] if dag_id in OPERATIONS else FLOWS[dag_id].title
    return f"{_IN_ORDER[dag_id]:02} {name}"

"""One DAG per flow of the catalogue."""

from __future__ import annotations

from airflow.sdk import get_parsing_context
from bridge.factory import build

from include.flows import FLOWS

wanted = get_parsing_context().dag_id
for name, flow in FLOWS.items():
    # A task that runs parses this file again, and needs only its own DAG.
    if wanted in (None, name):
        globals()[name] = build(flow)

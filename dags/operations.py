"""The DAGs that people work with beside those of the flows."""

from __future__ import annotations

from airflow.sdk import get_parsing_context
from bridge import forget, health, initialize, manual_sync, preflight, reconcile, subscriptions

wanted = get_parsing_context().dag_id
# A task that runs parses this file again, and needs only its own DAG.
for name, build in {
    manual_sync.MANUAL_SYNC: manual_sync.build,
    initialize.INITIALIZE: initialize.build,
    health.HEALTH: health.build,
    preflight.PREFLIGHT: preflight.build,
    reconcile.RECONCILE: reconcile.build,
    subscriptions.SUBSCRIPTIONS: subscriptions.build,
    forget.FORGET: forget.build,
}.items():
    if wanted in (None, name):
        globals()[name] = build()

"""Polls of one flow take turns: one that begins while another is under way leaves everything to that and to the next.

Airflow could hold it back (`max_active_runs`), but then a run by hand would queue behind the poll, too. Nothing depends
on it: two polls at once would read the same twice, and wait for each other's records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.staging import base
from include.sync.staging.files import StagingFault

_FILE = "poll"


def take_turn(context: Mapping[str, Any]) -> str | None:
    """Let this run be the flow's poll; or answer which other one still is, by its run id. Raises StagingFault."""
    run = context["dag_run"]
    place = base() / str(run.dag_id) / _FILE
    try:
        last = place.read_text() if place.exists() else None
        if last and last != run.run_id and _under_way(context, str(run.dag_id), last):
            return last
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(str(run.run_id))
    except OSError as error:
        raise StagingFault.unwritten(place, error) from None
    return None


def _under_way(context: Mapping[str, Any], dag_id: str, run_id: str) -> bool:
    return bool(context["ti"].get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["running"]))

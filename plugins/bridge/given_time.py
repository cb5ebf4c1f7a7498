"""A run by hand that was given a logical date or a data interval: it has no use for either, and says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bridge.factory import every
from include.sync.flow import Flow

# Airflow's form proposes the present as logical date; what is further away somebody has chosen.
_PRESENT = timedelta(days=1)


def unused_time(flow: Flow, run: Any) -> str | None:
    """What a run by hand says of the logical date or the data interval that it was given; None where that is Airflow's own.

    Without an interval, Airflow makes one of the logical date: what the timetable of the DAG has, or none.
    """
    if run.run_type != "manual" or run.logical_date is None:
        return None
    start, end = run.data_interval_start, run.data_interval_end
    if start is None or (end == run.logical_date and end - start in (timedelta(), every(flow))):
        if abs(run.run_after - run.logical_date) < _PRESENT:
            return None
        given = f"logical date ({run.logical_date:%Y-%m-%d %H:%M} UTC)"
    else:
        given = f"data interval ({start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC)"
    return (
        f"The {given} that this run was given changed nothing: a run by hand transfers the records that it names, or else "
        f"what has changed until now. To transfer what was modified in a time, start a backfill of {flow.name} over it."
    )

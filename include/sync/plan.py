"""Fixes what a run does before it begins: from when to when, which records, with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from include.settings import SyncSettings
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.model import Mode, RunKind, RunPlan

# A poll reads again what was modified this long before the position: late commits, clock differences and lagging
# read replicas lose nothing, and an unchanged record costs one hash.
OVERLAP = timedelta(minutes=10)
# How often a poll of what is missing reads again what was left out or failed for good: a change of it that no hook
# told of is noticed then.
LOOK_AGAIN = timedelta(days=1)


def make_plan(
    flow: Flow,
    *,
    run_id: str,
    kind: RunKind,
    settings: SyncSettings,
    system_id: int,
    ledger: Ledger,
    ids: Sequence[str] = (),
    mode: Mode = Mode.apply,
    force: bool = False,
    interval: tuple[datetime, datetime] | None = None,
    now: datetime | None = None,
) -> RunPlan:
    """Fix what a run does. Raises InvalidId when an id given by hand has none of the flow's formats."""
    now = now or datetime.now(UTC)
    for text in ids:
        flow.ask(text)
    since: datetime | None = None
    until: datetime | None = None
    if kind is RunKind.backfill:
        if not flow.initialization and interval:
            since, until = interval
    elif kind is RunKind.poll and flow.poll == "lookback":
        since = lookback_start(now, settings)
    elif kind is RunKind.poll and flow.poll == "position":
        position = ledger.position(flow.name)
        since = position - OVERLAP if position else None
    elif kind is RunKind.poll and flow.poll == "missing":
        position = ledger.position(flow.name)
        since = position if position and now - position < LOOK_AGAIN else None
    return RunPlan(
        flow=flow.name,
        direction=flow.direction,
        run_id=run_id,
        kind=kind,
        mode=mode,
        force=force,
        ids=tuple(dict.fromkeys(text.strip() for text in ids)),
        since=since,
        until=until,
        started_at=now,
        system_id=system_id,
        settings=settings,
    )


def lookback_start(now: datetime, settings: SyncSettings) -> datetime:
    """The start of the day that lies Transaction Poll Search Days back, in the company's time zone."""
    local = now.astimezone(ZoneInfo(settings.bc_time_zone)) - timedelta(days=settings.bc_transaction_poll_search_days)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)

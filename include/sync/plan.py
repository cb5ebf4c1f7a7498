"""Fixes what a run does before it begins: from when to when, which records, with which settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from include.settings import SyncSettings
from include.sync.flow import Flow
from include.sync.ledger import Ledger
from include.sync.notices import ALL
from include.sync.runs import Direction, Mode, RunKind, RunPlan

# A poll reads again what was modified this long before the position: the usual late commit and a lagging read replica
# lose nothing, and an unchanged record costs one hash.
OVERLAP = timedelta(minutes=10)
# A record is dated when its transaction writes it, not when that commits: one that commits an hour later lies behind
# every position. So a poll reads again what was modified in the last days, whenever this long has passed since the
# last time: less than a day, so that the day is not over with the next poll of an hourly schedule, should one fail.
LATE_EVERY = timedelta(hours=22)
DAY = timedelta(days=1)
# How often a poll of what is missing reads again what was left out or failed for good: a change of it that no hook
# told of is noticed then.
LOOK_AGAIN = timedelta(days=1)


def make_plan(
    flow: Flow,
    *,
    run_id: str,
    kind: RunKind,
    settings: SyncSettings,
    ledger: Ledger,
    ids: Sequence[str] = (),
    mode: Mode = Mode.apply,
    force: bool = False,
    compares: bool = False,
    explains: bool = False,
    interval: tuple[datetime, datetime] | None = None,
    now: datetime | None = None,
) -> RunPlan:
    """Fix what a run does: a run that is given ids takes those, of whatever kind it would be otherwise. To be explained, a
    record may be named by its id in either system.

    Raises InvalidId when an id given by hand has none of the flow's formats.
    """
    now = now or datetime.now(UTC)
    texts = split_ids(ids)
    asked = flow.parse_ids(of_the_source(flow, ledger, texts) if explains else texts)
    kind = RunKind.ids if asked else kind
    if kind is RunKind.announced and ledger.announced(flow.name, [ALL]):
        kind = RunKind.poll  # too many changed to be named
    since: datetime | None = None
    until: datetime | None = None
    late = False
    if kind is RunKind.backfill:
        if not flow.initialization and interval:
            since, until = interval
    elif kind is RunKind.poll and flow.poll in ("position", "lookback"):
        since, late = _since(flow, ledger, settings, now)
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
        compares=compares,
        explains=explains,
        ids=asked,
        since=since,
        until=until,
        late=late,
        started_at=now,
        pair=ledger.known.systems,
        settings=settings,
    )


def of_the_source(flow: Flow, ledger: Ledger, texts: Sequence[str]) -> tuple[str, ...]:
    """Ids of either system as ids of the one that a flow reads: one that it knows by the other's, and by none of its own,
    is translated."""
    table, own = flow.writer.table, ledger.transfers(flow.name, texts)
    found: list[str] = []
    for text in texts:
        linked = ledger.internal_ids(table, [text])
        if text in own:
            found.append(text)
        elif flow.direction is Direction.from_ipaas:
            found += [str(end) for end in linked.values()] or [text]
        else:
            found.append(text if linked else ledger.external_ids(table, [text]).get(text, text))
    return tuple(dict.fromkeys(found))


def late_commits(flow: Flow) -> str:
    """The name under which the ledger keeps when a flow read last what may have been committed late."""
    return f"{flow.name}|late commits"


def _since(flow: Flow, ledger: Ledger, settings: SyncSettings, now: datetime) -> tuple[datetime | None, bool]:
    """From when a poll reads what was modified, and whether that takes in what may have been committed late."""
    first = lookback_start(now, settings) if flow.poll == "lookback" else None
    position = ledger.position(flow.name)
    if position is None:
        return first, True
    # A position of the future was made by a clock that has been set right since.
    since = min(position, now) - OVERLAP
    if first:
        # Should the schedule have stood still for longer than it looks back, nothing of that time is left out.
        since = min(since, first)
    reach = timedelta(days=settings.sync_late_commit_days)
    looked = ledger.position(late_commits(flow))
    if not reach or (looked and timedelta() <= now - looked < LATE_EVERY):
        return since, False
    # What commits within `reach` less a day is found, however long ago the last look was.
    looked = min(looked or position, now)
    return min(since, now - reach, looked - reach + DAY - OVERLAP), True


def split_ids(entries: Sequence[str]) -> tuple[str, ...]:
    """The ids that somebody has entered by hand: one a line or with commas or tabs between them; blanks are none."""
    parts = (part.strip() for entry in entries for part in re.split(r"[\n\r\t,]", entry))
    return tuple(dict.fromkeys(part for part in parts if part))


def lookback_start(now: datetime, settings: SyncSettings) -> datetime:
    """The start of the day that lies Transaction Poll Search Days back, in the company's time zone."""
    local = now.astimezone(ZoneInfo(settings.bc_time_zone)) - timedelta(days=settings.bc_transaction_poll_search_days)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)

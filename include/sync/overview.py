"""What the ledger holds over all flows, for people: what waits, since when, what is unfinished and why. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from include.settings import SyncSettings
from include.sync.ledger import Ledger
from include.sync.ledger.entries import State, Transfer, iso
from include.sync.ledger.tables import inbox, links, positions, transfers
from include.sync.ledger.transfers import UNFINISHED, columns

# By what lists of records may be sorted.
RecordSort = Literal["record", "-record", "message", "-message", "tries", "-tries"]
_SORTS: Mapping[str, sa.ColumnElement[Any]] = {
    "record": transfers.c.key,
    "message": sa.func.coalesce(transfers.c.message, ""),
    "tries": transfers.c.attempts,
}


@dataclass(frozen=True, kw_only=True)
class FlowState:
    """One flow: `webhooks` announced and not yet dealt with, since when, up to when its source has been read, how many
    transfers are unfinished in each state (`waiting`, `retry`, `failed`), and how many a person has set aside. `retrying` are
    those to be tried again that an earlier try has not brought over, `next_try` when the first of them is due."""

    flow: str
    webhooks: int = 0
    webhooks_since: str | None = None
    read_from: str | None = None
    unfinished: Mapping[str, int] = field(default_factory=dict)
    ignored: int = 0
    retrying: int = 0
    next_try: str | None = None


def flow_states(ledger: Ledger, flows: Sequence[str]) -> list[FlowState]:
    """The state of each of these flows, in the given order."""
    waiting = (
        sa.select(inbox.c.flow, sa.func.count(), sa.func.min(inbox.c.received_at))
        .where(ledger.mine(inbox))
        .group_by(inbox.c.flow)
    )
    unfinished = (
        sa.select(transfers.c.flow, transfers.c.state, sa.func.count())
        .where(ledger.mine(transfers), transfers.c.flow.in_(flows), transfers.c.state.in_((*UNFINISHED, State.ignored)))
        .group_by(transfers.c.flow, transfers.c.state)
    )
    # One that is being written for the first time has not been left undone since any time.
    again = (
        sa.select(transfers.c.flow, sa.func.count(), sa.func.min(transfers.c.next_try))
        .where(ledger.mine(transfers), transfers.c.flow.in_(flows))
        .where(transfers.c.state == State.retry, transfers.c.since.is_not(None))
        .group_by(transfers.c.flow)
    )
    with ledger.reading() as db:
        retrying = {flow: (count, at) for flow, count, at in db.execute(again)}
        webhooks = {flow: (count, since) for flow, count, since in db.execute(waiting)}
        read = {row.flow: row.read_from for row in db.execute(sa.select(positions).where(ledger.mine(positions)))}
        counts: dict[str, dict[str, int]] = {}
        for flow, state, count in db.execute(unfinished):
            counts.setdefault(flow, {})[state] = count
    return [
        FlowState(
            flow=flow,
            webhooks=webhooks.get(flow, (0, None))[0],
            webhooks_since=webhooks.get(flow, (0, None))[1],
            read_from=read.get(flow),
            unfinished={name: n for name, n in counts.get(flow, {}).items() if name != State.ignored},
            ignored=counts.get(flow, {}).get(State.ignored, 0),
            retrying=retrying.get(flow, (0, None))[0],
            next_try=retrying.get(flow, (0, None))[1],
        )
        for flow in flows
    ]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Records of one flow that only a person can mend, or that have not gone through for too long, for one reason.

    `example` is one of them, as it was tried last; `since` is when the first of them was not done.
    """

    flow: str
    cause: str
    count: int
    since: str | None
    example: Transfer


def needs_you(ledger: Ledger, flows: Sequence[str], *, too_long: str, limit: int) -> list[Cause]:
    """What needs a person, by its reasons: what is rejected, and what has not been done since before `too_long`.

    Flows in the given order, of each the reason with the most records first; at most `limit` reasons.
    """
    c = transfers.c
    reason = sa.func.coalesce(c.cause, c.message, "")
    asked = (
        sa.select(
            c.flow, reason.label("reason"), sa.func.count().label("count"), sa.func.min(c.since), sa.func.min(c.key)
        )
        .where(ledger.mine(transfers), c.flow.in_(flows), _needs_a_person(too_long))
        .group_by(c.flow, reason)
        .order_by(sa.case({name: n for n, name in enumerate(flows)}, value=c.flow), sa.desc("count"), reason)
        .limit(limit)
    )
    with ledger.reading() as db:
        found = db.execute(asked).all() if flows else []
    examples = {flow: ledger.transfers(flow, {key for of, _, _, _, key in found if of == flow}) for flow in flows}
    return [
        Cause(flow=flow, cause=why, count=count, since=since, example=examples[flow][key])
        for flow, why, count, since, key in found
        if key in examples[flow]
    ]


def since_before(settings: SyncSettings, now: datetime) -> str:
    """Records that have not been done since before then need a person."""
    return iso(now - timedelta(hours=settings.sync_needs_you_after_hours))


def keys_of_cause(ledger: Ledger, flow: str, cause: str, *, too_long: str) -> list[str]:
    """The records of a reason that `needs_you` names."""
    reason = sa.func.coalesce(transfers.c.cause, transfers.c.message, "")
    asked = sa.select(transfers.c.key).where(
        ledger.mine(transfers), transfers.c.flow == flow, reason == cause, _needs_a_person(too_long)
    )
    with ledger.reading() as db:
        return list(db.execute(asked.order_by(transfers.c.key)).scalars())


def records_of(
    ledger: Ledger,
    flow: str,
    *,
    cause: str | None,
    state: str | None,
    search: Sequence[str] = (),
    sort: RecordSort = "record",
    too_long: str | None = None,
    offset: int,
    limit: int,
) -> tuple[list[Transfer], int]:
    """A page of the unfinished or ignored records of a flow, and how many there are: by their keys, by what happened or by
    the number of tries; with a minus the other way round.

    `search` are texts one of which stands in the key; none: all of them. With `too_long` those of a reason are the ones that
    `needs_you` counts of it. What is asked for past the end is the last page.
    """
    c = transfers.c
    where = [ledger.mine(transfers), c.flow == flow]
    where.append(c.state == state if state else c.state.in_((*UNFINISHED, State.ignored)))
    if cause is not None:
        where.append(sa.func.coalesce(c.cause, c.message, "") == cause)
    if too_long is not None:
        where.append(_needs_a_person(too_long))
    if search:
        where.append(sa.or_(*(c.key.icontains(text, autoescape=True) for text in search)))
    with ledger.reading() as db:
        total = int(db.execute(sa.select(sa.func.count()).where(*where)).scalar_one())
        by = _SORTS[sort.removeprefix("-")]
        order = by.desc() if sort.startswith("-") else by
        asked = sa.select(*columns()).where(*where).order_by(order, c.key)
        rows = db.execute(asked.offset(within(offset, total, limit)).limit(limit))
        return list(Transfer.of_rows(rows)), total


def within(offset: int, total: int, page: int) -> int:
    """Where a page of a list begins: a list may have become shorter since somebody turned to its end."""
    return min(offset, max(total - 1, 0) // page * page)


def _needs_a_person(too_long: str) -> sa.ColumnElement[bool]:
    state, since = transfers.c.state, transfers.c.since
    return sa.or_(state == State.failed, sa.and_(state.in_((State.waiting, State.retry)), since < too_long))


def links_to_push(ledger: Ledger) -> int:
    """How many links iPaaS.com does not know yet."""
    with ledger.reading() as db:
        return int(
            db.execute(sa.select(sa.func.count()).where(ledger.mine(links), links.c.pushed.is_(False))).scalar_one()
        )

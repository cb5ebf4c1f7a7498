"""What the ledger holds over all flows, for people: what waits, since when, what is unfinished and why. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from include.sync.ledger import Ledger
from include.sync.ledger.entries import Transfer
from include.sync.ledger.tables import inbox, links, positions, transfers
from include.sync.ledger.transfers import UNFINISHED, columns


@dataclass(frozen=True, kw_only=True)
class FlowState:
    """One flow: `hooks` announced and not yet dealt with, since when, up to when its source has been read, and how
    many transfers are unfinished in each state (`waiting`, `retry`, `failed`)."""

    flow: str
    hooks: int = 0
    hooks_since: str | None = None
    read_from: str | None = None
    unfinished: Mapping[str, int] = field(default_factory=dict)


def flow_states(ledger: Ledger, flows: Sequence[str]) -> list[FlowState]:
    """The state of each of these flows, in the given order."""
    waiting = (
        sa.select(inbox.c.flow, sa.func.count(), sa.func.min(inbox.c.received_at))
        .where(ledger.mine(inbox))
        .group_by(inbox.c.flow)
    )
    unfinished = (
        sa.select(transfers.c.flow, transfers.c.state, sa.func.count())
        .where(ledger.mine(transfers), transfers.c.flow.in_(flows), transfers.c.state.in_(UNFINISHED))
        .group_by(transfers.c.flow, transfers.c.state)
    )
    with ledger.reading() as db:
        hooks = {flow: (count, since) for flow, count, since in db.execute(waiting)}
        read = {row.flow: row.read_from for row in db.execute(sa.select(positions).where(ledger.mine(positions)))}
        counts: dict[str, dict[str, int]] = {}
        for flow, state, count in db.execute(unfinished):
            counts.setdefault(flow, {})[state] = count
    return [
        FlowState(
            flow=flow,
            hooks=hooks.get(flow, (0, None))[0],
            hooks_since=hooks.get(flow, (0, None))[1],
            read_from=read.get(flow),
            unfinished=counts.get(flow, {}),
        )
        for flow in flows
    ]


def unfinished_transfers(ledger: Ledger, flows: Collection[str], limit: int) -> list[tuple[str, Transfer]]:
    """Unfinished transfers with their flow: those that only a person can move first, then by their next try."""
    query = (
        sa.select(transfers.c.flow, *columns())
        .where(ledger.mine(transfers), transfers.c.flow.in_(flows), transfers.c.state.in_(UNFINISHED))
        .order_by(transfers.c.next_try.is_not(None), transfers.c.next_try, transfers.c.flow, transfers.c.key)
        .limit(limit)
    )
    with ledger.reading() as db:
        return [(row.flow, Transfer.of_row(row)) for row in db.execute(query)]


def links_to_push(ledger: Ledger) -> int:
    """How many links iPaaS.com does not know yet."""
    with ledger.reading() as db:
        return int(
            db.execute(sa.select(sa.func.count()).where(ledger.mine(links), links.c.pushed.is_(False))).scalar_one()
        )

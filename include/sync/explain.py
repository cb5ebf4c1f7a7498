"""What the ledger knows of one id, of whichever side: its link, what was agreed, what is unfinished. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from include.sync.ledger import Ledger
from include.sync.ledger.entries import Transfer, as_text, from_text, waits_for_external, waits_for_internal
from include.sync.ledger.tables import inbox, links, transfers
from include.sync.ledger.transfers import columns
from include.sync.plan import split_ids
from include.sync.spelling import with_immutable_ids
from include.sync.values import fold

# Of what waits for one record, so many are named.
_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class KnownLink:
    """That a record of Business Central and one of iPaaS.com are the same; `pushed`: iPaaS.com knows it, too. `record_id` is
    Business Central's immutable id, where it is known."""

    table: str
    external_id: str
    internal_id: str
    pushed: bool
    record_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What is known of an id: links, the record in each flow, the flows to which a webhook has announced it, and the
    records that wait for it, with how many there are."""

    links: Sequence[KnownLink]
    records: Sequence[tuple[str, Transfer]]
    announced: Mapping[str, str]
    waiting: Sequence[tuple[str, str]]
    waiting_total: int

    @property
    def something(self) -> bool:
        """Whether anything is known."""
        return bool(self.links or self.records or self.announced or self.waiting_total)


def explain_all(
    ledger: Ledger, text: str, tables: Mapping[str, str], numbers_of: Collection[str] | None = None
) -> list[tuple[str, Explained]]:
    """The same as `explain` of each id in a text, with commas, blanks or line ends between them.

    A key may hold any of these: what is known as a whole is one id, and one with blanks is, unless a part is known.
    """
    whole = explain(ledger, text, tables, numbers_of)
    if whole.something:
        return [(text, whole)]
    for parts, are_ids in ((split_ids([text]), True), (text.split(), False)):
        if len(parts) > 1:
            found = [one for part in parts for one in explain_all(ledger, part, tables, numbers_of)]
            if are_ids or any(one.something for _, one in found):
                return _each_once(found)
    return [(text, whole)]


def _each_once(found: Sequence[tuple[str, Explained]]) -> list[tuple[str, Explained]]:
    """What is known of ids, once of those that are the same record's."""
    once: dict[int, tuple[str, Explained]] = {}
    for place, (text, one) in enumerate(found):
        same = next((n for n, (_, other) in once.items() if one.something and one == other), None)
        if same is None:
            once[place] = (text, one)
        else:
            once[same] = (f"{once[same][0]}, {text}", one)
    return list(once.values())


def explain(
    ledger: Ledger, text: str, tables: Mapping[str, str], numbers_of: Collection[str] | None = None
) -> Explained:
    """What is known of an id as somebody has typed it; `tables` are the flows to look at, with their tables of links.

    `numbers_of`: the tables whose numbers may stand in it for an immutable id, if not the same.
    """
    text = text.strip()
    of = set(tables.values())
    spelled = {text, text.upper(), *with_immutable_ids(ledger, text, of if numbers_of is None else numbers_of)}
    with ledger.reading() as db:
        found = _links(db, ledger, spelled, of)
        keys: dict[str, set[str]] = {flow: set(spelled) for flow in tables}
        awaited = {waits_for_external(table, text) for table in tables.values()}
        awaited |= {waits_for_internal(table, text) for table in tables.values()}
        for link in found:
            awaited |= {
                waits_for_external(link.table, link.external_id),
                waits_for_internal(link.table, link.internal_id),
            }
            for flow, table in tables.items():
                if table == link.table:
                    keys[flow] |= {link.external_id, link.internal_id}
        mine = ledger.mine(transfers)
        ours = sa.or_(
            sa.false(), *(sa.and_(transfers.c.flow == flow, transfers.c.key.in_(of)) for flow, of in keys.items())
        )
        rows = db.execute(sa.select(transfers.c.flow, *columns(base=True)).where(mine, ours).order_by(transfers.c.flow))
        records = [(row.flow, Transfer.of(row._asdict().items())) for row in rows]
        waits = (mine, transfers.c.waits_for.in_(awaited), transfers.c.flow.in_(tables))
        waiting = db.execute(
            sa.select(transfers.c.flow, transfers.c.key)
            .where(*waits)
            .order_by(transfers.c.flow, transfers.c.key)
            .limit(_SHOWN)
        ).all()
        total = int(db.execute(sa.select(sa.func.count()).where(*waits)).scalar_one())
        hooked = sa.select(inbox.c.flow, inbox.c.received_at).where(
            ledger.mine(inbox),
            inbox.c.flow.in_(tables),
            inbox.c.ipaas_id.in_({text, *(link.internal_id for link in found)}),
        )
        announced = {row.flow: row.received_at for row in db.execute(hooked)}
    return Explained(
        links=found,
        records=records,
        announced=announced,
        waiting=[(flow, key) for flow, key in waiting],
        waiting_total=total,
    )


def _links(db: sa.Connection, ledger: Ledger, texts: Collection[str], tables: Collection[str]) -> list[KnownLink]:
    """The links that have an id at either end, or that are of the record with this immutable id."""
    ends = sa.or_(
        links.c.folded.in_({fold(text) for text in texts}),
        links.c.internal_id.in_({spelled for text in texts for spelled in (text, as_text(text))}),
        links.c.record_id.in_({text.casefold() for text in texts}),
    )
    asked = (
        sa.select(links).where(ledger.mine(links), links.c.table_name.in_(tables), ends).order_by(links.c.table_name)
    )
    return [
        KnownLink(
            table=row.table_name,
            external_id=row.external_id,
            internal_id=str(from_text(row.internal_id)),
            pushed=row.pushed,
            record_id=row.record_id,
        )
        for row in db.execute(asked)
    ]

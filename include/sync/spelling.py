"""How a person spells a key that has the immutable id of another record in it: a row of stock is known by its item's."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from include.sync.ledger import Ledger
from include.sync.ledger.tables import links
from include.sync.values import fold


def with_immutable_ids(ledger: Ledger, text: str, tables: Collection[str]) -> list[str]:
    """The same id with the immutable id of the record whose number a person has typed, alone or behind a bar. `tables` are
    those of the links to look at."""
    before, bar, number = text.rpartition("|")
    asked = sa.select(links.c.record_id).where(
        _in(ledger, tables), links.c.folded == fold(number), links.c.record_id.is_not(None)
    )
    with ledger.reading() as db:
        found = list(db.execute(asked).scalars())
    return [f"{place}{bar or '|'}{id_}" for id_ in found for place in (before, before.upper())]


def with_numbers(ledger: Ledger, keys: Iterable[str], tables: Collection[str]) -> dict[str, str]:
    """What a person calls those of the keys in which an immutable id stands behind a bar: by the record's number."""
    ids = {key: key.rpartition("|")[2].casefold() for key in keys if "|" in key}
    if not ids:
        return {}
    asked = sa.select(links.c.record_id, links.c.external_id).where(
        _in(ledger, tables), links.c.record_id.in_(set(ids.values()))
    )
    with ledger.reading() as db:
        numbers = {row.record_id: row.external_id for row in db.execute(asked)}
    return {key: f"{key.rpartition('|')[0]}|{numbers[id_]}" for key, id_ in ids.items() if id_ in numbers}


def _in(ledger: Ledger, tables: Collection[str]) -> sa.ColumnElement[bool]:
    # Without the tables an index leads to all links there are.
    return ledger.mine(links) & links.c.table_name.in_(tables)

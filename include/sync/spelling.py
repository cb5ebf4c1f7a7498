"""How a person spells a key that has the immutable id of another record in it: a row of stock is known by its item's."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from include.sync.ledger import Ledger
from include.sync.ledger.tables import links
from include.sync.values import fold


def with_immutable_ids(db: sa.Connection, ledger: Ledger, text: str) -> list[str]:
    """The same id with the immutable id of the record whose number a person has typed, alone or behind a bar."""
    before, bar, number = text.rpartition("|")
    asked = sa.select(links.c.record_id).where(
        ledger.mine(links), links.c.folded == fold(number), links.c.record_id.is_not(None)
    )
    return [f"{place}{bar or '|'}{id_}" for (id_,) in db.execute(asked) for place in {before, before.upper()}]


def with_numbers(ledger: Ledger, keys: Iterable[str]) -> dict[str, str]:
    """What a person calls those of the keys in which an immutable id stands behind a bar: by the record's number."""
    ids = {key: key.rpartition("|")[2].casefold() for key in keys if "|" in key}
    asked = sa.select(links.c.record_id, links.c.external_id).where(
        ledger.mine(links), links.c.record_id.in_(set(ids.values()))
    )
    with ledger.reading() as db:
        numbers = {row.record_id: row.external_id for row in db.execute(asked)} if ids else {}
    return {key: f"{key.rpartition('|')[0]}|{numbers[id_]}" for key, id_ in ids.items() if id_ in numbers}

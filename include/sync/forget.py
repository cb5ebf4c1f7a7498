"""Forgets what is remembered of one record's values, of all flows: on request of the person whom it is about."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from include.sync.explain import explain
from include.sync.ledger import Ledger
from include.sync.ledger.tables import history, transfers

WORDS = "What was said of it was erased on request."


def remembered(ledger: Ledger, text: str, tables: Mapping[str, str]) -> list[tuple[str, str]]:
    """The records of an id of either side, and those below them: by flow and key. `tables` are those of the flows that
    are looked at."""
    found = explain(ledger, text, tables)
    named = {text.strip(), text.strip().upper()}
    records: set[tuple[str, str]] = {(flow, one.key) for flow, one in found.records}
    names = {key for _, key in records} | {link.external_id for link in found.links} | named
    with ledger.reading() as db:
        for table in (transfers, history):
            ours = sa.or_(
                table.c.key.in_(names), *(table.c.key.startswith(f"{name}|", autoescape=True) for name in names)
            )
            asked = sa.select(table.c.flow, table.c.key).distinct()
            records |= {
                (row.flow, row.key)
                for row in db.execute(asked.where(ledger.mine(table), table.c.flow.in_(tables), ours))
            }
    return sorted(records)


def forget(ledger: Ledger, records: list[tuple[str, str]]) -> None:
    """Erase the values that are remembered of these records, their history and what was said of them."""
    by_flow: dict[str, list[str]] = {}
    for flow, key in records:
        by_flow.setdefault(flow, []).append(key)
    for flow, keys in by_flow.items():
        ledger.erase(flow, keys, WORDS)

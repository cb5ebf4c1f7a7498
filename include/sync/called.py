"""What a record of iPaaS.com is called, where that is not what it is linked by.

A product keeps its sku when its item is renumbered, and whoever links one by hand need not mind its sku. Documents name
products by it. So a name that differs is kept beside the link, as a link of a table of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from include.ipaas.endpoints import ENDPOINTS
from include.ipaas.external_ids import Id
from include.sync.ledger import Ledger
from include.sync.links import Link
from include.sync.values import fold

# The property that others name a record by, by table.
_NAMES = {endpoint.table: endpoint.key for endpoint in ENDPOINTS.values() if endpoint.names}


def name_in(table: str) -> str | None:
    """The property by which others name a record of a table; None where they name it by its id."""
    return _NAMES.get(table)


def names_of(ledger: Ledger, table: str, internal_ids: Iterable[Id]) -> dict[str, str]:
    """The names of these records, by their iPaaS.com id as text: of those whose name is not their external id."""
    return ledger.external_ids(_beside(table), internal_ids)


class Names:
    """What the linked records that one task meets are called."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[tuple[str, str], str | None] = {}
        # By table and folded external id, of records that may be made: whether another one is called so.
        self._taken: dict[tuple[str, str], bool] = {}

    def know(self, table: str, internal_ids: Collection[Id]) -> None:
        """Read the names of many records at once."""
        found = names_of(self._ledger, table, internal_ids)
        self._known |= {(table, str(id_)): found.get(str(id_)) for id_ in internal_ids}

    def of(self, table: str, internal_id: Id) -> str | None:
        """The name of a record; None where it is called what it is linked by."""
        place = (table, str(internal_id))
        if place not in self._known:
            self.know(table, [internal_id])
        return self._known[place]

    def expect(self, table: str, external_ids: Collection[str]) -> None:
        """Records that are linked by these may be made: read which of them others are called."""
        if name_in(table) is not None:
            others = named(self._ledger, table, external_ids)
            self._taken |= {(table, fold(one)): fold(one) in others for one in external_ids}

    def makes(self, table: str, external_id: str) -> None:
        """A record was made that is called what it is linked by: no other one is called so any more."""
        if name_in(table) is None:
            return
        if (table, fold(external_id)) not in self._taken:
            self.expect(table, [external_id])
        if self._taken[table, fold(external_id)]:
            self._ledger.unlink(_beside(table), external_id)


def named(ledger: Ledger, table: str, names: Collection[str]) -> dict[str, Id]:
    """The records that go by these names, though they are linked by others, by folded name."""
    return ledger.internal_ids(_beside(table), names)


def name_apart(table: str, external_id: str, internal_id: Id, name: Any) -> list[Link]:
    """The name of a record, as it is kept beside its link: nothing where it is called what it is linked by."""
    apart = name_in(table) and isinstance(name, str) and name and fold(name) != fold(external_id)
    return [(_beside(table), name, internal_id)] if apart else []


def keep_name(ledger: Ledger, table: str, external_id: str, internal_id: Id, name: Any) -> None:
    """Keep what a record is called, as it was just read."""
    if name_in(table) is None:
        return
    before = names_of(ledger, table, [internal_id]).get(str(internal_id))
    if now := name_apart(table, external_id, internal_id, name):
        if now[0][1] != before:
            ledger.link(now)
        return
    # It is called what it is linked by, and so nothing else is.
    for gone in (before, external_id if name and named(ledger, table, [external_id]) else None):
        if gone:
            ledger.unlink(_beside(table), gone)


def _beside(table: str) -> str:
    return f"name of {table}"

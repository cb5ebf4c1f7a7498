"""Reservations: which reference in Business Central a record has taken."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa

from include.sync.batches import batches
from include.sync.ledger.entries import Purpose, Reservation, from_text
from include.sync.ledger.store import BATCH, Store, inserting, of_pair, one_of, repeated
from include.sync.ledger.tables import links, reservations
from include.sync.values import fold

_OF_TABLE = sa.and_(of_pair(reservations), reservations.c.table_name == sa.bindparam("of_table"))
_FIND = sa.select(*(reservations.c[name] for name in ("key", "reference", "purpose", "numbers"))).where(
    _OF_TABLE, one_of(reservations.c.key)
)
_DROP = sa.delete(reservations).where(_OF_TABLE, reservations.c.key == sa.bindparam("of_key"))
_LINKED = sa.select(links.c.internal_id).where(
    of_pair(links), links.c.table_name == sa.bindparam("of_table"), links.c.folded == sa.bindparam("folded")
)


@cache
def _taking(dialect: str) -> Any:
    """Takes a reference, unless another record has it."""
    return inserting(dialect, reservations).on_conflict_do_nothing()


class Reservations(Store):
    """References in Business Central, each for one record."""

    @repeated
    def reserve(
        self, claimed: str, key: str, numbers: str, reference: str, purpose: Purpose, *, linked_in: str = ""
    ) -> bool:
        """Take a reference in Business Central for a record, before anything is sent. False: another record has it, or is
        linked to it in the external-id table `linked_in`.

        `claimed` and `key` name the record as its claim does; `numbers` is what the reference is a number of. It is
        kept until the record is done, so that a create whose answer was lost is found again by it, and no other record
        takes the same one meanwhile. A record has one reservation: a new one replaces it.
        """
        with self._writing() as db:
            if linked_in:
                place = {"of_pair": self.pair, "of_table": linked_in, "folded": fold(reference)}
                holder = from_text(db.execute(_LINKED, place).scalar())
                if holder is not None and str(holder) != key:
                    return False
            db.execute(_DROP, self._theirs(claimed, key))
            row = {
                "pair": self.pair,
                "numbers": numbers,
                "folded": fold(reference),
                "reference": reference,
                "table_name": claimed,
                "key": key,
                "purpose": purpose.value,
            }
            return bool(db.execute(_taking(db.dialect.name), row).rowcount)

    def reservations(self, claimed: str, keys: Iterable[str]) -> dict[str, Reservation]:
        """What these records have reserved."""
        found: dict[str, Reservation] = {}
        with self.reading() as db:
            for batch in batches(keys, BATCH):
                asked = {"of_pair": self.pair, "of_table": claimed, "keys": batch}
                for row in db.execute(_FIND, asked):
                    purpose = Purpose(row.purpose)
                    found[row.key] = Reservation(reference=row.reference, purpose=purpose, numbers=row.numbers)
        return found

    def reservation(self, claimed: str, key: str) -> Reservation | None:
        """What a record has reserved."""
        return self.reservations(claimed, [key]).get(key)

    @repeated
    def unreserve(self, claimed: str, key: str) -> None:
        """Give up a record's reservation: nothing was written under it."""
        with self._writing() as db:
            db.execute(_DROP, self._theirs(claimed, key))

    def _theirs(self, claimed: str, key: str) -> dict[str, Any]:
        return {"of_pair": self.pair, "of_table": claimed, "of_key": key}

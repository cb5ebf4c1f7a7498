"""Reservations: which reference in Business Central a record has taken."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from include.sync.ledger.entries import Purpose, Reservation
from include.sync.ledger.store import Store, inserting, of_pair, repeated
from include.sync.ledger.tables import reservations
from include.sync.values import fold

_THEIRS = sa.and_(
    of_pair(reservations),
    reservations.c.table_name == sa.bindparam("of_table"),
    reservations.c.key == sa.bindparam("of_key"),
)
_FIND = sa.select(reservations.c.reference, reservations.c.purpose).where(_THEIRS)
_DROP = sa.delete(reservations).where(_THEIRS)


@cache
def _taking(dialect: str) -> Any:
    """Takes a reference, unless another record has it."""
    return inserting(dialect, reservations).on_conflict_do_nothing()


class Reservations(Store):
    """References in Business Central, each for one record."""

    @repeated
    def reserve(self, claimed: str, key: str, numbers: str, reference: str, purpose: Purpose) -> bool:
        """Take a reference in Business Central for a record, before anything is sent. False: another record has it.

        `claimed` and `key` name the record as its claim does; `numbers` is what the reference is a number of. It is
        kept until the record is done, so that a create whose answer was lost is found again by it, and no other record
        takes the same one meanwhile. A record has one reservation: a new one replaces it.
        """
        with self._writing() as db:
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

    def reservation(self, claimed: str, key: str) -> Reservation | None:
        """What a record has reserved."""
        with self.reading() as db:
            row = db.execute(_FIND, self._theirs(claimed, key)).first()
        return Reservation(reference=row.reference, purpose=Purpose(row.purpose)) if row else None

    @repeated
    def unreserve(self, claimed: str, key: str) -> None:
        """Give up a record's reservation: nothing was written under it."""
        with self._writing() as db:
            db.execute(_DROP, self._theirs(claimed, key))

    def _theirs(self, claimed: str, key: str) -> dict[str, Any]:
        return {"of_pair": self.pair, "of_table": claimed, "of_key": key}

"""Reservations: which reference in Business Central a record has taken."""

from __future__ import annotations

import sqlalchemy as sa

from include.sync.ledger.entries import Purpose, Reservation
from include.sync.ledger.store import Store, repeated
from include.sync.ledger.tables import reservations
from include.sync.values import fold


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
            db.execute(sa.delete(reservations).where(self._reserved(claimed, key)))
            values = {"pair": self.pair, "numbers": numbers, "folded": fold(reference), "reference": reference}
            statement = self._insert(reservations).values(**values, table_name=claimed, key=key, purpose=purpose.value)
            return bool(db.execute(statement.on_conflict_do_nothing()).rowcount)

    def reservation(self, claimed: str, key: str) -> Reservation | None:
        """What a record has reserved."""
        with self.reading() as db:
            row = db.execute(sa.select(reservations).where(self._reserved(claimed, key))).first()
        return Reservation(reference=row.reference, purpose=Purpose(row.purpose)) if row else None

    @repeated
    def unreserve(self, claimed: str, key: str) -> None:
        """Give up a record's reservation: nothing was written under it."""
        with self._writing() as db:
            db.execute(sa.delete(reservations).where(self._reserved(claimed, key)))

    def _reserved(self, claimed: str, key: str) -> sa.ColumnElement[bool]:
        return self.mine(reservations) & (reservations.c.table_name == claimed) & (reservations.c.key == key)

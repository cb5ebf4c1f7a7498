"""How the two sides of each flow stood when all of its records were compared last: counts and the time, no records."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from include.sync.differences import Reconciled
from include.sync.ledger.entries import as_text, from_text, iso, moment
from include.sync.ledger.store import Store, repeated
from include.sync.ledger.tables import reconciled


class Comparisons(Store):
    """The last comparison of each flow."""

    @repeated
    def note_reconciled(self, found: Reconciled) -> None:
        """Keep what a comparison has found, in place of the one before."""
        row = {
            "flow": found.flow,
            "as_of": iso(found.as_of),
            "compared": found.compared,
            "found": as_text(
                {
                    "left": dict(found.left),
                    "healed": found.healed,
                    "unfinished": found.unfinished,
                    "doubted": found.doubted,
                }
            ),
        }
        with self._writing() as db:
            self._upsert(db, reconciled, [row])

    def last_reconciled(self, flows: Sequence[str]) -> dict[str, Reconciled]:
        """What the last comparison of each of these flows found, by flow; without those that were never compared."""
        query = sa.select(reconciled).where(self.mine(reconciled), reconciled.c.flow.in_(flows))
        with self.reading() as db:
            return {
                row.flow: Reconciled(
                    flow=row.flow, as_of=moment(row.as_of), compared=row.compared, **from_text(row.found)
                )
                for row in db.execute(query)
            }

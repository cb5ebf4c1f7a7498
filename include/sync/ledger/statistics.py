"""What PostgreSQL knows of tables that grow: by that it chooses the index that it goes by.

Of a table that was empty a minute ago it knows nothing, and may read all of it to find one row. Its autovacuum looks in
time, where that is on and keeps up; a first load does not wait for it.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa

from include.sync.ledger.faults import LedgerFault
from include.sync.ledger.store import Store
from include.sync.ledger.tables import metadata

# Pages that a table may have beyond twice those that it had when it was last looked at.
_FEW = 16
# After so many records a process looks whether tables have grown.
_MANY = 1_000
_GROWN = sa.text(
    "SELECT oid::regclass::text FROM pg_class WHERE oid IN (SELECT to_regclass(name) FROM unnest(:names) AS name) "
    "AND pg_relation_size(oid) / current_setting('block_size')::int > 2 * relpages + :few ORDER BY 1"
)

_log = logging.getLogger(__name__)


class Statistics(Store):
    """Has the database look at tables that have grown."""

    _noted = 0

    def grew(self, by: int) -> None:
        """So many records more have been noted by this process: now and then it looks whether tables have grown."""
        before, self._noted = self._noted, self._noted + by
        if self._noted // _MANY > before // _MANY:
            self.know_growth()

    def know_growth(self) -> None:
        """Have tables looked at that are more than twice as long as when that was done last."""
        if self._engine.dialect.name != "postgresql":
            return
        try:
            with self._writing() as db:
                names = [table.name for table in metadata.sorted_tables]
                for name in db.execute(_GROWN, {"names": names, "few": _FEW}).scalars().all():
                    # Not a table that somebody else is looking at.
                    db.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {name}")
        except LedgerFault as fault:
            # Whoever writes goes on, if more slowly; where the database is away, the next statement says so.
            _log.warning("PostgreSQL could not be told that tables of the ledger have grown: %s", fault)

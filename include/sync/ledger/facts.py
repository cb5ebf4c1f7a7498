"""Facts: how the platform behaves, as earlier tasks have found out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from include.sync.ledger.entries import as_text, from_text, iso
from include.sync.ledger.store import Store, repeated
from include.sync.ledger.tables import facts

# After so long it is found out anew, which costs a request or two: the platform may have changed in a way that no answer
# shows, such as by taking what is not sent to it any more.
FACTS_KEPT = timedelta(days=1)


class Facts(Store):
    """What has been found out of the platform, by name."""

    def facts(self) -> dict[str, Any]:
        """What was found out lately."""
        since = iso(self._now() - FACTS_KEPT)
        with self.reading() as db:
            query = sa.select(facts.c.name, facts.c.value).where(self.mine(facts), facts.c.found_at > since)
            return {row.name: from_text(row.value) for row in db.execute(query)}

    @repeated
    def note_facts(self, found: Mapping[str, Any]) -> None:
        """Keep what was found out just now."""
        now = iso(self._now())
        with self._writing() as db:
            self._upsert(
                db, facts, [{"name": name, "value": as_text(value), "found_at": now} for name, value in found.items()]
            )

"""Pairs: whose memory it is, as Business Central and iPaaS.com themselves say."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sync.ledger.entries import iso
from include.sync.ledger.known_pair import find_pair, known, names, one_at_a_time
from include.sync.ledger.store import Store, repeated
from include.sync.ledger.tables import inbox, pairs, positions, transfers


class Pairs(Store):
    """What is known of the pair that the ledger is about."""

    @property
    def begins(self) -> bool:
        """Whether the pair is new to a ledger that has known another one."""
        if self.known.alone:
            return False
        with self.reading() as db:
            return not any(
                db.execute(sa.select(table.c.flow).where(self.mine(table)).limit(1)).first()
                for table in (positions, transfers)
            )

    @repeated
    def identify(self, company_id: str) -> bool:
        """Note the id that Business Central has for the company of this name.

        False: what this ledger is about is the memory of another company, which had the name before. Whoever opens it
        by the name from now on finds the right one; webhooks that were received under the name go with it.
        """
        company_id = company_id.casefold()
        systems = self.known.systems
        if systems.company_id == company_id:
            return True
        now = iso(self._now())
        with self._writing() as db:
            one_at_a_time(db)
            named = replace(systems, company_id=company_id)
            other = find_pair(db, named)
            if other is None and systems.company_id is None:
                db.execute(sa.update(pairs).where(pairs.c.id == self.pair).values(company_id=company_id))
            elif other is None:
                db.execute(sa.insert(pairs).values(**names(named), named_at=now, checked=self.known.checked))
            else:
                values = {"company_name": named.company_name, "named_at": now}
                db.execute(sa.update(pairs).where(pairs.c.id == other.number).values(**values))
            found = find_pair(db, named)
            assert found is not None
            if found.number != self.pair:
                self._move_webhooks(db, found.number)
                return False
            self._known = found
        return True

    @repeated
    def mark_checked(self) -> None:
        """Note that the subscription is Business Central's."""
        with self._writing() as db:
            db.execute(sa.update(pairs).where(pairs.c.id == self.pair).values(checked=True))
            row = db.execute(sa.select(pairs).where(pairs.c.id == self.pair)).one()
            self._known = known(db, row, self.known.systems)

    def _move_webhooks(self, db: Connection, to: int) -> None:
        there = inbox.alias()
        same = sa.and_(there.c.pair == to, there.c.flow == inbox.c.flow, there.c.ipaas_id == inbox.c.ipaas_id)
        db.execute(sa.delete(inbox).where(self.mine(inbox), sa.exists().where(same)))
        db.execute(sa.update(inbox).where(self.mine(inbox)).values(pair=to))

"""The inbox: what incoming webhooks have announced, and no run has dealt with yet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import sqlalchemy as sa

from include.sync.batches import batches
from include.sync.ledger.entries import iso
from include.sync.ledger.store import BATCH, Store, repeated
from include.sync.ledger.tables import inbox


class Inbox(Store):
    """Notifications of iPaaS.com, for each flow."""

    @repeated
    def receive(self, notifications: Iterable[tuple[str, str, str]]) -> None:
        """Keep hook notifications (flow, iPaaS.com id, scope) until a run has dealt with them; committed on return.

        Duplicates fold into one row; its generation tells a later change from the one a run is working on.
        """
        folded = {(flow, ipaas_id): scope for flow, ipaas_id, scope in notifications}
        if not folded:
            return
        arrival = {"received_at": iso(self._now()), "generation": uuid.uuid4().hex}
        # In one order, so that two servers that receive the same records do not lock each other out.
        rows = [
            {"flow": flow, "ipaas_id": ipaas_id, "scope": scope, **arrival}
            for (flow, ipaas_id), scope in sorted(folded.items())
        ]
        with self._writing() as db:
            # The first receipt keeps its time: who changes often must not be overtaken for ever.
            self._upsert(db, inbox, rows, keep=("received_at",))

    def received(self, flow: str, limit: int | None = None) -> list[tuple[str, str]]:
        """The notifications waiting for a flow: (iPaaS.com id, generation), oldest first, at most `limit`."""
        query = sa.select(inbox.c.ipaas_id, inbox.c.generation).where(self._of_flow(flow))
        query = query.order_by(inbox.c.received_at, inbox.c.ipaas_id).limit(limit)
        with self.reading() as db:
            return [(row.ipaas_id, row.generation) for row in db.execute(query)]

    def announced(self, flow: str, ipaas_ids: Iterable[str]) -> set[str]:
        """Those of these records that a notification is waiting for."""
        found: set[str] = set()
        with self.reading() as db:
            for batch in batches(ipaas_ids, BATCH):
                query = sa.select(inbox.c.ipaas_id).where(self._of_flow(flow), inbox.c.ipaas_id.in_(batch))
                found.update(db.execute(query).scalars())
        return found

    @repeated
    def dealt_with(self, flow: str, notifications: Iterable[tuple[str, str]]) -> None:
        """Drop notifications that a run has finished, unless a later one has come meanwhile."""
        with self._writing() as db:
            for batch in batches(notifications, BATCH):
                # PostgreSQL finds rows by the key's columns, but not by a list of pairs.
                named = inbox.c.ipaas_id.in_([ipaas_id for ipaas_id, _ in batch])
                same = sa.tuple_(inbox.c.ipaas_id, inbox.c.generation).in_(batch)
                db.execute(sa.delete(inbox).where(self._of_flow(flow), named, same))

    def _of_flow(self, flow: str) -> sa.ColumnElement[bool]:
        return self.mine(inbox) & (inbox.c.flow == flow)

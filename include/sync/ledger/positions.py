"""Positions: up to when the source of a flow has been read."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from include.sync.ledger.entries import iso, moment
from include.sync.ledger.store import Store, repeated
from include.sync.ledger.tables import positions


class Positions(Store):
    """How far the sources of the flows have been read."""

    def position(self, flow: str) -> datetime | None:
        """Up to when the flow's source has been read and dealt with; None before the first successful poll."""
        with self.reading() as db:
            text = db.execute(self._position(flow)).scalar()
        return moment(text) if text else None

    @repeated
    def advance(self, flow: str, read_from: datetime) -> None:
        """Move a flow's position forwards; never back."""
        with self._writing() as db:
            present = db.execute(self._position(flow)).scalar()
            if present is None or moment(present) < read_from:
                self._upsert(db, positions, [{"flow": flow, "read_from": iso(read_from)}])

    def _position(self, flow: str) -> sa.Select[str]:
        return sa.select(positions.c.read_from).where(self.mine(positions), positions.c.flow == flow)

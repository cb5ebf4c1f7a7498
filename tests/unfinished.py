"""What a ledger holds of a flow's records that are not done."""

from __future__ import annotations

from include.sync.ledger import Ledger
from include.sync.ledger.entries import Transfer
from include.sync.overview import records_of


def unfinished(ledger: Ledger, flow: str) -> list[Transfer]:
    """The first of them, by their keys."""
    return records_of(ledger, flow, cause=None, state=None, offset=0, limit=50)[0]

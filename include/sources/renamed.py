"""Locations that have another code now: their stock rows are named by it, and did not vanish."""

from __future__ import annotations

from collections.abc import Sequence

from include.business_central.odata import Api
from include.ipaas.external_ids import LOCATION_TABLE
from include.mappings.products import STOCK_FLOW, inventory_id
from include.sync.flow import Reads
from include.sync.values import fold


class Renamed:
    """What became of stock rows that are not there any more under the ids that they were sent by."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        # By immutable id of a location: its code, None for one that is gone.
        self._codes: dict[str, str | None] = {}

    def ids(self, keys: Sequence[str]) -> dict[str, str | None]:
        """The ids that these rows have now, of those whose location has another code; None where that is not known."""
        of_code = {key: fold(key.partition("|")[0]) for key in keys}
        spelled = self._reads.ledger.spelled(LOCATION_TABLE, set(of_code.values()))
        self._learn([record_id for _, record_id in spelled.values() if record_id])
        found: dict[str, str | None] = {}
        for key, code in of_code.items():
            _, record_id = spelled.get(code, (None, None))
            now = self._codes.get(record_id) if record_id else None
            if now and fold(now) != code:
                found[key] = _with_code(key, now)
        # The location has moved on already: what it was linked to says which one it is.
        return found | self._followed([key for key, code in of_code.items() if code not in spelled])

    def _learn(self, record_ids: Sequence[str]) -> None:
        new = [record_id for record_id in record_ids if record_id not in self._codes]
        if new:
            rows = self._reads.bc.read_many(Api("locations"), "id", new, select=("id", "code"))
            self._codes |= {**dict.fromkeys(new), **{str(row["id"]): str(row["code"]) for row in rows}}

    def _followed(self, keys: Sequence[str]) -> dict[str, str | None]:
        if not keys:
            return {}
        known = self._reads.ledger.transfers(STOCK_FLOW, keys, base=True)
        places = {key: str(((one.base or {}).get("values") or {}).get("location_id")) for key, one in known.items()}
        codes = self._reads.ledger.external_ids(LOCATION_TABLE, set(places.values()))
        return {key: _with_code(key, codes[place]) if (place := places.get(key)) in codes else None for key in keys}


def _with_code(key: str, code: str) -> str:
    return inventory_id(code, key.partition("|")[2])

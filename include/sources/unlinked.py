"""Which records of iPaaS.com have no external id of ours: as it lists them, or else from its lists and look-ups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import MissingUnreadable, external_id_of, is_summary
from include.sync.flow import Reads, Window
from include.sync.records import Json
from include.transport.dates import FIRST_DAY, read_moment

# Records made this long before the last look are read again: the platform's clock is not ours.
_OVERLAP = timedelta(hours=1)


def unlinked_ids(reads: Reads, endpoint: Endpoint, window: Window) -> Iterator[str]:
    """Ids of the records without an external id of ours.

    Where iPaaS.com cannot tell, its list is read: down to what was made before the window, when it is newest first.
    """
    try:
        yield from (str(i) for i in reads.ipaas.missing(endpoint.table))
        return
    except MissingUnreadable as why:
        reads.warn(
            f"Which records of the table {endpoint.table} have no external id cannot be read: {why}. The whole list is read "
            "instead, and each record that does not say what it is linked to is looked up: the same comes over, with more "
            "requests. Hooks spare them."
        )
    last: Any = None
    for page in reads.ipaas.pages(endpoint):
        yield from _of_page(reads, endpoint, page.records)
        ids = [last, *(row["id"] for row in page.records)]
        if page.records and _falling(ids) and _older(reads, endpoint, page.records, window):
            return
        last = ids[-1]


def _of_page(reads: Reads, endpoint: Endpoint, rows: Sequence[Json]) -> Iterator[str]:
    told = [row for row in rows if not is_summary(row)]
    yield from (str(row["id"]) for row in told if external_id_of(row, reads.plan.system_id) is None)
    untold = [str(row["id"]) for row in rows if is_summary(row)]
    linked = reads.links.external_ids(endpoint.table, untold)
    yield from (ipaas_id for ipaas_id in untold if ipaas_id not in linked)


def _falling(ids: Sequence[Any]) -> bool:
    """Whether a list goes from newer records to older ones, as far as ids tell."""
    numbers = [int(i) for i in ids if str(i).isdecimal()]
    known = [i for i in ids if i is not None]
    return len(numbers) == len(known) > 1 and all(a > b for a, b in pairwise(numbers))


def _older(reads: Reads, endpoint: Endpoint, rows: Sequence[Json], window: Window) -> bool:
    """Whether a page was made before the window: then so was what follows it. Unknown is no.

    What is created today may be dated long ago, as a document is: when it was last touched counts.
    """
    if window.since is None:
        return False
    records = [reads.ipaas.get(endpoint, rows[-1]["id"]) or {}] if is_summary(rows[-1]) else rows
    moments = [touched(record) for record in records]
    return all(moment is not None and moment < window.since - _OVERLAP for moment in moments)


def touched(record: Json) -> datetime | None:
    """When a record was last changed, or else made; None when that cannot be read, or stands for no date."""
    moment = read_moment(record.get("updated_datetime") or record.get("created_datetime"))
    return moment if moment and moment.date() >= FIRST_DAY else None

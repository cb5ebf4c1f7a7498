"""Whose a nested record is: webhooks may name an address or a line, and not the record that it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from include.ipaas.endpoints import Endpoint
from include.sync.asked import AskedId
from include.sync.flow import Reads
from include.sync.records import Json


def named_records(reads: Reads, endpoint: Endpoint, ids: Sequence[AskedId]) -> list[tuple[str, AskedId]]:
    """The iPaaS.com ids of the records asked for, each with what it answers; of a nested record those it may stand in.

    That a hook of a nested record may name the record itself is not ruled out, so that one is among them.
    """
    found: list[tuple[str, AskedId]] = []
    lost: list[tuple[str, str, AskedId]] = []
    for asked in ids:
        name, _, child = asked.text.rpartition("/")
        if name not in endpoint.children:
            # A key of the ledger may be an id that nobody would type.
            found.append((asked.parts.get("id", asked.text), asked))
            continue
        found.append((child, asked))
        parent = _by_link(reads, endpoint, name, child)
        if parent is None:
            lost.append((name, child, asked))
        else:
            found.append((str(parent), asked))
    return [*found, *_by_list(reads, endpoint, lost)]


def _by_link(reads: Reads, endpoint: Endpoint, name: str, child: str) -> Any:
    """The record whose external id begins that of a nested one, as `C10000` does `C10000|address`."""
    table = endpoint.children[name].table
    own = reads.links.external_ids(table, [child]).get(child)
    above = own.rpartition("|")[0] if own else ""
    return next(iter(reads.links.holders(endpoint.table, [above]).values()), None) if above else None


def _by_list(
    reads: Reads, endpoint: Endpoint, lost: Sequence[tuple[str, str, AskedId]]
) -> Iterable[tuple[str, AskedId]]:
    """The records that hold these, from the whole list, since nothing else tells."""
    wanted = {(name, child): asked for name, child, asked in lost}
    for page in reads.ipaas.pages(endpoint) if wanted else ():
        if not page.whole:
            reads.warn(
                f"A hook named {', '.join(asked.text for asked in list(wanted.values())[:5])}, and which {endpoint.name} that "
                "belongs to cannot be told: its change comes over with the next one of the record itself."
            )
            return
        for record in page.records:
            for place in _nested(record, endpoint) & wanted.keys():
                yield str(record["id"]), wanted[place]


def _nested(record: Json, endpoint: Endpoint) -> set[tuple[str, str]]:
    return {(name, str(child.get("id"))) for name in endpoint.children for child in record.get(name) or ()}

"""How each direction reads a link: by the id in the system that its records come from.

A link joins an external id (Business Central) and an iPaaS.com id in one table. A flow to iPaaS.com knows the first and
asks for the second; a flow from it the other way round. Everything that differs between the two stands here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from include.errors import BadRecord, ServiceError
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, id_from
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Transfer, waits_for_external, waits_for_internal
from include.sync.listing import Listing
from include.sync.records import Json, Mapped
from include.sync.runs import Direction, RunPlan
from include.sync.values import fold
from include.transport.parallel import in_parallel

if TYPE_CHECKING:
    from include.ipaas.client import IPaaSClient

Link = tuple[str, str, Id]  # table, external id, iPaaS.com id


class Asks(Protocol):
    """What looking a link up needs of the task that does it."""

    plan: RunPlan
    ledger: Ledger

    @property
    def ipaas(self) -> IPaaSClient:
        """iPaaS.com."""


class Side(Protocol):
    """One direction. `source` and `target` are the systems' names in words."""

    source: str
    target: str

    def known(self, ledger: Ledger, table: str, ids: Iterable[str]) -> dict[str, Id]:
        """Ids of the target by folded id of the source, for what the ledger knows to be linked."""

    def ids_of(self, link: Link) -> tuple[str, Id]:
        """A link as (id of the source, id of the target)."""

    def look_up(self, asks: Asks, table: str, id_: str) -> Id | None:
        """The target's id of a record whose link the ledger does not know, or None."""

    def waits_for(self, table: str, id_: str) -> str:
        """How the ledger names the record that another one waits for."""

    def claim_scope(self, table: str) -> str:
        """The name under which the ledger keeps claims on a table's records: their keys are ids of the source."""

    def link_is_current(self, ledger: Ledger, table: str, mapped: Mapped, transfer: Transfer) -> bool:
        """False when the link under which the record was last written is not the present one."""


class _ToIPaaS:
    source = "Business Central"
    target = "iPaaS.com"

    def known(self, ledger: Ledger, table: str, ids: Iterable[str]) -> dict[str, Id]:
        return ledger.internal_ids(table, ids)

    def ids_of(self, link: Link) -> tuple[str, Id]:
        return link[1], link[2]

    def look_up(self, asks: Asks, table: str, id_: str) -> Id | None:
        found = asks.ipaas.internal_id(table, id_)
        if found is not None:
            asks.ledger.link([(table, id_, found)])
        return found

    def waits_for(self, table: str, id_: str) -> str:
        return waits_for_external(table, id_)

    def claim_scope(self, table: str) -> str:
        return table

    def link_is_current(self, ledger: Ledger, table: str, mapped: Mapped, transfer: Transfer) -> bool:
        # The feed of Business Central says nothing of links; the writer finds out when it writes.
        return True


class _FromIPaaS:
    source = "iPaaS.com"
    target = "Business Central"

    def known(self, ledger: Ledger, table: str, ids: Iterable[str]) -> dict[str, Id]:
        return dict(ledger.external_ids(table, ids))

    def ids_of(self, link: Link) -> tuple[str, Id]:
        return str(link[2]), link[1]

    def look_up(self, asks: Asks, table: str, id_: str) -> Id | None:
        # What a record refers to was asked of iPaaS.com when the record was read; `load` talks to Business Central.
        return None

    def waits_for(self, table: str, id_: str) -> str:
        return waits_for_internal(table, id_)

    def claim_scope(self, table: str) -> str:
        return f"{table} from iPaaS.com"

    def link_is_current(self, ledger: Ledger, table: str, mapped: Mapped, transfer: Transfer) -> bool:
        # A record of iPaaS.com carries its link; one that was made here a moment ago is in the ledger alone.
        linked = mapped.linked or ledger.external_ids(table, [mapped.source_id]).get(mapped.source_id)
        return linked is not None and fold(linked) == fold(str(transfer.target_id))


_SIDES: dict[Direction, Side] = {Direction.to_ipaas: _ToIPaaS(), Direction.from_ipaas: _FromIPaaS()}


def side_of(direction: Direction) -> Side:
    """The side of a direction."""
    return _SIDES[direction]


# So many links that were asked for are kept in mind; those that are asked for again after that are asked for again.
_KEPT = 20_000


class LinkLookup:
    """Links as iPaaS.com has them, for sources: from the ledger what it knows, from lists that were read whole what they
    say, the rest asked once."""

    def __init__(self, ledger: Ledger, ipaas: IPaaSClient) -> None:
        """What iPaaS.com answers is noted in the ledger."""
        self._ledger = ledger
        self._ipaas = ipaas
        self._external: dict[tuple[str, str], str | None] = {}
        self._internal: dict[tuple[str, str], Id | None] = {}
        self._listings: dict[str, Listing] = {}
        # What was asked before it is needed.
        self._ahead: dict[tuple[str, str], Id | None] = {}

    def know(self, endpoint: Endpoint, listing: Listing) -> None:
        """Go by a list that was read just now, as far as it is complete."""
        if listing.complete:
            self._listings[endpoint.name] = listing

    def alike(self, endpoint: Endpoint, value: str) -> list[Json]:
        """The records that have a natural key, with what they are linked to."""
        listing = self._listings.get(endpoint.name)
        return listing.alike(value) if listing else self._ipaas.search(endpoint, value)

    def external_ids(self, table: str, ids: Iterable[Id]) -> dict[str, str]:
        """External ids by iPaaS.com id as text, for those of these records that are linked."""
        if len(self._external) > _KEPT:
            self._external.clear()
        wanted = [str(i) for i in dict.fromkeys(ids)]
        new = [i for i in wanted if (table, i) not in self._external]
        known = self._ledger.external_ids(table, new) if new else {}
        for i in new:
            found = known.get(i) or self._ipaas.external_id(table, i)
            self._external[table, i] = found
            if found is not None and i not in known:
                self._ledger.link([(table, found, id_from(i))])
        return {i: found for i in wanted if (found := self._external[table, i]) is not None}

    def holders(self, table: str, external_ids: Iterable[str]) -> dict[str, Id | None]:
        """By folded external id: the iPaaS.com record that is linked to it, None when there is none.

        What the ledger says is not enough: the record that it names may be deleted since, or have another link.
        """
        if len(self._internal) > _KEPT:
            self._internal.clear()
        wanted = {fold(e): e for e in external_ids}
        new = [folded for folded in wanted if (table, folded) not in self._internal]
        known = self._ledger.internal_ids(table, new) if new else {}
        untold = self._ledger.internal_ids(table, known, pushed=False) if known else {}
        for folded in new:
            found = untold[folded] if folded in untold else self._holder(table, wanted[folded])
            self._internal[table, folded] = found
            if str(found) == str(known.get(folded)):
                continue
            if found is None:
                self._ledger.unlink(table, wanted[folded])
            else:
                self._ledger.link([(table, wanted[folded], found)])
        return {folded: self._internal[table, folded] for folded in wanted}

    def _holder(self, table: str, external_id: str) -> Id | None:
        for listing in self._listings.values():
            if listing.tells_of(table):
                return listing.holder(table, external_id)
        place = (table, fold(external_id))
        return self._ahead.pop(place) if place in self._ahead else self._ipaas.internal_id(table, external_id)

    def ask_ahead(self, table: str, external_ids: Iterable[str]) -> None:
        """Have what `holders` will be asked, all at once: of the ledger, and as far as it has to be asked of iPaaS.com by
        several requests."""
        new = {fold(e): e for e in external_ids if (table, fold(e)) not in self._internal}
        if not any(listing.tells_of(table) for listing in self._listings.values()):
            untold = self._ledger.internal_ids(table, new, pushed=False) if new else {}
            asked = [folded for folded in new if folded not in untold]
            calls = (partial(self._told, table, new[folded]) for folded in asked)
            for folded, found in zip(asked, in_parallel(calls, self._ipaas.concurrency), strict=True):
                if found:
                    self._ahead[table, folded] = found[0]
                else:
                    # What cannot be told of one is told to whoever asks for it by itself.
                    del new[folded]
        self.holders(table, new.values())

    def _told(self, table: str, external_id: str) -> tuple[Id | None] | None:
        try:
            return (self._ipaas.internal_id(table, external_id),)
        except BadRecord:
            return None
        except ServiceError as error:
            if not error.concerns_one:
                raise
            return None

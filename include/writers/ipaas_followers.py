"""Records of their own that follow a parent in iPaaS.com: a company's relationships."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from include.errors import Sent, ServiceError
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, external_id_of, linked_to
from include.sync.context import WriteContext
from include.sync.links import Link
from include.sync.records import Follower, Json
from include.sync.work import ToBeMade


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What was done with a follower: the links of what was written, and what the operator should know of it."""

    links: Sequence[Link] = ()
    notes: Sequence[str] = ()


class FollowerWriter(Protocol):
    """Writes one kind of the records that come along with a parent."""

    def write(self, work: WriteContext, follower: Follower) -> Followed:
        """Bring it over. Raises Waiting when it needs another record first."""


@dataclass(frozen=True, kw_only=True)
class RelatedRecord:
    """A record of its own that belongs to a parent: found by its link, else among the parent's by `same` fields.

    `by` names the field of the body whose value the endpoint's list is searched by.
    """

    endpoint: Endpoint
    by: str
    same: tuple[str, ...]

    def write(self, work: WriteContext, follower: Follower) -> Followed:
        """Create it linked, or link the one that is there; nothing is written when it was linked already."""
        known = work.link_of(self.endpoint.table, follower.external_id) is not None
        if known and not work.plan.compares:
            return Followed()
        body = work.resolve(follower.body)
        link = linked_to(work.plan.system_id, follower.external_id)
        among = () if isinstance(body[self.by], ToBeMade) else work.ipaas.search(self.endpoint, str(body[self.by]))
        present = next(iter(self._alike(body, among)), None)
        if present and known and external_id_of(present, work.plan.system_id):
            return Followed()
        if present:
            update = partial(work.ipaas.update, self.endpoint, present["id"], body | link)
            work.send(update, what=[present["id"], body | link], planned=present)
            return self._linked(follower, present["id"])
        try:
            create = partial(work.ipaas.create, self.endpoint, body | link)
            made: Json = {"id": ToBeMade.nameless(self.endpoint.name, body)}
            internal_id = work.send(create, what=body | link, planned=made)["id"]
        except ServiceError as error:
            if error.sent is not Sent.unknown:
                raise
            internal_id = work.ipaas.internal_id(self.endpoint.table, follower.external_id)
            if internal_id is None:
                raise
        return self._linked(follower, internal_id)

    def _linked(self, follower: Follower, internal_id: Id) -> Followed:
        return Followed(links=[(self.endpoint.table, follower.external_id, internal_id)])

    def _alike(self, body: Json, records: Iterable[Json]) -> Iterable[Json]:
        return (r for r in records if all(str(r.get(name)) == str(body.get(name)) for name in self.same))

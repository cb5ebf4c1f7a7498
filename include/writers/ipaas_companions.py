"""Records that stand in a list of another one: in the create of that one, among the others there, and on their own.

A product's stock is created with it, in one call. Later each row is written by itself, by the writer of its own flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from include.errors import Rejected, ServiceError, Waiting
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, external_id_of, linked_to
from include.sync.base import Base
from include.sync.context import WriteContext
from include.sync.fields import values_of
from include.sync.outcomes import Change, Result
from include.sync.records import Json
from include.sync.values import fold
from include.sync.work import WriteRequest, WriteResult


@dataclass(frozen=True, kw_only=True)
class Siblings:
    """Records that stand in a list of another one, one for each value of a field: stock, one row for each location.

    `parent` is the other one's endpoint, `by` the field of the body that names it, `name` its list, `same` the field.
    `alike` says of two external ids that they mean the same thing, under a former name and the present one: of two that
    have the same place the first one was renamed. `of` says of an external id which record of Business Central it is of, by
    its immutable id.
    """

    parent: Endpoint
    by: str
    name: str
    same: str
    alike: Callable[[str, str], bool] = lambda former, present: False
    of: Callable[[str], str | None] = lambda external_id: None

    def place(self, record: Mapping[str, object]) -> tuple[str, str]:
        """What no two records have in common."""
        return str(record.get(self.by)), str(record.get(self.same))


class _Writer(Protocol):
    """The writer of a companion."""

    siblings: Siblings

    def write(self, work: WriteContext, item: WriteRequest) -> WriteResult:
        """See `Writer.write`."""


Ends = list[tuple[WriteRequest, WriteResult | Exception]]


@dataclass(kw_only=True)
class Nested:
    """The companions that are made together with a record: what is sent of each, by its key."""

    rows: dict[str, Json] = field(default_factory=dict)
    requests: list[WriteRequest] = field(default_factory=list)

    @property
    def body(self) -> Json:
        """The lists of the record that they stand in."""
        lists: dict[str, list[Json]] = {}
        for request in self.requests:
            lists.setdefault(_siblings(request).name, []).append(self.rows[request.key])
        return dict(lists)

    def made(self, work: WriteContext, created: Json) -> Ends:
        """What became of them, by the answer to the create. What that does not show is not among them."""
        ends: Ends = []
        for request in self.requests:
            siblings, row = _siblings(request), self.rows[request.key]
            place = str(row.get(siblings.same))
            there = [one for one in created.get(siblings.name) or () if str(one.get(siblings.same)) == place]
            if len(there) != 1 or there[0].get("id") is None:
                continue
            values = values_of({siblings.by: created["id"], **row}, work.plan.system_id)
            link = (request.flow.writer.table, request.key, there[0]["id"])
            done = WriteResult(
                result=Result.created, target_id=link[2], links=[link], base=Base(values=values, made=True)
            )
            ends.append((request, done))
        return ends


def nested_in(work: WriteContext, item: WriteRequest) -> Nested:
    """Those companions of a new record that can be made together with it: all that they refer to is there."""
    nested = Nested()
    for request in item.companions:
        siblings = _siblings(request)
        try:
            row = work.resolve({n: value for n, value in request.mapped.body.items() if n != siblings.by})
        except (Waiting, Rejected):
            continue  # which is said when it is tried by itself
        nested.rows[request.key] = row | linked_to(work.plan.system_id, request.mapped.source_id)
        nested.requests.append(request)
    return nested


@contextmanager
def writing(work: WriteContext, requests: Sequence[WriteRequest]) -> Iterator[None]:
    """Within, these companions are written: nothing is sent once a claim is lost."""
    with ExitStack() as stack:
        for request in requests:
            stack.enter_context(work.writing(work.side.claim_scope(request.flow.writer.table), request.key))
        yield


def write_each(
    work: WriteContext, item: WriteRequest, made: Ends, internal_id: Id, present: Json | None
) -> tuple[Ends, Waiting | Rejected | None]:
    """Write the companions that have not been made with their record; also why the record is not finished, if it is not.

    `present` is their parent, where it was read.
    """
    done = {request.key for request, _ in made}
    ends: Ends = []
    then: Waiting | Rejected | None = None
    requests = [request for request in item.companions if request.key not in done]
    beside = _beside(work, requests, internal_id, present)
    for request in requests:
        try:
            with writing(work, [request]):
                ends.append((request, work.write(replace(request, beside=beside))))
        except (Waiting, Rejected) as problem:
            ends.append((request, problem))
            then = then or problem
        except ServiceError as error:
            if error.stops_run:
                raise
            ends.append((request, error))
            message = f"Its {request.flow.record} {request.key} was not written: {error}"
            then = then or Waiting(message, advice=error.advice)
    return ends, then


def changes_of(ends: Ends) -> list[Change]:
    """What was written of companions, as changes of their record."""
    changes: list[Change] = []
    for request, end in ends:
        place = f"{_siblings(request).name}[{request.key}]"
        if not isinstance(end, WriteResult) or end.result is Result.unchanged:
            continue
        if end.result is Result.created and not end.changes:
            changes.append(Change(field=place))
        else:
            changes += [replace(change, field=f"{place}.{change.field}") for change in end.changes]
    return changes


def linked_among(beside: Sequence[Json], external_id: str, system_id: int) -> Json | None:
    """The record among its siblings that is linked to this external id."""
    return next((row for row in beside if fold(external_id_of(row, system_id) or "") == fold(external_id)), None)


def _beside(
    work: WriteContext, requests: Sequence[WriteRequest], internal_id: Id, present: Json | None
) -> tuple[Json, ...] | None:
    """The records that stand in the list of the parent, if one of the requests has to look for itself there."""
    lost = [one for one in requests if one.suspect or not _is_linked(work, one)]
    if not lost:
        return None
    siblings = _siblings(lost[0])
    if present is None or siblings.name not in present or any(one.suspect for one in lost):
        present = work.ipaas.get(siblings.parent, internal_id) or {}
    return tuple({siblings.by: internal_id, **row} for row in present.get(siblings.name) or ())


def _is_linked(work: WriteContext, request: WriteRequest) -> bool:
    return (request.flow.writer.table, fold(request.mapped.source_id)) in work.linked


def _writer(request: WriteRequest) -> _Writer:
    return cast(_Writer, request.flow.writer)


def _siblings(request: WriteRequest) -> Siblings:
    return _writer(request).siblings

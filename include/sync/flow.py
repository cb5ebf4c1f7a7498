"""What a flow is: the declaration from which its DAG, its form and its run are made; its page lies beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol

from pydantic import ValidationError
from typing_extensions import TypeVar

from include.errors import BadRecord, InvalidId, Rejected
from include.settings import SyncSettings
from include.sync.asked import AskedId, IdFormat
from include.sync.outcomes import Change
from include.sync.records import Json, Mapped, MappingContext, RowT_co, Shared, SourceRecord
from include.sync.runs import Direction, RunPlan, System, talks_to
from include.transport.values import as_records

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.ipaas.client import IPaaSClient
    from include.sync.ledger import Ledger
    from include.sync.links import LinkLookup

Poll = Literal["position", "lookback", "whole", "missing"]


class Reads(Protocol):
    """What `extract` lends a flow's source."""

    plan: RunPlan
    ledger: Ledger

    @property
    def is_off(self) -> Callable[[str], bool]:
        """Whether a flow is switched off, by its name."""

    @property
    def settings(self) -> SyncSettings:
        """The settings as they were when the run started."""

    @property
    def bc(self) -> BusinessCentralClient:
        """Business Central; raises when this stage of the flow does not talk to it."""

    @property
    def ipaas(self) -> IPaaSClient:
        """iPaaS.com; raises when this stage of the flow does not talk to it."""

    @property
    def links(self) -> LinkLookup:
        """Links as iPaaS.com has them (flows from iPaaS.com)."""

    def warn(self, text: str) -> None:
        """Tell the operator something about the run as a whole, once."""

    def ask_again(self) -> None:
        """Have the next poll read the same window again: something of it was not to be relied on."""

    def reject(self, place: str, why: str) -> None:
        """Reject a record that has no key to name it by; `place` says where it stands among those read with it."""

    def refuse(self, key: str, why: str) -> None:
        """Reject the record of a key, which cannot be read."""

    def context(self, memory: Mapping[str, Any]) -> MappingContext:
        """What mappings may know, for sources that compare what they read with what was sent."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Modification times to read, `since` <= t < `until`; None is open. Both None: the whole record set.

    `linked`: what is linked, too, where a source reads only what is not, unless it is told otherwise.
    """

    since: datetime | None = None
    until: datetime | None = None
    linked: bool = False


class Source(Protocol[RowT_co]):
    """Where a flow's records come from. Yields whole records, details included, in batches of requests."""

    @property
    def row(self) -> type[RowT_co]:
        """What it makes of each record; it is staged under the names of its fields."""

    @property
    def finds_by(self) -> Collection[frozenset[str]]:
        """The parts of an id that a record is found by, each alternative as a whole."""

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[RowT_co]]:
        """Every record that may have changed in the window."""

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[RowT_co]]:
        """The records named; each carries `asked`. An id that yields nothing does not exist. Raises Unreadable."""


# What a writer works with, is given and gives back are the engine's own (`work`, `context`); they know flows, and so are
# not named here.
RowT = TypeVar("RowT", default=Any)
WorkT = TypeVar("WorkT", contravariant=True)
RequestT = TypeVar("RequestT", contravariant=True)
ResultT = TypeVar("ResultT", covariant=True)


class Writer(Protocol[WorkT, RequestT, ResultT]):
    """How a flow's records are written: decides create or update, writes parent then children, links."""

    @property
    def table(self) -> str:
        """The external-id table of the record in iPaaS.com; with the key it is what a claim protects."""

    def prepare(self, work: WorkT, items: Sequence[RequestT]) -> None:
        """Read what deciding needs for many records at once (links, matches, current values)."""

    def write(self, work: WorkT, item: RequestT) -> ResultT:
        """Bring one record over, or in plan mode say what would be. Raises Rejected, Waiting, ServiceError."""


def nothing_left_out(row: object, context: MappingContext) -> str | None:
    """The filter of flows that transfer every record."""
    return None


@dataclass(frozen=True, kw_only=True)
class Counterpart:
    """The flow that carries the same records the other way, and what both have in common.

    `row` makes of a record of the target, as it was read elsewhere, what that flow would map, and `differences` says
    which fields of what it maps to the source does not have alike: for flows to iPaaS.com, where no base is known.
    """

    flow: str
    shared: tuple[Shared, ...]
    row: Callable[[Reads, Json], Any] | None = None
    differences: Callable[[Mapping[str, Any], Mapping[str, Any]], Json] | None = None


@dataclass(frozen=True, kw_only=True)
class Flow(Generic[RowT]):
    """One record type in one direction; the DAG is made from it. What operators read is `<name>.md` beside the declaration."""

    name: str
    record: str
    direction: Direction
    collection: str
    schedule: str
    source: Source[RowT]
    mapping: Callable[[RowT, MappingContext], Mapped]
    writer: Writer[Any, Any, Any]
    id_formats: tuple[IdFormat, ...]
    # The filter: why a record is left out, or None.
    skip: Callable[[RowT, MappingContext], str | None] = nothing_left_out
    # What a poll reads. `position`: what has changed since the last successful read. `lookback`: the last days, as many as
    # Transaction Poll Search Days says. `whole`: everything. `missing`: what has no external id of ours, all of it once a
    # day (a window without `since`), between that only what has not been dealt with.
    poll: Poll = "position"
    # Whether a backfill transfers every record, whatever its dates.
    initialization: bool = False
    # The flows whose records it needs first.
    after: tuple[str, ...] = ()
    # The Variables that it goes by, for its documentation.
    settings_used: tuple[str, ...] = ()
    # The pages of Business Central that it reads or writes; it has to do without each of them.
    services: tuple[str, ...] = ()
    # `whole` flows: asked for the keys that were sent once and that a whole read does not contain any more. It may go
    # through them several times, and is told how many of those that were sent the read does contain, and of any key
    # whether it does.
    gone: (
        Callable[[Reads, Callable[[], Iterator[str]], int, Callable[[str], bool]], Iterator[SourceRecord[RowT]]] | None
    ) = None
    counterpart: Counterpart | None = None
    # Of documents: whether an external id is of one that this flow makes. One that it has begun is not forgotten, whatever
    # becomes of its record.
    makes: Callable[[str], bool] | None = None
    # Of such documents: of what in Business Central the reference is a number that each reserves, from before the first call
    # until it is done.
    numbers: str = ""
    # What of a change is a price: before and after, each as often as it is one. None: the flow changes no prices.
    prices: Callable[[Change, SyncSettings], Iterable[tuple[Any, Any]]] | None = None
    # The scopes of iPaaS.com's webhooks whose records this flow carries, as `company/created`; in lower case.
    scopes: tuple[str, ...] = ()
    # Scopes without their action of what is nested in those records, with the list that it stands in.
    nested_scopes: Mapping[str, str] = field(default_factory=dict)
    # The resources of API v2.0 whose changes Business Central announces to it, and the business events that concern it.
    resources: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    # By resource: how a record of it that is announced is asked for, where not by its id alone.
    notified_as: Mapping[str, str] = field(default_factory=dict)
    # Ids that are only ever announced: of other records, by which the source finds those that they concern.
    pointers: tuple[IdFormat, ...] = ()

    @property
    def records(self) -> str:
        """What it carries, of several: `companies`."""
        if self.record.endswith("s"):
            return self.record
        return f"{self.record[:-1]}ies" if self.record.endswith("y") else f"{self.record}s"

    @property
    def title(self) -> str:
        """What a person calls it: `Companies to iPaaS.com`."""
        way = "to" if self.direction is Direction.to_ipaas else "from"
        return f"{self.records.capitalize()} {way} iPaaS.com"

    def __post_init__(self) -> None:
        """Raises ValueError when an id format has parts that the source does not find a record by."""
        for id_format in (*self.id_formats, *self.pointers):
            if id_format.parts not in self.source.finds_by:
                known = "; ".join(" and ".join(sorted(parts)) for parts in self.source.finds_by)
                raise ValueError(
                    f"{self.name}: nothing is found by the parts {', '.join(sorted(id_format.parts))} of the id format "
                    f"{id_format.name!r}. Its source finds records by: {known}."
                )

    def parse_id(self, text: str) -> AskedId:
        """Parse an id given by hand, or raise InvalidId naming it and what is allowed."""
        text = text.strip()
        for id_format in self.id_formats:
            parsed = id_format.parse(text)
            if parsed:
                return parsed
        raise InvalidId(f"{text!r} is not an id of {self.record}. Give for example {self._allowed}.", text)

    def parse_ids(self, texts: Iterable[str]) -> tuple[AskedId, ...]:
        """Parse ids given by hand, or raise InvalidId naming all that are wrong and what is allowed."""
        asked: list[AskedId] = []
        wrong: list[InvalidId] = []
        for text in dict.fromkeys(part for given in texts for part in self._apart(given)):
            try:
                asked.append(self.parse_id(text))
            except InvalidId as error:
                wrong.append(error)
        if len(wrong) > 1:
            named = ", ".join(repr(error.text) for error in wrong[:20])
            more = f" and {len(wrong) - 20} more" if len(wrong) > 20 else ""
            raise InvalidId(f"No id of {self.record}: {named}{more}. Give for example {self._allowed}.", named)
        if wrong:
            raise wrong[0]
        return tuple(asked)

    def _apart(self, text: str) -> Sequence[str]:
        """A text that can be an id, as `10 DAYS`; of any other, what stands between its blanks."""
        return [text] if any(id_format.parse(text) for id_format in self.id_formats) else text.split()

    @property
    def _allowed(self) -> str:
        return ", ".join(f"{f.example!r} ({f.meaning})" for f in self.id_formats)

    def again(self, key: str) -> AskedId:
        """A key that the ledger holds, a reference, or what was announced: it may be one that nobody would type."""
        for pointer in self.pointers:
            if found := pointer.parse(key):
                return replace(found, points=True)
        try:
            return self.parse_id(key)
        except InvalidId:
            return AskedId(text=key, parts={"no": key})

    def row_of(self, staged: Json) -> RowT:
        """What was read of a record, from how it is staged."""
        # What a row lacks is its record's own fault, as it was on the wire.
        return self.source.row(**as_records(staged))

    def take(self, row: RowT, context: MappingContext) -> Mapped | str:
        """A record as the other system shall have it, or why it is left out.

        Raises Waiting; Rejected, also for a record with a field that is not what its system documents.
        """
        try:
            return self.skip(row, context) or self.mapping(row, context)
        except ValidationError as error:
            raise Rejected.unreadable(self.record, error) from error
        except BadRecord as error:
            raise Rejected(f"The {self.record} cannot be read: {error}.") from error

    @property
    def listens(self) -> bool:
        """Whether changes of its records are announced to it."""
        return bool(self.scopes or self.nested_scopes or self.resources or self.events)

    def announced_as(self, resource: str, record_id: str) -> str | None:
        """What a record of a resource of API v2.0 is asked for by once it is announced; None where it tells nothing."""
        own = "{id}" if resource in self.resources else None
        form = self.notified_as.get(resource, own)
        return form and form.format(id=record_id)

    def talks_to(self, stage: str) -> System | None:
        """The one system that a stage of this flow opens requests to; None when it opens none."""
        return talks_to(self.direction, stage)

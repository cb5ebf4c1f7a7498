"""The words of the engine for records: as they were read, as they are mapped, what they refer to. Values only; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from typing import Any, Generic, Literal

from typing_extensions import TypeVar

from include.settings import SyncSettings
from include.sync.values import PLAIN

# Under this name a record's memory holds the numbers that iPaaS.com is to be asked about with the next run.
ASK = "ask"
# A name that is longer is shown in part.
_SHOWN = 100

Json = dict[str, Any]
# What a source has read of a record: a frozen dataclass whose fields are the names under which it is staged.
RowT_co = TypeVar("RowT_co", covariant=True, default=Json)


class Missing(StrEnum):
    """What to do when what a reference points at is not linked yet (docs/mappings.md, "Rules that all flows share")."""

    wait = "wait"
    transfer = "transfer"
    drop = "drop"


@dataclass(frozen=True, kw_only=True)
class Ref:
    """A reference to a record of the other system, resolved when the record is loaded.

    `table` and `source_id` name the linked record by its id in the system that is read: coming from iPaaS.com that is
    its iPaaS.com id. `flow` is the flow that can transfer it when it is missing. `value` says what stands in the body
    once resolved: the linked record's `id`, that id as `text`, or its `name` in the other system, for fields that carry
    one rather than an id: `source_id`, unless another is known (`include/sync/called.py`).
    """

    table: str
    source_id: str
    missing: Missing = Missing.wait
    flow: str | None = None
    value: Literal["id", "text", "name"] = "id"

    @property
    def label(self) -> str:
        """How the reference is named to a person."""
        return f"{self.table} {self.source_id[:_SHOWN]!r}"


@dataclass(frozen=True, kw_only=True)
class SourceRecord(Generic[RowT_co]):
    """One record as read, with everything its mapping needs.

    `key` is what the ledger knows it by: the external id going to iPaaS.com, the iPaaS.com id coming from it.
    `asked` is the id of the request that it answers, when somebody asked for it by id; else the id that somebody would ask
    for it by, where that is known and is not the key. `record_id` is its immutable id in Business Central, where the feed
    has one. `problem` is why it cannot be read, when it cannot: it is rejected with these words.
    """

    key: str
    data: RowT_co
    asked: str | None = None
    record_id: str | None = None
    problem: str | None = None


def staged_row(row: Any) -> Json:
    """What was read of a record, as it is staged: what is not known of it is left out."""
    if isinstance(row, dict):
        return row
    return {each.name: value for each in fields(row) if (value := getattr(row, each.name)) is not None}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to find the record of Business Central that an unlinked record may be: its field `by` equals `value`.

    Names are those of API v2.0. `agree` are fields one of which must be alike for it to count. A candidate by `number` is also
    the number under which the record is created when there is no such record.
    """

    by: str
    value: str
    agree: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A record as the other system shall have it. `source_id` is its id in the system that is read.

    `body` may hold `Ref`s anywhere. `match` is the natural key by which an unlinked record is looked for: records that
    share one are settled one after another.
    `create_only` names the fields that an update never sends, `insisted` those that it sends whenever the target has
    something else, though the source did not change them. `followers` are records of their own that follow the
    parent (a company's relationships). `carry` is what the flow wants back the next time it maps this record.
    `notes` are things the operator should know that do not stop the record. `made_from` is the external id under which
    the record is linked if it was made from one of the other system: then it is that one, and nothing is written.
    `foreign_number` is the natural key that a record of another system has which it may have been made from, too.
    `record_id` is its immutable id in Business Central, by which it is the same record under another number.
    `companions` are records of another flow that come along with it. `emptied` says, by the names of nested lists of which
    the source tells all, what is left of those that it does not tell of any more: lists are merged, so they stay. They are
    those with external ids that begin with the record's own, but for the `spared`. `aside` is what the writer has to know beside the body,
    and sends as it stands nowhere; it is no part of the fingerprint either.

    From iPaaS.com, where a record carries its links: `linked` is the external id of ours that it has. For an unlinked
    one `candidates` are what it may be, and `holders` says of external ids that iPaaS.com was asked about (folded)
    which record is linked to each, None being nobody. `children` are nested records to be linked with it:
    (table, what follows the parent's external id, iPaaS.com id). `linked_children` are those that are linked already, and get
    the parent's new number when it was renumbered. `watches` are records of the source, by table and id, that are not
    linked and would make something else of this one if they were. None of these is part of the fingerprint.
    """

    source_id: str
    body: Json
    match: str | None = None
    create_only: frozenset[str] = frozenset()
    insisted: frozenset[str] = frozenset()
    followers: tuple[Follower, ...] = ()
    carry: Json = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    made_from: str | None = None
    foreign_number: str | None = None
    record_id: str | None = None
    companions: tuple[Companion, ...] = ()
    emptied: Mapping[str, Json] = field(default_factory=dict)
    spared: tuple[str, ...] = ()
    aside: Json = field(default_factory=dict)
    linked: str | None = None
    candidates: tuple[Candidate, ...] = ()
    holders: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[tuple[str, str, Any], ...] = ()
    linked_children: tuple[tuple[str, str, Any], ...] = ()
    watches: tuple[tuple[str, str], ...] = ()

    @property
    def natural_keys(self) -> tuple[str, ...]:
        """Every natural key by which a record is looked for."""
        return tuple(key for key in (self.match, self.foreign_number) if key)

    def altered(self, **fields: Any) -> Mapped:
        """The same record but for these fields: as `dataclasses.replace`, without making all of them anew."""
        other = object.__new__(Mapped)
        other.__dict__.update(self.__dict__, **fields)
        return other


@dataclass(frozen=True, kw_only=True)
class Shared:
    """One thing that both systems keep of a record, and the fields that hold it on each side.

    A change of one of `bc` or of `ipaas` (paths without the keys of nested records) is a change of it: what is made of
    parts, as a name or a place, gives way as a whole. `shown` are further fields of iPaaS.com that are filled with it and
    that the other direction does not read: there they may be otherwise. Without a base all of them count as equal while
    what iPaaS.com has stands for what Business Central has. `later`: where both sides changed it, the later change wins,
    if both times are known; else, and by default, Business Central.
    """

    bc: tuple[str, ...] = ()
    ipaas: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    later: bool = False


@dataclass(frozen=True, kw_only=True)
class Follower:
    """A further record that a mapped record brings along, written after it by the flow's writer.

    `kind` tells the writer what it is; `external_id` is its own link; `body` may hold `Ref`s; `aside` is as a record's.
    """

    kind: str
    external_id: str
    body: Json
    aside: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A record of another flow that comes along with a record: a row of a product's stock.

    `flow` is the one that it belongs to: it is claimed, decided and remembered as a record of that flow, whichever of the
    two writes it, and `mapped` is what that flow would make of it. It is no part of its parent's fingerprint.
    """

    flow: str
    mapped: Mapped


class Today:
    """The day of a run. What a mapping makes when it has `asked` for it, it may make otherwise on another day."""

    def __init__(self, date: date) -> None:
        self._date = date
        self.asked = False

    @property
    def date(self) -> date:
        """The day."""
        self.asked = True
        return self._date


@dataclass(frozen=True, kw_only=True)
class MappingContext:
    """Everything a mapping may know beside its record; mappings read no clock, no Variable and no network."""

    settings: SyncSettings
    system_id: int
    today: Today
    # What this flow's mapping of the same record returned as `Mapped.carry` when it was last written.
    carry: Mapping[str, Any] = field(default_factory=dict)


def refs_of(mapped: Mapped) -> Iterable[Ref]:
    """Every reference of a record, and of all that comes along with it."""
    return refs([mapped.body, list(mapped.followers), [one.mapped.body for one in mapped.companions]])


def refs(value: Any) -> list[Ref]:
    """Every reference in a body, in its order."""
    found: list[Ref] = []
    _find_refs(value, found)
    return found


def _find_refs(value: Any, found: list[Ref]) -> None:
    if isinstance(value, Ref):
        found.append(value)
        return
    if isinstance(value, Follower):
        value = value.body
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for part in parts:
        if type(part) not in PLAIN:
            _find_refs(part, found)

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
    """A record as the other system shall have it. Its fingerprint is made of neither `aside` nor what follows it here."""

    # Its id in the system that is read.
    source_id: str
    # Its fields. `Ref`s may stand anywhere in it.
    body: Json
    # The natural key by which an unlinked record is looked for. Records that share one are settled one after another.
    match: str | None = None
    # Fields that an update never sends.
    create_only: frozenset[str] = frozenset()
    # Fields that an update sends whenever the target has something else, though the source did not change them.
    insisted: frozenset[str] = frozenset()
    # Records of their own that are written after it, as a company's relationships.
    followers: tuple[Follower, ...] = ()
    # What the flow wants back the next time it maps this record.
    carry: Json = field(default_factory=dict)
    # What the operator should know, though it does not stop the record.
    notes: tuple[str, ...] = ()
    # The external id under which it is linked if it was made from a record of the other system: then it is that one, and
    # nothing is written.
    made_from: str | None = None
    # Beside `match`, the natural key of a record of another system that it may have been made from.
    foreign_number: str | None = None
    # Its immutable id in Business Central, by which it is the same record under another number.
    record_id: str | None = None
    # Records of another flow that come along with it.
    companions: tuple[Companion, ...] = ()
    # By the name of a nested list of which the source tells all: what becomes of the records in it that the source does not
    # tell of any more. Lists are merged, so they stay, with these fields. Only those are meant whose external ids begin
    # with the record's own, and none of the `spared`.
    emptied: Mapping[str, Json] = field(default_factory=dict)
    spared: tuple[str, ...] = ()
    # What the writer has to know beside the body, and sends nowhere as it stands.
    aside: Json = field(default_factory=dict)

    # --- from iPaaS.com, where a record carries its links ---

    # The external id of ours that it has.
    linked: str | None = None
    # What an unlinked one may be in Business Central.
    candidates: tuple[Candidate, ...] = ()
    # Of external ids that iPaaS.com was asked about, folded: which record is linked to each, None being nobody.
    holders: Mapping[str, Any] = field(default_factory=dict)
    # Nested records to be linked with it: (table, what follows the parent's external id, iPaaS.com id).
    children: tuple[tuple[str, str, Any], ...] = ()
    # The same of those that are linked already: they get the parent's new number when it was renumbered.
    linked_children: tuple[tuple[str, str, Any], ...] = ()
    # Records of the source, by table and id, that are not linked and would make something else of this one if they were.
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

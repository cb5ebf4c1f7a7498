"""What writers are given to write, and what they give back. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.errors import Rejected, Signal, Waiting
from include.ipaas.external_ids import Id
from include.sync.base import Base
from include.sync.echoes import Settled
from include.sync.fingerprints import fingerprint
from include.sync.flow import Flow
from include.sync.ledger.entries import Reservation, Transfer
from include.sync.links import Link
from include.sync.outcomes import Both, Change, Difference, Result
from include.sync.records import Json, Mapped
from include.sync.runs import Direction
from include.sync.wire import mapped_from_wire


@dataclass(frozen=True, kw_only=True)
class WriteRequest:
    """One record to write, of a flow. `read_at`: when it was read, by the clock of its system. `suspect`: an earlier
    attempt died holding its claim, and may have written it without our knowing. `stale`: somebody else has written it, or
    one of its natural key, since this task has read the target.

    `own` are its values in the source, by the names there, and `modified` when they were changed there last, as far as
    the flow the other way needs to know. `settled` is what of its body the other direction has written since the record
    was agreed, before and after. `companions` are those records of other flows that are to be written with it. `beside` are
    the records of the target that stand in one list with a companion, where its parent has just been read. `reserved` is
    what an earlier attempt has reserved for it in Business Central.
    """

    flow: Flow
    key: str
    mapped: Mapped
    fingerprint: str
    read_at: str
    transfer: Transfer | None = None
    suspect: bool = False
    stale: bool = False
    own: Json = field(default_factory=dict)
    modified: Any = None
    settled: Settled | None = None
    companions: tuple[WriteRequest, ...] = ()
    beside: tuple[Json, ...] | None = None
    reserved: Reservation | None = None

    @property
    def look_anew(self) -> bool:
        """Whether what was read of the target before does not tell if it is there: that is asked anew."""
        return self.suspect or self.stale

    @classmethod
    def staged(cls, flow: Flow, record: Json) -> WriteRequest:
        """A record to write, as `transform` has staged it."""
        return cls(
            flow=flow,
            key=record["key"],
            mapped=mapped_from_wire(record["mapped"]),
            fingerprint=record["fingerprint"],
            read_at=record["read_at"],
            own=record.get("own", {}),
            modified=record.get("modified"),
            settled=Settled.from_json(record["settled"]) if "settled" in record else None,
        )

    @property
    def tried(self) -> str:
        """What the ledger tells by, when it was not written, whether it is the same once more."""
        return fingerprint(self.mapped, whole=True) if self.mapped.companions else self.fingerprint

    @property
    def base(self) -> Base | None:
        """What was last agreed of it, if anything was."""
        data = self.transfer.base if self.transfer else None
        return Base.from_json(data) if data else None


@dataclass(frozen=True, kw_only=True)
class Echo:
    """What was written of a record, for the flow the other way: by the names of its source, before and after.

    `look`: there is a change of the record there that this direction left to that flow.
    """

    flow: str
    key: str
    written: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    look: bool = False


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """What a writer did with a record.

    `links` are (table, external id, iPaaS.com id) of everything that iPaaS.com knows to be linked now. `unpushed` are
    links that it still has to be told of. `record_ids` are Business Central's immutable ids of what is linked, by (table,
    external id), as far as they are known. `then` is why the record is written but not finished: it is tried again.
    `companions` says what became of the records that came along; those that are missing were not tried.
    `base` is what both sides agree on from now on, `echoes` what the flow the other way is to know of that. `both` is what
    each side has of its fields, where it is explained: of the source, and of the target before anything is written.
    """

    result: Result
    target_id: Id | None = None
    changes: Sequence[Change] = ()
    links: Sequence[Link] = ()
    unpushed: Sequence[Link] = ()
    base: Base | None = None
    echoes: Sequence[Echo] = ()
    notes: Sequence[str] = ()
    memory: Mapping[str, Any] | None = None
    record_ids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    then: Waiting | Rejected | None = None
    companions: Sequence[tuple[WriteRequest, WriteResult | Exception]] = ()
    both: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


# How the text ends that stands for an id which is not known before its record is made.
_ENDS = "to be created first"


class Planned(Signal):
    """What a plan would do with a record. Nothing after it is done."""

    def __init__(self, result: WriteResult) -> None:
        super().__init__("This is a plan")
        self.result = result


class ToBeMade(str):
    """Stands for the id of a record that a plan would make: what is made after it refers to it by this.

    `fields` are what it would be made with, by the names of its system.
    """

    fields: Json

    @classmethod
    def nameless(cls, what: str, fields: Json) -> ToBeMade:
        """One whose id is not known before it is made."""
        return cls(f"({what}, {_ENDS})", fields)

    @staticmethod
    def is_one(value: Any) -> bool:
        """Whether a value stands for such an id; lists of ids hold them as plain text."""
        return isinstance(value, ToBeMade) or (isinstance(value, str) and value.endswith(f", {_ENDS})"))

    def __new__(cls, text: str, fields: Json) -> ToBeMade:
        made = super().__new__(cls, text)
        made.fields = fields
        return made


def difference_of(item: WriteRequest, written: WriteResult) -> Difference | None:
    """How a record stood before it was written, or how a plan has found it."""
    if written.result is Result.created:
        return Difference.missing
    if written.result is not Result.updated:
        return None
    if item.flow.direction is Direction.from_ipaas:
        return Difference.unlinked if item.mapped.linked is None else Difference.stale
    linked = any(change.field == "external_ids" for change in written.changes)
    return Difference.unlinked if linked else Difference.stale


def both_of(written: WriteResult) -> tuple[Both, ...]:
    """What each side has of a record's fields; of one that the target does not have, what it would get."""
    if written.result is Result.created:
        return tuple(Both(field=one.field, source=one.after, differs=True) for one in written.changes)
    differing = {change.field for change in written.changes}
    return tuple(
        Both(field=name, source=source, target=target, differs=name in differing)
        for name, (source, target) in sorted(written.both.items())
    )

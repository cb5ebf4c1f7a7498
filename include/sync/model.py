"""The words of the engine: runs, records on their way, references, outcomes. Values only; no I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

import simplejson
from pydantic import AwareDatetime, BaseModel, ConfigDict

from include.settings import SyncSettings
from include.transport.errors import BadRecord, ErrorKind

Json = dict[str, Any]
# Blanks at the ends of the parts of an external id.
_ENDS = re.compile(r"(?:^|(?<=\|))\s+|\s+(?=\||$)")


class Direction(StrEnum):
    """Which way a flow carries its records."""

    to_ipaas = "to_ipaas"
    from_ipaas = "from_ipaas"


class System(StrEnum):
    """The system a stage of a flow talks to: one at most, so that a pool slot is a request in flight."""

    business_central = "business_central"
    ipaas = "ipaas"


class Mode(StrEnum):
    """`apply` writes; `plan` says what `apply` would write, and writes nothing anywhere."""

    apply = "apply"
    plan = "plan"


class RunKind(StrEnum):
    """Where a run takes its records from."""

    poll = "poll"
    ids = "ids"
    backfill = "backfill"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two systems that are kept in step; what is remembered of one pair is never seen by another.

    `tenant_id`, `environment` and `company_name` are as the Connection `business_central` says, `ipaas_company_id` and
    `system_id` as the Connection `ipaas` does. `company_id` is Business Central's own id of the company, None until it
    has been asked: a company that was made anew under the same name is another one.
    """

    tenant_id: str
    environment: str
    company_name: str
    ipaas_company_id: str
    system_id: int
    company_id: str | None = None

    def __post_init__(self) -> None:
        # Ids and names of environments compare without case.
        for name in ("tenant_id", "environment", "ipaas_company_id", "company_id"):
            value = getattr(self, name)
            object.__setattr__(self, name, value.strip().casefold() if value else value)

    def __str__(self) -> str:
        return (
            f"company {self.company_name!r} of environment {self.environment!r} and iPaaS.com subscription "
            f"{self.system_id}"
        )


class RunPlan(BaseModel):
    """What one run does, fixed when `extract` starts, so that every task and every retry sees the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow: str
    direction: Direction
    run_id: str
    kind: RunKind
    mode: Mode = Mode.apply
    force: bool = False
    ids: tuple[str, ...] = ()
    # Backfill: the run's data interval. Poll: read from `since`; None means everything.
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    # Whether a poll reads again what was modified in the last days, for what was committed late.
    late: bool = False
    started_at: AwareDatetime
    pair: Pair
    settings: SyncSettings

    @property
    def system_id(self) -> int:
        """The integer id of the Business Central subscription in iPaaS.com."""
        return self.pair.system_id

    @property
    def applies(self) -> bool:
        """True when the run may write."""
        return self.mode is Mode.apply

    @property
    def today(self) -> date:
        """The day on which the run started, where the company is."""
        return self.started_at.astimezone(ZoneInfo(self.settings.bc_time_zone)).date()


class Missing(StrEnum):
    """What to do when what a reference points at is not linked yet (docs/mappings.md, "Rules that all flows share")."""

    wait = "wait"
    transfer = "transfer"
    drop = "drop"


@dataclass(frozen=True, kw_only=True)
class Ref:
    """A reference to a record of the other system, resolved when the record is loaded.

    `table` and `external_id` name the linked record by its id in the system that is read: coming from iPaaS.com that is
    its iPaaS.com id. `flow` is the flow that can transfer it when it is missing. `value` says what stands in the body
    once resolved: the linked record's `id`, that id as `text`, or `external_id` itself, for fields that carry a name
    rather than an id.
    """

    table: str
    external_id: str
    missing: Missing = Missing.wait
    flow: str | None = None
    value: Literal["id", "text", "external_id"] = "id"

    @property
    def label(self) -> str:
        """How the reference is named to a person."""
        return f"{self.table} {self.external_id!r}"


@dataclass(frozen=True, kw_only=True)
class SourceRecord:
    """One record as read, with everything its mapping needs.

    `key` is what the ledger knows it by: the external id going to iPaaS.com, the iPaaS.com id coming from it.
    `asked` is the id of the request that it answers, when somebody asked for it by id. `record_id` is its immutable id
    in Business Central, where the feed has one. `problem` is why it cannot be read, when it cannot:
    it is rejected with these words.
    """

    key: str
    data: Json
    asked: str | None = None
    record_id: str | None = None
    problem: str | None = None


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
    """A record as the other system shall have it. `external_id` is its id in the system that is read.

    `body` may hold `Ref`s anywhere. `match` is the natural key by which an unlinked record is looked for: records that
    share one are settled one after another.
    `create_only` names the fields that an update never sends, `insisted` those that it sends whenever the target has
    something else, though the source did not change them. `also` are records of their own that follow the
    parent (a company's relationships). `memory` is what the flow wants back the next time it maps this record.
    `notes` are things the operator should know that do not stop the record. `made_from` is the external id under which
    the record is linked if it was made from one of the other system: then it is that one, and nothing is written.
    `record_id` is its immutable id in Business Central, by which it is the same record under another number.

    From iPaaS.com, where a record carries its links: `linked` is the external id of ours that it has. For an unlinked
    one `candidates` are what it may be, and `holders` says of external ids that iPaaS.com was asked about (folded)
    which record is linked to each, None being nobody. `children` are nested records to be linked with it:
    (table, what follows the parent's external id, iPaaS.com id). `followers` are those that are linked already, and get
    the parent's new number when it was renumbered. `watches` are records of the source, by table and id, that are not
    linked and would make something else of this one if they were. None of these is part of the fingerprint.
    """

    external_id: str
    body: Json
    match: str | None = None
    create_only: frozenset[str] = frozenset()
    insisted: frozenset[str] = frozenset()
    also: tuple[Also, ...] = ()
    memory: Json = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    made_from: str | None = None
    record_id: str | None = None
    linked: str | None = None
    candidates: tuple[Candidate, ...] = ()
    holders: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[tuple[str, str, Any], ...] = ()
    followers: tuple[tuple[str, str, Any], ...] = ()
    watches: tuple[tuple[str, str], ...] = ()


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
class Also:
    """A further record that a mapped record brings along, written after it by the flow's writer.

    `kind` tells the writer what it is; `external_id` is its own link; `body` may hold `Ref`s.
    """

    kind: str
    external_id: str
    body: Json


@dataclass(frozen=True, kw_only=True)
class MappingContext:
    """Everything a mapping may know beside its record; mappings read no clock, no Variable and no network."""

    settings: SyncSettings
    system_id: int
    today: date
    # What this flow's mapping of the same record returned as `Mapped.memory` when it was last written.
    memory: Mapping[str, Any] = field(default_factory=dict)


class Result(StrEnum):
    """How a record left the run; the names of the report's counts.

    A `waiting` one goes through by itself when what it needs is there; a `retrying` one the service did not take.
    """

    skipped = "skipped"
    unchanged = "unchanged"
    created = "created"
    updated = "updated"
    waiting = "waiting"
    retrying = "retrying"
    failed = "failed"


# Of a value, and of a record's changes, a report shows so much.
_SHOWN_TEXT, _SHOWN_CHANGES = 120, 30


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that was changed: by its path, with what was there before and after, where that is known."""

    field: str
    before: Any = None
    after: Any = None

    def as_json(self) -> Json:
        """The change for staging and reports, without what is not known; long texts are cut."""
        values = {"field": self.field, "before": _shown(self.before), "after": _shown(self.after)}
        return {name: value for name, value in values.items() if value is not None}


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | Decimal):
        return value
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one record, in words an operator can act on."""

    key: str
    result: Result
    kind: ErrorKind | None = None
    message: str = ""
    advice: str = ""
    changes: tuple[Change, ...] = ()
    target_id: Any = None
    notes: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that were changed."""
        return tuple(change.field for change in self.changes)

    def as_json(self) -> Json:
        """The outcome for staging and reports, without what is empty."""
        values = {
            "key": self.key,
            "result": self.result.value,
            "kind": self.kind.value if self.kind else None,
            "message": self.message,
            "advice": self.advice,
            "changes": [change.as_json() for change in self.changes[:_SHOWN_CHANGES]],
            "target_id": self.target_id,
            "notes": list(self.notes),
        }
        return {name: value for name, value in values.items() if name == "key" or value not in (None, "", [])}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Read back what `as_json` wrote."""
        return cls(
            key=data["key"],
            result=Result(data["result"]),
            kind=ErrorKind(data["kind"]) if data.get("kind") else None,
            message=data.get("message", ""),
            advice=data.get("advice", ""),
            changes=tuple(Change(**change) for change in data.get("changes", ())),
            target_id=data.get("target_id"),
            notes=tuple(data.get("notes", ())),
        )

    def with_notes(self, notes: Iterable[str]) -> Outcome:
        """The same outcome with further notes."""
        return replace(self, notes=(*self.notes, *notes))


class Rejected(Exception):
    """This record's data cannot go through as it is; a person has to change it. The others go on."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice or "Correct the record and it is transferred with the next run."


class Waiting(Exception):
    """This record needs another one first. It goes through by itself once that has arrived.

    `table` and `external_id` name the other one as a `Ref` does. `at_once`: it is due with the very next run.
    """

    def __init__(
        self, message: str, *, table: str = "", external_id: str = "", advice: str = "", at_once: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.table = table
        self.external_id = external_id
        self.at_once = at_once
        self.advice = advice or "Nothing to do: it is transferred when that record has arrived."


def fold(external_id: str) -> str:
    """An external id as keys compare: without case, since Business Central upper-cases codes, and without blanks at
    the ends of its parts, a no-break space being a blank."""
    if not isinstance(external_id, str):
        raise BadRecord(f"{str(external_id)[:60]!r} is no code")
    text = external_id.upper()
    return text if text.isascii() and " " not in text else _ENDS.sub("", text)


def text_of(value: Any) -> str:
    """A value as text: one spelling for one number, `true` and `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        # normalize() would turn 100 into 1E+2.
        return f"{value.normalize():f}" if value else "0"
    return str(value)


def canonical(value: Any) -> Any:
    """`value` in a form whose JSON is the same for the same meaning: decimals without trailing zeros, keys sorted."""
    if isinstance(value, Ref):
        return {"$ref": [value.table, fold(value.external_id)]}
    if isinstance(value, Also):
        return [value.kind, value.external_id, canonical(value.body)]
    if isinstance(value, Mapping):
        return {str(name): canonical(item) for name, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | Decimal):
        return text_of(Decimal(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def fingerprint(mapped: Mapped) -> str:
    """A hash of what the record would look like on the other side; equal means nothing to write."""
    content = canonical([mapped.external_id, mapped.body, list(mapped.also)])
    text = simplejson.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def to_wire(value: Any) -> Any:
    """`value` with its `Ref`s as JSON, for staging."""
    if isinstance(value, Ref):
        return {
            "$ref": {
                "table": value.table,
                "external_id": value.external_id,
                "missing": value.missing.value,
                "flow": value.flow,
                "value": value.value,
            }
        }
    if isinstance(value, Mapping):
        return {name: to_wire(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_wire(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def from_wire(value: Any) -> Any:
    """Read back what `to_wire` wrote."""
    if isinstance(value, dict):
        if "$ref" in value:
            ref = value["$ref"]
            return Ref(
                table=ref["table"],
                external_id=ref["external_id"],
                missing=Missing(ref["missing"]),
                flow=ref["flow"],
                value=ref["value"],
            )
        return {name: from_wire(item) for name, item in value.items()}
    if isinstance(value, list):
        return [from_wire(item) for item in value]
    return value


def refs(value: Any) -> Iterable[Ref]:
    """Every reference in a body."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Also):
        yield from refs(value.body)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from refs(item)


def mapped_to_wire(mapped: Mapped) -> Json:
    """A mapped record as staged JSON."""
    return {
        "external_id": mapped.external_id,
        "body": to_wire(mapped.body),
        "match": mapped.match,
        "create_only": sorted(mapped.create_only),
        "insisted": sorted(mapped.insisted),
        "also": [{"kind": a.kind, "external_id": a.external_id, "body": to_wire(a.body)} for a in mapped.also],
        "memory": to_wire(mapped.memory),
        "notes": list(mapped.notes),
        "made_from": mapped.made_from,
        "record_id": mapped.record_id,
        "linked": mapped.linked,
        "candidates": [{"by": c.by, "value": c.value, "agree": c.agree} for c in mapped.candidates],
        "holders": dict(mapped.holders),
        "children": [list(child) for child in mapped.children],
        "followers": [list(child) for child in mapped.followers],
        "watches": [list(watch) for watch in mapped.watches],
    }


def mapped_from_wire(data: Mapping[str, Any]) -> Mapped:
    """Read back what `mapped_to_wire` wrote."""
    return Mapped(
        external_id=data["external_id"],
        body=from_wire(data["body"]),
        match=data["match"],
        create_only=frozenset(data["create_only"]),
        insisted=frozenset(data["insisted"]),
        also=tuple(Also(kind=a["kind"], external_id=a["external_id"], body=from_wire(a["body"])) for a in data["also"]),
        memory=from_wire(data["memory"]),
        notes=tuple(data["notes"]),
        made_from=data["made_from"],
        record_id=data["record_id"],
        linked=data["linked"],
        candidates=tuple(Candidate(**candidate) for candidate in data["candidates"]),
        holders=data["holders"],
        children=tuple((table, suffix, id_) for table, suffix, id_ in data["children"]),
        followers=tuple((table, suffix, id_) for table, suffix, id_ in data["followers"]),
        watches=tuple((table, id_) for table, id_ in data["watches"]),
    )

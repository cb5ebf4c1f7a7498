"""What the ledger says of a record: how far it has come, how an attempt ended, who writes it, what it has taken."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa

from include.ipaas.external_ids import Id
from include.sync import exact
from include.sync.records import Json
from include.sync.values import fold

# The length of the column.
_CAUSE = 300


@lru_cache(maxsize=64)  # what is read together has one date
def iso(moment: datetime) -> str:
    """A UTC timestamp whose text order is its time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Read back what `iso` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def told(text: str) -> str:
    """What `iso` wrote, as a person reads it: to the minute."""
    return f"{moment(text):%Y-%m-%d %H:%M} UTC"


class State(StrEnum):
    """How far a record has come: `done`; `waiting` for another record; to be tried again (`retry`); `failed`, until it
    changes or a person sees to it; or `ignored`, by a person, until it changes."""

    done = "done"
    waiting = "waiting"
    retry = "retry"
    failed = "failed"
    ignored = "ignored"


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What the ledger knows of one record of one flow."""

    key: str
    target_id: Id | None = None
    fingerprint: str | None = None
    memory: Mapping[str, Any]
    seen_as: str | None = None  # see `include/sync/seen.py`
    read_at: str | None = None
    run_id: str | None = None
    outcome: Json | None = None
    state: State = State.done
    attempts: int = 0
    next_try: str | None = None
    kind: str | None = None
    message: str | None = None
    advice: str | None = None
    waits_for: str | None = None
    tried_fingerprint: str | None = None
    since: str | None = None  # from when on it has not been done
    cause: str | None = None  # what records that fail for the same reason have in common
    base: Json | None = None  # what both sides had last, where it was asked for
    record_id: str | None = None

    @property
    def is_due(self) -> bool:
        """Whether its next try has come: what it waited for has arrived, its writing was cut off, or its time is over."""
        return self.next_try is not None and self.next_try <= iso(datetime.now(UTC))

    @classmethod
    def of_rows(cls, rows: sa.Result[Any]) -> Iterator[Transfer]:
        """Rows of the ledger as what they say."""
        names = tuple(rows.keys())
        return (cls.of(zip(names, row, strict=True)) for row in rows)

    @classmethod
    def of(cls, row: Iterable[tuple[str, Any]]) -> Transfer:
        """A row, of names and values, as what it says."""
        values = dict(row)
        values.pop("flow", None)
        values["state"] = State(values["state"])
        values["base"] = unpack(values.get("base"))
        values["target_id"] = from_text(values["target_id"])
        values["memory"] = from_text(values["memory"]) or {}
        values["outcome"] = from_text(values.get("outcome"))
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Finish:
    """How one attempt at a record ended, as the ledger remembers it."""

    key: str
    state: State
    run_id: str
    outcome: Json
    read_at: str  # when the record was read that the attempt was made with, by the clock of its system
    target_id: Id | None = None
    fingerprint: str | None = None
    memory: Mapping[str, Any] | None = None
    base: Json | None = None  # None keeps what is there
    base_at: str | None = None  # which `at` of the base this one goes on from
    watches: Collection[str] = ()  # links that would make another record of it, as `waits_for`
    record_id: str | None = None  # Business Central's immutable id; None keeps what is there
    kind: str | None = None
    message: str | None = None
    advice: str | None = None
    waits_for: str | None = None
    at_once: bool = False  # unfinished, and due with the next run
    by_hand: bool = False  # a person's try: it does not count as one, and pushes the next one no further away
    history: Sequence[Json] | None = None  # what was written: each field before and after, where that is kept
    rests: bool = False  # a person has decided: only a change, or a person, starts another try
    claimed: bool = True  # False: it was left alone, for another task holds the claim on it


@dataclass(frozen=True, kw_only=True)
class Renumbered:
    """A record of iPaaS.com that has another external id of ours; `record_id`: Business Central's immutable id of it."""

    old: str
    new: str
    internal_id: Id
    record_id: str | None


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """A try of a task: `task` names the task, `try_id` the try, never the same again."""

    task: str
    try_id: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to write one record. `suspect`: an earlier attempt died holding it, so its write may have happened."""

    held: bool
    suspect: bool = False


# Longer names of records are none, and the ledger has no room for them.
_WAITS_FOR = 300


def waits_for_external(table: str, external_id: str) -> str:
    """How the ledger names a record that another one waits for, by its external id."""
    return f"{table}|{fold(external_id)}"[:_WAITS_FOR]


def waits_for_internal(table: str, internal_id: Id) -> str:
    """How the ledger names a record that another one waits for, by its iPaaS.com id."""
    return f"{table}#{internal_id}"[:_WAITS_FOR]


def cause_of(end: Finish) -> str | None:
    """What a record that is not done has in common with others that are not for the same reason: its words, without what
    names the record alone."""
    if end.state == State.done or not end.message:
        return None
    # Longer names first, so that one within another does not tear it apart.
    parts = sorted({end.key, *re.split(r"[|/]", end.key)}, key=len, reverse=True)
    text = end.message
    for part in parts:
        if part:
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "…", text)
    return text[:_CAUSE]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What is about to be written of a record, for the flow the other way and its key: by the names of its source, what was
    there and what is sent, at that time by the clock of the system that is written to."""

    flow: str
    key: str
    fields: Mapping[str, tuple[Any, Any]]
    at: str


class Purpose(StrEnum):
    """What a reference in Business Central is reserved for: to `create` a record under it, to `match` the one that is
    there, or to `keep` one that was written whose link is refused."""

    create = "create"
    match = "match"
    keep = "keep"


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """A reference in Business Central that one record has taken; `numbers` is what it is a number of."""

    reference: str
    purpose: Purpose
    numbers: str


def as_text(value: Any) -> str:
    """A value as the ledger keeps it: JSON that loses no digit."""
    return exact.to_json(value).decode()


def from_text(text: str | None) -> Any:
    """Read back what `as_text` wrote; None stays None."""
    return None if text is None else exact.from_json(text)


def pack(base: Json) -> bytes:
    """A record's values as the ledger keeps them: JSON that loses no digit, compressed."""
    return zlib.compress(exact.to_json(base), 1)


def unpack(packed: bytes | None) -> Json | None:
    """Read back what `pack` wrote; None stays None."""
    return None if packed is None else cast(Json, exact.from_json(zlib.decompress(packed)))

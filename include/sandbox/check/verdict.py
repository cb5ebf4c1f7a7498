"""What a check finds, and how two values are told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from include.sandbox.bc.tenant import Row, Tenant
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.ipaas.platform import Platform, Record
from include.sandbox.ipaas.types import TYPES

Fields = Mapping[str, Any]


@dataclass
class Verdict:
    """How many records of each type were compared, and every difference."""

    compared: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when both sides agree."""
        return not self.differences

    def differ(self, kind: str, key: str, what: str, expected: Any, found: Any) -> None:
        """Note a difference."""
        self.differences.append({"type": kind, "key": key, "field": what, "expected": expected, "found": found})

    def compare(self, kind: str, key: str, expected: Fields, found: Fields | None, *, strict: bool = False) -> None:
        """Compare a record field by field. `strict`: what is blank here must be blank there, too."""
        self.compared[kind] += 1
        if found is None:
            self.differ(kind, key, "", "present", "missing")
            return
        for name, value in expected.items():
            if not alike(value, found.get(name), strict=strict):
                self.differ(kind, key, name, value, found.get(name))

    def as_json(self) -> dict[str, Any]:
        """The verdict as data."""
        return {"ok": self.ok, "compared": dict(self.compared), "differences": self.differences[:200]}


class Sides:
    """Both systems, with what is linked in ours."""

    def __init__(self, tenant: Tenant, platform: Platform) -> None:
        self.tenant, self.platform = tenant, platform
        self._ours: dict[str, dict[str, int]] = {}

    def ours(self, table: str) -> dict[str, int]:
        """The links of our system in a table: external id -> id. Deleted ones are none."""
        if table not in self._ours:
            links = self.platform.links.get(table, {})
            self._ours[table] = {
                text: internal
                for (system, internal), text in links.items()
                if system == SYSTEM_ID and not text.startswith("DELETED:")
            }
        return self._ours[table]

    def record(self, type_name: str, external_id: str) -> Record | None:
        """The record of iPaaS.com that is linked to an external id of ours."""
        internal = self.ours(TYPES[type_name].table).get(external_id)
        return self.platform.records[type_name].get(internal) if internal is not None else None

    def link(self, type_name: str, record: Record) -> str | None:
        """The external id of ours that a record of iPaaS.com is linked to."""
        text = self.platform.links.get(TYPES[type_name].table, {}).get((SYSTEM_ID, record["id"]))
        return None if text is None or text.startswith("DELETED:") else text

    def child(self, parent: Record, name: str, table: str, external_id: str) -> Record | None:
        """The nested record that is linked to an external id of ours."""
        internal = self.ours(table).get(external_id)
        return next((child for child in parent.get(name, ()) if child["id"] == internal), None)

    def id_of(self, type_name: str, code: Any) -> int | None:
        """The id of the record that is linked to a code."""
        record = self.record(type_name, str(code)) if code else None
        return int(record["id"]) if record else None

    def never_touched(self, row: Row, record: Record) -> bool:
        """Whether a record was made from a row that nobody has changed since, so that blanks are blanks."""
        return record["id"] in self.platform.made and row["version"] == 1


def alike(expected: Any, found: Any, *, strict: bool = False) -> bool:
    """Whether two values say the same. A blank is never sent, so it says nothing unless `strict`."""
    if isinstance(expected, Mapping):
        got = found if isinstance(found, Mapping) else {}
        return all(alike(value, got.get(name), strict=strict) for name, value in expected.items())
    if expected in (None, "", " "):
        return not strict or found in (None, "", " ", [], 0)
    if isinstance(expected, bool):
        return (found or False) == expected
    if isinstance(expected, int | float | Decimal):
        return _number(found) == Decimal(str(expected))
    if isinstance(expected, str) and isinstance(found, str):
        return words(expected) == words(found)
    return bool(expected == found)


def decimal_of(value: Any) -> Decimal:
    """A value as a Decimal; absence is zero."""
    return Decimal(str(value)) if value not in (None, "") else Decimal(0)


def words(text: str) -> str:
    """A text with single blanks between its words."""
    return " ".join(text.split())


def names(name: str) -> dict[str, str]:
    """A name as first and last name: the last word is the last name; a single word is both."""
    parts = name.split()
    return {"first_name": " ".join(parts[:-1]) or name.strip(), "last_name": parts[-1] if parts else ""}


def joined(first: str | None, last: str | None) -> str:
    """First and last name as one name; two equal ones are one word."""
    parts = [part.strip() for part in (first or "", last or "") if part and part.strip()]
    return parts[0] if len(parts) == 2 and parts[0] == parts[1] else " ".join(parts)


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None

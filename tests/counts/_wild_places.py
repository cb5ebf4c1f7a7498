"""Where wild values are put: the fields of the records that a run is served, found out by watching it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.spoils import Spoil

# What the run as a whole stands on, and no record of a flow: who we are there, and what is published.
_NOT_RECORDS = re.compile(
    r"/companies$|/ODataV4/?$|/ODataV4/\$metadata|^/sso|^/subscriptions|swagger\.json$|^/[0-9a-f-]+/oauth2|/token$"
)
IDENTITIES = frozenset(
    (
        "id",
        "No",
        "number",
        "Code",
        "code",
        "Document_No",
        "Location_Code",
        "Item_No",
        "external_id",
        "system_id",
        "sku",
        "lineObjectNumber",
    )
)
_NAMES = ("@odata.etag", "id", "No", "number", "Code", "code", "name")
# In paths and in fields, what differs from record to record.
_ONE = re.compile(r"(?<![A-Za-z0-9])[0-9a-f]{8}-[0-9a-f-]{27}|'[^']*'|(?<=/)\d+(?=/|$)")

Where = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """A field of a record that is served: what it takes to spoil it, and what sort of field it is."""

    system: str
    method: str
    path: str
    name: str
    value: Any
    only: int
    at: Where
    # Not shown: places are put into an order by what they show, and a set has none.
    known_as: frozenset[str] = field(repr=False)
    refers_to: frozenset[str] = field(repr=False)

    @property
    def sort(self) -> tuple[Any, ...]:
        """The same for the same field of all records of a kind."""
        at = tuple(0 if isinstance(step, int) else step for step in self.at)
        return self.system, self.method, _ONE.sub("*", self.path), at

    @property
    def record(self) -> tuple[Any, ...]:
        """The same for all fields of one record."""
        return self.system, self.method, self.path, self.name, self.value, self.only


@dataclass(kw_only=True)
class Recorder(Spoil):
    """Spoils nothing, and learns which fields records have where."""

    places: set[Place] = field(default_factory=set)
    _counted: dict[tuple[str, str], int] = field(default_factory=dict)

    def concerns(self, system: str, method: str, path: str) -> bool:
        """Every answer of the system."""
        return system == self.system and not _NOT_RECORDS.search(path)

    def spoil(self, content: Any, method: str, path: str) -> Any:
        """Learn what an answer holds. A record that a write is answered with is known by its turn."""
        like = _like(path)
        self._counted[method, like] = turn = self._counted.get((method, like), 0) + 1
        for record, listed in _top(content):
            name = next((name for name in _NAMES if isinstance(record.get(name), str | int)), "")
            if not name or (method != "GET" and not path.endswith("/$batch")):
                name = ""
            if name:
                place = (self.system, method, f"^{re.escape(path)}$", name, record[name], 0)
            else:
                place = (self.system, method, like, "", None, turn)
            names = frozenset(_names(record)), frozenset(_names_within(record))
            self.places.update(Place(*place, at, *names) for at in (*_leaves(record), *([()] if listed else ())))
        return None


def _like(path: str) -> str:
    """A pattern of all paths of this shape."""
    return "^" + ".*".join(re.escape(part) for part in _ONE.split(path)) + "$"


def _top(content: Any) -> Iterator[tuple[dict[str, Any], bool]]:
    """The records of an answer, and whether they stand in a list. An answer that is none at all is an outage."""
    if isinstance(content, dict) and "responses" in content:
        for part in content["responses"]:
            yield from _top(part.get("body"))
    elif isinstance(content, dict) and isinstance(content.get("value"), list):
        yield from _top(content["value"])
    elif isinstance(content, list):
        yield from ((entry, True) for entry in content if isinstance(entry, dict))
    elif isinstance(content, dict) and not ("code" in content and "message" in content):
        yield content, False


def _names(record: dict[str, Any]) -> Iterator[str]:
    """What a record itself says it is, or whose."""
    return (str(v) for n, v in record.items() if n in IDENTITIES and isinstance(v, str | int))


def _names_within(value: Any) -> Iterator[str]:
    """What a record and those that are nested in it say they are, and of what."""
    if isinstance(value, dict):
        yield from _names(value)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names_within(part)


def _leaves(value: Any, way: Where = ()) -> Iterator[Where]:
    if way:
        yield way
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in entries:
        if name != "@odata.context":
            yield from _leaves(item, (*way, name))

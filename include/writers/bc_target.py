"""Records of Business Central as flows write them: through their page, or, where it is gone, through API v2.0.

A record has the names of its page everywhere; where API v2.0 is used instead, names are translated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.errors import Rejected
from include.settings import SyncSettings
from include.sync.records import Json
from include.sync.values import fold, same

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.business_central.metadata import FieldInfo

ETAG = "@odata.etag"
ANY_TAG = "*"
KEY = "No"
# How often what others change at the same moment is read, compared and sent again.
TRIES = 5


def _no_fields(settings: SyncSettings) -> Iterable[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """One record type of Business Central that is written. Its key is `No`, `number` in API v2.0.

    `name` is what a person calls it, `page` the published page, `api` the entity set beside it. `fields` are the
    page's fields that mappings may set. `api_fields` gives their names in API v2.0, for those that it has; `api_ids` those
    of codes that it has by their id instead, and the entity set in which the id of a code is found. `fixed`
    are API fields that no page shows, which a new record gets and a matching one must have; a record that needs them
    is created through the API. `read_too` are fields of the page that the flow the other way reads; what is written is read
    with them. `model` is the record type's name in bc_custom_fields. `codes` are fields that Business
    Central upper-cases. `normal` are fields of which what is there is to be compared in another form. `keeps` are fields
    that keep a part of what is there: of what is wanted and what is there they make what is written; case is no
    difference. `listed` are API fields that may hold several values with semicolons between them, of which the first is
    the record's.
    """

    name: str
    page: str
    api: str
    fields: tuple[str, ...]
    api_fields: Mapping[str, str]
    model: str
    api_ids: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    read_too: Callable[[SyncSettings], Iterable[str]] = _no_fields
    fixed: Mapping[str, str] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()
    normal: Mapping[str, Callable[[str], str | None]] = field(default_factory=dict)
    keeps: Mapping[str, Callable[[str, str], str]] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()

    def to_write(self, changes: Mapping[str, Any], row: Mapping[str, Any]) -> Json:
        """These changes as they are written to a record as it is now."""
        found = {name: unblank(row.get(name)) for name in changes}
        return {
            name: self.keeps[name](value, found[name]) if name in self.keeps and value and found[name] else value
            for name, value in changes.items()
        }

    def differences(self, wanted: Mapping[str, Any], row: Mapping[str, Any]) -> Json:
        """The fields of `wanted` that the record does not have alike."""
        return {name: value for name, value in wanted.items() if not self.alike(name, value, unblank(row.get(name)))}

    def alike(self, name: str, wanted: Any, found: Any) -> bool:
        """Whether two values of a field mean the same."""
        if isinstance(wanted, str) and isinstance(found, str):
            if name in self.normal:
                wanted, found = (self.normal[name](text) or "" for text in (wanted, found))
            if name in self.codes or name in self.keeps:
                return bool(wanted.strip().casefold() == found.strip().casefold())
            return bool(wanted.split() == found.split())
        if isinstance(wanted, bool) or not isinstance(found, bool):
            return same(wanted, found)
        # A blank Boolean is false.
        return same(bool(wanted), found)


class Surface(Protocol):
    """Where a target's records are read and written. Rows have the page's names, and an etag."""

    def read(self, bc: BusinessCentralClient, numbers: Sequence[str], select: Sequence[str]) -> Iterator[Json]:
        """The records with these numbers, many per request."""

    def create(self, bc: BusinessCentralClient, number: str, body: Mapping[str, Any]) -> Json:
        """Create a record; returns the row as far as the answer tells, its number as Business Central spells it. Some fields
        may be left to `update`."""

    def update(self, bc: BusinessCentralClient, row: Json, changes: Json) -> Json:
        """Change the named fields of a row as it was read; returns the row as it is now. Raises EntityChanged."""

    def lacks(self, name: str) -> bool:
        """True when a field cannot be written here."""

    @property
    def completes(self) -> bool:
        """Whether a new record takes another write for what creating it leaves out."""

    def properties(self, bc: BusinessCentralClient) -> Mapping[str, FieldInfo] | None:
        """What `$metadata` says of the record's fields; None where there are none of the subscriber's own."""


@dataclass(frozen=True)
class ApiSurface:
    """A target in API v2.0."""

    target: Target
    # By entity set: the ids of its codes, read once.
    _ids: dict[str, dict[str, str]] = field(default_factory=dict, compare=False)

    def read(self, bc: BusinessCentralClient, numbers: Sequence[str], select: Sequence[str]) -> Iterator[Json]:
        names = ["id", "number", *(self._name(name) for name in select if not self.lacks(name))]
        for record in bc.read_many(Api(self.target.api), "number", numbers, select=tuple(dict.fromkeys(names))):
            yield self._row(bc, record)

    def create(self, bc: BusinessCentralClient, number: str, body: Mapping[str, Any]) -> Json:
        return self._row(bc, self.make(bc, number, self._names(bc, body)))

    def make(self, bc: BusinessCentralClient, number: str, body: Mapping[str, Any]) -> Json:
        """Create a record with these fields of API v2.0; returns it under their names."""
        fields = {"number": number, **self.target.fixed, **body}
        return bc.create(Api(self.target.api), fields, known_by=("number",))

    def update(self, bc: BusinessCentralClient, row: Json, changes: Json) -> Json:
        return self._row(bc, bc.update(Api(self.target.api), str(row["id"]), row[ETAG], self._names(bc, changes)))

    @property
    def completes(self) -> bool:
        return False

    def lacks(self, name: str) -> bool:
        return name not in self.target.api_fields and name not in self.target.api_ids

    def properties(self, bc: BusinessCentralClient) -> Mapping[str, FieldInfo] | None:
        return None

    def _name(self, name: str) -> str:
        return self.target.api_ids[name][0] if name in self.target.api_ids else self.target.api_fields[name]

    def _names(self, bc: BusinessCentralClient, body: Mapping[str, Any]) -> Json:
        return {
            self._name(name): self._id_of(bc, name, value) if name in self.target.api_ids else value
            for name, value in body.items()
            if not self.lacks(name)
        }

    def _codes(self, bc: BusinessCentralClient, name: str) -> Mapping[str, str]:
        """The ids of the codes that a field may have, by folded code."""
        entity = self.target.api_ids[name][1]
        if entity not in self._ids:
            rows = bc.read(Api(entity), select=("id", "code"))
            self._ids[entity] = {fold(str(row["code"])): str(row["id"]) for row in rows if unblank(row["code"])}
        return self._ids[entity]

    def _id_of(self, bc: BusinessCentralClient, name: str, code: Any) -> str:
        found = self._codes(bc, name).get(fold(str(code)))
        if found is None:
            raise Rejected(
                f"{name} {code!r} is none of the {self.target.api_ids[name][1]} of Business Central.",
                "Create it there, or correct the value: those that new records get are in the Variable bc_create_defaults.",
            )
        return found

    def _row(self, bc: BusinessCentralClient, record: Json) -> Json:
        row = {name: record[theirs] for name, theirs in self.target.api_fields.items() if theirs in record}
        for name, (theirs, _) in self.target.api_ids.items():
            if unblank(record.get(theirs)):
                codes = {identifier: code for code, identifier in self._codes(bc, name).items()}
                row[name] = codes.get(str(record[theirs]), "")
        return {**row, KEY: record["number"], "id": record["id"], ETAG: record[ETAG]}


@dataclass(frozen=True)
class PageSurface:
    """A target on its published page; a record with fields that no page shows is created through the API."""

    target: Target

    def read(self, bc: BusinessCentralClient, numbers: Sequence[str], select: Sequence[str]) -> Iterator[Json]:
        yield from bc.read_many(Page(self.target.page), KEY, numbers, select=tuple(dict.fromkeys((KEY, *select))))

    def create(self, bc: BusinessCentralClient, number: str, body: Mapping[str, Any]) -> Json:
        if not self.target.fixed:
            return bc.create(Page(self.target.page), {KEY: number, **body}, known_by=(KEY,))
        # What the page can write it writes afterwards, without a look at the ids of codes.
        named = self.target.api_fields
        made = ApiSurface(self.target).make(bc, number, {named[n]: value for n, value in body.items() if n in named})
        row = {name: made[theirs] for name, theirs in named.items() if theirs in made}
        # The page has a tag of its own. Nobody has seen the record yet: what it lacks may be written whatever its tag is.
        return {**row, KEY: made["number"], ETAG: ANY_TAG}

    def update(self, bc: BusinessCentralClient, row: Json, changes: Json) -> Json:
        return bc.update(Page(self.target.page), str(row[KEY]), row[ETAG], changes)

    @property
    def completes(self) -> bool:
        return bool(self.target.fixed)

    def lacks(self, name: str) -> bool:
        return False

    def properties(self, bc: BusinessCentralClient) -> Mapping[str, FieldInfo] | None:
        return bc.fields(self.target.page)

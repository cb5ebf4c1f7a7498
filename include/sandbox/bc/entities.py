"""A set of records as one request addresses it, and how its records look on the wire."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.bc.addresses import key_values
from include.sandbox.bc.answers import Fault
from include.sandbox.bc.derived import StoredRow, field_of
from include.sandbox.bc.schema import Property, View
from include.sandbox.bc.tenant import Row


@dataclass(kw_only=True)
class EntitySet:
    """A set: its name in the URL, the view behind it, its rows, and the fields that the address itself gives.

    `lookup` finds a row by fields of its key faster than going through them all. `whole`: it is all of a table, or all of
    one kind.
    """

    name: str
    view: View
    rows: Iterable[Row]
    fixed: Row = field(default_factory=dict)
    lookup: Callable[[Row], Row | None] | None = None
    whole: bool = False

    def find(self, key: str) -> Row:
        """The record with a key. Raises Fault (404) when there is none."""
        wanted = key_values(self.view, key)
        unknown = next((name for name in wanted if name not in self.view.properties), None)
        if unknown is not None:
            raise no_property(self.view, unknown)
        fields = {self.view.properties[name].field: value for name, value in wanted.items()}
        if self.lookup is not None:
            row = self.lookup(fields)
        else:
            row = next((row for row in self.rows if has(row, fields)), None)
        if row is None:
            raise Fault(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{self.name}'.")
        return row


def has(row: Row, fields: Row) -> bool:
    """Whether a row has values in fields, in any case."""
    return all(_folded(field_of(row, name)) == _folded(value) for name, value in fields.items())


def _folded(value: Any) -> str:
    return "" if value is None else str(value).casefold()


def type_name(view: View) -> str:
    """The entity type as metadata and errors name it."""
    return f"{'Microsoft.NAV' if view.api else 'NAV'}.{view.entity}"


def no_property(view: View, word: str) -> Fault:
    """The answer to an unknown property in a query."""
    return Fault(400, "BadRequest", f"Could not find a property named '{word}' on type '{type_name(view)}'.")


def selected(view: View, select: str) -> list[Property]:
    """The properties that `$select` names, in its order; all of them when it names none."""
    if not select:
        return list(view.properties.values())
    by_name = {p.name.casefold(): p for p in view.properties.values()}
    found = []
    for word in select.split(","):
        prop = by_name.get(word.strip().casefold())
        if prop is None:
            raise no_property(view, word)
        found.append(prop)
    return found


def wire(view: View, row: Row, shown: Iterable[Property] | None = None) -> Row:
    """A row as the view sends it."""
    record: Row = {"@odata.etag": etag(view, row)} if view.etags else {}
    for prop in view.properties.values() if shown is None else shown:
        record[prop.name] = view.wire(prop, field_of(row, prop.field))
    return record


def etag(view: View, row: Row) -> str:
    """The row's tag, in the service's form. A page's covers what it computes, where the switch says so."""
    covered = [row["systemid"], row["version"]]
    if isinstance(row, StoredRow) and not view.api and row.tenant.switches.flowfield_etags:
        covered += row.flow_fields()
    number = int.from_bytes(hashlib.sha256(json.dumps(covered).encode()).digest()[:8], "big")
    inner = base64.b64encode(f"'20;{number}1;00;'".encode()).decode()
    return f'W/"{inner}"'


class Shaped(dict[str, Any]):
    """A row under its view's names, shaped when a filter or an order asks for a field."""

    def __init__(self, view: View, row: Row) -> None:
        super().__init__()
        self._view, self._row = view, row

    def __missing__(self, name: str) -> Any:
        prop = self._view.properties[name]
        value = field_of(self._row, prop.field)
        value = prop.blank if value is None or value == "" else value
        # Options are compared by their captions, or in the API by their names, which it encodes only when it sends them.
        self[name] = self._view.captions.get(str(value), value) if prop.options else value
        return self[name]

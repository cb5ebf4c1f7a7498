"""Custom fields: the subscriber's own mappings from `bc_custom_fields` (docs/mappings.md, "Custom fields")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from include.business_central.records.base import unblank
from include.errors import Rejected
from include.mappings.formulas import fields_of, render
from include.settings import CustomField, SyncSettings
from include.sync.records import Json, Ref
from include.sync.runs import Direction
from include.sync.values import text_of


def entries(settings: SyncSettings, model: str, direction: Direction) -> list[CustomField]:
    """The subscriber's entries for a model in one direction."""
    return [f for f in settings.bc_custom_fields if f.model == model and f.direction == direction.value]


def source_fields(settings: SyncSettings, model: str, direction: Direction) -> set[str]:
    """The source record's fields that the entries of a model use; they have to be read."""
    fields: set[str] = set()
    for entry in entries(settings, model, direction):
        if entry.source:
            fields.add(entry.source)
        if entry.lookup:
            fields.add(entry.lookup.source)
        if entry.formula:
            fields |= fields_of(entry.formula)
    return fields


def values(
    settings: SyncSettings, model: str, direction: Direction, source: Mapping[str, Any]
) -> Iterable[tuple[CustomField, Any]]:
    """Each entry with its value from the source record; entries without a value are left out.

    Raises Rejected, naming the entry, when the record lacks the field or a formula fails on it.
    """
    for entry in entries(settings, model, direction):
        value = _value(entry, source)
        if value is not None and value != "":
            yield entry, value


def _value(entry: CustomField, source: Mapping[str, Any]) -> Any:
    if entry.static is not None:
        return entry.static
    if entry.formula is not None:
        try:
            used = {name: source[name] for name in fields_of(entry.formula) if name in source}
            return render(entry.formula, _without_blanks(used))
        except Exception as error:  # a formula may raise whatever its values make of it
            raise Rejected(
                f"Custom field {entry.target!r}: its formula {entry.formula!r} fails on this record: {error}",
                "Correct the record, or the formula in the Variable bc_custom_fields.",
            ) from error
    field = entry.lookup.source if entry.lookup else entry.source
    if field is None or field not in source:
        raise Rejected(
            f"Custom field {entry.target!r}: the record has no field {field!r}.",
            "Correct the source in the Variable bc_custom_fields, or show the field on the page that is published.",
        )
    value = unblank(source[field])
    if entry.lookup:
        table = {str(name): item for name, item in entry.lookup.table.items()}
        return table.get(text_of(value) if value is not None else "", entry.lookup.default)
    return value


def _without_blanks(value: Any) -> Any:
    """What a formula is given: of a blank an empty text, which is false, renders as nothing and takes what texts take."""
    if isinstance(value, Mapping):
        return {name: _without_blanks(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_blanks(item) for item in value]
    return "" if (found := unblank(value)) is None else found


def to_ipaas(settings: SyncSettings, model: str, source: Mapping[str, Any]) -> list[Json] | None:
    """The `custom_fields` of an iPaaS.com record; None when there are none, so that nothing is sent."""
    fields = [
        {"custom_field_name": entry.target, "value": value if isinstance(value, Ref) else text_of(value)}
        for entry, value in values(settings, model, Direction.to_ipaas, source)
    ]
    return fields or None


def from_ipaas(settings: SyncSettings, model: str, record: Mapping[str, Any]) -> Json:
    """The properties of a Business Central record that custom fields set.

    A source is a field of the iPaaS.com record or the name of one of its custom fields.
    """
    source = dict(record)
    listed = record.get("custom_fields") or ()
    if not isinstance(listed, list | tuple) or not all(isinstance(item, Mapping) for item in listed):
        raise Rejected("custom_fields is no list of custom fields.")
    for item in listed:
        source.setdefault(str(item.get("custom_field_name")), item.get("value"))
    for entry in entries(settings, model, Direction.from_ipaas):
        # A custom field that the record does not carry has no value; only formulas must name what exists.
        field = entry.lookup.source if entry.lookup else entry.source
        if field:
            source.setdefault(field, None)
    return {entry.target: value for entry, value in values(settings, model, Direction.from_ipaas, source)}

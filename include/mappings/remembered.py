"""What a page told of a record the last time, for when that page is gone.

API v2.0 knows less than Microsoft's pages. What it does not know stays as it was last known: a record that nobody has
changed looks the same to the other side, and is not written again with less, or with something made up in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from include.business_central.records.base import unblank
from include.mappings.custom_fields import source_fields
from include.mappings.rows import DocumentRow, PagedRow
from include.sync.records import Json, Mapped, MappingContext
from include.sync.runs import Direction

RowT = TypeVar("RowT", bound=PagedRow)
# In what was read of a record, and of a line, where it does not come from its page but from API v2.0.
WITHOUT_PAGE = "without_page"
_DETAIL, _LINES, _BESIDE = "page", "page_lines", "beside"
_LINE_MODEL = "transaction line"


def remembering(
    mapping: Callable[[RowT, MappingContext], Mapped],
    only: Collection[str],
    *,
    model: str = "",
    on_lines: Collection[str] = (),
    made_up_on_lines: Collection[str] = (),
    beside: Collection[str] = (),
) -> Callable[[RowT, MappingContext], Mapped]:
    """The mapping of a record that remembers what only pages tell, and goes on from that where they are gone.

    `only` and `on_lines` are the fields of its detail and of its lines that API v2.0 does not tell, or not as the page
    does; custom fields of its `model` come on top. `made_up_on_lines` are those that only API v2.0 tells. `beside` are
    parts of the record that further pages tell, None where those are gone.
    """

    def mapped(row: RowT, context: MappingContext) -> Mapped:
        own = _own_fields(context, model)
        page = _page(row.detail, context, {*only, *own})
        rows = row.lines if on_lines and isinstance(row, DocumentRow) else ()
        lines = _page_lines(rows, context, {*on_lines, *_own_fields(context, _LINE_MODEL)})
        before: Json = context.carry.get(_BESIDE) or {}
        changed: Json = {name: before[name] for name in beside if getattr(row, name) is None and name in before}
        parts = {name: told for name in beside if (told := changed.get(name, getattr(row, name)))}
        if WITHOUT_PAGE in row.detail:
            changed["detail"] = _completed(row.detail, page, only)
        if lines and any(WITHOUT_PAGE in line for line in rows):
            known = (_without(line, made_up_on_lines, lines) for line in rows)
            changed["lines"] = [_completed(line, lines.get(str(line["Line_No"]), {}), on_lines) for line in known]
        result = mapping(replace(row, **changed) if changed else row, context)
        memory = {_DETAIL: page, _LINES: lines, _BESIDE: parts}
        return result.altered(carry={**result.carry, **{name: value for name, value in memory.items() if value}})

    return mapped


def _own_fields(context: MappingContext, model: str) -> set[str]:
    return source_fields(context.settings, model, Direction.to_ipaas) if model else set()


def _page(row: Mapping[str, Any], context: MappingContext, names: Collection[str]) -> Json:
    """What the page tells of these fields, or told the last time where it is gone."""
    if WITHOUT_PAGE in row:
        return dict(context.carry.get(_DETAIL) or {})
    return _told(row, names)


def _page_lines(rows: Iterable[Json], context: MappingContext, names: Collection[str]) -> Json:
    """The same for the lines, by their Line_No."""
    before: Json = context.carry.get(_LINES) or {}
    lines: Json = {}
    for row in rows:
        number = str(row["Line_No"])
        if WITHOUT_PAGE not in row:
            lines[number] = _told(row, names)
        elif number in before:
            lines[number] = before[number]
    return lines


def _told(row: Mapping[str, Any], names: Collection[str]) -> Json:
    return {name: row[name] for name in sorted(names) if row.get(name) and unblank(row[name]) is not None}


def _completed(row: Json, page: Mapping[str, Any], only: Collection[str]) -> Json:
    """A row with what its page told: where it is gone, that wins over what API v2.0 says instead."""
    if WITHOUT_PAGE not in row:
        return row
    return {**row, **{name: value for name, value in page.items() if name in only or unblank(row.get(name)) is None}}


def _without(row: Json, made_up: Collection[str], lines: Mapping[str, Json]) -> Json:
    """A line without what its page would not have told; a new one, of which no page has told, keeps it."""
    if WITHOUT_PAGE not in row or str(row["Line_No"]) not in lines:
        return row
    return {name: value for name, value in row.items() if name not in made_up}

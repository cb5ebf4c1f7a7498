"""Reading a set: filter, order, selection, expansion, counting, and the server's own paging."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

import simplejson

from include.sandbox.bc.addresses import key_parts, quoted, unquoted
from include.sandbox.bc.answers import Answer, Fault, Request
from include.sandbox.bc.entities import EntitySet, Shaped, no_property, selected, wire
from include.sandbox.bc.filters import Filter, FilterError, comparable, compile_filter
from include.sandbox.bc.parts import Part, parts_of
from include.sandbox.bc.schema import View, views
from include.sandbox.bc.tenant import KEYS, Row, Tenant

Place = list[Any]


def read_one(tenant: Tenant, request: Request, entities: EntitySet, row: Row) -> Answer:
    """Answer one record."""
    return Answer(200, single(tenant, request, entities, row))


def single(tenant: Tenant, request: Request, entities: EntitySet, row: Row) -> Row:
    """One record as a body, with the properties and the parts that the request asks for."""
    options = dict(parse_qsl(request.query, keep_blank_values=True))
    context = f"{request.base}/$metadata#{entities.name}/$entity"
    return {"@odata.context": context, **_shaped(tenant, entities, [row], options)[0]}


def read_list(tenant: Tenant, request: Request, entities: EntitySet) -> Answer:
    """Answer a page of a set."""
    options = dict(parse_qsl(request.query, keep_blank_values=True))
    matching, start = _ordered(tenant, entities, options)
    total = len(matching) - start
    top = int(options["$top"]) if options.get("$top", "").isdigit() else None
    size = _page_size(tenant, request)
    page = matching[start : start + (min(size, top) if top is not None else size)]
    body: Row = {"@odata.context": f"{request.base}/$metadata#{entities.name}"}
    if options.get("$count") == "true":
        body["@odata.count"] = total
    body["value"] = _shaped(tenant, entities, [row for row, _ in page], options)
    if top is None and len(page) < total:
        # What was skipped by number is behind the token already.
        kept = [f"{n}={quote(v)}" for n, v in options.items() if n not in ("$skiptoken", "$skip", "aid")]
        if tenant.switches.next_link_style == "aid":
            kept.append("aid=FIN")
        kept.append(f"$skiptoken={quote(_token(page[-1][1]))}")
        body["@odata.nextLink"] = f"{request.base}/{request.path.strip('/')}?{'&'.join(kept)}"
    headers = {}
    if "maxpagesize" in request.headers.get("prefer", ""):
        headers["Preference-Applied"] = f"odata.maxpagesize={size}"
    return Answer(200, body, headers)


def read_count(tenant: Tenant, request: Request, entities: EntitySet) -> Answer:
    """Answer how many records match, as a plain number."""
    options = dict(parse_qsl(request.query, keep_blank_values=True))
    matching, _ = _ordered(tenant, entities, {"$filter": options.get("$filter", "")})
    return Answer(200, str(len(matching)), {"Content-Type": "text/plain"})


def _shaped(tenant: Tenant, entities: EntitySet, rows: Sequence[Row], options: Mapping[str, str]) -> list[Row]:
    """Rows on the wire, with what `$select` and `$expand` name."""
    view = entities.view
    shown = selected(view, options.get("$select", ""))
    expansions = [
        (*_part(entities, name), inner) for name, inner in _expansions(options.get("$expand", "")) if name.strip()
    ]
    records = [wire(view, row, shown) for row in rows]
    for record, row in zip(records, rows, strict=True):
        for name, part, inner in expansions:
            record[name] = _expanded(tenant, name, part, row, inner)
    return records


def _part(entities: EntitySet, word: str) -> tuple[str, Part]:
    parts = parts_of(entities.view, entities.name)
    name = next((name for name in parts if name.casefold() == word.strip().casefold()), None)
    if name is None:
        raise no_property(entities.view, word)
    return name, parts[name]


def _expanded(tenant: Tenant, name: str, part: Part, row: Row, options: Mapping[str, str]) -> Any:
    view = views()[part.view]
    inner = EntitySet(name=view.name if view.api else name, view=view, rows=part.rows(tenant, row))
    matching, start = _ordered(tenant, inner, options)
    found = [each for each, _ in matching[start:]]
    if options.get("$top", "").isdigit():
        found = found[: int(options["$top"])]
    records = _shaped(tenant, inner, found, options)
    if part.one:
        return records[0] if records else None
    return records


def _expansions(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The names in `$expand` with the options in their parentheses."""
    for item in _outside(text, ","):
        name, _, inner = item.partition("(")
        pairs = (option.partition("=") for option in _outside(inner.removesuffix(")"), ";") if option.strip())
        yield name, {key.strip(): value for key, _, value in pairs}


def _outside(text: str, separator: str) -> list[str]:
    """A text split at a separator that stands outside parentheses."""
    found, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == separator and not depth:
            found.append("")
        else:
            found[-1] += char
    return found


def _spelled(view: View, word: str) -> str:
    found = next((name for name in view.properties if name.casefold() == word.casefold()), None)
    if found is None:
        raise FilterError(no_property(view, word).message)
    return found


def _asked(tenant: Tenant, entities: EntitySet, text: str) -> Filter | None:
    if not text:
        return None
    try:
        return compile_filter(
            text,
            lambda word: _spelled(entities.view, word),
            meant=entities.view.meant,
            null_is_blank=tenant.switches.null_filters_blank,
        )
    except FilterError as error:
        raise Fault(400, "BadRequest", str(error)) from None


def _matching(tenant: Tenant, entities: EntitySet, asked: Filter | None) -> list[tuple[Row, Shaped]]:
    rows = entities.rows if asked is None else _candidates(tenant, entities, asked)
    shaped = ((row, Shaped(entities.view, row)) for row in rows)
    return [(row, shape) for row, shape in shaped if asked is None or asked.test(shape)]


def _candidates(tenant: Tenant, entities: EntitySet, asked: Filter) -> Iterable[Row]:
    """The rows that may match: of a whole set not all of them, where it is asked for some keys, or for a range of them."""
    if not entities.whole:
        return entities.rows
    view = entities.view
    for name, texts in asked.named.items():
        known = view.properties[name].field
        if (known in ("systemid", "Id") or KEYS.get(view.table) == (known,)) and all(map(str.isascii, texts)):
            assert entities.lookup
            return [row for text in texts if (row := entities.lookup({known: text})) is not None]
    first = _own_order(view)[0]
    if first in {**asked.least, **asked.most} and view.properties[first].type == "Edm.String":
        everything = _kept(tenant, entities, {}, lambda: _sorted(tenant, entities, {}))
        low, high = asked.least.get(first), asked.most.get(first)
        start = 0 if low is None else bisect_left(everything, low, key=_first)
        end = len(everything) if high is None else bisect_right(everything, high, key=_first)
        return [row for row, _ in everything[start:end]]
    return entities.rows


def _first(item: tuple[Row, Place]) -> Any:
    return item[1][0]


def _ordered(tenant: Tenant, entities: EntitySet, options: Mapping[str, str]) -> tuple[list[tuple[Row, Place]], int]:
    """The matching rows with their places, in order, and how many of them `$skip` or `$skiptoken` leave behind."""
    placed = _kept(tenant, entities, options, lambda: _sorted(tenant, entities, options))
    if token := options.get("$skiptoken"):
        after, directions = _place(token), [falling for _, falling in _order(entities.view, options)]
        return placed, bisect_left(placed, True, key=lambda item: _after(item[1], after, directions))
    skip = options.get("$skip", "")
    return placed, min(int(skip), len(placed)) if skip.isdigit() else 0


def _kept(
    tenant: Tenant,
    entities: EntitySet,
    options: Mapping[str, str],
    make: Callable[[], list[tuple[Row, Place]]],
) -> list[tuple[Row, Place]]:
    """A whole set as it is asked for, put in order once for all its pages."""
    if not entities.whole:
        return make()
    view, table = entities.view, tenant.rows(entities.view.table)
    served = (view.key, tuple(view.properties), tuple(view.captions.items()), repr(tenant.switches))
    return tenant.kept.get((*served, id(table), len(table), options.get("$filter"), options.get("$orderby")), make)


def _sorted(tenant: Tenant, entities: EntitySet, options: Mapping[str, str]) -> list[tuple[Row, Place]]:
    order = _order(entities.view, options)
    rows = _matching(tenant, entities, _asked(tenant, entities, options.get("$filter", "")))
    placed = [(row, [comparable(shape[name]) for name, _ in order]) for row, shape in rows]
    for place, (_, falling) in reversed(list(enumerate(order))):
        placed.sort(key=_value_at(place), reverse=falling)
    return placed


def _order(view: View, options: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The properties that a set is ordered by, each with whether its values fall."""
    parts = [part.split() for part in options.get("$orderby", "").split(",") if part.strip()]
    try:
        order = [(_spelled(view, words[0]), words[-1].lower() == "desc") for words in parts]
    except FilterError as error:
        raise Fault(400, "BadRequest", str(error)) from None
    return order + [(key, False) for key in _own_order(view) if key in view.properties]


def _own_order(view: View) -> tuple[str, ...]:
    """By what a set is ordered when nobody asks: the lines of documents and journals count, whatever their ids."""
    if view.api and "sequence" in view.properties:
        return ("documentId", "sequence", *view.keys)
    if view.api and "lineNumber" in view.properties:
        return ("journalId", "lineNumber", *view.keys)
    return view.keys


def _value_at(place: int) -> Callable[[tuple[Row, list[Any]]], Any]:
    return lambda item: item[1][place]


def _token(place: list[Any]) -> str:
    """The place of a row as a token: its values joined by commas, texts in quotes."""
    return ",".join(simplejson.dumps(v, use_decimal=True) if not isinstance(v, str) else quoted(v) for v in place)


def _place(token: str) -> list[Any]:
    return [unquoted(v) if v.startswith("'") else simplejson.loads(v, use_decimal=True) for v in key_parts(token)]


def _after(place: list[Any], after: list[Any], falling: list[bool]) -> bool:
    for mine, theirs, down in zip(place, after, falling, strict=True):
        if mine != theirs:
            return bool(mine < theirs) if down else bool(mine > theirs)
    return False


def _page_size(tenant: Tenant, request: Request) -> int:
    found = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
    largest = tenant.switches.max_page_size
    return min(int(found[1]), largest) if found else largest

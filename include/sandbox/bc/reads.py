"""Reading a set: `$filter`, `$orderby`, `$select`, `$top`, `$count`, and the server's own paging (facts §4.2)."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import parse_qsl, quote

import simplejson

from include.sandbox.bc.answers import Answer, Fault, Request
from include.sandbox.bc.entities import EntitySet, Shaped, no_property, selected, wire
from include.sandbox.bc.filters import FilterError, comparable, compile_filter
from include.sandbox.bc.schema import View
from include.sandbox.bc.tenant import Row, Tenant


def read_one(request: Request, entities: EntitySet, row: Row) -> Answer:
    """Answer one record."""
    shown = selected(entities.view, dict(parse_qsl(request.query)).get("$select", ""))
    context = f"{request.base}/$metadata#{entities.name}/$entity"
    return Answer(200, {"@odata.context": context, **wire(entities.view, row, shown)})


def read_list(tenant: Tenant, request: Request, entities: EntitySet) -> Answer:
    """Answer a page of a set."""
    options = dict(parse_qsl(request.query, keep_blank_values=True))
    view = entities.view
    matching = _ordered(view, _matching(entities, options.get("$filter", "")), options)
    shown = selected(view, options.get("$select", ""))
    total = len(matching)
    top = int(options["$top"]) if options.get("$top", "").isdigit() else None
    size = _page_size(tenant, request)
    page = matching[: min(size, top) if top is not None else size]
    body: Row = {"@odata.context": f"{request.base}/$metadata#{entities.name}"}
    if options.get("$count") == "true":
        body["@odata.count"] = total
    body["value"] = [wire(view, row, shown) for row, _ in page]
    if top is None and len(page) < total:
        last = simplejson.dumps(page[-1][1], use_decimal=True)
        token = base64.urlsafe_b64encode(last.encode()).decode()
        kept = "&".join(f"{n}={quote(v)}" for n, v in options.items() if n != "$skiptoken")
        address = f"{request.base}/{request.path.strip('/')}"
        body["@odata.nextLink"] = f"{address}?{kept}{'&' if kept else ''}$skiptoken={quote(token)}"
    headers = {}
    if "maxpagesize" in request.headers.get("prefer", ""):
        headers["Preference-Applied"] = f"odata.maxpagesize={size}"
    return Answer(200, body, headers)


def _spelled(view: View, word: str) -> str:
    found = next((name for name in view.properties if name.casefold() == word.casefold()), None)
    if found is None:
        raise FilterError(no_property(view, word).message)
    return found


def _matching(entities: EntitySet, text: str) -> list[tuple[Row, Shaped]]:
    shaped = ((row, Shaped(entities.view, row)) for row in entities.rows)
    if not text:
        return list(shaped)
    try:
        test = compile_filter(text, lambda word: _spelled(entities.view, word))
    except FilterError as error:
        raise Fault(400, "BadRequest", str(error)) from None
    return [(row, shape) for row, shape in shaped if test(shape)]


def _ordered(view: View, rows: list[tuple[Row, Shaped]], options: dict[str, str]) -> list[tuple[Row, list[Any]]]:
    """The rows with their places, in order, after the place that `$skiptoken` names."""
    try:
        order = [_spelled(view, part.split()[0]) for part in options.get("$orderby", "").split(",") if part.strip()]
    except FilterError as error:
        raise Fault(400, "BadRequest", str(error)) from None
    names = [*order, *(k for k in view.keys if k in view.properties)]
    placed = [(row, [comparable(shape[name]) for name in names]) for row, shape in rows]
    placed.sort(key=lambda item: item[1])
    if token := options.get("$skiptoken"):
        after = simplejson.loads(base64.urlsafe_b64decode(token), use_decimal=True)
        placed = [item for item in placed if _after(item[1], after)]
    return placed


def _after(place: list[Any], after: list[Any]) -> bool:
    for mine, theirs in zip(place, after, strict=True):
        if mine != theirs:
            return bool(mine > theirs)
    return False


def _page_size(tenant: Tenant, request: Request) -> int:
    found = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
    largest = tenant.switches.max_page_size
    return min(int(found[1]), largest) if found else largest

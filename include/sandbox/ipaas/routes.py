"""iPaaS.com over HTTP: single sign-on, subscriptions and the three data families."""

from __future__ import annotations

import asyncio
import http
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import simplejson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from include.sandbox import credentials
from include.sandbox.ipaas.openapi import FAMILIES, document, inventory_paths
from include.sandbox.ipaas.platform import Platform, Record
from include.sandbox.ipaas.rules import Refused
from include.sandbox.ipaas.subscriptions import INTEGRATIONS
from include.sandbox.ipaas.types import TYPES, RecordType

_HELP = "https://support.ipaas.com/en/articles/15506870"


def routes(platform: Platform, delay: Callable[[], float]) -> list[Route]:
    """The routes of every family. `delay` is the seconds that each request takes."""
    starts: deque[float] = deque()

    def endpoint(answer: Callable[[Request, Any], Any], *, token: bool = True) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            if delay():
                await asyncio.sleep(delay())
            raw = await request.body()
            try:
                if token:
                    _authorize(platform, request)
                _pace(platform, starts)
                body = simplejson.loads(raw, use_decimal=True) if raw else None
                return _respond(answer(request, body))
            except ValueError:
                return _refusal(Refused("VALD-1042", "The request cannot be deserialized."))
            except Refused as refused:
                return _refusal(refused)
            except _Nothing:
                return Response(status_code=404)

        return handle

    found = [
        Route("/sso/v2/Auth/Login", endpoint(_login(platform), token=False), methods=["POST"]),
        Route("/sso/v2/User/{id}/Companies", endpoint(_companies, token=False)),
        Route("/sso/v2/User/ChangeCompany/{id}", endpoint(_change_company(platform), token=False)),
        Route("/subscriptions/v2/Subscriptions", endpoint(_subscriptions(platform))),
        Route("/subscriptions/v2/Subscription/{id}", endpoint(_subscription(platform))),
        Route("/subscriptions/v2/Integration/{id}", endpoint(_integration)),
    ]
    for family in FAMILIES:
        found.append(Route(f"/{family}/swagger/v2/swagger.json", _document(platform, family)))
        external = f"/{family}/v2/External"
        found += [
            Route(external + "/LookupExternal/{id}/{system}/{table}", endpoint(_lookup_external(platform))),
            Route(
                external + "/LookupSpaceport/{system}/{table}/{external:path}", endpoint(_lookup_spaceport(platform))
            ),
            Route(external + "/LookupSpecial", endpoint(_lookup_special(platform)), methods=["POST"]),
            Route(external + "/UpdateExternalId", endpoint(_update_external(platform)), methods=["POST"]),
            Route(external + "/Missing/{system}/{table}", endpoint(_missing(platform))),
        ]
    found += _catalog_inventory(platform, endpoint)
    found.append(
        Route("/products/v2/Catalog/ProductCategory/{pair}", endpoint(_unassign(platform)), methods=["DELETE"])
    )
    # Longer paths first: `v2/Customer/Company` is no customer called Company.
    for kind in sorted(TYPES.values(), key=lambda t: -len(t.path)):
        path = f"/{kind.family}/{kind.path}"
        if kind.search:
            found.append(Route(f"/{kind.family}/{kind.search}", endpoint(_search(platform, kind))))
        create, one = _create(platform, kind), _one(platform, kind)
        if kind.name == "product inventory":
            create, one = _only(platform, kind.path, create), _only(platform, kind.path, one)
        found.append(Route(path, endpoint(create), methods=["POST"]))
        found.append(Route(path + "/{id}", endpoint(one), methods=["GET", "PUT"] if kind.updates else ["GET"]))
    return found


def _authorize(platform: Platform, request: Request) -> None:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not token:
        raise Refused("AUTH-1001", "The bearer token is missing or invalid.", 401)
    if not platform.knows(token):
        raise Refused("AUTH-1002", "The access token is invalid, log in again.", 401)
    reads = request.method == "GET" or request.url.path.endswith("LookupSpecial")
    if not platform.switches.ipaas_write_permission and not reads:
        raise Refused("AUTZ-1002", "The user does not have permission to perform this action.", 403)


def _pace(platform: Platform, starts: deque[float]) -> None:
    limit = platform.switches.ipaas_limit_per_minute
    now = time.monotonic()
    while starts and starts[0] < now - 60:
        starts.popleft()
    if limit is not None and len(starts) >= limit:
        raise Refused("", "Too many requests.", 429)
    starts.append(now)


def _respond(result: Any) -> Response:
    content, headers = result if isinstance(result, tuple) else (result, {})
    text = simplejson.dumps(content, use_decimal=True, ensure_ascii=False)
    return Response(text.encode(), 200, headers, media_type="application/json")


def _refusal(refused: Refused) -> Response:
    body = {"code": refused.code, "message": refused.text, "help": _HELP}
    headers = {"x-reason": http.HTTPStatus(refused.status).phrase}
    return Response(simplejson.dumps(body).encode(), refused.status, headers, media_type="application/json")


def _login(platform: Platform) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        if not isinstance(body, dict) or not body.get("email_address"):
            raise Refused("VALD-1025", "email_address and password are required.")
        token = platform.login(str(body["email_address"]), str(body.get("password")))
        return _session(token, datetime.now(UTC).replace(year=2100))

    return answer


def _session(token: str, ends: datetime) -> Any:
    return {
        "id": 1,
        "name": "Sync",
        "email_address": credentials.IPAAS_EMAIL,
        "access_token": token,
        "access_token_expiration": ends.isoformat(),
        "refresh_token": "refresh",
    }


def _companies(request: Request, body: Any) -> Any:
    return [{"id": credentials.IPAAS_COMPANY_ID, "name": "Sandbox", "designation_id": 1}]


def _change_company(platform: Platform) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in platform.user_tokens:
            raise Refused("AUTH-1001", "The bearer token is missing or invalid.", 401)
        return _session(*platform.company_token(request.path_params["id"]))

    return answer


def _subscriptions(platform: Platform) -> Callable[[Request, Any], Any]:
    return lambda request, body: [one.listed(number) for number, one in platform.subscriptions.items()]


def _subscription(platform: Platform) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        identifier = _number(request.path_params["id"])
        if identifier not in platform.subscriptions:
            raise Refused("NFND-1005", f"The subscription {identifier} was not found.", 404)
        return platform.subscriptions[identifier].shown(identifier)

    return answer


def _integration(request: Request, body: Any) -> Any:
    identifier = _number(request.path_params["id"])
    if identifier not in INTEGRATIONS:
        raise Refused("NFND-1005", f"The integration {identifier} was not found.", 404)
    return {"id": identifier, "name": INTEGRATIONS[identifier], "api_version": "v2", "versions": []}


def _number(text: Any) -> int:
    if not str(text).isdigit():
        raise Refused("VALD-1004", f"The id {text!r} must be an integer.")
    return int(text)


def _found(value: Any) -> Any:
    if value is None:
        raise Refused("NFND-1005", "Not linked.", 404)
    return str(value)


def _lookup_external(platform: Platform) -> Callable[[Request, Any], Any]:
    return lambda request, body: _found(
        platform.external_id(
            request.path_params["table"], _number(request.path_params["system"]), _number(request.path_params["id"])
        )
    )


def _lookup_spaceport(platform: Platform) -> Callable[[Request, Any], Any]:
    return lambda request, body: _lookup(
        platform, request.path_params["table"], request.path_params["system"], request.path_params["external"]
    )


def _lookup_special(platform: Platform) -> Callable[[Request, Any], Any]:
    return lambda request, body: _lookup(platform, body["table_name"], body["system_id"], body["external_id"])


def _lookup(platform: Platform, table: str, system: Any, external: str) -> Any:
    internal = _found(platform.internal_id(table, _number(system), external))
    held = platform.external_id(table, _number(system), int(internal))
    return f"DELETED:{internal}" if held and held.startswith("DELETED:") else internal


def _update_external(platform: Platform) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        for name in ("table_name", "system_id", "external_id", "internal_id"):
            if not isinstance(body, dict) or body.get(name) in (None, ""):
                raise Refused("VALD-1001", f"{name} is required.")
        platform.link(
            body["table_name"], _number(body["system_id"]), _number(body["internal_id"]), str(body["external_id"])
        )
        return body

    return answer


def _missing(platform: Platform) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        found = platform.missing(request.path_params["table"], _number(request.path_params["system"]))
        ids = [platform.shown_id(i) for i in found]
        match platform.switches.missing:
            case "pages":
                return _paged(platform, request, ids, lambda i: i)
            case "object":
                return {"records": ids}
            case "empty":
                return {}
            case "absent":
                raise _Nothing
        return ids

    return answer


def _paged(platform: Platform, request: Request, rows: Sequence[Any], show: Callable[[Any], Any]) -> Any:
    """One page of a list, and the header that says which."""
    size = platform.switches.ipaas_page_size
    pages = max(1, -(-len(rows) // size))
    number = int(request.query_params.get("pageNumber", 1))
    page = rows[(number - 1) * size : number * size]
    place = {"current_Page": number, "total_Pages": pages, "total_Count": len(rows)}
    return [show(row) for row in page], {"X-Pagination": simplejson.dumps(place)}


class _Newest(Sequence[int]):
    """A list from its end, without a copy: a page costs what it holds."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        return self._ids[-1 - place]


def _search(platform: Platform, kind: RecordType) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        asked = request.query_params
        ids = platform.found(
            kind, {field: asked[param] for param, field in kind.search_fields.items() if param in asked}
        )
        records = platform.records[kind.name]
        return _paged(platform, request, _Newest(ids), lambda found: _row(platform, kind, records[found]))

    return answer


def _row(platform: Platform, kind: RecordType, record: Record) -> Record:
    if platform.switches.list_rows == "full":
        return platform.shown(kind.name, record)
    names = ("name", "transaction_number", "email_address", "type")
    return {
        "id": platform.shown_id(record["id"]),
        "type": str(record.get("type") or kind.name),
        "name": str(next((record[name] for name in names if record.get(name)), "")),
        "description": record.get("description"),
        "value": record.get("sku"),
        "attached_items_count": 0,
    }


class _Nothing(Exception):
    """Nothing of the platform is at this address."""


def _only(platform: Platform, path: str, answer: Callable[[Request, Any], Any]) -> Callable[[Request, Any], Any]:
    """Answers while stock is at this path."""

    def checked(request: Request, body: Any) -> Any:
        if path not in inventory_paths(platform.switches):
            raise _Nothing
        return answer(request, body)

    return checked


def _catalog_inventory(platform: Platform, endpoint: Callable[..., Callable[[Request], Any]]) -> list[Route]:
    """Stock at paths of its own: made below a product that the query names."""
    kind = TYPES["product inventory"]
    path = "v2/Catalog/Inventory"

    def create(request: Request, body: Any) -> Any:
        parent = _number(request.query_params.get("id"))
        return _create(platform, kind)(request, {**body, "parent_id": parent})

    def change(request: Request, body: Any) -> Any:
        return _one(platform, kind)(request, body, full=True)

    def listed(request: Request, body: Any) -> Any:
        record = platform.find("product", _number(request.query_params.get("id")))
        rows = [platform.shown(kind.name, row) for row in record.get("inventory", ())]
        return _paged(platform, request, rows, lambda row: row)

    return [
        Route(f"/products/{path}", endpoint(_only(platform, path, create)), methods=["POST"]),
        Route(f"/products/{path}/{{id}}", endpoint(_only(platform, path, change)), methods=["GET", "PUT"]),
        Route("/products/v2/Catalog/Inventories", endpoint(_only(platform, path, listed))),
    ]


def _unassign(platform: Platform) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        product, _, category = request.path_params["pair"].partition("|")
        if platform.switches.category_set == "whole":
            raise _Nothing
        platform.unassign(_number(product), _number(category))
        return None

    return answer


def _document(platform: Platform, family: str) -> Callable[[Request], Any]:
    """The family's document, for anybody."""

    async def handle(request: Request) -> Response:
        if not platform.switches.openapi:
            return Response(status_code=404)
        content = simplejson.dumps(document(family, platform.switches))
        return Response(content, media_type="application/json")

    return handle


def _create(platform: Platform, kind: RecordType) -> Callable[[Request, Any], Any]:
    def answer(request: Request, body: Any) -> Any:
        record = platform.add(kind.name, body)
        platform.made.add(record["id"])
        return platform.shown(kind.name, record)

    return answer


def _one(platform: Platform, kind: RecordType) -> Callable[..., Any]:
    def answer(request: Request, body: Any, *, full: bool = False) -> Any:
        identifier = _number(request.path_params["id"])
        if request.method == "PUT":
            if full and isinstance(body, dict):
                body = {"parent_id": platform.find(kind.name, identifier)["parent_id"], **body}
            return platform.shown(kind.name, platform.edit(kind.name, identifier, body))
        return platform.shown(kind.name, platform.find(kind.name, identifier))

    return answer

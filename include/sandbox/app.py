"""The ASGI application: both systems and the authority, with counters, latency, faults, and the control routes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import simplejson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.sandbox import entra
from include.sandbox.bc import routes as bc_routes
from include.sandbox.bc.notices import Astray, Notices
from include.sandbox.bc.service import Service
from include.sandbox.bc.tenant import Tenant
from include.sandbox.check import check
from include.sandbox.faults import Fault, Faults
from include.sandbox.ipaas import hooks as ipaas_hooks
from include.sandbox.ipaas import routes as ipaas_routes
from include.sandbox.ipaas.platform import Platform
from include.sandbox.spoils import Refusal, Spoil, refused, spoilt, with_parts_refused
from include.sandbox.switches import Switches

Handler = Callable[[Request], Awaitable[Response]]

_FAMILIES = ("sso", "subscriptions", "customers", "products", "transactions", "hookapi")


@dataclass
class Counters:
    """What was asked of each system: calls by `system METHOD`, writes, and the most calls in flight at once."""

    calls: Counter[str] = field(default_factory=Counter)
    paths: list[tuple[str, str, str]] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    high_water: Counter[str] = field(default_factory=Counter)

    def reset(self) -> None:
        """Begin anew."""
        self.calls.clear()
        self.paths.clear()
        self.high_water.clear()

    def of(self, system: str, *methods: str) -> int:
        """Calls of a system, of all or of some methods."""
        return sum(
            n
            for name, n in self.calls.items()
            if name.split()[0] == system and (not methods or name.split()[1] in methods)
        )


def is_write(system: str, method: str, path: str) -> bool:
    """Whether a call changes data: logins, look-ups and batches of reads do not."""
    if method in ("PUT", "PATCH", "DELETE"):
        return True
    return method == "POST" and not any(word in path for word in ("/Auth/", "/LookupSpecial", "/token", "/$batch"))


def system_of(path: str) -> str:
    """Which system a path belongs to."""
    first = path.strip("/").split("/")[0]
    if first == "v2.0":
        return "business_central"
    if first in _FAMILIES:
        return "ipaas"
    return "control" if first == "_sandbox" else "entra"


class Shell:
    """Counts, delays and disturbs what passes through."""

    def __init__(
        self,
        app: ASGIApp,
        counters: Counters,
        faults: Faults,
        clocks: Mapping[str, Callable[[], datetime]],
        spoils: list[Spoil],
        refusals: list[Refusal],
    ) -> None:
        self._app, self._counters, self._faults = app, counters, faults
        self._clocks, self._spoils, self._refusals = clocks, spoils, refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = unquote(scope["path"]), scope["method"]
        system = system_of(path)
        if system == "control":
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        counters = self._counters
        counters.calls[f"{system} {method}"] += 1
        query = unquote(scope["query_string"].decode())
        counters.paths.append((system, method, f"{path}?{query}" if query else path))
        counters.in_flight[system] += 1
        counters.high_water[system] = max(counters.high_water[system], counters.in_flight[system])
        if system in self._clocks:
            send = _dated(send, self._clocks[system])
        fault = self._faults.meet(system, method, path, body)
        if self._refusals and not is_write(system, method, path):
            refusal = refused(self._refusals, system, f"{path}?{query}", body)
            fault = Fault(status=refusal[0], body=refusal[1].decode(), headers=_AS_JSON) if refusal else fault
        try:
            await self._serve(scope, body, send, fault)
        finally:
            counters.in_flight[system] -= 1

    async def _serve(self, scope: Scope, body: bytes, send: Send, fault: Fault | None) -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        if fault is None:
            await self._app(
                scope, receive, self._spoiling(scope, body, send) if self._spoils or self._refusals else send
            )
            return
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.cut:
            raise ConnectionResetError("cut by a fault")
        if fault.status is not None:
            if fault.after:
                await self._app(scope, receive, _swallow)
            answer = Response(fault.body, fault.status, fault.headers)
            await answer(scope, receive, send)
            return
        if fault.lost:
            await self._app(scope, receive, _swallow)
            raise ConnectionResetError("the answer is lost by a fault")
        await self._app(scope, receive, _truncating(send, fault.truncate) if fault.truncate is not None else send)

    def _spoiling(self, scope: Scope, asked: bytes, send: Send) -> Send:
        """Sends the answer with what there is to spoil in it."""
        path = unquote(scope["path"])
        system = system_of(path)
        start: list[Message] = []
        parts: list[bytes] = []

        async def spoiling(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = with_parts_refused(self._refusals, path, asked, b"".join(parts))
            body = spoilt(self._spoils, system, scope["method"], path, body)
            headers = [(n, v) for n, v in start[0]["headers"] if n != b"content-length"]
            await send({**start[0], "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        return spoiling


_AS_JSON = {"Content-Type": "application/json"}


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _swallow(message: Message) -> None:
    """Take an answer that nobody gets."""


def _dated(send: Send, clock: Callable[[], datetime]) -> Send:
    """Answers carry the time of the system's own clock, as behind a gateway."""

    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start" and not any(n.lower() == b"date" for n, _ in message["headers"]):
            date = format_datetime(clock(), usegmt=True).encode()
            message = {**message, "headers": [*message["headers"], (b"date", date)]}
        await send(message)

    return dated


def _truncating(send: Send, length: int) -> Send:
    async def cut(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(n, v) for n, v in message["headers"] if n != b"content-length"]
            message = {**message, "headers": [*headers, (b"content-length", str(length).encode())]}
        elif message["type"] == "http.response.body":
            message = {**message, "body": message.get("body", b"")[:length]}
        await send(message)

    return cut


@dataclass
class World:
    """Everything that the sandbox serves."""

    switches: Switches
    tenant: Tenant
    platform: Platform
    directory: entra.Directory
    counters: Counters = field(default_factory=Counters)
    faults: Faults = field(default_factory=Faults)
    spoils: list[Spoil] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    hooks: ipaas_hooks.Hooks = field(init=False)
    notices: Notices = field(init=False)

    def __post_init__(self) -> None:
        self.hooks = ipaas_hooks.Hooks(self.platform)
        self.notices = Notices(self.tenant)


def build_app(world: World) -> ASGIApp:
    """The application that serves a world."""

    def base(request: Request) -> str:
        return f"{request.url.scheme}://{request.url.netloc}"

    service = Service(world.tenant, world.notices)
    routes = [
        *_control(world),
        *bc_routes.routes(service, world.directory, base, lambda: world.latency.get("business_central", 0.0)),
        *ipaas_hooks.routes(world.hooks),
        *ipaas_routes.routes(world.platform, lambda: world.latency.get("ipaas", 0.0)),
        *entra.routes(world.directory, base),
    ]
    clocks = {"business_central": world.tenant.gateway_now, "ipaas": world.platform.now}
    return Shell(Starlette(routes=routes), world.counters, world.faults, clocks, world.spoils, world.refusals)


def _control(world: World) -> list[Route]:
    async def counters(request: Request) -> Response:
        if request.method == "DELETE":
            world.counters.reset()
        shown = {
            "calls": dict(world.counters.calls),
            "high_water": dict(world.counters.high_water),
            "writes": sum(1 for p in world.counters.paths if is_write(*p)),
        }
        return JSONResponse(shown)

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            world.faults.clear()
        elif request.method == "POST":
            world.faults.add(Fault(**await request.json()))
        return JSONResponse([asdict(rule) for rule in world.faults.rules])

    async def switches(request: Request) -> Response:
        if request.method == "POST":
            given = await request.json()
            if unknown := set(given) - {f.name for f in fields(world.switches)}:
                raise ValueError(f"There is no switch {', '.join(sorted(unknown))}. There are {_names(Switches)}.")
            for name, value in given.items():
                setattr(world.switches, name, value)
        return JSONResponse(asdict(world.switches))

    async def latency(request: Request) -> Response:
        if request.method == "POST":
            world.latency.update(await request.json())
        return JSONResponse(world.latency)

    async def hooks(request: Request) -> Response:
        if request.method == "DELETE":
            world.hooks.close()
        elif request.method == "POST":
            world.hooks.deliver_to(**await request.json())
        return JSONResponse(world.hooks.state())

    async def notices(request: Request) -> Response:
        if request.method == "DELETE":
            world.notices.subscriptions.clear()
        elif request.method == "POST":
            world.notices.astray = Astray(**await request.json())
            world.notices.start()
        return JSONResponse(world.notices.state())

    async def verdict(request: Request) -> Response:
        found: dict[str, Any] = check(world.tenant, world.platform).as_json()
        return Response(simplejson.dumps(found, use_decimal=True), media_type="application/json")

    async def services(request: Request) -> Response:
        if request.method == "POST":
            for name, page in (await request.json()).items():
                if page is None:
                    world.tenant.unpublish(name)
                else:
                    world.tenant.publish(page, name)
        return JSONResponse(world.tenant.published)

    controls: dict[str, tuple[Handler, str]] = {
        "check": (verdict, "Both sides compared, record by record"),
        "counters": (counters, "Calls by system and method, the most in flight at once, writes; DELETE begins anew"),
        "faults": (faults, f"POST puts one in force, of {_names(Fault)}; DELETE lifts them all"),
        "hooks": (hooks, "POST url and api_key: where every change in iPaaS.com is announced; DELETE stops that"),
        "latency": (latency, "POST seconds by system (business_central, ipaas)"),
        "notices": (
            notices,
            f"Business Central's subscriptions; POST how notifications go astray, of {_names(Astray)}, which begins to send them; DELETE ends all subscriptions",
        ),
        "services": (services, "POST published names with what is published under them; null takes one back"),
        "switches": (switches, "POST values by name, for every behaviour that is uncertain"),
    }

    async def index(request: Request) -> Response:
        return JSONResponse({f"/_sandbox/{name}": meaning for name, (_, meaning) in controls.items()})

    return [
        Route("/_sandbox", index),
        *(
            Route(f"/_sandbox/{name}", _explaining(handler), methods=["GET", "POST", "DELETE"])
            for name, (handler, _) in controls.items()
        ),
    ]


def _names(of: type) -> str:
    return ", ".join(f.name for f in fields(of))


def _explaining(handler: Handler) -> Handler:
    """The same, with 400 and the reason for a body that it cannot use."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)

    return handle

"""The ASGI application: both systems and the authority, with counters, latency, faults, and the control routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.sandbox import control, entra
from include.sandbox.bc import routes as bc_routes
from include.sandbox.bc.service import Service
from include.sandbox.faults import Fault, Faults
from include.sandbox.ipaas import hooks as ipaas_hooks
from include.sandbox.ipaas import routes as ipaas_routes
from include.sandbox.spoils import Refusal, Spoil, refused, spoilt, with_parts_refused
from include.sandbox.state import Counters, World, is_write, system_of


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


def build_app(world: World) -> ASGIApp:
    """The application that serves a world."""

    def base(request: Request) -> str:
        return f"{request.url.scheme}://{request.url.netloc}"

    service = Service(world.tenant, world.notices)
    routes = [
        *control.routes(world),
        *bc_routes.routes(service, world.directory, base, lambda: world.latency.get("business_central", 0.0)),
        *ipaas_hooks.routes(world.hooks),
        *ipaas_routes.routes(world.platform, lambda: world.latency.get("ipaas", 0.0)),
        *entra.routes(world.directory, base),
    ]
    clocks = {"business_central": world.tenant.gateway_now, "ipaas": world.platform.now}
    return Shell(Starlette(routes=routes), world.counters, world.faults, clocks, world.spoils, world.refusals)

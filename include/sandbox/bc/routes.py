"""Business Central's routes: authorization, the limits of one application, then the service."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable
from functools import cached_property
from urllib.parse import unquote

import simplejson
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from include.sandbox.bc.answers import Answer, Fault, Request
from include.sandbox.bc.service import Service
from include.sandbox.credentials import ENVIRONMENT, TENANT_ID
from include.sandbox.entra import Directory

_RUNNING, _CONNECTIONS, _PER_WINDOW, _WINDOW = 5, 100, 6_000, 300.0

# The gateway before the service speaks no JSON.
_NO_ENVIRONMENT = (
    '<?xml version="1.0" encoding="utf-8"?><error xmlns="http://docs.oasis-open.org/odata/ns/metadata">'
    "<code>NoEnvironment</code><message>Environment does not exist.</message></error>"
)


class Limits:
    """5 requests run, 95 wait, 6,000 may start in five minutes (docs/business_central.md, "Limits and throttling")."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(_RUNNING)
        self.connections = 0
        self.starts: deque[float] = deque()

    def turned_away(self) -> str | None:
        """Why a request is refused, or None."""
        now = time.monotonic()
        while self.starts and self.starts[0] < now - _WINDOW:
            self.starts.popleft()
        if self.connections >= _CONNECTIONS:
            return f"Too many requests reached. Actual ({self.connections + 1}). Maximum ({_CONNECTIONS})."
        if len(self.starts) >= _PER_WINDOW:
            return f"Too many requests reached. Actual ({len(self.starts) + 1}). Maximum ({_PER_WINDOW})."
        self.starts.append(now)
        return None


class Gateway:
    """What a call passes before the service has it: who asks, for what, and how much at once.

    `delay` is the seconds that each request takes.
    """

    def __init__(
        self, service: Service, directory: Directory, base: Callable[[HttpRequest], str], delay: Callable[[], float]
    ) -> None:
        self._service, self._directory, self._base, self._delay = service, directory, base, delay
        self._switches = service.tenant.switches

    @cached_property
    def _limits(self) -> Limits:
        return Limits()  # made inside the running loop

    async def answer(self, http: HttpRequest) -> Response:
        """Serve one call, or turn it away."""
        refused = self._refused(http) or (self._too_many() if self._switches.bc_limits else None)
        if refused:
            return respond(refused)
        limits = self._limits
        limits.connections += 1
        try:
            if not self._switches.bc_limits:
                return await self._served(http)
            async with limits.slots:
                return await self._served(http)
        finally:
            limits.connections -= 1

    async def _served(self, http: HttpRequest) -> Response:
        if self._delay():
            await asyncio.sleep(self._delay())
        raw = await http.body()
        try:
            body = simplejson.loads(raw, use_decimal=True) if raw else None
        except ValueError:
            return respond(Fault(400, "BadRequest", "Invalid Request Body").answer())
        tenant, environment = http.path_params["tenant"], http.path_params["environment"]
        path = http.scope["raw_path"].decode().partition(f"/{environment}/")[2]
        request = Request(
            method=http.method,
            path=unquote(path),
            query=http.scope["query_string"].decode(),
            headers={k.lower(): v for k, v in http.headers.items()},
            body=body,
            base=f"{self._base(http)}/v2.0/{tenant}/{environment}",
        )
        return respond(self._service.handle(request))

    def _refused(self, http: HttpRequest) -> Answer | None:
        switches = self._switches
        token = http.headers.get("authorization", "").removeprefix("Bearer ")
        if not self._directory.valid(token):
            return Fault(401, "Unauthorized", "The credentials provided are incorrect.").answer()
        if not switches.bc_app_enabled:
            text = "The server has rejected the client credentials."
            return Fault(401, "Authentication_InvalidCredentials", text).answer()
        if http.path_params["tenant"].lower() != TENANT_ID:
            text = "No HTTP resource was found that matches the request URI."
            return Fault(404, "BadRequest_NotFound", text).answer()
        if http.path_params["environment"].lower() != ENVIRONMENT.lower():
            return Answer(switches.no_environment_status, _NO_ENVIRONMENT, {"Content-Type": "application/xml"})
        if not switches.bc_permission and any(part in http.url.path for part in ("/companies(", "/Company(")):
            return _forbidden("Read")
        reads = http.method == "GET" or http.url.path.endswith("$batch")
        if not switches.bc_write_permission and not reads:
            return _forbidden("Insert")
        return None

    def _too_many(self) -> Answer | None:
        text = self._limits.turned_away()
        if text is None:
            return None
        after = self._switches.retry_after
        headers = {"Retry-After": str(after)} if after is not None else {}
        bodies = {
            "json": {"error": {"code": "Application_TooManyRequests", "message": text}},
            "html": f"<html><body><h1>429 Too Many Requests</h1>{text}</body></html>",
        }
        return Answer(429, bodies.get(self._switches.throttle_body), headers)


def _forbidden(right: str) -> Answer:
    text = f"Sorry, the current permissions prevented the action. (TableData 18 Customer {right}: Base Application)"
    return Fault(403, "Internal_ServerError", text).answer()


def routes(
    service: Service, directory: Directory, base: Callable[[HttpRequest], str], delay: Callable[[], float]
) -> list[Route]:
    """The routes of Business Central. `delay` is the seconds that each request takes."""
    path = "/v2.0/{tenant}/{environment}/{rest:path}"
    gateway = Gateway(service, directory, base, delay)
    return [Route(path, gateway.answer, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])]


def respond(answer: Answer) -> Response:
    """An answer as HTTP."""
    headers = {"request-id": str(uuid.uuid4()), "OData-Version": "4.0", **answer.headers}
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, headers)
    content = (
        b"" if answer.body is None else simplejson.dumps(answer.body, use_decimal=True, ensure_ascii=False).encode()
    )
    media = "application/json; odata.metadata=minimal; odata.streaming=true"
    return Response(content, answer.status, headers, media_type=media if content else None)

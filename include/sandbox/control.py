"""The control routes under `/_sandbox`: what can be seen of the sandbox and set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any

import simplejson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.sandbox.bc.notices import Astray
from include.sandbox.check import check
from include.sandbox.faults import Fault
from include.sandbox.state import World
from include.sandbox.switches import Switches

Handler = Callable[[Request], Awaitable[Response]]


def routes(world: World) -> list[Route]:
    """The control routes of a world; the first lists the others."""
    control = Control(world)

    async def index(request: Request) -> Response:
        return JSONResponse({f"/_sandbox/{name}": meaning for name, (_, meaning) in control.routes.items()})

    return [
        Route("/_sandbox", index),
        *(
            Route(f"/_sandbox/{name}", _explaining(handler), methods=["GET", "POST", "DELETE"])
            for name, (handler, _) in control.routes.items()
        ),
    ]


class Control:
    """What each of the control routes does with a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes: dict[str, tuple[Handler, str]] = {
            "check": (self._check, "Both sides compared, record by record"),
            "counters": (
                self._counters,
                "Calls by system and method, the most in flight at once, writes; DELETE begins anew",
            ),
            "faults": (self._faults, f"POST puts one in force, of {_names(Fault)}; DELETE lifts them all"),
            "hooks": (
                self._hooks,
                "POST url and api_key: where every change in iPaaS.com is announced; DELETE stops that",
            ),
            "latency": (self._latency, "POST seconds by system (business_central, ipaas)"),
            "notices": (
                self._notices,
                f"Business Central's subscriptions; POST how notifications go astray, of {_names(Astray)}, which begins "
                "to send them; DELETE ends all subscriptions",
            ),
            "services": (
                self._services,
                "POST published names with what is published under them; null takes one back",
            ),
            "switches": (self._switches, "POST values by name, for every behaviour that is uncertain"),
        }

    async def _counters(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.counters.reset()
        shown = {
            "calls": dict(self._world.counters.calls),
            "high_water": dict(self._world.counters.high_water),
            "writes": len(self._world.counters.writes()),
        }
        return JSONResponse(shown)

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.faults.clear()
        elif request.method == "POST":
            self._world.faults.add(Fault(**await request.json()))
        return JSONResponse([asdict(rule) for rule in self._world.faults.rules])

    async def _switches(self, request: Request) -> Response:
        if request.method == "POST":
            given = await request.json()
            if unknown := set(given) - {f.name for f in fields(self._world.switches)}:
                raise ValueError(f"There is no switch {', '.join(sorted(unknown))}. There are {_names(Switches)}.")
            for name, value in given.items():
                setattr(self._world.switches, name, value)
        return JSONResponse(asdict(self._world.switches))

    async def _latency(self, request: Request) -> Response:
        if request.method == "POST":
            self._world.latency.update(await request.json())
        return JSONResponse(self._world.latency)

    async def _hooks(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.hooks.close()
        elif request.method == "POST":
            self._world.hooks.deliver_to(**await request.json())
        return JSONResponse(self._world.hooks.state())

    async def _notices(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.notices.subscriptions.clear()
            self._world.notices.events.subscriptions.clear()
        elif request.method == "POST":
            self._world.notices.astray = Astray(**await request.json())
            self._world.notices.start()
        return JSONResponse(self._world.notices.state())

    async def _check(self, request: Request) -> Response:
        found: dict[str, Any] = check(self._world.tenant, self._world.platform).as_json()
        return Response(simplejson.dumps(found, use_decimal=True), media_type="application/json")

    async def _services(self, request: Request) -> Response:
        if request.method == "POST":
            for name, page in (await request.json()).items():
                if page is None:
                    self._world.tenant.unpublish(name)
                else:
                    self._world.tenant.publish(page, name)
        return JSONResponse(self._world.tenant.published)


def _names(of: type) -> str:
    return ", ".join(f.name for f in fields(of) if f.init)


def _explaining(handler: Handler) -> Handler:
    """The same, with 400 and the reason for a body that it cannot use."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)

    return handle

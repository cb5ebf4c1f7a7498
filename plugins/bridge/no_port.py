"""What has Airflow test a Connection of ours that is stored without a port, as its own page asks for it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bridge.provider import BUSINESS_CENTRAL, IPAAS

_ASKED = "/api/v2/connections/test"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Message, Receive, Callable[[Message], Awaitable[None]]], Awaitable[None]]


class NoPort:
    """The button *Test Connection* of Airflow's list of Connections sends 0 where no port is stored. Airflow 3.3 takes that
    for another place than the stored one, for which it does not lend the stored secrets, and answers 400. Ours have their
    port in the address: 0 becomes none.
    """

    def __init__(self, app: App) -> None:
        """`app` is what answers."""
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Callable[[Message], Awaitable[None]]) -> None:
        """Hand on what was asked, without a port that is none."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(_ASKED):
            body = _without_port(await _whole(receive))
            headers = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
            scope = {**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
            receive = _first(body, receive)
        await self._app(scope, receive, send)


async def _whole(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _first(body: bytes, then: Receive) -> Receive:
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return left.pop() if left else await then()

    return receive


def _without_port(body: bytes) -> bytes:
    try:
        asked = json.loads(body)
    except ValueError:
        return body  # Airflow says what is wrong with it
    if isinstance(asked, dict) and asked.get("conn_type") in (BUSINESS_CENTRAL, IPAAS) and asked.get("port") == 0:
        return json.dumps({**asked, "port": None}).encode()
    return body

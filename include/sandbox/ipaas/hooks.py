"""The hooks of iPaaS.com: every change of a record is announced to whoever receives them for our subscription.

A hook carries no data, only the scope and the id. It is sent beside the platform's answers, never before or within
them, and again until the receiver says that it has it.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from typing import Any

import requests
import simplejson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from include.sandbox import credentials
from include.sandbox.ipaas.platform import Platform
from include.sandbox.ipaas.rules import Refused

_BATCH = 100  # notifications in one request
_PAUSE = 0.1  # seconds between looks for changes
_LONGEST = 5.0  # seconds between two tries
_ACCEPTED = (200, 202, 204)


class Hooks:
    """Delivers what the platform changes, in order, in a thread of its own. Delivers nothing until told where to."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._queue: deque[dict[str, Any]] = deque()
        self._announced = 0
        self._receiver: tuple[str, str] | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.sent = 0
        self.last = ""

    def deliver_to(self, url: str, api_key: str = credentials.WEBHOOK_API_KEY) -> None:
        """Announce all further changes to a receiver; what still waits for an earlier one goes there, too."""
        if self._receiver is None:
            self._announced = len(self._platform.changes)
        self._receiver = (url, api_key)
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver, name="hooks", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Deliver nothing any more."""
        self._receiver = None
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=10)
        self._thread, self._stop = None, threading.Event()

    def queue(self, notifications: list[dict[str, Any]]) -> None:
        """Put notifications that somebody asked for into the queue."""
        self._queue.extend(notifications)

    def state(self) -> dict[str, Any]:
        """Where hooks go, how many have arrived, how many wait, and how the last try ended."""
        waiting = len(self._queue) + (len(self._platform.changes) - self._announced if self._receiver else 0)
        url = self._receiver[0] if self._receiver else None
        return {"url": url, "sent": self.sent, "waiting": waiting, "last": self.last}

    def _deliver(self) -> None:
        stop = self._stop
        with requests.Session() as session:
            session.trust_env = False
            while not stop.wait(_PAUSE):
                self._announce_changes()
                while self._queue and not stop.is_set():
                    size = 1 if self._platform.switches.hook_shape == "event" else _BATCH
                    batch = [self._queue[n] for n in range(min(size, len(self._queue)))]
                    if self._send(session, batch, stop):
                        for _ in batch:
                            self._queue.popleft()
                        self.sent += len(batch)

    def _announce_changes(self) -> None:
        changes = self._platform.changes
        while self._announced < len(changes):
            scope, _, internal_id = changes[self._announced]
            self._queue.append(notification(scope, internal_id))
            self._announced += 1

    def _send(self, session: requests.Session, batch: list[dict[str, Any]], stop: threading.Event) -> bool:
        """Send one request until it is accepted. False when delivery ends before."""
        identifier, attempt, pause = str(uuid.uuid4()), 0, _PAUSE
        while not stop.is_set():
            # Looked up each time: somebody may have corrected the address or the key.
            url, api_key = self._receiver or ("", "")
            headers = {"Authorization": f"Bearer {api_key}", "x-correlation-id": str(batch[0]["tracking_guid"])}
            body = {"id": identifier, "attempt": attempt, "notifications": batch}
            if self._platform.switches.hook_shape == "event":
                body = {**batch[0], "companyId": credentials.IPAAS_COMPANY_ID, "type": "", "headers": {}}
            try:
                answer = session.post(url, json=body, headers=headers, timeout=30, allow_redirects=False)
                self.last = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code in _ACCEPTED:
                    return True
            except requests.RequestException as error:
                self.last = str(error)
            attempt += 1
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST)
        return False


def notification(scope: str, internal_id: Any) -> dict[str, Any]:
    """A notification for our subscription."""
    return {
        "id": str(internal_id),
        "destination": str(credentials.SYSTEM_ID),
        "scope": scope,
        "tracking_guid": str(uuid.uuid4()),
    }


def routes(hooks: Hooks) -> list[Route]:
    """The hook family: where anybody with the subscription's key asks for transfers from iPaaS.com."""

    async def ask(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {credentials.WEBHOOK_API_KEY}":
            return _refusal(Refused("AUTH-1001", "The bearer token is missing or invalid.", 401))
        try:
            hooks.queue(_asked(simplejson.loads(await request.body())))
        except (ValueError, TypeError, KeyError):
            return _refusal(Refused("VALD-1042", "The webhook request cannot be deserialized."))
        return Response(status_code=202)

    return [Route("/hookapi/v2/iPaaS", ask, methods=["POST"])]


def _asked(body: Any) -> list[dict[str, Any]]:
    return [{**notification(str(item["scope"]), item["id"]), **item} for item in body["notifications"]]


def _refusal(refused: Refused) -> Response:
    content = simplejson.dumps({"code": refused.code, "message": refused.text})
    return Response(content, refused.status, media_type="application/json")

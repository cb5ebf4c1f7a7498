"""Business Central's webhooks: subscriptions of API v2.0, the handshake, notifications, and how they go astray.

A notification names a record and carries no data. Many in a short time become one `collection`. An answer other than a
success, 408, 429 and 5xx deletes the subscription; one that is not renewed ends after three days. Business events
(`events.py`) go the same way, and astray as these do.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import requests

from include.sandbox.bc import sales_buffers as buffers
from include.sandbox.bc.addresses import split
from include.sandbox.bc.answers import Answer, Fault, Request
from include.sandbox.bc.events import BusinessEvents
from include.sandbox.bc.tenant import Row, Tenant, stamp

T = TypeVar("T")

# The tables whose records are announced, as resources of API v2.0.
RESOURCES = {
    "Customer": "customers",
    "Item": "items",
    "Item Category": "itemCategories",
    buffers.ORDERS: "salesOrders",
    buffers.INVOICES: "salesInvoices",
}
_SETS = frozenset(RESOURCES.values())
LIFE = timedelta(days=3)
_MOST = 200  # subscriptions of an environment
_REPEATED = (408, 429)


@dataclass
class Astray:
    """What becomes of notifications on their way: shares of 1 that are lost or doubled, and whether they are shuffled;
    how many changes of a resource at once become a `collection`."""

    lost: float = 0.0
    doubled: float = 0.0
    shuffled: bool = False
    collection_above: int = 1_000
    seed: int = 1
    # How many were lost, doubled, or arrived out of order.
    happened: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def arriving(self, told: Sequence[T]) -> list[T]:
        """What arrives of it, in the order in which it does."""
        arrived = [one for one in told if self._chance.random() >= self.lost]
        twice = [one for one in arrived if self._chance.random() < self.doubled]
        self.happened.update(lost=len(told) - len(arrived), doubled=len(twice))
        straight = [*arrived, *twice]
        if not self.shuffled:
            return straight
        mixed = self._chance.sample(straight, len(straight))
        self.happened.update({"out of order": sum(1 for a, b in zip(straight, mixed, strict=True) if a is not b)})
        return mixed


@dataclass
class Notices:
    """The subscriptions of an environment, and what they are yet to be told. Delivers by itself once `start`ed."""

    tenant: Tenant
    astray: Astray = field(default_factory=Astray)
    subscriptions: dict[str, Row] = field(default_factory=dict)
    sent: int = 0
    last: str = ""

    def __post_init__(self) -> None:
        self.events = BusinessEvents(self.tenant)
        self._delivering = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, every: float = 0.5) -> None:
        """Deliver every so many seconds, in a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(every,), name="notices", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Deliver nothing any more."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=10)
        self._thread, self._stop = None, threading.Event()

    def _run(self, every: float) -> None:
        stop = self._stop
        while not stop.wait(every):
            self.deliver()

    # --- what is asked ---------------------------------------------------------------------------------------

    def answer(self, request: Request, key: str | None) -> Answer:
        """Answer a call to `subscriptions`."""
        self._end()
        if key is None:
            if request.method == "GET":
                return Answer(200, {"value": [self._shown(one) for one in self.subscriptions.values()]})
            if request.method == "POST":
                return self._make(request.body or {})
        one = self.subscriptions.get(str(key).strip("'"))
        if one is None:
            raise Fault(404, "Internal_RecordNotFound", "The Subscription does not exist.")
        if request.method == "GET":
            return Answer(200, self._shown(one))
        if request.method == "DELETE":
            del self.subscriptions[one["subscriptionId"]]
            return Answer(204)
        if request.method != "PATCH":
            raise Fault(405, "BadRequest_MethodNotAllowed", "The method is not allowed.")
        if request.headers.get("if-match") != one["@odata.etag"]:
            raise Fault(409, "Request_EntityChanged", "Another user has already changed the record.")
        self._shake(str((request.body or {}).get("notificationUrl") or one["notificationUrl"]))
        one.update(clientState=(request.body or {}).get("clientState", one["clientState"]), **self._dates())
        return Answer(200, self._shown(one))

    def _make(self, body: Row) -> Answer:
        url, resource = str(body.get("notificationUrl") or ""), str(body.get("resource") or "")
        name = split(resource.rstrip("/").rpartition("/")[2])[0]
        if name not in _SETS or self.tenant.company_id not in resource:
            raise Fault(400, "BadRequest", f"The resource '{resource}' is not supported for webhooks.")
        if len(str(body.get("clientState") or "")) > 2_048:
            raise Fault(400, "BadRequest", "clientState is too long.")
        if any(one["notificationUrl"] == url and one["resource"] == resource for one in self.subscriptions.values()):
            raise Fault(400, "Internal_EntityWithSameKeyExists", "The Subscription already exists.")
        if len(self.subscriptions) >= _MOST:
            raise Fault(400, "BadRequest", "There are too many subscriptions.")
        self._shake(url)
        one = {
            "subscriptionId": uuid.uuid4().hex,
            "notificationUrl": url,
            "resource": resource,
            "clientState": body.get("clientState"),
            **self._dates(),
        }
        self.subscriptions[one["subscriptionId"]] = one
        self.tenant.announces = True
        return Answer(201, self._shown(one))

    def _shake(self, url: str) -> None:
        """Ask the receiver whether it is there: it has to answer with the token, as plain text, within five seconds."""
        token = uuid.uuid4().hex
        try:
            with _session() as session:
                answer = session.post(url, params={"validationToken": token}, timeout=5, allow_redirects=False)
            if answer.status_code == 200 and answer.text == token:
                return
            why = f"{answer.status_code}"
        except requests.RequestException as error:
            why = type(error).__name__
        raise Fault(400, "BadRequest", f"Could not validate the notification URL ({why}).")

    def _dates(self) -> Row:
        now = self.tenant.now()
        tag = f'W/"{uuid.uuid4().hex}"'
        return {"@odata.etag": tag, "lastModifiedDateTime": stamp(now), "expirationDateTime": stamp(now + LIFE)}

    @staticmethod
    def _shown(one: Row) -> Row:
        return dict(one)

    def _end(self) -> None:
        now = self.tenant.now()
        for name in [n for n, one in self.subscriptions.items() if _moment(one["expirationDateTime"]) <= now]:
            del self.subscriptions[name]

    # --- what is told ----------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """Tell every subscription what has changed since the last time."""
        with self._delivering:
            self._end()
            changed: dict[str, dict[str, str]] = defaultdict(dict)
            while self.tenant.changes:
                table, row, kind = self.tenant.changes.popleft()
                if table in RESOURCES:
                    changed[RESOURCES[table]].setdefault(str(row["systemid"]).lower(), kind)
            for one in list(self.subscriptions.values()):
                self._tell(one, changed.get(one["resource"].rpartition("/")[2], {}))
            raised = [self.tenant.raised.popleft() for _ in range(len(self.tenant.raised))]
            for one in list(self.events.subscriptions.values()):
                for body in self.events.bodies(self.astray.arriving(self.events.due(one, raised))):
                    self._post_once(one, body)

    def _tell(self, one: Row, changed: dict[str, str]) -> None:
        if not changed:
            return
        if len(changed) > self.astray.collection_above:
            told = [
                self._notice(one, f"{one['resource']}?$filter=lastModifiedDateTime%20gt%202020-01-01", "collection")
            ]
        else:
            told = [self._notice(one, f"{one['resource']}({identifier})", kind) for identifier, kind in changed.items()]
        told = self.astray.arriving(told)
        for start in range(0, len(told), 100):
            if not self._post(one, told[start : start + 100]):
                return

    def _notice(self, one: Row, resource: str, kind: str) -> Row:
        return {
            "subscriptionId": one["subscriptionId"],
            "clientState": one["clientState"],
            "expirationDateTime": one["expirationDateTime"],
            "resource": resource.lstrip("/"),
            "changeType": kind,
            "lastModifiedDateTime": stamp(self.tenant.now()),
        }

    def _post(self, one: Row, told: Sequence[Row]) -> bool:
        """Send one request, again while the receiver asks for that. False when the subscription is no more."""
        while not self._stop.is_set():
            try:
                with _session() as session:
                    answer = session.post(one["notificationUrl"], json={"value": told}, timeout=30)
                self.last = f"{answer.status_code} {answer.text[:200]}"
            except requests.RequestException as error:
                self.last = str(error)
                self._stop.wait(0.2)
                continue
            if 200 <= answer.status_code < 300:
                self.sent += len(told)
                return True
            if answer.status_code not in _REPEATED and answer.status_code < 500:
                self.subscriptions.pop(one["subscriptionId"], None)
                return False
            self._stop.wait(0.2)
        return False

    def _post_once(self, one: Row, body: object) -> None:
        """Send a business event. What is not taken is as good as lost."""
        try:
            with _session() as session:
                answer = session.post(one["notificationUrl"], json=body, timeout=30)
        except requests.RequestException as error:
            self.last = str(error)
            return
        self.last = f"{answer.status_code} {answer.text[:200]}"
        self.sent += answer.ok

    def state(self) -> dict[str, Any]:
        """What can be seen of it."""
        return {
            "subscriptions": list(self.subscriptions.values()),
            "business_events": list(self.events.subscriptions.values()),
            "sent": self.sent,
            "last": self.last,
        }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session

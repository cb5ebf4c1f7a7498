"""Webhooks of iPaaS.com: who may send them, what one says (`WebhookRequest`), and which flows it concerns.

Pure functions and values; keeping what was taken is the ledger's business, receiving it the plugin's. A hook carries
no data: only that a record of some kind changed, and its id. The record itself is read when a run gets to it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from include.errors import InvalidId, Signal, place_of
from include.sync.flow import Flow
from include.sync.runs import Direction

# The platform's code for a webhook request that cannot be read.
MALFORMED = "VALD-1042"
# Run in debug mode: it concerns the platform's engine, not what is transferred.
_DEBUG = "/debug"
# What a key is compared with where none is configured, so that the time taken says nothing.
_NO_KEY = secrets.token_urlsafe(32)


class MalformedWebhook(Signal, ValueError):
    """A request of which nothing can be taken; says which field is wrong."""


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Body: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
# Ids come as numbers and as strings; either means the same record.
Id = Annotated[str, BeforeValidator(_as_text)]


class Notification(BaseModel):
    """That one record changed. Of the platform's fields only those that decide anything are read."""

    model_config = ConfigDict(frozen=True)

    scope: str
    id: Id | None = None
    # The system that it is meant for.
    destination: Id | None = None


class WebhookRequest(BaseModel):
    """What iPaaS.com posts: many notifications, each of which is read for itself."""

    model_config = ConfigDict(frozen=True)

    notifications: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """A notification that cannot be taken: its place in the request, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class WebhookContent:
    """What was read of a request: (place, notification), and what cannot be read."""

    notifications: Sequence[tuple[str, Notification]]
    malformed: Sequence[Malformed] = ()


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What was taken of a request: how many notifications, for the ledger (flow, iPaaS.com id, scope), and what cannot
    be taken."""

    accepted: int
    entries: Sequence[tuple[str, str, str]]
    malformed: Sequence[Malformed] = ()


def is_sender(authorization: str, key: str | None) -> bool:
    """Whether an Authorization header carries the subscription's key as Bearer. Never when there is no key."""
    scheme, _, presented = authorization.partition(" ")
    same = hmac.compare_digest(presented.strip().encode(), (key or _NO_KEY).encode())
    return same and bool(key) and scheme.lower() == "bearer"


def read_webhook(body: bytes) -> WebhookContent:
    """A request body as what it says: a list of notifications, or one event. Raises MalformedWebhook for anything else."""
    try:
        content = _Body.validate_json(body)
        if "scope" in content and "notifications" not in content:
            return WebhookContent(notifications=[("", Notification.model_validate(content))])
        items = WebhookRequest.model_validate(content).notifications
    except ValidationError as error:
        raise MalformedWebhook(str(_malformed(error))) from None
    notifications: list[tuple[str, Notification]] = []
    malformed: list[Malformed] = []
    for number, item in enumerate(items):
        place = f"notifications.{number}"
        try:
            notifications.append((f"{place}.", Notification.model_validate(item)))
        except ValidationError as error:
            malformed.append(_malformed(error, f"{place}."))
    return WebhookContent(notifications=notifications, malformed=malformed)


def _malformed(error: ValidationError, place: str = "") -> Malformed:
    """The first thing that is wrong with what stands at a place."""
    where, reason = place_of(error)
    return Malformed(place=f"{place}{where}".rstrip(".") or "The body", reason=reason)


def listeners(flows: Iterable[Flow]) -> dict[str, list[tuple[Flow, str]]]:
    """The flows from iPaaS.com by each scope that they listen to; with each the list of nested records that a scope is
    about, blank where it is about the record itself."""
    found: dict[str, list[tuple[Flow, str]]] = {}
    for flow in flows:
        if flow.direction is Direction.from_ipaas:
            for scope in flow.scopes:
                found.setdefault(scope, []).append((flow, ""))
            for scope, name in flow.nested_scopes.items():
                # What is deleted of a record changes it.
                for action in ("created", "updated", "deleted"):
                    found.setdefault(f"{scope}/{action}", []).append((flow, name))
    return found


def take(request: WebhookContent, listeners: Mapping[str, Sequence[tuple[Flow, str]]], system_id: int) -> Taken:
    """What of a request concerns us, for every flow that listens to its scope.

    Left out are notifications for another system and scopes that no flow listens to, deletions of records among them:
    those are never propagated. A record that would be taken and is not named by an id of its kind is malformed. Raises
    MalformedWebhook when nothing else is in the request.
    """
    accepted = 0
    entries: list[tuple[str, str, str]] = []
    malformed = list(request.malformed)
    for place, notification in request.notifications:
        scope = notification.scope.strip().lower().removesuffix(_DEBUG)
        flows = listeners.get(scope, ())
        if not flows or (notification.destination or "").strip() not in ("", str(system_id)):
            continue
        try:
            # Checked here, where the sender still hears of it: in the ledger it would stop every run of the flow.
            entries += [(flow.name, _record(flow, name, notification.id or ""), scope) for flow, name in flows]
            accepted += 1
        except InvalidId as error:
            malformed.append(Malformed(place=f"{place}id", reason=str(error)))
    if malformed and not accepted and len(malformed) == len(request.notifications) + len(request.malformed):
        raise MalformedWebhook(str(malformed[0]))
    return Taken(accepted=accepted, entries=entries, malformed=malformed)


def _record(flow: Flow, name: str, ipaas_id: str) -> str:
    asked = flow.parse_id(ipaas_id)
    return nested_key(name, asked.text) if name else asked.text


def nested_key(name: str, ipaas_id: str) -> str:
    """What the ledger knows a nested record by, of which nobody has said whose it is: `addresses/17`."""
    return f"{name}/{ipaas_id}"

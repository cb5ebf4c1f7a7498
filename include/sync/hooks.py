"""Hooks of iPaaS.com: who may send them, what one says (`WebhookRequest`), and which flows it concerns.

Pure functions and values; keeping what was taken is the ledger's business, receiving it the plugin's. A hook carries
no data: only that a record of some kind changed, and its id. The record itself is read when a run gets to it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from include.sync.flow import Flow, InvalidId
from include.sync.model import Direction

# The platform's code for a webhook request that cannot be read.
MALFORMED = "VALD-1042"
# Run in debug mode: it concerns the platform's engine, not what is transferred.
_DEBUG = "/debug"
# What a key is compared with where none is configured, so that the time taken says nothing.
_NO_KEY = secrets.token_urlsafe(32)


class MalformedHook(ValueError):
    """A request that cannot be read; says which field is wrong. Nothing of it is taken."""


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


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
    """What iPaaS.com posts: one or many notifications."""

    model_config = ConfigDict(frozen=True)

    notifications: tuple[Notification, ...]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What was taken of a request: how many notifications, and for the ledger (flow, iPaaS.com id, scope)."""

    accepted: int
    entries: Sequence[tuple[str, str, str]]


def is_sender(authorization: str, key: str | None) -> bool:
    """Whether an Authorization header carries the subscription's key as Bearer. Never when there is no key."""
    scheme, _, presented = authorization.partition(" ")
    same = hmac.compare_digest(presented.strip().encode(), (key or _NO_KEY).encode())
    return same and bool(key) and scheme.lower() == "bearer"


def read_hook(body: bytes) -> WebhookRequest:
    """A request body as what it says. Raises MalformedHook."""
    try:
        return WebhookRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "The body"
        raise MalformedHook(f"{place}: {first['msg']}") from None


def listeners(flows: Iterable[Flow]) -> dict[str, list[Flow]]:
    """The flows from iPaaS.com by each scope that they listen to."""
    found: dict[str, list[Flow]] = {}
    for flow in flows:
        if flow.direction is Direction.from_ipaas:
            for scope in flow.scopes:
                found.setdefault(scope, []).append(flow)
    return found


def take(request: WebhookRequest, listening: Mapping[str, Sequence[Flow]], system_id: int) -> Taken:
    """What of a request concerns us, for every flow that listens to its scope.

    Left out are notifications for another system and scopes that no flow listens to, deletions among them: deletes
    are never propagated. Raises MalformedHook when a record that would be taken is not named by an id of its kind.
    """
    accepted = 0
    entries: list[tuple[str, str, str]] = []
    for number, notification in enumerate(request.notifications):
        scope = notification.scope.strip().lower().removesuffix(_DEBUG)
        flows = listening.get(scope, ())
        if not flows or (notification.destination or "").strip() not in ("", str(system_id)):
            continue
        accepted += 1
        for flow in flows:
            try:
                # Checked here, where the sender still hears of it: in the ledger it would stop every run of the flow.
                record = flow.ask(notification.id or "").text
            except InvalidId as error:
                raise MalformedHook(f"notifications.{number}.id: {error}") from None
            entries.append((flow.name, record, scope))
    return Taken(accepted=accepted, entries=entries)

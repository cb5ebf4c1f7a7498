"""Notifications and business events of Business Central: who may send them, what one says, and which flows it concerns.

Pure functions and values. A notification carries no data: only that a record of some resource of API v2.0 changed, and
its id; or, as a `collection`, that too many changed to name them. A business event says what was done, with the address of
the record in API v2.0 that it was done to.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic import Json as JsonText

from include.errors import Signal
from include.sync.flow import Flow
from include.sync.webhooks import Malformed

# What stands for all records of a flow: the flow polls.
ALL = "*"
# What a secret is compared with where none is configured, so that the time taken says nothing.
_NO_SECRET = secrets.token_urlsafe(32)
# `/api/v2.0/companies(…)/customers(…)`, or for a collection the set with a filter. Ids stand with or without quotes.
_ID = r"\('?(?P<{}>[0-9a-fA-F-]{{36}})'?\)"
_RESOURCE = re.compile(rf"(^|/)companies{_ID.format('company')}/(?P<name>[A-Za-z]+)({_ID.format('record')})?(\?|$)")
_TOKEN = re.compile(r"[\x21-\x7e]{1,2048}")


class MalformedNotices(Signal, ValueError):
    """A request of which nothing can be taken; says why."""


class WrongSecret(Signal):
    """None of the notifications of a request carries the secret."""


class _Notice(BaseModel):
    """That something changed. Of the service's fields only those that decide anything are read."""

    model_config = ConfigDict(frozen=True)

    resource: str
    changeType: str


class _Event(BaseModel):
    """That something was done. What is in the payload is told by its names, whose case is not to be relied on."""

    model_config = ConfigDict(frozen=True)

    eventName: str
    # An object, or the text of one.
    payload: dict[str, Any] | JsonText[dict[str, Any]]

    @property
    def address(self) -> str:
        """The address of the record in API v2.0; blank when there is none."""
        return next((str(value) for name, value in self.payload.items() if name.casefold() == "url"), "")


_Body: TypeAdapter[dict[str, Any] | list[Any]] = TypeAdapter(dict[str, Any] | list[Any])


@dataclass(frozen=True, kw_only=True)
class Listening:
    """The flows to iPaaS.com by what is announced to them: resources of API v2.0, and names of business events."""

    resources: Mapping[str, Sequence[Flow]]
    events: Mapping[str, Sequence[Flow]]


@dataclass(frozen=True, kw_only=True)
class TakenNotices:
    """What was taken of a request: how many were, for the ledger (flow, key, resource or event), and what cannot be."""

    accepted: int
    entries: Sequence[tuple[str, str, str]]
    malformed: Sequence[Malformed] = ()


def handshake(token: str) -> str | None:
    """What the service is to be answered that asks whether we are there; None when that is no token of its."""
    return token if _TOKEN.fullmatch(token) else None


def listening(flows: Iterable[Flow]) -> Listening:
    """Who listens to what."""
    resources: dict[str, list[Flow]] = {}
    events: dict[str, list[Flow]] = {}
    for flow in flows:
        for resource in flow.resources:
            resources.setdefault(resource, []).append(flow)
        for event in flow.events:
            events.setdefault(event, []).append(flow)
    return Listening(resources=resources, events=events)


def take(body: bytes, secret: str | None, listening: Listening, company_id: str | None) -> TakenNotices:
    """What of a request concerns us. Each notification shows the secret of its own subscription, as `clientState`.

    Notifications come as the `value` of an object; business events one by one, or several in a list. Left out are other
    companies, what no flow listens to, and deletions, which are never propagated. Raises WrongSecret, and
    MalformedNotices for a request of which nothing can be read.
    """
    place, items = _items(body)
    ours = [(number, item) for number, item in enumerate(items) if _is_ours(item, secret)]
    if not ours:
        raise WrongSecret
    accepted = 0
    entries: list[tuple[str, str, str]] = []
    malformed: list[Malformed] = []
    for number, item in ours:
        event = "eventName" in item
        try:
            if event:
                found = _of_event(_Event.model_validate(item), listening, company_id)
            else:
                found = _entries(_Notice.model_validate(item), listening, company_id)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            malformed.append(Malformed(place=f"{place.format(number)}{first['loc'][0]}", reason=first["msg"]))
        except ValueError as error:
            where = "payload" if event else "resource"
            malformed.append(Malformed(place=f"{place.format(number)}{where}", reason=str(error)))
        else:
            entries += found
            accepted += bool(found)
    if malformed and len(malformed) == len(items):
        raise MalformedNotices(str(malformed[0]))
    return TakenNotices(accepted=accepted, entries=entries, malformed=malformed)


def _items(body: bytes) -> tuple[str, list[Any]]:
    """What stands in a request, one by one, and how the place of each is called."""
    try:
        content = _Body.validate_json(body)
    except ValidationError:
        raise MalformedNotices("The body is no JSON object.") from None
    if isinstance(content, list):
        return "{}.", content
    if "eventName" in content:
        return "", [content]
    if not isinstance(items := content.get("value"), list):
        raise MalformedNotices("value: a list of notifications is expected.")
    return "value.{}.", items


def _is_ours(item: Any, secret: str | None) -> bool:
    shown = item.get("clientState") if isinstance(item, dict) else None
    same = hmac.compare_digest(str(shown or "").encode(), (secret or _NO_SECRET).encode())
    return same and bool(secret)


def _entries(notice: _Notice, listening: Listening, company_id: str | None) -> list[tuple[str, str, str]]:
    found = _RESOURCE.search(notice.resource)
    collection = notice.changeType == "collection"
    if not found or not (collection or found["record"]):
        raise ValueError("It names no record of a company.")
    if notice.changeType == "deleted" or (company_id and found["company"].lower() != company_id):
        return []
    name, record = found["name"], (found["record"] or "").lower()
    keys = (
        (flow.name, ALL if collection else flow.announced_as(name, record))
        for flow in listening.resources.get(name, ())
    )
    return [(flow, key, name) for flow, key in keys if key]


def _of_event(event: _Event, listening: Listening, company_id: str | None) -> list[tuple[str, str, str]]:
    flows = listening.events.get(event.eventName, ())
    if not flows:
        return []
    found = _RESOURCE.search(event.address)
    if not found or not found["record"]:
        raise ValueError("It has no Url of a record of a company.")
    if company_id and found["company"].lower() != company_id:
        return []
    entries = []
    for flow in flows:
        key = flow.announced_as(found["name"], found["record"].lower())
        if key is None:
            raise ValueError(f"{event.eventName} is not told of {found['name']} as far as is known.")
        entries.append((flow.name, key, event.eventName))
    return entries

"""Notifications of Business Central: who may send them, what one says, and which flows it concerns.

Pure functions and values. A notification carries no data: only that a record of some resource of API v2.0 changed, and
its id; or, as a `collection`, that too many changed to name them.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

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


_Body: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class TakenNotices:
    """What was taken of a request: how many notifications, for the ledger (flow, key, resource), and what cannot be."""

    accepted: int
    entries: Sequence[tuple[str, str, str]]
    malformed: Sequence[Malformed] = ()


def handshake(token: str) -> str | None:
    """What the service is to be answered that asks whether we are there; None when that is no token of its."""
    return token if _TOKEN.fullmatch(token) else None


def listening(flows: Iterable[Flow]) -> dict[str, list[Flow]]:
    """The flows to iPaaS.com by the resources of API v2.0 whose changes are announced to them."""
    found: dict[str, list[Flow]] = {}
    for flow in flows:
        for resource in flow.resources:
            found.setdefault(resource, []).append(flow)
    return found


def take(
    body: bytes, secret: str | None, listeners: Mapping[str, Sequence[Flow]], company_id: str | None
) -> TakenNotices:
    """What of a request concerns us. Each notification shows the secret of its own subscription, as `clientState`.

    Left out are other companies, resources that no flow listens to, and deletions, which are never propagated. Raises
    WrongSecret, and MalformedNotices for a request of which nothing can be read.
    """
    try:
        items = _Body.validate_json(body).get("value")
    except ValidationError:
        raise MalformedNotices("The body is no JSON object.") from None
    if not isinstance(items, list):
        raise MalformedNotices("value: a list of notifications is expected.")
    ours = [(number, item) for number, item in enumerate(items) if _is_ours(item, secret)]
    if not ours:
        raise WrongSecret
    accepted = 0
    entries: list[tuple[str, str, str]] = []
    malformed: list[Malformed] = []
    for number, item in ours:
        try:
            found = _entries(_Notice.model_validate(item), listeners, company_id)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            malformed.append(Malformed(place=f"value.{number}.{where}", reason=first["msg"]))
        except ValueError as error:
            malformed.append(Malformed(place=f"value.{number}.resource", reason=str(error)))
        else:
            entries += found
            accepted += bool(found)
    if malformed and len(malformed) == len(items):
        raise MalformedNotices(str(malformed[0]))
    return TakenNotices(accepted=accepted, entries=entries, malformed=malformed)


def _is_ours(item: Any, secret: str | None) -> bool:
    shown = item.get("clientState") if isinstance(item, dict) else None
    same = hmac.compare_digest(str(shown or "").encode(), (secret or _NO_SECRET).encode())
    return same and bool(secret)


def _entries(
    notice: _Notice, listeners: Mapping[str, Sequence[Flow]], company_id: str | None
) -> list[tuple[str, str, str]]:
    found = _RESOURCE.search(notice.resource)
    collection = notice.changeType == "collection"
    if not found or not (collection or found["record"]):
        raise ValueError("It names no record of a company.")
    if notice.changeType == "deleted" or (company_id and found["company"].lower() != company_id):
        return []
    flows = listeners.get(found["name"], ())
    record = (found["record"] or "").lower()
    return [(flow.name, ALL if collection else flow.notified_as.format(id=record), found["name"]) for flow in flows]

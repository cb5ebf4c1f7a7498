"""Business events: that Business Central posts to an address of ours when something was done, as an invoice posted.

They are a preview: an environment may not have them, or the application may not subscribe to them; then webhooks and polls
find the same. A subscription has no end. What is asked and answered here was read, and not tried
(docs/business_central.md, "Business events").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from include.business_central.client import BusinessCentralClient
from include.business_central.odata import Runtime
from include.errors import ServiceError, Signal
from include.transport.values import Json

DEFINITIONS, SUBSCRIPTIONS = Runtime("externalbusinesseventdefinitions"), Runtime("externaleventsubscriptions")
_PUBLISHER = "Microsoft"
_POLLS = "Webhooks and polls find what changes."


class NoBusinessEvents(Signal):
    """There are none here, or they are not for us: says why, and what a person may do."""


def offered(client: BusinessCentralClient, names: Iterable[str]) -> dict[str, Json]:
    """The newest definition of each of these events that the environment has, by its name. Raises NoBusinessEvents."""
    wanted = {name.casefold(): name for name in names}
    found: dict[str, Json] = {}
    for one in _read(client, DEFINITIONS):
        name = wanted.get(str(one.get("name")).casefold())
        if name is None or one.get("appPublisher") != _PUBLISHER:
            continue
        if name not in found or _version(one) > _version(found[name]):
            found[name] = one
    return found


def subscribed(client: BusinessCentralClient) -> list[Json]:
    """The subscriptions that concern this company, whosever they are. Raises NoBusinessEvents."""
    company, name = client.company_id.casefold(), client.company_name
    return [
        one
        for one in _read(client, SUBSCRIPTIONS)
        if str(one.get("companyId") or company).casefold() == company and (one.get("companyName") or name) == name
    ]


def refusal(error: ServiceError) -> NoBusinessEvents | None:
    """What an answer says of business events as a whole; None when it says nothing of that."""
    if error.status == 404:
        return NoBusinessEvents(f"This environment has no business events, which are a preview. {_POLLS}")
    if error.status == 403:
        return NoBusinessEvents(
            f"The application may not subscribe to business events ({error}). {_POLLS} To have them, assign the permission "
            "set Ext. Events - Subscr to it, on the page Microsoft Entra applications."
        )
    return None


def is_subscription_to(one: Json, definition: Json, url: str) -> bool:
    """Whether a subscription is what is wanted: to this event in this version, led to this address, and not switched off."""
    same = all(
        str(one.get(name) or definition.get(theirs)).casefold() == str(definition.get(theirs)).casefold()
        for name, theirs in (("eventName", "name"), ("appId", "appId"), ("eventVersion", "eventVersion"))
    )
    return same and one.get("notificationUrl") == url and not is_off(one)


def is_off(one: Json) -> bool:
    """Whether a subscription has been switched off."""
    return "disabled" in str(one.get("subscriptionState") or "").casefold()


def body_of(definition: Json, client: BusinessCentralClient, url: str, secret: str) -> Json:
    """A new subscription. Versions are named where there are any: without that a newer service refuses it."""
    versions: Mapping[str, str] = {"eventVersion": definition["eventVersion"]} if definition.get("eventVersion") else {}
    return {
        "companyName": client.company_name,
        "companyId": client.company_id,
        "eventName": definition["name"],
        "appId": definition["appId"],
        **versions,
        "notificationUrl": url,
        "clientState": secret,
    }


def _read(client: BusinessCentralClient, resource: Runtime) -> Sequence[Json]:
    try:
        return list(client.read(resource))
    except ServiceError as error:
        raise refusal(error) or error from None


def _version(definition: Json) -> tuple[int, ...]:
    parts = str(definition.get("eventVersion") or "0").split(".")
    return tuple(int(part) if part.isdecimal() else 0 for part in parts)

"""Business Central's subscriptions: that it posts to an address of ours when records of a resource change, and when
something was done (business events).

The former end three days after they were last renewed, and at once when the receiver has given an odd answer; then they
are made anew. One that leads to an address that is not ours any more is left to its end. The latter have none: what is not
wanted any more is removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from urllib3 import BaseHTTPResponse

from include.business_central import business_events as events
from include.business_central.business_events import NoBusinessEvents
from include.business_central.calls import saved, values_of
from include.business_central.client import BusinessCentralClient
from include.business_central.odata import if_match
from include.errors import ErrorKind, NotFound, ServiceError
from include.transport.dates import read_moment
from include.transport.values import Json

# How long before its end one is renewed: long enough for a day of outage.
RENEW_BEFORE = timedelta(days=2)
# What a refused subscription is about: Business Central asks the address for an answer before it takes one.
_UNREACHED = (
    "Business Central has to reach extra notification_url of the Connection business_central by https, with a certificate "
    "that is publicly trusted, and get an answer from it: look at the address, the proxy and the firewall. Without an "
    "address, polls alone find what changes."
)


@contextmanager
def _advised() -> Iterator[None]:
    """A refusal of a subscription advises what to do about its address: no record is wrong."""
    try:
        yield
    except ServiceError as error:
        if error.kind is ErrorKind.rejected:
            error.advice = _UNREACHED
        raise


class SubscribingClient(BusinessCentralClient):
    """A client that makes and renews subscriptions. The service asks the address for an answer while it does."""

    def subscribe(self, resources: Sequence[str], url: str, secret: str, now: datetime | None = None) -> list[str]:
        """Have one subscription to each resource that goes on; answers in words what was done.

        `secret` is what the notifications will show. Raises ServiceError when the service refuses, as it does when it
        does not reach the address.
        """
        now = now or datetime.now(UTC)
        root = f"{self._root}/api/v2.0/subscriptions"
        existing = values_of(self._json("GET", root))
        done: list[str] = []
        for resource in resources:
            path = f"/api/v2.0/companies({self.company_id})/{resource}"
            ours = [one for one in existing if _is(one, path, url)]
            if not ours:
                body = {"notificationUrl": url, "resource": path, "clientState": secret}
                with _advised():
                    self._send("POST", root, decode=self._object, body=body, repeatable=False)
                done.append(f"{resource}: made")
                continue
            for one in ours:
                ends = read_moment(one.get("expirationDateTime"))
                if one.get("clientState") in (None, "", secret) and ends and ends - now > RENEW_BEFORE:
                    done.append(f"{resource}: lasts until {ends:%Y-%m-%d %H:%M} UTC")
                else:
                    with _advised():
                        done.append(f"{resource}: {self._renew(root, one, secret)}")
        return done

    def _renew(self, root: str, one: Json, secret: str) -> str:
        body = {"notificationUrl": one["notificationUrl"], "resource": one["resource"], "clientState": secret}
        address = f"{root}('{one['subscriptionId']}')"
        try:
            self._send(
                "PATCH", address, decode=saved, headers=if_match(one.get("@odata.etag")), body=body, repeatable=True
            )
        except NotFound:
            self._send("POST", root, decode=self._object, body=body, repeatable=False)
            return "had ended, made anew"
        return "renewed"

    def subscribe_to_events(self, names: Sequence[str], url: str, secret: str) -> list[str]:
        """Have one subscription to each of these business events, and no other that is ours; answers in words what was done.

        Ours is what leads to `url` or shows `secret`. Where there are no business events, or none for us, that is said.
        Raises ServiceError for what passes.
        """
        try:
            offered = events.offered(self, names)
            ours = [
                one
                for one in events.subscribed(self)
                if one.get("notificationUrl") == url or one.get("clientState") == secret
            ]
            kept = {
                name: next((one for one in ours if events.is_subscription_to(one, definition, url)), None)
                for name, definition in offered.items()
            }
            done = [self._unsubscribe(one) for one in ours if all(one is not other for other in kept.values())]
            for name in names:
                if name in offered:
                    done.append(f"{name}: {self._have(kept[name], offered[name], url, secret)}")
                else:
                    done.append(f"{name}: is not defined in this environment")
            return done
        except NoBusinessEvents as none:
            return [f"Business events: {none}"]

    def _have(self, present: Json | None, definition: Json, url: str, secret: str) -> str:
        """Have a subscription to an event that shows the secret."""
        if present and present.get("clientState") == secret:
            return "in place"
        try:
            if present and self._give(present, secret):
                return "given the secret anew"
            address, body = self.url(events.SUBSCRIPTIONS), events.body_of(definition, self, url, secret)
            # Sent again by the next run at the latest, which finds what this one has made.
            self._send("POST", address, decode=_nothing, body=body, repeatable=False)
        except ServiceError as error:
            if none := events.refusal(error):
                raise none from None
            if error.status != 400:
                raise
            return f"refused, so that webhooks and polls find what changes: {error}"
        return "made"

    def _give(self, present: Json, secret: str) -> bool:
        """Have a subscription show the secret; False when it has gone meanwhile."""
        try:
            self.update(events.SUBSCRIPTIONS, str(present["id"]), present["@odata.etag"], {"clientState": secret})
        except NotFound:
            return False
        return True

    def _unsubscribe(self, one: Json) -> str:
        """End a subscription. The service wants a body, if an empty one."""
        address = f"{self.url(events.SUBSCRIPTIONS)}({one['id']})"
        headers = if_match(one.get("@odata.etag"))
        with suppress(NotFound):  # somebody else has ended it
            self._send("DELETE", address, decode=_nothing, headers=headers, body={}, repeatable=True)
        why = "was switched off" if events.is_off(one) else "not wanted any more"
        return f"{one.get('eventName')}: removed one, {why}"


def _nothing(response: BaseHTTPResponse) -> None:
    """An answer that says nothing beyond its status."""


def _is(one: Json, path: str, url: str) -> bool:
    resource = str(one.get("resource") or "").partition("?")[0]
    return f"/{resource.strip('/')}".lower() == path.lower() and one.get("notificationUrl") == url

"""Business Central's subscriptions: that it posts to an address of ours when records of a resource change.

They end three days after they were last renewed, and at once when the receiver has given an odd answer; then they are
made anew. One that leads to an address that is not ours any more is left to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from include.business_central.calls import Json, saved, values_of
from include.business_central.client import BusinessCentralClient
from include.business_central.odata import if_match
from include.errors import NotFound

# How long before its end one is renewed: long enough for a day of outage.
RENEW_BEFORE = timedelta(days=2)


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
                self._send("POST", root, decode=self._object, body=body, repeatable=False)
                done.append(f"{resource}: made")
                continue
            for one in ours:
                ends = _moment(one.get("expirationDateTime"))
                if one.get("clientState") in (None, "", secret) and ends and ends - now > RENEW_BEFORE:
                    done.append(f"{resource}: lasts until {ends:%Y-%m-%d %H:%M} UTC")
                else:
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


def _is(one: Json, path: str, url: str) -> bool:
    resource = str(one.get("resource") or "").partition("?")[0]
    return f"/{resource.strip('/')}".lower() == path.lower() and one.get("notificationUrl") == url


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

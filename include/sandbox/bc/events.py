"""Business Central's business events: definitions, subscriptions, and what is told once something was done.

Of the events that the service has these stand here: of released orders and of what is posted. A subscription has no end.
Nothing is sent again: no repetition is documented.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from include.sandbox.bc.answers import Answer, Fault, Request
from include.sandbox.bc.tenant import Raised, Row, Tenant, stamp

_APP = "17c1cfa6-5d3b-4a0d-9c2f-4f1e8d6a7b30"
# Event -> the parameters of its payload that hold an id; the last one is also that of its address.
EVENTS = {
    "SalesOrderReleased": ("SalesOrderId",),
    "SalesShipmentPosted": ("SalesShipmentId",),
    "SalesInvoicePosted": ("SalesInvoiceSystemId", "SalesInvoiceAPIId"),
    "SalesPaymentPosted": ("CustomerId",),
    "SalesCreditMemoPosted": ("SalesCreditMemoSystemId", "SalesCreditMemoAPIId"),
    "CustomerBlocked": ("CustomerId",),
}
_VERSIONS = ("0.0", "1.0")  # the older one is obsolete, and still there
_REQUIRED = ("companyName", "companyId", "eventName", "appId", "notificationUrl")
_DENIED = "Sorry, the current permissions prevented the action. (TableData 2000000188 External Event Subscription {}: )"


@dataclass
class BusinessEvents:
    """The subscriptions of an environment to its business events, and what they are yet to be told."""

    tenant: Tenant
    subscriptions: dict[str, Row] = field(default_factory=dict)

    def answer(self, request: Request, name: str, key: str | None) -> Answer:
        """Answer a call to the runtime's own API."""
        if self.tenant.switches.business_events == "absent":
            raise Fault(
                404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{name}'."
            )
        if name == "externalbusinesseventdefinitions" and key is None and request.method == "GET":
            return Answer(200, {"value": self._definitions()})
        if name != "externaleventsubscriptions":
            raise Fault(
                404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{name}'."
            )
        if self.tenant.switches.business_events == "forbidden":
            raise Fault(403, "Internal_ServerError", _DENIED.format("Read" if request.method == "GET" else "Insert"))
        if key is None:
            if request.method == "GET":
                return Answer(200, {"value": [_shown(one) for one in self.subscriptions.values()]})
            if request.method == "POST":
                return self._make(request)
        return self._of_one(request, str(key))

    def _definitions(self) -> list[Row]:
        versions = _VERSIONS if self.tenant.switches.business_event_versions else ("",)
        own = [self._definition(name, version) for name in EVENTS for version in versions]
        # Apps of others may call an event of theirs alike.
        other = {"appId": str(uuid.uuid4()), "appName": "Stools", "appPublisher": "Somebody"}
        return [{**self._definition("SalesOrderReleased", versions[-1] and "9.0"), **other}, *own]

    def _definition(self, name: str, version: str) -> Row:
        return {
            "appId": _APP,
            "name": name,
            **({"eventVersion": version} if version else {}),
            "payload": "[]",
            "displayName": name,
            "description": "",
            "category": "Sales",
            "appName": "Business Events",
            "appPublisher": "Microsoft",
            "appVersion": self.tenant.system_version,
        }

    def _make(self, request: Request) -> Answer:
        body = request.body or {}
        versions = self.tenant.switches.business_event_versions
        if "eventVersion" in body and not versions:
            raise Fault(
                400, "BadRequest", "The property 'eventVersion' does not exist on type 'externaleventsubscription'."
            )
        if missing := [name for name in _REQUIRED if not body.get(name)]:
            raise Fault(400, "BadRequest", f"{missing[0]} must have a value.")
        if versions and body.get("eventVersion") not in _VERSIONS:
            # What the service says when only the version is missing.
            raise Fault(403, "Internal_ServerError", _DENIED.format("Insert"))
        if body["eventName"] not in EVENTS or body["appId"] != _APP:
            raise Fault(400, "BadRequest", f"There is no event {body['eventName']} of the app {body['appId']}.")
        if body["companyId"] != self.tenant.company_id or body["companyName"] != self.tenant.company:
            raise Fault(400, "BadRequest", "The company cannot be found.")
        own = {"@odata.etag": _tag(), "id": str(uuid.uuid4()), "subscriptionState": "Enabled", "base": request.base}
        self.subscriptions[own["id"]] = {**body, **own}
        self.tenant.raises = True
        return Answer(201)

    def _of_one(self, request: Request, key: str) -> Answer:
        one = self.subscriptions.get(key)
        if one is None:
            raise Fault(404, "Internal_RecordNotFound", "The external event subscription does not exist.")
        if request.method == "GET":
            return Answer(200, _shown(one))
        if request.headers.get("if-match") != one["@odata.etag"]:
            raise Fault(409, "Request_EntityChanged", "Another user has already changed the record.")
        if not isinstance(request.body, dict):
            raise Fault(400, "BadRequest", "Invalid Request Body")
        if request.method == "DELETE":
            del self.subscriptions[key]
            return Answer(204)
        one.update({**request.body, "@odata.etag": _tag()})
        return Answer(200, _shown(one))

    # --- what is told ----------------------------------------------------------------------------------------

    def due(self, one: Row, raised: Sequence[Raised]) -> list[Row]:
        """What a subscription is told of what has been raised."""
        if one["subscriptionState"] != "Enabled":
            return []
        return [self._notification(one, *event) for event in raised if event[0] == one["eventName"]]

    def _notification(self, one: Row, event: str, resource: str, api_id: str, record_id: str) -> Row:
        # As the service writes them: GUIDs in capitals.
        company, ids = self.tenant.company_id.upper(), (record_id.upper(), api_id.upper())
        shown = {"clientState": one.get("clientState")} if self.tenant.switches.business_event_client_state else {}
        return {
            "initiatingUserAADObjectId": str(uuid.uuid4()),
            "timestamp": stamp(self.tenant.now()),
            "companyName": self.tenant.company,
            "companyId": self.tenant.company_id,
            "eventName": event,
            "payload": {
                **dict(zip(reversed(EVENTS[event]), reversed(ids), strict=False)),
                "Url": f"{one['base']}/api/v2.0/companies({company})/{resource}({ids[1]})",
                "WebClientUrl": f"{one['base']}/?company={self.tenant.company}&page=42",
            },
            "appId": one["appId"],
            **shown,
        }

    def bodies(self, told: Sequence[Row]) -> Sequence[object]:
        """What is sent of what is told: each in a request of its own, or all as a list."""
        return [list(told)] if told and self.tenant.switches.business_event_shape == "list" else told


def _shown(one: Row) -> Row:
    return {name: value for name, value in one.items() if name != "base"}


def _tag() -> str:
    return f'W/"{uuid.uuid4().hex}"'

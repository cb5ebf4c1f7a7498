"""Writing to a set: POST, PATCH and DELETE of one record (docs/business_central.md, "Writes")."""

from __future__ import annotations

import re
from typing import Any

from include.sandbox.bc.answers import Answer, Fault, Request, dialog
from include.sandbox.bc.behaviour import Behaviour, not_allowed
from include.sandbox.bc.behaviours import behaviour_of
from include.sandbox.bc.entities import EntitySet, etag, type_name
from include.sandbox.bc.parts import parts_of
from include.sandbox.bc.reads import single
from include.sandbox.bc.rules import plain
from include.sandbox.bc.schema import View, views
from include.sandbox.bc.tenant import Row, Tenant

_TAG = re.compile(r'W/"[^"]+"')


def insert(tenant: Tenant, request: Request, entities: EntitySet) -> Answer:
    """Create a record."""
    if not entities.view.insert:
        raise not_allowed("POST", entities.name)
    fields, parts = _apart(entities, request.body)
    row = _inserted(tenant, entities, fields)
    tenant.made.add(row["systemid"])
    try:
        for name, records in parts.items():
            _insert_parts(tenant, entities, row, name, records)
    except Fault:
        if tenant.switches.deep_insert == "one":
            behaviour_of(tenant, entities.view).delete(row)
            tenant.made.discard(row["systemid"])
        raise
    body = single(tenant, request, entities, row)
    return Answer(201, body, {"Location": f"{request.base}/{request.path.strip('/')}"})


def _insert_parts(tenant: Tenant, entities: EntitySet, row: Row, name: str, records: list[Any]) -> None:
    part = parts_of(entities.view, entities.name)[name]
    for record in records:
        _inserted(tenant, EntitySet(name=name, view=views()[part.view], rows=(), fixed=part.given(row)), record)
        if tenant.switches.deep_insert == "torn":
            raise Fault(500, "Internal_ServerError", "The session was ended unexpectedly.")


def _inserted(tenant: Tenant, entities: EntitySet, body: Any) -> Row:
    behaviour = behaviour_of(tenant, entities.view)
    record = behaviour.fresh(entities.fixed)
    _assign(behaviour, record, body, creating=True)
    return behaviour.insert(record)


def _apart(entities: EntitySet, body: Any) -> tuple[Any, dict[str, list[Any]]]:
    """A body's own fields, and the records of its parts. Raises Fault for parts of pages: they know no deep insert."""
    if not isinstance(body, dict):
        return body, {}
    known = parts_of(entities.view, entities.name)
    parts = {name: value for name, value in body.items() if name in known and isinstance(value, list)}
    if parts and not entities.view.api:
        raise Fault(400, "BadRequest", "Invalid Request Body")
    return {name: value for name, value in body.items() if name not in parts}, parts


def modify(tenant: Tenant, request: Request, entities: EntitySet, row: Row) -> Answer:
    """Change a record."""
    if not entities.view.modify:
        raise not_allowed(request.method, entities.name)
    check_etag(tenant, request, entities.view, row, needed=True)
    behaviour = behaviour_of(tenant, entities.view)
    record = behaviour.begin(row)
    _assign(behaviour, record, request.body, creating=False)
    shown = behaviour.modify(row, record)
    return Answer(200, single(tenant, request, entities, shown))


def delete(tenant: Tenant, request: Request, entities: EntitySet, row: Row) -> Answer:
    """Delete a record."""
    if not entities.view.delete:
        raise not_allowed(request.method, entities.name)
    check_etag(tenant, request, entities.view, row, needed=False)
    behaviour_of(tenant, entities.view).delete(row)
    return Answer(204)


def check_etag(tenant: Tenant, request: Request, view: View, row: Row, *, needed: bool) -> None:
    """Compare `If-Match` with the row's tag. Raises Fault when it is needed and missing, malformed, or stale."""
    given = request.headers.get("if-match")
    if given is None and not needed:
        return
    if given is None or not (given == "*" or _TAG.fullmatch(given)):
        raise Fault(
            400,
            "BadRequest_InvalidToken",
            "Could not validate the client concurrency token required by the service. Please provide a valid token in the client request.",
        )
    if given not in ("*", etag(view, row)):
        raise Fault(
            tenant.switches.stale_etag_status, "Request_EntityChanged", "Another user has already changed the record."
        )


def _assign(behaviour: Behaviour, record: Row, body: Any, *, creating: bool) -> None:
    """Set the fields of a body, in its order."""
    view = behaviour.view
    if not isinstance(body, dict):
        raise Fault(400, "BadRequest", "Invalid Request Body")
    leading = behaviour.leading()
    for name in sorted(body, key=lambda name: name not in leading):
        if name.startswith("@"):
            continue
        value, prop = body[name], view.properties.get(name)
        if prop is None:
            raise Fault(
                400,
                "BadRequest",
                f"The property '{name}' does not exist on type '{type_name(view)}'. Make sure to only use property names that are defined by the type.",
            )
        if view.api and name == "id" and not creating and str(value).lower() != record["systemid"]:
            raise dialog('The "id" cannot be changed.')
        if not behaviour.editable(record, prop, creating=creating):
            raise Fault(400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
        found = plain(behaviour.tenant, view, prop, value)
        behaviour.related(record, prop, found)
        behaviour.assign(record, prop, found, creating=creating)

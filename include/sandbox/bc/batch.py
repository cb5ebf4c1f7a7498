"""`$batch` (docs/business_central.md, "Batches") and `$metadata`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

from include.sandbox.bc.answers import Answer, Fault, Request
from include.sandbox.bc.schema import View


def batch(request: Request, handle: Callable[[Request], Answer]) -> Answer:
    """Answer the parts of a batch, one after another."""
    parts = (request.body or {}).get("requests") or []
    if len(parts) > 100:
        raise Fault(
            500,
            "Unknown",
            "The current batch message contains too many parts. A maximum number of '100' query operations and change sets are allowed in a batch message.",
        )
    on = "continue-on-error" in request.headers.get("prefer", "")
    responses: list[dict[str, Any]] = []
    for part in parts:
        path, _, query = str(part["url"]).lstrip("/").partition("?")
        answer = handle(
            Request(
                method=part["method"],
                path=f"api/v2.0/{unquote(path)}",
                query=unquote(query),
                headers={k.lower(): v for k, v in (part.get("headers") or {}).items()},
                body=part.get("body"),
                base=request.base,
            )
        )
        headers = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}
        response = {"id": part.get("id"), "status": answer.status, "headers": headers}
        responses.append(response | ({"body": answer.body} if answer.body is not None else {}))
        if answer.status >= 400 and not on:
            break
    return Answer(200, {"responses": responses})


def metadata(published: Mapping[str, View], parts: Mapping[str, Iterable[str]]) -> str:
    """The metadata document of the published pages and queries. `parts`: by name, what hangs on their records."""
    types, sets = [], []
    for name, view in sorted(published.items()):
        keys = "".join(f"<PropertyRef Name={quoteattr(k)}/>" for k in view.keys)
        properties = "".join(
            f"<Property Name={quoteattr(p.name)} Type={quoteattr(p.type if p.type.startswith('Edm') else 'Edm.String')}"
            + (f' MaxLength="{p.max_length}"' if p.max_length else "")
            + "/>"
            for p in view.properties.values()
        )
        navigation = "".join(
            f"<NavigationProperty Name={quoteattr(part)} Type={quoteattr(f'Collection(NAV.{part})')} "
            'ContainsTarget="true"><ReferentialConstraint Property="No" ReferencedProperty="Document_No"/>'
            "</NavigationProperty>"
            for part in parts.get(name, ())
        )
        types.append(f"<EntityType Name={quoteattr(name)}><Key>{keys}</Key>{properties}{navigation}</EntityType>")
        sets.append(f"<EntitySet Name={quoteattr(name)} EntityType={quoteattr('NAV.' + name)}/>")
    return (
        '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" '
        'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        '<Schema Namespace="NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        + "".join(types)
        + f'<EntityContainer Name="NAV">{"".join(sets)}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    )

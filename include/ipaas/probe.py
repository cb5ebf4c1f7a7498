"""Compares what is assumed of iPaaS.com's endpoints with the OpenAPI document of a family, where that is served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from include.ipaas import endpoints
from include.ipaas.dialect import fact
from include.ipaas.endpoints import ENDPOINTS, SHARED, Endpoint
from include.ipaas.openapi import ApiDocument, Schema
from include.ipaas.paths import CREATE, READ, SEARCH, UPDATE, Paths

DATA_FAMILIES = ("customers", "products", "transactions")
_METHODS = {CREATE: "post", UPDATE: "put", READ: "get", SEARCH: "get"}
# Read by nobody, or only where it is written.
_UNREAD = frozenset({endpoints.TRACKING.name})
_EXTERNAL = (
    (endpoints.UPDATE_EXTERNAL_ID, "post"),
    (endpoints.LOOKUP_SPECIAL, "post"),
    ("v2/External/LookupExternal/{id}/{systemId}/{tableName}", "get"),
    ("v2/External/LookupSpaceport/{systemId}/{tableName}/{externalId}", "get"),
    ("v2/External/Missing/{systemId}/{tableName}", "get"),
)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a family's document says: `differs`, in words, where it is not as assumed, and what is `known` of the doubts,
    as facts of the dialect."""

    family: str
    differs: tuple[str, ...]
    known: Mapping[str, Any] = field(default_factory=dict)


def read_document(family: str, content: Any, paths: Paths) -> Findings | None:
    """What a document says of a family's endpoints; None of what is no document."""
    document = ApiDocument(content) if isinstance(content, Mapping) else None
    if document is None or document.is_empty:
        return None
    known: dict[str, Any] = {}
    differs: list[str] = []
    for endpoint in ENDPOINTS.values():
        if endpoint.family == family and endpoint.name not in _UNREAD:
            differs += _Comparison(document, endpoint, paths, known).differences()
    differs += [
        f"{method.upper()} {path} is not there." for path, method in _EXTERNAL if not document.operation(path, method)
    ]
    return Findings(family=family, differs=tuple(differs), known=known)


class _Comparison:
    """One endpoint and what the document says of it."""

    def __init__(self, document: ApiDocument, endpoint: Endpoint, paths: Paths, known: dict[str, Any]) -> None:
        self._document, self._endpoint, self._paths, self._known = document, endpoint, paths, known
        self._below = (
            bool(endpoint.below) and not self._is_there(CREATE, below=False) and self._is_there(CREATE, below=True)
        )
        if endpoint.below and (self._below or self._is_there(CREATE, below=False)):
            self._know("inventory_below", self._below)

    def _know(self, doubt: str, value: Any) -> None:
        self._known[fact(doubt, self._endpoint)] = value

    def _path(self, operation: str, *, below: bool | None = None) -> str:
        return self._paths.template(self._endpoint, operation, below=self._below if below is None else below)

    def _is_there(self, operation: str, *, below: bool) -> bool:
        return self._document.operation(self._path(operation, below=below), _METHODS[operation]) is not None

    def differences(self) -> Iterator[str]:
        """Every difference in words; what is known of the doubts is noted on the way."""
        for operation in (CREATE, READ, *((UPDATE,) if self._endpoint.updates else ()), SEARCH):
            path, method = self._path(operation), _METHODS[operation]
            if not path or (operation == SEARCH and self._endpoint.within):
                continue
            found = self._document.operation(path, method)
            what = f"{method.upper()} {path}"
            if found is None:
                yield (
                    f"{what}, by which {self._endpoint.name} is reached ({operation}), is not there. If it is elsewhere, "
                    "say where in the Variable ipaas_paths."
                )
            elif operation == SEARCH:
                self._note_rows(self._document.row(found))
            elif operation in (CREATE, UPDATE):
                yield from self._body(operation, what, self._document.sent(found))

    def _note_rows(self, row: Schema | None) -> None:
        if row and row.properties:
            whole = "external_ids" in row.properties
            self._know("list_rows", "full" if whole else "summary")

    def _body(self, operation: str, what: str, sent: Schema | None) -> Iterator[str]:
        if sent is None or not sent.properties:
            yield f"{what}: what it takes is not said."
            return
        endpoint = self._endpoint
        own = [name for name in (*endpoint.required, *endpoint.sends, *SHARED) if not self._left_out(name)]
        if endpoint is endpoints.TRANSACTION:
            self._know("transaction_currency", "currency_code" in sent.properties)
        yield from _lacking(what, own, sent)
        yield from self._required(operation, what, sent, own)
        for name, child in endpoint.children.items():
            yield from self._nested(what, name, (*child.required, *child.sends, *SHARED), sent)
        if endpoint is endpoints.PRODUCT and "categories" in sent.properties:
            item = self._document.items(sent.properties["categories"])
            if item and item.properties:
                self._know("category_set", "whole" if "category_id" in item.properties else "adds")

    def _left_out(self, name: str) -> bool:
        """What is not sent where it is not taken, or stands in the path."""
        return name == "currency_code" or (name == "parent_id" and self._below)

    def _required(self, operation: str, what: str, sent: Schema, own: Iterable[str]) -> Iterator[str]:
        known = {*own, *self._endpoint.children}
        if stranger := sorted(sent.required - known):
            yield f"{what} requires {', '.join(stranger)}, which is not sent."
        if operation == UPDATE:
            # That nothing is marked as required does not say that nothing is.
            if sent.required:
                self._know("put_required", True)
                self._know("required", sorted(sent.required))
        elif optional := sorted(sent.required & set(self._endpoint.sends)):
            yield f"{what} requires {', '.join(optional)}, which is only sent where there is a value."

    def _nested(self, what: str, name: str, own: Iterable[str], sent: Schema) -> Iterator[str]:
        if name not in sent.properties:
            yield f"{what} has no property {name}."
            return
        item = self._document.items(sent.properties[name])
        if item and item.properties:
            yield from _lacking(f"{what}, {name}", own, item)
            if stranger := sorted(item.required - {*own, "id"}):
                yield f"{what}, {name}: {', '.join(stranger)} is required, and not sent."


def _lacking(what: str, names: Iterable[str], sent: Schema) -> Iterator[str]:
    if lacking := [name for name in names if name not in sent.properties]:
        yield f"{what} has no property {', '.join(lacking)}."

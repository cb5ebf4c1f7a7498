"""Reads an OpenAPI document (2 or 3): operations by path, the properties of what is sent and of what is answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
# A schema may refer to itself.
_DEEPEST = 20


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The properties of an object, each with its own schema as it stands, and which of them are required."""

    properties: Json
    required: frozenset[str]


class ApiDocument:
    """One OpenAPI document. What cannot be read in it is as if it were not there."""

    def __init__(self, content: Json) -> None:
        self._content = content
        found = content.get("paths")
        self._paths = {_folded(path): item for path, item in (found.items() if isinstance(found, Mapping) else ())}

    @property
    def is_empty(self) -> bool:
        """Whether it names no path at all."""
        return not self._paths

    def operation(self, path: str, method: str) -> Json | None:
        """What is said of a path and a method; None when there is no such path. Names of parameters do not count."""
        wanted = _folded(path)
        # A family's paths may stand below its own base.
        items = (item for known, item in self._paths.items() if known == wanted or known.endswith(f"/{wanted}"))
        item = next(items, None)
        found = item.get(method) if isinstance(item, Mapping) else None
        return found if isinstance(found, Mapping) else None

    def sent(self, operation: Json) -> Schema | None:
        """The body that an operation takes."""
        body = self._resolved(operation.get("requestBody") or {})
        schema = _first_content(body)
        if schema is None:
            parameters = [self._resolved(item) for item in operation.get("parameters") or ()]
            schema = next((item.get("schema") for item in parameters if item.get("in") == "body"), None)
        return None if schema is None else self.schema(schema)

    def row(self, operation: Json) -> Schema | None:
        """What a list is made of."""
        answers = operation.get("responses") or {}
        answer = self._resolved(answers.get("200") or {})
        schema = _first_content(answer) or answer.get("schema")
        return self.items(schema) if schema else None

    def items(self, schema: Any) -> Schema | None:
        """What the items of an array are; None of what is no array."""
        resolved = self._resolved(schema)
        return self.schema(resolved["items"]) if isinstance(resolved.get("items"), Mapping) else None

    def schema(self, schema: Any, depth: int = 0) -> Schema:
        """A schema with what it is composed of."""
        resolved = self._resolved(schema)
        properties: dict[str, Any] = dict(resolved.get("properties") or {})
        required = set(resolved.get("required") or ())
        for part in resolved.get("allOf") or () if depth < _DEEPEST else ():
            inner = self.schema(part, depth + 1)
            properties = {**inner.properties, **properties}
            required |= inner.required
        return Schema(properties=properties, required=frozenset(required))

    def _resolved(self, node: Any) -> Json:
        for _ in range(_DEEPEST):
            if not isinstance(node, Mapping):
                return {}
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self._content
            for part in reference.removeprefix("#/").split("/"):
                node = node.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(node, Mapping) else {}
        return {}


def _first_content(holder: Json) -> Any:
    content = holder.get("content")
    if not isinstance(content, Mapping):
        return None
    named = content.get("application/json") or next(iter(content.values()), None)
    return named.get("schema") if isinstance(named, Mapping) else None


def _folded(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", str(path).partition("?")[0]).strip("/").casefold()

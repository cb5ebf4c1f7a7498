"""Spoils fields of records as they are served: what a service never documents, and what comes all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import simplejson

_PLACE = "sandbox-spoils-this"


@dataclass(kw_only=True)
class Spoil:
    """Spoils the field `at` of the record whose field `name` is `value`, in answers to paths that match `path`.

    `at` leads to the field: names, and numbers of places in lists. `raw` is the JSON text that stands there instead, any
    text at all; None takes the field out. `hits` counts how often it was served.
    """

    system: str
    path: str
    name: str
    value: Any
    at: tuple[str | int, ...]
    raw: str | None = None
    hits: int = 0

    def spoil(self, content: Any, path: str) -> bool:
        """Spoil the record wherever it stands in the content of an answer to this path."""
        found = False
        for record in _records(content):
            if record.get(self.name) == self.value:
                found = self._set(record) or found
        self.hits += found
        return found

    def _set(self, record: Any) -> bool:
        *way, last = self.at
        try:
            for step in way:
                record = record[step]
            if self.raw is None:
                del record[last]
            else:
                record[last] = f"{_PLACE}{self.raw}{_PLACE}"
        except (KeyError, IndexError, TypeError):
            return False
        return True


def _records(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        yield content
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _records(item)


def spoilt(spoils: list[Spoil], system: str, path: str, body: bytes) -> bytes:
    """The body of an answer with what there is to spoil in it."""
    due = [spoil for spoil in spoils if spoil.system == system and re.search(spoil.path, path)]
    if not due or not body:
        return body
    try:
        content = simplejson.loads(body, use_decimal=True)
    except ValueError:
        return body
    served = [spoil.spoil(content, path) for spoil in due]  # all of them, not up to the first
    if not any(served):
        return body
    text = simplejson.dumps(content, use_decimal=True, ensure_ascii=False)
    return re.sub(f'"{_PLACE}(.*?){_PLACE}"', lambda found: str(simplejson.loads(f'"{found[1]}"')), text).encode()

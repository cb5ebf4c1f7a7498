"""Spoils what is served: what a service never documents, and what comes all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import simplejson

_PLACE = "sandbox-spoils-this"
TWICE = "twice"


@dataclass(kw_only=True)
class Spoil:
    """Spoils the field `at` of the record whose field `name` is `value`, in answers to paths that match `path`.

    Without a `name` it is the record that is answered, or every one of a list. `at` leads to the field: names, and numbers
    of places in lists; without any it is the whole record, which `TWICE` serves twice. `raw` is the JSON text that stands
    there instead, any text at all; None takes the field out. `method` is any, if not given. `only`: the answer that is
    meant, counted from 1, of those that match. `hits` counts how often it was served, `rows` says how many records of an answer it was.
    """

    system: str
    path: str
    name: str
    value: Any
    at: tuple[str | int, ...]
    raw: str | None = None
    method: str = ""
    only: int = 0
    hits: int = 0
    rows: int = 0
    _answers: int = 0

    def reset(self) -> None:
        """Count from the start."""
        self.hits = self.rows = self._answers = 0

    def concerns(self, system: str, method: str, path: str) -> bool:
        """Whether this answer may hold the record."""
        return self.system == system and self.method in ("", method) and re.search(self.path, path) is not None

    def spoil(self, content: Any, method: str, path: str) -> Any:
        """The content of an answer with the record spoilt wherever it stands in it; None when it does not."""
        self._answers += 1
        if self.only not in (0, self._answers):
            return None
        around = [content]
        found = 0
        # All of them are looked at before any is spoilt.
        for holder, place, record in list(_records(around, named=bool(self.name))):
            if not self.name or record.get(self.name) == self.value:
                found += self._set(holder, place)
        self.hits += bool(found)
        self.rows = max(self.rows, found)
        return around[0] if found else None

    def _set(self, holder: Any, place: Any) -> bool:
        if not self.at and self.raw == TWICE:
            if isinstance(holder, list) and len(holder) > place:
                holder.append(holder[place])
            return True
        *way, last = (place, *self.at)
        try:
            for step in way:
                holder = holder[step]
            if self.raw is None:
                del holder[last]
            else:
                holder[last] = f"{_PLACE}{self.raw}{_PLACE}"
        except (KeyError, IndexError, TypeError):
            return False
        return True


@dataclass(kw_only=True)
class Refusal:
    """Answers every look-up in which `word` stands with `status`, in the service's own words."""

    system: str
    word: str
    status: int
    hits: int = 0

    def reset(self) -> None:
        """Count from the start."""
        self.hits = 0

    def refuses(self, system: str, text: str) -> bytes | None:
        """The body of the refusal of a request with this address and body; None when it does not concern it."""
        if system != self.system or not re.search(rf"(?<![0-9A-Za-z]){re.escape(self.word)}(?![0-9A-Za-z])", text):
            return None
        self.hits += 1
        said = f"{self.word} is not to be had."
        if system == "ipaas":
            return simplejson.dumps({"code": f"VALD-1{self.status}", "message": said}).encode()
        code = "Internal_RecordNotFound" if self.status == 404 else "BadRequest"
        return simplejson.dumps({"error": {"code": code, "message": said}}).encode()


def _records(content: Any, *, named: bool) -> Iterator[tuple[Any, Any, Any]]:
    """The records in some content, each with what holds it and its place there; all of them, or the outermost."""
    for place in list(content) if isinstance(content, dict) else range(len(content)):
        item = content[place]
        listed = isinstance(item, dict) and any(isinstance(item.get(name), list) for name in ("value", "responses"))
        if isinstance(item, dict) and (named or not listed):
            yield content, place, item
            if not named:
                continue
        if isinstance(item, dict | list):
            yield from _records(item, named=named)


def spoilt(spoils: list[Spoil], system: str, method: str, path: str, body: bytes) -> bytes:
    """The body of an answer with what there is to spoil in it."""
    due = [spoil for spoil in spoils if spoil.concerns(system, method, path)]
    if not due or not body:
        return body
    try:
        content = simplejson.loads(body, use_decimal=True)
    except ValueError:
        return body
    changed = False
    for spoil in due:  # all of them, not up to the first
        if (now := spoil.spoil(content, method, path)) is not None:
            content, changed = now, True
    if not changed:
        return body
    text = simplejson.dumps(content, use_decimal=True, ensure_ascii=False)
    return re.sub(f'"{_PLACE}(.*?){_PLACE}"', lambda found: str(simplejson.loads(f'"{found[1]}"')), text).encode()


def refused(refusals: list[Refusal], system: str, address: str, body: bytes) -> tuple[int, bytes] | None:
    """The answer to a look-up that is refused, or None."""
    if address.partition("?")[0].endswith("/$batch"):
        return None  # its parts are refused each on its own
    text = f"{address} {body.decode(errors='replace')}"
    for refusal in refusals:
        if (answer := refusal.refuses(system, text)) is not None:
            return refusal.status, answer
    return None


def with_parts_refused(refusals: list[Refusal], path: str, asked: bytes, answered: bytes) -> bytes:
    """The answer to a batch of look-ups with those parts refused that are to be."""
    if not refusals or not path.endswith("/$batch"):
        return answered
    urls = {part["id"]: part["url"] for part in simplejson.loads(asked)["requests"]}
    answer = simplejson.loads(answered, use_decimal=True)
    for part in answer["responses"]:
        if found := refused(refusals, "business_central", urls[part["id"]], b""):
            part |= {"status": found[0], "body": simplejson.loads(found[1])}
    return simplejson.dumps(answer, use_decimal=True, ensure_ascii=False).encode()

"""Paths as Business Central takes them: segments and keys (docs/business_central.md, "URL shapes and keys")."""

from __future__ import annotations

import re

from include.sandbox.bc.answers import Fault
from include.sandbox.bc.schema import View

_KEY = re.compile(r"^([^(]+)(?:\((.*)\))?$")


def segments(path: str) -> list[str]:
    """Path segments; a slash inside a key's quotes does not split."""
    parts, current, quoted = [], "", False
    for char in path:
        quoted = quoted ^ (char == "'")
        if char == "/" and not quoted:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def split(segment: str) -> tuple[str, str | None]:
    """A segment's name and what stands in its parentheses."""
    found = _KEY.match(segment)
    return (found[1], found[2]) if found else (segment, None)


def key_values(view: View, key: str) -> dict[str, str]:
    """The properties that a key names, with their values. Raises Fault when their number is wrong."""
    parts = key_parts(key)
    named = [p.partition("=") for p in parts if re.match(r"^\w+=", p)]
    if not named and len(parts) == 1 and len(view.keys) == 1:
        return {view.keys[0]: unquoted(parts[0])}
    if len(named) != len(view.keys):
        space = "Microsoft.NAV" if view.api else "NAV"
        raise Fault(
            400,
            "BadRequest_NotFound",
            f"The number of keys specified in the URI does not match number of key properties for the resource '{space}.{view.name}'.",
        )
    return {name: unquoted(value) for name, _, value in named}


def key_parts(key: str) -> list[str]:
    """The parts of a key; a comma within quotes does not part."""
    return [part for part in re.findall(r"(?:[^,']|'(?:[^']|'')*')+", key) if part]


def quoted(text: str) -> str:
    """A text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def unquoted(text: str) -> str:
    """A literal's text."""
    return text[1:-1].replace("''", "'") if text.startswith("'") else text

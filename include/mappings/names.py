"""Names and e-mail addresses: one field on one side, first and last name on the other; one address, or a list."""

from __future__ import annotations

from typing import Any

from include.errors import BadRecord


def split_name(name: str) -> tuple[str, str]:
    """First and last name of one name: the last word is the last name; a single word is both."""
    words = name.split()
    if not words:
        return "", ""
    if len(words) == 1:
        return words[0], words[0]
    return " ".join(words[:-1]), words[-1]


def join_name(first: str | None, last: str | None) -> str:
    """The one name of first and last name; two equal parts were one word, and are one again."""
    parts = [" ".join(part.split()) for part in (first, last) if part and part.strip()]
    if len(parts) == 2 and parts[0] == parts[1]:
        return parts[0]
    return " ".join(parts)


def first_address(text: Any) -> str | None:
    """The first e-mail address of a field that may hold several, separated by semicolons; None when there is none.

    Raises BadRecord for what is no text.
    """
    if not isinstance(text, str | None):
        raise BadRecord(f"the e-mail address is no text, but {str(text)[:60]!r}")
    return next((address for part in (text or "").split(";") if (address := part.strip())), None)


def with_first_address(address: str, present: str) -> str:
    """A field's list of e-mail addresses with another first one; the others stay."""
    _, *others = [part.strip() for part in present.split(";") if part.strip()] or [""]
    return ";".join([address, *(other for other in others if other.casefold() != address.casefold())])

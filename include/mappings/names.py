"""One name field on one side, first and last name on the other (`mappings.md`)."""

from __future__ import annotations


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

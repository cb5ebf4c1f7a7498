"""The room that Business Central's fields have: a text that does not fit is refused by name, never cut in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.sync.model import Json, Rejected


def fit(field: str, value: str | None, length: int) -> str | None:
    """`value` unless it is longer than `field` can hold. Raises Rejected, naming both."""
    if value is not None and len(value) > length:
        raise Rejected(
            f"{field} is too long: {len(value)} characters, and Business Central holds {length}: {value!r}.",
            "Shorten it in iPaaS.com.",
        )
    return value


def within(fields: Json, limits: Mapping[str, int], sources: Mapping[str, str]) -> Json:
    """`fields` unchanged. Raises Rejected for a text longer than its field, naming the field on both sides."""
    for name, length in limits.items():
        if isinstance(fields.get(name), str):
            fit(f"{name} (from {sources[name]})", fields[name], length)
    return fields


def number_fits(text: Any) -> bool:
    """Whether a text can be a No. of Business Central, and an external id of ours: `|` joins the ids of children."""
    return bool(text) and len(str(text)) <= 20 and "|" not in str(text)

"""The room that Business Central's fields have: a text that does not fit is refused by name, never cut in silence."""

from __future__ import annotations

from include.sync.model import Rejected


def fit(field: str, value: str | None, length: int) -> str | None:
    """`value` unless it is longer than `field` can hold. Raises Rejected, naming both."""
    if value is not None and len(value) > length:
        raise Rejected(
            f"{field} is too long: {len(value)} characters, and Business Central holds {length}: {value!r}.",
            "Shorten it in iPaaS.com.",
        )
    return value

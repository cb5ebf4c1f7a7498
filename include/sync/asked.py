"""Ids that records are asked for by: how they are written, and what is read out of them, once. Values; no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class AskedId:
    """An id somebody asked for: the text as given and its parts (`no`, `guid`, …).

    `points`: it names something else, by which the source finds what records it concerns, if any.
    """

    text: str
    parts: Mapping[str, str]
    points: bool = False


@dataclass(frozen=True, kw_only=True)
class IdFormat:
    """One way to name a record by hand. The named groups of `pattern` are what the source reads; `example` tells the
    user. Raises ValueError when the pattern is none, names no part, or does not fit the example."""

    name: str
    pattern: str
    example: str
    meaning: str

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(f"The pattern of the id format {self.name!r} cannot be read: {error}.") from None
        if not groups:
            raise ValueError(f"The pattern of the id format {self.name!r} names no part, as in (?P<no>…).")
        if self.parse(self.example) is None:
            raise ValueError(f"The example {self.example!r} of the id format {self.name!r} does not fit its pattern.")

    @property
    def parts(self) -> frozenset[str]:
        """The names of the parts that an id of this format has."""
        return frozenset(re.compile(self.pattern).groupindex)

    def parse(self, text: str) -> AskedId | None:
        """The id's parts when `text` has this format, else None."""
        found = re.fullmatch(self.pattern, text, re.IGNORECASE)
        if not found:
            return None
        return AskedId(text=text, parts={k: v for k, v in found.groupdict().items() if v})


IPAAS_ID = IdFormat(name="ipaas_id", pattern=r"(?P<id>[1-9][0-9]{0,18})", example="17542", meaning="iPaaS.com id")

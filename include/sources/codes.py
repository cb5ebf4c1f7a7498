"""Tables of API v2.0 whose records are a code and a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from include.business_central.odata import Api
from include.business_central.records.base import ApiCode
from include.sources.reading import asked_for, feed
from include.sync.asked import GUID, AskedId, IdFormat
from include.sync.flow import Reads, Window
from include.sync.records import SourceRecord

CODE = IdFormat(name="code", pattern=r"(?P<no>[^|]{1,20})", example="10 DAYS", meaning="code")
CODE_OR_GUID = (
    IdFormat(
        name="guid",
        pattern=rf"(?P<guid>{GUID.pattern})",
        example="6fbc9163-0295-ef11-8a6d-6045bdc8dfe6",
        meaning="internal id",
    ),
    CODE,
)
_FIELDS = tuple(ApiCode.model_fields)


@dataclass(frozen=True, kw_only=True)
class Codes:
    """One or several resources of API v2.0: what is asked for by id is the first that has the code."""

    resources: tuple[Api, ...]

    finds_by: ClassVar = (frozenset({"no"}), frozenset({"guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord]:
        """Those modified in the window."""
        for resource in self.resources:
            for record in feed(reads, resource, window, select=_FIELDS):
                yield SourceRecord(key=str(record["code"]), data={"feed": record})

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord]:
        """Those with these codes or GUIDs."""
        wanted = list(ids)
        for resource in self.resources:
            found = list(asked_for(reads, resource, wanted, select=_FIELDS, key="code")) if wanted else []
            for record, text in found:
                yield SourceRecord(key=str(record["code"]), data={"feed": record}, asked=text)
            answered = {text for _, text in found}
            wanted = [one for one in wanted if one.text not in answered]

"""Tables of API v2.0 whose records are a code and a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from include.business_central.odata import Api
from include.business_central.records.base import ApiCode
from include.mappings.rows import PagedRow
from include.sources.feeds import BY_KEY_OR_ID, Plain
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


class _Resource(Plain):
    fields = tuple(ApiCode.model_fields)
    key = "code"
    renumbers = False

    def __init__(self, reads: Reads, api: Api) -> None:
        super().__init__(reads)
        self.api = api


@dataclass(frozen=True, kw_only=True)
class Codes:
    """One or several resources of API v2.0: what is asked for by id is the first that has the code."""

    resources: tuple[Api, ...]

    row: ClassVar = PagedRow
    finds_by: ClassVar = BY_KEY_OR_ID

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[PagedRow]]:
        """Those modified in the window."""
        for resource in self.resources:
            yield from _Resource(reads, resource).changed(window)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[PagedRow]]:
        """Those with these codes or GUIDs."""
        wanted = list(ids)
        for resource in self.resources:
            found = list(_Resource(reads, resource).by_ids(wanted)) if wanted else []
            yield from found
            answered = {record.asked for record in found}
            wanted = [one for one in wanted if one.text not in answered]

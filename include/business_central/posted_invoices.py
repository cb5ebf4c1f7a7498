"""What tells posted sales invoices from released drafts, whose state in API v2.0 is the same.

The posted page knows, where it is published. Else there is the number: posting gives an invoice one of another series.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from include.business_central.odata import Api, Page

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.transport.values import Json

POSTED_PAGE = "PostedSalesInvoices"
_DRAFTS = "status eq 'Draft' or status eq 'In_x0020_Review'"
_PREFIX = re.compile(r"^.*?(?=\d+$)")


class PostedInvoices:
    """What Business Central says of invoices besides their state."""

    def __init__(self, bc: BusinessCentralClient) -> None:
        """Nothing is read yet."""
        self._bc = bc
        self._series: set[str] | None = None

    def rows(self, numbers: Sequence[str], *, select: Sequence[str] = ()) -> Iterator[Json]:
        """The posted page's rows of these numbers, every field of it unless some are named."""
        # Pages 143 and 132 both serve; the fields that one of them lacks are absent.
        return self._bc.read_many(Page(POSTED_PAGE), "No", list(numbers), select=select)

    def numbered_as_drafts(self, number: str) -> bool | None:
        """Whether a number is of a series of which drafts have theirs; None where there is no draft to compare with."""
        if self._series is None:
            rows = self._bc.read(Api("salesInvoices"), filter=_DRAFTS, select=("number",), read_only=True)
            self._series = {_series(str(row["number"])) for row in rows}
        return _series(number) in self._series if self._series else None


def _series(number: str) -> str:
    """What the numbers of one series have in common: all before the digits at the end."""
    found = _PREFIX.match(number)
    return (found[0] if found else number).strip().upper()

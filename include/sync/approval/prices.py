"""Which prices a run would change by much. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from include.settings import SyncSettings
from include.sync.fields import pattern
from include.sync.outcomes import Change, Result
from include.sync.values import number
from include.sync.work import WriteRequest, WriteResult

# So many are shown, those that change most.
_SHOWN = 20
Found = Iterable[tuple[Any, Any]]


def in_fields(*names: str) -> Callable[[Change, SyncSettings], Found]:
    """Of a change of one of these fields, what it was and what it becomes."""

    def prices(change: Change, settings: SyncSettings) -> Found:
        return [(change.before, change.after)] if pattern(change.field) in names else []

    return prices


def percent(before: Any, after: Any) -> Decimal | None:
    """By how much a price changes, of what it was; None where there was none. From or to nothing is beyond measure."""
    was, becomes = number(before), number(after)
    if was is None or becomes == was:
        return None
    if not was or not becomes:
        return Decimal("Infinity")
    return abs(becomes - was) / abs(was) * 100


@dataclass(frozen=True, kw_only=True, order=True)
class Jump:
    """A price that changes by much."""

    percent: Decimal
    key: str
    field: str
    before: str
    after: str


@dataclass(kw_only=True)
class Prices:
    """Those that change by more than so many percent; None looks at none."""

    settings: SyncSettings
    limit: Decimal | None
    count: int = 0
    most: list[Jump] = field(default_factory=list)

    def look(self, item: WriteRequest, written: WriteResult) -> None:
        """Look at what would be changed of a record. A new record has no price that changes."""
        if self.limit is None or item.flow.prices is None or written.result is not Result.updated:
            return
        for change in written.changes:
            for before, after in item.flow.prices(change, self.settings):
                by = percent(before, after)
                if by is not None and by > self.limit:
                    self.count += 1
                    jump = Jump(percent=by, key=item.key, field=change.field, before=str(before), after=str(after))
                    self.most = heapq.nlargest(_SHOWN, [*self.most, jump])

"""What is computed of the whole company, kept while nothing of it changes: a page then costs what it holds, and not what
its table does."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")
# Several are read at once, each page by page.
_MOST = 32


class Kept:
    """Results by what they were asked by, of the company as it stands."""

    def __init__(self) -> None:
        self._results: dict[Hashable, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A snapshot of the company does without.
        return {"_results": {}}

    def moved(self) -> None:
        """Something of the company has changed."""
        if self._results:
            self._results = {}

    def get(self, asked: Hashable, make: Callable[[], T]) -> T:
        """What `make` answers, or what it answered when the same was asked before."""
        results = self._results
        if asked in results:
            return cast(T, results[asked])
        result = make()
        # Whatever has changed meanwhile has put another dict in the place of this one.
        results[asked] = result
        if len(results) > _MOST:
            del results[next(iter(results))]
        return result

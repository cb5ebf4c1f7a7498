"""Records in batches, so that neither a request, a statement nor the memory holds too many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(records: Iterable[T], size: int) -> Iterator[list[T]]:
    """The records in lists of at most `size`."""
    iterator = iter(records)
    while batch := list(islice(iterator, size)):
        yield batch

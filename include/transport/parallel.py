"""Several requests under way at once, whose answers come in the order in which they were asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import chain, islice
from typing import TypeVar

T = TypeVar("T")


def in_parallel(calls: Iterable[Callable[[], T]], at_once: int) -> Iterator[T]:
    """What the calls answer, in their order; at most `at_once` of them are under way, and no answer waits beside them.

    The first that raises ends it: those after it that have begun are awaited, and no further ones begin.
    """
    remaining = iter(calls)
    first = list(islice(remaining, 2)) if at_once > 1 else []
    if len(first) < 2:
        # Nothing to do beside it: no thread is worth it.
        yield from (call() for call in chain(first, remaining))
        return
    running: deque[Future[T]] = deque()
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        try:
            for call in chain(first, remaining):
                # In the caller's own context: its span is the parent of those of the requests.
                running.append(pool.submit(copy_context().run, call))
                if len(running) == at_once:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()

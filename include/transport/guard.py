"""What is asked immediately before anything is written: whether whoever writes still may.

It is asked inside the clients, after every wait and before every repetition, so that nobody who writes through them can
forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)


@contextmanager
def guarded(check: Callable[[], None]) -> Iterator[None]:
    """Within, `check` is called before each request that writes; what it raises is raised instead of the request."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def before_writing() -> None:
    """Ask whether the request may be sent."""
    check = _check.get()
    if check is not None:
        check()

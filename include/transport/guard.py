"""What is asked immediately before anything is written: whether whoever writes still may.

It is asked inside the clients, after every wait and before every repetition, so that nobody who writes through them can
forget it. Whoever is asked counts what is sent, and is told when that has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Tells whoever was asked that the request was not processed.
Unsent = Callable[[], None]
# Raises what is raised instead of the request, or lets it be sent.
Check = Callable[[], Unsent]

_check: ContextVar[Check | None] = ContextVar("check", default=None)


@contextmanager
def guarded(check: Check) -> Iterator[None]:
    """Within, `check` is called before each request that writes; what it raises is raised instead of the request."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def before_writing() -> Unsent:
    """Ask whether the request may be sent. What it returns is to be called when the request was not processed."""
    check = _check.get()
    return check() if check is not None else _nobody


def _nobody() -> None:
    """Nobody was asked."""

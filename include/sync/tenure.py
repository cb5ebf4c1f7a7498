"""The time for which one try of a task may write: its claims, renewed while it lives, asked for before every write.

A task may be repeated while an earlier try of it is still alive: its host was frozen, its heartbeat was lost. The later
try takes the claims of the earlier one over; that one finds out before its next write, and sends nothing more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Self

from include.sync.ledger import Ledger, LedgerFault
from include.sync.ledger.faults import ClaimLost
from include.transport.guard import guarded

# Seconds between two renewals of a task's claims, all of them in one statement.
RENEW_EVERY = 15.0

_held: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("held", default=())
_log = logging.getLogger(__name__)


class Tenure:
    """The tenure of one try of the task `task`. A context manager: claims are renewed within.

    Entering it gives what an earlier try has sent the time to arrive: only then can it be looked for.
    """

    def __init__(self, ledger: Ledger, task: str, under_way: float) -> None:
        """Begin it, and end that of earlier tries. `under_way`: seconds for which a request of theirs may still be
        on its way to the service."""
        self._ledger = ledger
        self.claimant, self._arriving = ledger.begin_try(task, under_way)
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._renew, name="renews claims", daemon=True).start()
        if self._arriving > 0:
            self._let_arrive(self._arriving)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._ledger.end_try(self.claimant)

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_EVERY):
            try:
                self._ledger.renew(self.claimant)
            except LedgerFault as fault:
                # Whoever writes meets it, too; a claim lasts longer than some renewals.
                _log.warning("Claims could not be renewed: %s", fault)

    @contextmanager
    def writing(self, table: str, key: str) -> Iterator[None]:
        """Within, a claimed record is written, as long as its claim, and that of any it is written for, is held."""
        token = _held.set((*_held.get(), (table, key)))
        try:
            with guarded(self._check):
                yield
        finally:
            _held.reset(token)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within, something is written that no record is claimed for, as long as this is the task's latest try."""
        with guarded(self._check):
            yield

    def _let_arrive(self, seconds: float) -> None:
        """Wait for what an earlier try may have sent, before anybody looks for it."""
        self._ended.wait(seconds)

    def _check(self) -> None:
        if not self._ledger.holds(self.claimant, _held.get()):
            raise ClaimLost()

"""The time for which one try of a task may write: its claims, renewed while it lives, asked for before every write.

A task may be repeated while an earlier try of it is still alive: its host was frozen, its heartbeat was lost. The later
try takes the claims of the earlier one over; that one finds out before its next write, and sends nothing more.

A try that ends in order, by whatever fault, gives back all that it has sent nothing for: nobody waits for it then.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Self

from include.sync.ledger import Ledger, LedgerFault
from include.sync.ledger.faults import ClaimLost
from include.transport.guard import Unsent, guarded

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
        # How often something was sent, or is about to be, for each claim; but for what was not processed.
        self._sent: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="renews claims", daemon=True)

    def __enter__(self) -> Self:
        self._renewing.start()
        try:
            if self._arriving > 0:
                self._let_arrive(self._arriving)
        except BaseException as fault:
            self.__exit__(type(fault), fault, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._renewing.join()
        try:
            self._ledger.end_try(self.claimant, [claim for claim, times in self._sent.items() if times])
        except LedgerFault as fault:
            if error is None:
                raise
            # What ended the task is what the operator is to read.
            _log.warning("Claims could not be given back, and run out by themselves: %s", fault)

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

    def _let_arrive(self, seconds: float) -> None:
        """Wait for what an earlier try may have sent, before anybody looks for it."""
        self._ended.wait(seconds)

    def _check(self) -> Unsent:
        held = _held.get()
        if not self._ledger.holds(self.claimant, held):
            raise ClaimLost()
        with self._counting:
            self._sent.update(held)

        def unsent() -> None:
            with self._counting:
                self._sent.subtract(held)

        return unsent

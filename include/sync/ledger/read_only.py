"""The ledger as a plan has it: it reads, and nothing that is noted is kept."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from include.errors import PlanWrites
from include.ipaas.external_ids import Id
from include.sync.ledger.entries import Claim, Claimant, Finish, Purpose, Renumbered, Tried
from include.sync.ledger.ledger import Ledger
from include.sync.ledger.windows import SystemWindow
from include.sync.records import Json
from include.sync.values import fold


class ReadOnlyLedger(Ledger):
    """A ledger whose questions are answered as ever, and in which nothing changes.

    What a run notes on its way is let go here, one method after another, so that plan and apply are the same code. Any
    other write is refused: PlanWrites. Whose memory it is and how many calls a system is sent are no business of the
    records, and are noted by a plan, too.
    """

    def __init__(self, ledger: Ledger) -> None:
        """`ledger` is the one that is read; they share its connections."""
        self.__dict__.update(ledger.__dict__)
        self._ledger = ledger
        # By what they are numbers of: which record of this plan has taken which reference.
        self._taken: dict[tuple[str, str], tuple[str, str]] = {}
        self._taking = threading.Lock()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        raise PlanWrites("the ledger", "a transaction")
        yield

    def identify(self, company_id: str) -> bool:
        """See `Pairs.identify`."""
        found = self._ledger.identify(company_id)
        self._known = self._ledger.known
        return found

    def mark_checked(self) -> None:
        """See `Pairs.mark_checked`."""
        self._ledger.mark_checked()
        self._known = self._ledger.known

    def window(self, system: str, limit: int, seconds: float, *, run: str) -> SystemWindow:
        """See `Windows.window`."""
        return self._ledger.window(system, limit, seconds, run=run)

    # --- claims: a plan stands in nobody's way, and nobody in its ------------------------------------------------

    def begin_try(self, task: str, under_way: float) -> tuple[Claimant, float]:
        """See `Claims.begin_try`; nothing of a plan is under way."""
        return Claimant(task=task, try_id=uuid.uuid4().hex), 0.0

    def end_try(self, claimant: Claimant, sent: Iterable[tuple[str, str]] = ()) -> None:
        """Nothing was begun."""

    def renew(self, claimant: Claimant) -> None:
        """Nothing is held."""

    def claim(self, table: str, keys: Sequence[str], owner: Claimant | str) -> dict[str, Claim]:
        """All of them, as when nobody else writes them."""
        return {key: Claim(held=True) for key in keys}

    def release(self, table: str, keys: Iterable[str], owner: Claimant | str) -> None:
        """Nothing is held."""

    def reserve(
        self, claimed: str, key: str, numbers: str, reference: str, purpose: Purpose, *, linked_in: str = ""
    ) -> bool:
        """See `Reservations.reserve`; within this plan alone."""
        holder = self.internal_ids(linked_in, [reference]).get(fold(reference)) if linked_in else None
        if holder is not None and str(holder) != key:
            return False
        with self._taking:
            return self._taken.setdefault((numbers, fold(reference)), (claimed, key)) == (claimed, key)

    def unreserve(self, claimed: str, key: str) -> None:
        """See `Reservations.unreserve`."""
        with self._taking:
            self._taken = {place: by for place, by in self._taken.items() if by != (claimed, key)}

    # --- what is let go ----------------------------------------------------------------------------------------

    def finish(
        self,
        flow: str,
        claimed: str,
        ends: Sequence[Finish],
        new_links: Sequence[tuple[str, str, Id]],
        *,
        owner: Claimant | str | None = None,
        record_ids: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Nothing has ended."""

    def know_growth(self) -> None:
        """A plan lets nothing grow."""

    def link(
        self,
        new_links: Sequence[tuple[str, str, Id]],
        *,
        pushed: bool = True,
        record_ids: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Nothing was linked, and what is found linked is found again."""

    def link_new(
        self, true: Sequence[tuple[str, str, Id]], told: Collection[tuple[str, str, Id]] = ()
    ) -> list[tuple[str, str, Id]]:
        """See `Links.link_new`; nothing is linked."""
        with self.reading() as db:
            return self._unknown(db, true, told)

    def unlink(self, table: str, external_id: str) -> None:
        """What is gone is found to be gone again."""

    def begin(self, flow: str, key: str, run_id: str, fingerprint: str) -> None:
        """Nothing begins."""

    def sending(self, flow: str, key: str, fields: Mapping[str, Any], owed: Json, tried: Tried | None = None) -> None:
        """Nothing is sent."""

    def settle(self, written: Sequence[tuple[str, str, Mapping[str, tuple[Any, Any]]]], at: str) -> None:
        """Nothing was written."""

    def forget(self, flow: str, keys: Iterable[str]) -> None:
        """It stays known."""

    def renumber(
        self,
        it: Renumbered,
        flows: Sequence[str],
        others: Sequence[str] = (),
        new_links: Sequence[tuple[str, str, Id]] = (),
    ) -> None:
        """It stays known by its old number."""

    def seen(self, flow: str, keys: Iterable[str], read_at: str, seen_as: Mapping[str, str] | None = None) -> None:
        """A plan leaves no trace of what it read."""

    def look_again(self, flow: str, keys: Sequence[str]) -> None:
        """The run that applies finds the same."""

    def flows_due(self, flows: Iterable[str]) -> list[str]:
        """A plan starts nothing."""
        return []

    def outage_over(self, flows: Sequence[str], *, after: datetime | None, before: datetime) -> list[str]:
        """A plan says nothing of whether records are taken."""
        return []

    def advance(self, flow: str, read_from: datetime) -> None:
        """What a plan has read is read again."""

    def receive(self, notifications: Iterable[tuple[str, str, str]]) -> None:
        """Nothing was left to anybody."""

    def note_facts(self, found: Mapping[str, Any]) -> None:
        """It is found out again."""

"""Records that share a natural key are settled one after another: the first is created or linked, and the others find it.

A natural key is what an unlinked record is matched by: an e-mail, a name, a sku. While one record of it is written, no
other one is, in this task (the others line up here) or in any other (a claim in the ledger). Both directions share these
claims. A list that a task has read is good for the keys that it claimed before it read it; for any other, and for those
that line up, what was read is stale, and the other side is asked anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol

from include.ipaas.external_ids import Id
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Claimant
from include.sync.values import fold
from include.sync.work import WriteRequest


class Claiming(Protocol):
    """What claiming keys needs of the task that writes: its ledger, whose its claims are, and the links it knows."""

    ledger: Ledger
    linked: dict[tuple[str, str], Id]

    @property
    def owner(self) -> Claimant:
        """Whose the claims are."""

    def writing(self, table: str, key: str) -> AbstractContextManager[None]:
        """Within, something is written under a claim."""


class NaturalKeys:
    """The natural keys that one load task has claimed."""

    def __init__(self, work: Claiming, table: str) -> None:
        """`table` is the external-id table of the records to write."""
        self._work = work
        self._claims = f"{table} by natural key"
        self._table = table
        # Claimed by this task, and no record of it written yet.
        self._fresh: set[str] = set()
        # Being written: the record's own key, and those that line up behind it.
        self._writing: dict[str, tuple[str, deque[WriteRequest]]] = {}
        # Settled; given up once the ledger knows what became of the record.
        self._settled: set[str] = set()

    def claim(self, items: Sequence[WriteRequest]) -> None:
        """Claim the keys of records that are not linked, before the other side's list is read."""
        names = {name for item in items if (name := self._name(item))}
        if names:
            held = self._work.ledger.claim(self._claims, sorted(names), self._work.owner)
            self._fresh = {name for name in names if held[name].held}

    def admit(self, items: Iterable[WriteRequest]) -> tuple[list[WriteRequest], list[WriteRequest]]:
        """Those that may be written now, and those whose key another task holds. The others line up, and `done` tells
        when it is their turn."""
        admitted: list[WriteRequest] = []
        elsewhere: list[WriteRequest] = []
        for item in items:
            name = self._name(item)
            if name is None:
                admitted.append(item)
            elif name in self._writing:
                self._writing[name][1].append(item)
            elif name in self._fresh:
                self._fresh.remove(name)
                self._writing[name] = item.key, deque()
                admitted.append(item)
            elif self._work.ledger.claim(self._claims, [name], self._work.owner)[name].held:
                self._settled.discard(name)
                self._writing[name] = item.key, deque()
                admitted.append(replace(item, stale=True))
            else:
                elsewhere.append(item)
        return admitted, elsewhere

    def done(self, item: WriteRequest) -> WriteRequest | None:
        """Note that a record is settled, or has to wait; answers the next one of its key, if one lines up."""
        name = self._key(item)
        key, line = self._writing.get(name or "", ("", deque()))
        if name is None or key != item.key:
            return None
        if line:
            following = replace(line.popleft(), stale=True)
            self._writing[name] = following.key, line
            return following
        del self._writing[name]
        self._settled.add(name)
        return None

    @contextmanager
    def writing(self, item: WriteRequest) -> Iterator[None]:
        """Within, a record is written under the claim on its natural key, if there is one: nothing is sent without it."""
        name = self._key(item) or ""
        if self._writing.get(name, ("",))[0] != item.key:
            yield
            return
        with self._work.writing(self._claims, name):
            yield

    def release(self) -> None:
        """Give up the claims on keys whose records the ledger knows."""
        if self._settled:
            self._work.ledger.release(self._claims, sorted(self._settled), self._work.owner)
        self._settled = set()

    def _name(self, item: WriteRequest) -> str | None:
        """The natural key of a record that is not linked; None for one that is, or that has none beside its own key."""
        linked = item.mapped.linked or (self._table, fold(item.mapped.source_id)) in self._work.linked
        return None if linked else self._key(item)

    def _key(self, item: WriteRequest) -> str | None:
        match = item.mapped.match
        if not match or fold(match) == fold(item.mapped.source_id):
            return None
        return " ".join(match.split()).casefold()[:200]

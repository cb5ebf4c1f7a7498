"""What is known of how this platform behaves, where more than one behaviour is likely: from its documents where they
are served, else from what it answers. Each doubt is settled once, and remembered for the tasks to come.

What an earlier task has found out is how it is tried first. When that is refused, it is found out anew: the platform
may have changed.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from include.ipaas.endpoints import Endpoint

CategorySet = Literal["whole", "adds"]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One way in which the platform may behave.

    `put_required`: a change repeats what a new record needs. `category_set`: a product's list of categories is the whole
    set, or it only adds. `inventory_below`: stock is made below its product, at a path of its own.
    """

    put_required: bool = False
    category_set: CategorySet = "whole"
    inventory_below: bool = False


_SIDES: Mapping[str, tuple[Any, Any]] = {
    "put_required": (False, True),
    "category_set": ("whole", "adds"),
    "inventory_below": (False, True),
}
# What differs from endpoint to endpoint.
_OF_ENDPOINT = frozenset({"put_required", "required", "list_rows"})
# What every list says of itself is not worth keeping.
_NOT_KEPT = "list_rows"


class Memory(Protocol):
    """Where what has been found out is kept for the tasks to come."""

    def recall(self) -> Mapping[str, Any]:
        """What earlier tasks have found out, by name, as far as it is not too old."""

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep what has been found out."""


def fact(name: str, endpoint: Endpoint) -> str:
    """The name of something that is known of an endpoint, or of the platform as a whole."""
    return f"{name} {endpoint.name}" if name in _OF_ENDPOINT else name


class Dialect:
    """What is known, by the names of facts. What this client has seen for itself is sure. Safe to use from several
    threads."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._sure: set[str] = set()
        self._memory: Memory | None = None
        self._lock = threading.Lock()

    def remember_in(self, memory: Memory) -> None:
        """Begin with what is remembered there, and keep there what is found out."""
        with self._lock:
            if self._memory is None:
                self._known = {**memory.recall(), **self._known}
            self._memory = memory

    def get(self, name: str) -> Any:
        """A fact; None when it is not known."""
        return self._known.get(name)

    def all_of(self, start: str) -> dict[str, Any]:
        """The facts whose names begin so."""
        with self._lock:
            return {name: value for name, value in self._known.items() if name.startswith(start)}

    def known(self, doubt: str, endpoint: Endpoint) -> Any:
        """What is known of a doubt where this endpoint is concerned; None when nothing is."""
        return self._known.get(fact(doubt, endpoint))

    def tell(self, facts: Mapping[str, Any]) -> None:
        """The platform itself has said so, or done so."""
        with self._lock:
            new = {name: value for name, value in facts.items() if self._known.get(name) != value}
            self._known |= new
            self._sure |= facts.keys()
            kept = {name: value for name, value in new.items() if not name.startswith(_NOT_KEPT)}
            if self._memory and kept:
                self._memory.note(kept)

    def suppose(self, doubt: str, endpoint: Endpoint, side: Any) -> None:
        """Try this side of a doubt first from now on."""
        with self._lock:
            self._known[fact(doubt, endpoint)] = side

    def is_sure(self, doubt: str, endpoint: Endpoint) -> bool:
        """Whether this client has seen for itself what is known of a doubt."""
        return fact(doubt, endpoint) in self._sure

    def unknown(self, endpoint: Endpoint, doubts: Iterable[str]) -> list[str]:
        """Which of these doubts are not settled, nor were by an earlier task."""
        return [doubt for doubt in doubts if self.known(doubt, endpoint) is None]

    def unsure(self, endpoint: Endpoint, doubts: Iterable[str]) -> list[str]:
        """Which of these doubts this client has not seen settled."""
        return [doubt for doubt in doubts if not self.is_sure(doubt, endpoint)]

    def sides(self, doubt: str, endpoint: Endpoint) -> tuple[Any, ...]:
        """What to try of a doubt, one after another."""
        known = self.known(doubt, endpoint)
        if known is None:
            return _SIDES[doubt]
        return (known,) if self.is_sure(doubt, endpoint) else (known, other_side(doubt, known))

    def guesses(self, endpoint: Endpoint, doubts: Sequence[str]) -> Iterator[Guess]:
        """What to try, one after another: what is known first, and of these doubts that are not settled both sides."""
        known = {name: value for name in _SIDES if (value := self.known(name, endpoint)) is not None}
        for sides in itertools.product(*(self.sides(doubt, endpoint) for doubt in doubts)):
            yield replace(Guess(**known), **dict(zip(doubts, sides, strict=True)))

    def learn(self, endpoint: Endpoint, doubts: Iterable[str], guess: Guess) -> None:
        """The platform did as was guessed."""
        self.tell({fact(doubt, endpoint): getattr(guess, doubt) for doubt in doubts})

    def needed(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The properties that a change has to repeat, where it has to."""
        return tuple(dict.fromkeys((*(self.known("required", endpoint) or ()), *endpoint.required)))


def other_side(doubt: str, side: Any) -> Any:
    """The other behaviour that is likely."""
    first, second = _SIDES[doubt]
    return second if side == first else first

"""What is known of how this platform behaves, where more than one behaviour is likely: from its documents where they
are served, else from what it answers. Each doubt is settled once for a client, and remembered."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from include.ipaas.endpoints import Endpoint

CategorySet = Literal["whole", "adds"]
ListRows = Literal["full", "summary"]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One way in which the platform may behave.

    `put_required`: a change repeats what a new record needs. `category_set`: a product's list of categories is the whole
    set, or it only adds. `inventory_below`: stock is made below its product, at a path of its own.
    `transaction_currency`: a transaction takes a currency_code.
    """

    put_required: bool = False
    category_set: CategorySet = "whole"
    inventory_below: bool = False
    transaction_currency: bool = True


_OTHERS: Mapping[str, tuple[Any, Any]] = {
    "put_required": (False, True),
    "category_set": ("whole", "adds"),
    "inventory_below": (False, True),
    "transaction_currency": (True, False),
}


@dataclass(kw_only=True)
class Dialect:
    """What is known; None and absent: not yet. `required` are the properties that a change needs, by endpoint."""

    put_required: dict[str, bool] = field(default_factory=dict)
    required: dict[str, tuple[str, ...]] = field(default_factory=dict)
    list_rows: dict[str, ListRows] = field(default_factory=dict)
    category_set: CategorySet | None = None
    inventory_below: bool | None = None
    transaction_currency: bool | None = None

    def known(self, doubt: str, endpoint: Endpoint) -> Any:
        """What is known of a doubt where this endpoint is concerned; None when nothing is."""
        return self.put_required.get(endpoint.name) if doubt == "put_required" else getattr(self, doubt)

    def unknown(self, endpoint: Endpoint, doubts: Iterable[str]) -> list[str]:
        """Which of these doubts are not settled yet."""
        return [doubt for doubt in doubts if self.known(doubt, endpoint) is None]

    def guesses(self, endpoint: Endpoint, doubts: Iterable[str]) -> list[Guess]:
        """What to try, one after another: what is known stands, of these doubts that are not settled both sides."""
        known = {name: value for name in _OTHERS if (value := self.known(name, endpoint)) is not None}
        open_ = self.unknown(endpoint, doubts)
        sides = itertools.product(*(_OTHERS[name] for name in open_))
        return [replace(Guess(**known), **dict(zip(open_, side, strict=True))) for side in sides]

    def learn(self, endpoint: Endpoint, doubts: Iterable[str], guess: Guess) -> None:
        """The platform did as was guessed."""
        for doubt in doubts:
            if doubt == "put_required":
                self.put_required[endpoint.name] = guess.put_required
            else:
                setattr(self, doubt, getattr(guess, doubt))

    def needed(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The properties that a change has to repeat, where it has to."""
        return tuple(dict.fromkeys((*self.required.get(endpoint.name, ()), *endpoint.required)))

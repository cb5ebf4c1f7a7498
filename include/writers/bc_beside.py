"""What an unlinked record of iPaaS.com may be in Business Central beside a record of its own target.

A customer may be a person contact there, whom the flow of contacts transfers. Made a customer, it would be two people in
Business Central, and the contact could be linked to nobody any more. So it is linked to what it is, and nothing is written:
whichever of the two flows runs first, both sides stay one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from include.errors import Rejected, Waiting
from include.ipaas.external_ids import Id, id_from
from include.sync.context import WriteContext
from include.sync.flow import Reads
from include.sync.outcomes import Result
from include.sync.records import ASK
from include.sync.values import fold
from include.sync.work import WriteRequest, WriteResult

# By folded value: the external ids of the records that have it.
Found = dict[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Records outside the target that share its table of external ids.

    `name` is what a person calls one, `owner` the flow that transfers them, `by` the field of a candidate whose value they
    have in common with the record. `find` gives, by folded value, the external ids of those that have it, many values per
    request. `own_number` is the number that an external id of theirs names, None for an id of the target's records.
    """

    name: str
    owner: str
    by: str
    find: Callable[[Reads, Sequence[str]], Mapping[str, Sequence[str]]]
    own_number: Callable[[str], str | None]

    def learn(self, work: WriteContext, found: Found, items: Iterable[WriteRequest]) -> None:
        """Look for those that these records may be, as far as that is not known."""
        new = {fold(value): value for item in items if (value := self._value(item)) and fold(value) not in found}
        if new:
            there = self.find(work.task, list(new.values()))
            found |= {folded: there.get(folded, ()) for folded in new}

    def forget(self, found: Found, item: WriteRequest) -> None:
        """Have `learn` look again for what a record may be."""
        found.pop(fold(self._value(item) or ""), None)

    def take(
        self, work: WriteContext, found: Found, item: WriteRequest, table: str, holder: Callable[[str], Id | None]
    ) -> WriteResult | None:
        """Link a record to the one that it is; None when it is none. Raises Rejected when it is doubtful.

        `holder` tells which other record of iPaaS.com an external id belongs to, as far as is known. Where nothing is known,
        iPaaS.com is asked with the next run.
        """
        self.learn(work, found, [item])
        external_ids = found.get(fold(self._value(item) or ""), ())
        named = " and ".join(str(self.own_number(one)) for one in external_ids)
        if not external_ids:
            return None
        if len(external_ids) > 1:
            raise Rejected(
                f"Several {self.name}s of Business Central may be this one: {named}.",
                "Correct the others, or link the right one in iPaaS.com, with its external id: "
                + " or ".join(repr(one) for one in external_ids)
                + ".",
            )
        external_id = external_ids[0]
        if (other := holder(external_id)) is not None:
            raise Rejected(
                f"{self.name.capitalize()} {named} of Business Central is linked to iPaaS.com {table} {other}, and this "
                f"record ({item.key}) matches it, too.",
                "Two records are the same: merge them in iPaaS.com, or correct the e-mail or the link of one.",
            )
        if fold(external_id) not in item.mapped.holders:
            return ask_first([external_id], f"{self.name} {named}", "linked")
        own = (table, external_id, id_from(item.key))
        children = [(of, f"{external_id}{suffix}", id_) for of, suffix, id_ in item.mapped.children]
        return WriteResult(
            result=Result.updated,
            target_id=external_id,
            unpushed=(own, *children),
            notes=(f"Linked to {self.name} {named} of Business Central, which is kept there.",),
        )

    def refuse_linked(self, number: str | None) -> None:
        """Raise Waiting for a record that has been linked to one of these since it was read."""
        if number is not None and (own := self.own_number(number)) is not None:
            raise Waiting(
                f"It has been linked to {self.name} {own} of Business Central by {self.owner} since it was read.",
                advice="Nothing to do: it is read again with the next run.",
                at_once=True,
            )

    def _value(self, item: WriteRequest) -> str | None:
        return next((candidate.value for candidate in item.mapped.candidates if candidate.by == self.by), None)


def ask_first(external_ids: Sequence[str], label: str, done: str) -> WriteResult:
    """What comes of a record that matches some of which it is not known whether another is linked to them: iPaaS.com is asked
    with the next run. `done` is what is to be done with what it matches."""
    return WriteResult(
        result=Result.unchanged,
        memory={ASK: list(external_ids)},
        then=Waiting(
            f"It matches {label} of Business Central. Before that is {done}, iPaaS.com is asked whether another record is "
            "linked to it.",
            advice="Nothing to do: it goes on with the next run.",
            at_once=True,
        ),
    )

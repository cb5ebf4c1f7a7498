"""Which record of Business Central an unlinked one is, and which number a new one takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from include.business_central.odata import Api
from include.errors import Rejected, Waiting
from include.ipaas.external_ids import Id
from include.sync.context import WriteContext
from include.sync.ledger.entries import Purpose
from include.sync.records import Candidate, Json
from include.sync.values import fold
from include.sync.work import WriteRequest, WriteResult
from include.writers.bc_beside import ask_first
from include.writers.bc_target import Target


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The records of a target that unlinked ones may be, as far as one task has read them.

    `table` is the target's external-id table in iPaaS.com. `shares_number`: a candidate that is linked to another record does
    not count; elsewhere it is a rejection.
    """

    target: Target
    table: str
    shares_number: bool
    # By (field, folded value): the records of API v2.0 that have it.
    _read: dict[tuple[str, str], list[Json]] = field(default_factory=dict)

    def look(self, work: WriteContext, candidates: Iterable[Candidate]) -> None:
        """Read the records that have these values, as far as that is not done."""
        by_field: dict[str, dict[str, str]] = {}
        for candidate in candidates:
            if (candidate.by, fold(candidate.value)) not in self._read:
                by_field.setdefault(candidate.by, {})[fold(candidate.value)] = candidate.value
        select = ("number", "displayName", "email", *self.target.fixed) if self.target.fixed else ("number",)
        for name, values in by_field.items():
            for folded in values:
                self._read[name, folded] = []
            listed = name in self.target.listed
            rows = work.bc.read_many(Api(self.target.api), name, list(values.values()), select=select, listed=listed)
            for row in rows:
                if (found := self._read.get((name, fold(self._shown(row, name))))) is not None:
                    found.append(row)

    def forget(self, item: WriteRequest) -> None:
        """Have `look` read again what a record may be."""
        for candidate in item.mapped.candidates:
            self._read.pop((candidate.by, fold(candidate.value)), None)

    def alike(self, item: WriteRequest) -> list[str]:
        """The numbers of the records that an unlinked one may be: of the right type, and agreeing."""
        return [str(row["number"]) for candidate in item.mapped.candidates for row in self._alike(candidate)]

    def _alike(self, candidate: Candidate) -> list[Json]:
        return [
            row
            for row in self._read.get((candidate.by, fold(candidate.value)), ())
            if all(row.get(name) == value for name, value in self.target.fixed.items())
            and (not candidate.agree or any(self._says(row, name, value) for name, value in candidate.agree.items()))
        ]

    def _says(self, row: Json, name: str, value: Any) -> bool:
        return _words(self._shown(row, name)) == _words(value)

    def _shown(self, row: Json, name: str) -> str:
        """A field of API v2.0 as one value: of a list the first."""
        text = str(row.get(name) or "")
        return text.strip(" ;").split(";")[0].strip() if name in self.target.listed else text

    def match(self, work: WriteContext, item: WriteRequest) -> str | WriteResult | None:
        """The number of the one record that an unlinked one is; None when there is none. Raises Rejected when doubtful.

        A record of which it is not known whether another one is linked to it is not touched: iPaaS.com is asked with
        the next run.
        """
        free: list[str] = []
        alike = list({fold(number): number for number in self.alike(item)}.values())
        if any(self._doubted(work, item, number) for number in alike):
            return ask_first(alike, f"{self.target.name} {' and '.join(alike)}", "taken for another one's")
        for number in alike:
            holder = self.holder(work, item, number)
            if holder is None:
                free.append(number)
            elif not self.shares_number:
                raise self._belongs_to(number, holder, item.key)
        if len(free) > 1:
            raise Rejected(
                f"Several {self.target.name}s of Business Central may be this one: {', '.join(sorted(free))}.",
                "Link the right one in iPaaS.com, with its No. as external id, or correct the others.",
            )
        if not free:
            return None
        number = free[0]
        if fold(number) not in item.mapped.holders:
            return ask_first([number], f"{self.target.name} {number}", "changed")
        if not self._reserve(work, item, number, Purpose.match):
            raise Waiting(f"Another record is being linked to {self.target.name} {number} at the moment.")
        return number

    def _doubted(self, work: WriteContext, item: WriteRequest, number: str) -> bool:
        """Whether only the ledger says that a number is linked, and iPaaS.com may know better: the record that it was linked to
        may have been deleted there since, or merged into this one."""
        if fold(number) in item.mapped.holders:
            return False
        holder = work.ledger.internal_ids(self.table, [number], pushed=True).get(fold(number))
        return holder is not None and str(holder) != item.key

    def holder(self, work: WriteContext, item: WriteRequest, number: str) -> Id | None:
        """The other iPaaS.com record that is linked to a number, as far as is known for sure."""
        if self._doubted(work, item, number):
            return None
        known = work.ledger.internal_ids(self.table, [number]).get(fold(number))
        holder = known if known is not None else item.mapped.holders.get(fold(number))
        return None if holder is None or str(holder) == item.key else holder

    def _belongs_to(self, number: str, holder: Id, key: str) -> Rejected:
        return Rejected(
            f"{self.target.name.capitalize()} {number} of Business Central is linked to iPaaS.com {self.table} {holder}, "
            f"and this record ({key}) matches it, too.",
            "Two records are the same: merge them in iPaaS.com, or correct the number, the e-mail or the link of one.",
        )

    def free_number(self, work: WriteContext, item: WriteRequest) -> str:
        """The first number that no record has and that nobody else has reserved; reserved from here on."""
        tried = [c.value for c in item.mapped.candidates if c.by == "number"]
        for number in tried:
            # Whose link a number has, the ledger knows since it was asked for as the record was read.
            if not self._read.get(("number", fold(number))) and self._reserve(work, item, number, Purpose.create):
                return number
        raise Rejected(
            f"A new {self.target.name} cannot have a number: {', '.join(tried)} are in use in Business Central.",
            f"Link the record to its {self.target.name} in iPaaS.com, with the No. as external id, or give it a number.",
        )

    def _reserve(self, work: WriteContext, item: WriteRequest, number: str, purpose: Purpose) -> bool:
        claims = work.side.claim_scope(self.table)
        return work.ledger.reserve(claims, item.key, self.target.api, number, purpose, linked_in=self.table)


def _words(value: Any) -> str:
    return " ".join(str(value or "").split()).casefold()

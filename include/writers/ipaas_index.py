"""The part of a list of iPaaS.com that the records of a chunk are interested in: by link, by natural key, by place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import external_id_of
from include.sync.context import WriteContext
from include.sync.ledger import Ledger
from include.sync.outcomes import Apart, Difference
from include.sync.records import Json, Mapped, Ref
from include.sync.values import fold
from include.sync.work import WriteRequest
from include.writers.ipaas_companions import Siblings


@dataclass(kw_only=True)
class Index:
    """What was found of a list.

    `whole`: all of the list that concerns these records is in it, as it was read for a comparison; then it says what is
    linked and what is not, whatever is remembered of that.
    """

    external_ids: set[str]
    matches: set[str]
    whole: bool = False
    linked: dict[str, Json] = field(default_factory=dict)
    matching: dict[str, list[Json]] = field(default_factory=dict)
    places: dict[tuple[str, str], Json] = field(default_factory=dict)
    by_id: dict[str, Json] = field(default_factory=dict)
    doubled: dict[str, Apart] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Mapped], *, whole: bool = False) -> Index:
        """One for these records, in which nothing has been found yet."""
        wanted = list(records)
        return cls(
            external_ids={fold(name) for mapped in wanted for name in names_of(mapped)},
            matches={key.casefold() for mapped in wanted for key in mapped.natural_keys},
            whole=whole,
        )

    def add(self, record: Json, match_field: str | None, system_id: int, siblings: Siblings | None = None) -> None:
        """Take in a record of the list."""
        if self.whole:
            self.by_id[str(record["id"])] = record
            self._look_twice(record, system_id)
        if siblings:
            self.places[siblings.place(record)] = record
        own = external_id_of(record, system_id)
        if own and fold(own) in self.external_ids:
            self.linked[fold(own)] = record
        value = str(record.get(match_field) or "").casefold() if match_field else ""
        if value and value in self.matches:
            self.matching.setdefault(value, []).append(record)

    def _look_twice(self, record: Json, system_id: int) -> None:
        """Notice external ids that two records have, and records that have two."""
        own = external_id_of(record, system_id)
        if own is None:
            return
        before = self.linked.get(fold(own))
        if before is not None and str(before["id"]) != str(record["id"]):
            self.doubled[fold(own)] = Apart(
                Difference.doubly_linked,
                f"Several records of iPaaS.com are linked to {own!r}: {before['id']} and {record['id']}.",
                "Remove the external id from the wrong ones; until then none of them is written.",
            )
        others = [text for text in _all_external_ids(record, system_id) if fold(text) != fold(own)]
        for text in (own, *others) if others else ():
            self.doubled[fold(text)] = Apart(
                Difference.doubly_linked,
                f"Record {record['id']} of iPaaS.com is linked to several of ours: {', '.join((own, *others))}.",
                "Remove the wrong external ids from it; until then none of these records is written.",
            )


def names_of(mapped: Mapped) -> list[str]:
    """The external ids under which a record may be linked."""
    return [mapped.source_id, *([mapped.made_from] if mapped.made_from else [])]


def concerned_by(
    ledger: Ledger, table: str, siblings: Siblings | None, records: Sequence[Mapped]
) -> list[set[tuple[str, str]]]:
    """By what rows of a list concern each of these records; see `LooksThrough`."""
    names = [name for one in records for name in (*names_of(one), *(also.external_id for also in one.followers))]
    known: dict[str, object] = dict(ledger.internal_ids(table, names))
    if siblings:
        of = siblings.parent.table
        parents = [ref.source_id for one in records if isinstance(ref := one.body.get(siblings.by), Ref)]
        known |= {f"{of}|{folded}": id_ for folded, id_ in ledger.internal_ids(of, parents).items()}
    return [set(wanted_of(one, known, siblings)) for one in records]


def formerly_linked(work: WriteContext, endpoint: Endpoint, index: Index, item: WriteRequest) -> Json | None:
    """The record that one was linked to as far as is remembered, and that is not linked any more.

    None as well when it is gone, or linked to another record of ours now: then it is that one's.
    """
    linked = work.linked.get((endpoint.table, fold(item.mapped.source_id)))
    if linked is None:
        return None
    # A list need not show every record that is there.
    present = index.by_id.get(str(linked)) or work.ipaas.get(endpoint, linked)
    own = external_id_of(present, work.plan.system_id) if present else None
    return present if own is None or fold(own) == fold(item.mapped.source_id) else None


def wanted_of(mapped: Mapped, known: Mapping[str, object], siblings: Siblings | None) -> Iterator[tuple[str, str]]:
    """By what a record of the list concerns one that is mapped: kind and value. `known` are links, by folded external id."""
    also = [follower.external_id for follower in mapped.followers]
    for name in (*names_of(mapped), *also):
        yield "link", fold(name)
        if (linked := known.get(fold(name))) is not None:
            yield "id", str(linked)
    for key in mapped.natural_keys:
        yield "match", key.casefold()
    parent = mapped.body.get(siblings.by) if siblings else None
    if isinstance(parent, Ref) and (of := known.get(f"{parent.table}|{fold(parent.source_id)}")) is not None:
        yield "parent", str(of)


def told_of(
    record: Json, match_field: str | None, siblings: Siblings | None, system_id: int
) -> Iterator[tuple[str, str]]:
    """By what a record of the list may concern others; see `wanted_of`."""
    yield "id", str(record["id"])
    for text in _all_external_ids(record, system_id):
        yield "link", fold(text)
    if match_field and record.get(match_field):
        yield "match", str(record[match_field]).casefold()
    if siblings and record.get(siblings.by) is not None:
        yield "parent", str(record[siblings.by])


def _all_external_ids(record: Json, system_id: int) -> Sequence[str]:
    """Every external id of ours that a record has; it should be one."""
    return [
        str(item["external_id"])
        for item in record.get("external_ids") or ()
        if str(item.get("system_id")) == str(system_id) and item.get("external_id")
    ]

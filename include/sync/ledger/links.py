"""Links: which record of Business Central is which one of iPaaS.com."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.errors import ErrorKind
from include.ipaas.external_ids import Id
from include.sync.batches import batches
from include.sync.ledger.entries import State, as_text, from_text, iso, waits_for_external, waits_for_internal
from include.sync.ledger.store import BATCH, Store, inserting, of_pair, one_of, repeated
from include.sync.ledger.tables import links, transfers, watches
from include.sync.values import fold

# What is said of a record that is done and is looked at again, since what it refers to has been linked.
_WOKEN = {
    "kind": ErrorKind.waiting.value,
    "message": "A record that it refers to has been linked since.",
    "advice": "Nothing to do: it is transferred with the next run.",
}


def _spellings(internal_id: Any) -> tuple[str, str]:
    """How the ledger may have written an id: received as a number or as a string, it means the same record."""
    return str(internal_id), as_text(str(internal_id))


# A record of iPaaS.com has one external id of ours in a table. When it gets another one, the one before is gone.
_OTHER_LINKS = sa.delete(links).where(
    of_pair(links),
    links.c.table_name == sa.bindparam("of_table"),
    links.c.internal_id.in_([sa.bindparam("as_it_is"), sa.bindparam("as_text")]),
    links.c.folded != sa.bindparam("but_for"),
)


def _other_links(row: Mapping[str, Any]) -> dict[str, Any]:
    as_it_is, as_text = _spellings(from_text(row["internal_id"]))
    return {
        "of_pair": row["pair"],
        "of_table": row["table_name"],
        "but_for": row["folded"],
        "as_it_is": as_it_is,
        "as_text": as_text,
    }


_PUSHED = (
    sa.update(links)
    .where(
        of_pair(links),
        links.c.table_name == sa.bindparam("of_table"),
        links.c.folded == sa.bindparam("the_one"),
    )
    .values(pushed=True)
)

_FOUND = sa.select(links.c.folded, links.c.internal_id).where(
    of_pair(links), links.c.table_name == sa.bindparam("of_table"), one_of(links.c.folded)
)
_FOUND_BY_ID = sa.select(links.c.internal_id, links.c.external_id).where(
    of_pair(links), links.c.table_name == sa.bindparam("of_table"), one_of(links.c.internal_id)
)


@cache
def _as_far_as_pushed(query: sa.Select[Any], pushed: bool | None) -> sa.Select[Any]:
    return query if pushed is None else query.where(links.c.pushed.is_(pushed))


# Whoever waits for one of these links is due, and so is what is done and watched for one.
_AWAITING = (
    sa.update(transfers)
    .where(of_pair(transfers), one_of(transfers.c.waits_for))
    .values(next_try=sa.bindparam("now"), waits_for=None)
)
_WATCHING = sa.and_(of_pair(watches), one_of(watches.c.waits_for))
_WATCHED = sa.select(watches.c.flow, watches.c.key).where(_WATCHING)


@cache
def _linking(dialect: str) -> Any:
    statement = inserting(dialect, links)
    new = statement.excluded
    # A link that iPaaS.com is yet to be told of stays one, whoever else uses it meanwhile.
    same = sa.and_(links.c.internal_id == new.internal_id, new.pushed)
    changes = {
        "external_id": new.external_id,
        "internal_id": new.internal_id,
        "record_id": sa.func.coalesce(new.record_id, links.c.record_id),
        "pushed": sa.case((same, links.c.pushed), else_=new.pushed),
    }
    return statement.on_conflict_do_update(index_elements=["pair", "table_name", "folded"], set_=changes)


class Links(Store):
    """Links as (table, external id, internal id)."""

    def internal_ids(self, table: str, external_ids: Iterable[str], *, pushed: bool | None = None) -> dict[str, Id]:
        """iPaaS.com ids by folded external id, for those known to be linked. `pushed`: see `external_ids`."""
        return {
            row.folded: from_text(row.internal_id)
            for row in self._found(_FOUND, table, {fold(e) for e in external_ids}, pushed)
        }

    def external_ids(self, table: str, internal_ids: Iterable[Id], *, pushed: bool | None = None) -> dict[str, str]:
        """External ids by iPaaS.com id (as text), for those known to be linked.

        `pushed`: only links that iPaaS.com knows (True), or is yet to be told of (False).
        """
        spellings = {spelling for i in internal_ids for spelling in _spellings(i)}
        return {
            str(from_text(row.internal_id)): row.external_id
            for row in self._found(_FOUND_BY_ID, table, spellings, pushed)
        }

    def _found(
        self, query: sa.Select[Any], table: str, keys: Collection[str], pushed: bool | None
    ) -> list[sa.Row[Any]]:
        if not keys:
            return []
        query, mine = _as_far_as_pushed(query, pushed), {"of_pair": self.pair, "of_table": table}
        with self.reading() as db:
            return [row for batch in batches(keys, BATCH) for row in db.execute(query, {**mine, "keys": batch})]

    def links_of_record_id(self, table: str, record_ids: Iterable[str]) -> dict[str, tuple[str, Id]]:
        """(External id, iPaaS.com id) by Business Central's immutable id, for those linked under one."""
        found: dict[str, tuple[str, Id]] = {}
        with self.reading() as db:
            for batch in batches(record_ids, BATCH):
                query = sa.select(links).where(self._in(table), links.c.record_id.in_(batch))
                found |= {row.record_id: (row.external_id, from_text(row.internal_id)) for row in db.execute(query)}
        return found

    def spelled(self, table: str, external_ids: Iterable[str]) -> dict[str, tuple[str, str | None]]:
        """By folded external id: as it is spelled, and Business Central's immutable id, for those known to be linked."""
        found: dict[str, tuple[str, str | None]] = {}
        with self.reading() as db:
            for batch in batches({fold(e) for e in external_ids}, BATCH):
                query = sa.select(links).where(self._in(table), links.c.folded.in_(batch))
                found |= {row.folded: (row.external_id, row.record_id) for row in db.execute(query)}
        return found

    @repeated
    def link(
        self,
        new_links: Sequence[tuple[str, str, Id]],
        *,
        pushed: bool = True,
        record_ids: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Remember links (table, external id, internal id); whoever waited for one becomes due.

        `pushed` False: iPaaS.com does not know the link yet; `unpushed` lists it until `mark_pushed`, also when the
        same link is remembered again. `record_ids` gives Business Central's immutable ids by (table, external id).
        """
        with self._writing() as db:
            self._link(db, new_links, pushed=pushed, record_ids=record_ids or {})

    @repeated
    def link_new(
        self, true: Sequence[tuple[str, str, Id]], told: Collection[tuple[str, str, Id]] = ()
    ) -> list[tuple[str, str, Id]]:
        """Remember those of these links that are not known yet; answers them. iPaaS.com does not know them either, but for
        those that it has `told` of: these are not new."""
        with self._writing() as db:
            new = self._unknown(db, true, told)
            self._link(db, new, pushed=False, record_ids={})
        return new

    def _unknown(
        self, db: Connection, true: Sequence[tuple[str, str, Id]], told: Collection[tuple[str, str, Id]]
    ) -> list[tuple[str, str, Id]]:
        known: dict[tuple[str, str], Id] = {}
        for table in sorted({table for table, _, _ in true}):
            asked = [fold(external_id) for of, external_id, _ in true if of == table]
            for batch in batches(asked, BATCH):
                rows = db.execute(_FOUND, {"of_pair": self.pair, "of_table": table, "keys": batch})
                known |= {(table, row.folded): from_text(row.internal_id) for row in rows}
        new = []
        for link in true:
            holder = known.get((link[0], fold(link[1])))
            if link not in told if holder is None else str(holder) != str(link[2]):
                new.append(link)
        return new

    @repeated
    def unlink(self, table: str, external_id: str) -> None:
        """Forget a link that turned out to be gone."""
        with self._writing() as db:
            db.execute(sa.delete(links).where(self._in(table), links.c.folded == fold(external_id)))

    def unpushed(
        self, tables: Collection[str] | None = None, *, limit: int = 1_000, after: tuple[str, str] = ("", "")
    ) -> list[tuple[str, str, Id]]:
        """Links, of these tables or of all, that iPaaS.com does not know yet: (table, external id, internal id), in order.

        At most `limit` of them, those `after` the (table, external id) of the last one already seen.
        """
        place = sa.tuple_(links.c.table_name, links.c.folded)
        query = sa.select(links).where(self.mine(links), links.c.pushed.is_(False), place > (after[0], fold(after[1])))
        if tables is not None:
            query = query.where(links.c.table_name.in_(tables))
        with self.reading() as db:
            rows = db.execute(query.order_by(links.c.table_name, links.c.folded).limit(limit))
            return [(row.table_name, row.external_id, from_text(row.internal_id)) for row in rows]

    def unpushed_tables(self) -> dict[str, int]:
        """The tables with links that iPaaS.com does not know yet, and how many each has."""
        query = sa.select(links.c.table_name, sa.func.count()).where(self.mine(links), links.c.pushed.is_(False))
        with self.reading() as db:
            return {table: int(number) for table, number in db.execute(query.group_by(links.c.table_name))}

    @repeated
    def mark_pushed(self, *pushed: Sequence[Any]) -> None:
        """Note that iPaaS.com knows these links (table, external id, and what else belongs to them) now."""
        rows = [{"of_pair": self.pair, "of_table": link[0], "the_one": fold(link[1])} for link in pushed]
        if rows:
            with self._writing() as db:
                db.execute(_PUSHED, rows)

    def _in(self, table: str) -> sa.ColumnElement[bool]:
        return self.mine(links) & (links.c.table_name == table)

    def _link(
        self,
        db: Connection,
        new_links: Sequence[tuple[str, str, Id]],
        *,
        pushed: bool,
        record_ids: Mapping[tuple[str, str], str],
    ) -> None:
        if not new_links:
            return
        rows = [
            {
                "pair": self.pair,
                "table_name": table,
                "folded": fold(external_id),
                "external_id": external_id,
                "internal_id": as_text(internal_id),
                "record_id": record_ids.get((table, external_id)),
                "pushed": pushed,
            }
            for table, external_id, internal_id in new_links
        ]
        rows.sort(
            key=lambda row: (row["table_name"], row["folded"])
        )  # so that writers of the same wait, and do not meet
        db.execute(_OTHER_LINKS, [_other_links(row) for row in rows])
        db.execute(_linking(db.dialect.name), rows)
        awaited = {waits_for_external(table, external_id) for table, external_id, _ in new_links}
        awaited |= {waits_for_internal(table, internal_id) for table, _, internal_id in new_links}
        for batch in batches(awaited, BATCH):
            db.execute(_AWAITING, {"of_pair": self.pair, "keys": batch, "now": iso(self._now())})
        self._wake(db, awaited)

    def _wake(self, db: Connection, arrived: Collection[str]) -> None:
        """Make due what is done and watched for one of these links."""
        for batch in batches(arrived, BATCH):
            watching = {"of_pair": self.pair, "keys": batch}
            found = db.execute(_WATCHED, watching).all()
            for row in found:
                of = self.mine(transfers) & (transfers.c.flow == row.flow) & (transfers.c.key == row.key)
                due = {"state": State.retry, "next_try": iso(self._now()), "since": iso(self._now()), **_WOKEN}
                db.execute(sa.update(transfers).where(of, transfers.c.state == State.done).values(**due))
            if found:
                db.execute(sa.delete(watches).where(_WATCHING), watching)

    def _linked(self, db: Connection, awaited: Iterable[str]) -> set[str]:
        """Which of the records that others wait for are linked."""
        found: set[str] = set()
        for name in awaited:
            table, mark, id_ = re.split(r"([|#])", name, maxsplit=1)
            named = links.c.folded == id_ if mark == "|" else links.c.internal_id.in_(_spellings(id_))
            if db.execute(sa.select(links.c.folded).where(self._in(table), named).limit(1)).first():
                found.add(name)
        return found

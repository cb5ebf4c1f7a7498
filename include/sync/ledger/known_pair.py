"""How the ledger finds a pair of systems among those that it knows, and makes one that it does not know yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sync.ledger.questions import Query
from include.sync.ledger.tables import pairs
from include.sync.runs import Pair

# Any number, the same in every process: PostgreSQL's name of the lock under which pairs are made.
_NAMING = 4_711_001
# The columns that say which systems a pair is of, whichever company in them.
_SYSTEMS = ("tenant_id", "environment", "ipaas_company_id", "system_id")


@dataclass(frozen=True, kw_only=True)
class KnownPair:
    """A pair as the ledger knows it: its number and its `systems`.

    `checked`: its subscription is known to be Business Central's. `alone`: the ledger knows no other pair.
    """

    number: int
    systems: Pair
    checked: bool
    alone: bool


def find_pair(db: Connection, pair: Pair) -> KnownPair | None:
    """The pair with this company id, or else the one whose company was last seen under this name."""
    # One that Business Central has not been asked about comes after one that it has confirmed at the same moment.
    latest = (pairs.c.named_at.desc(), pairs.c.company_id.is_(None), pairs.c.id.desc())
    row = db.execute(sa.select(pairs).where(_systems(pair), _same_company(pair)).order_by(*latest).limit(1)).first()
    return None if row is None else known(db, row, pair)


def known(db: Connection, row: sa.Row[Any], pair: Pair) -> KnownPair:
    """A row of the pairs as what it says."""
    others = db.execute(sa.select(pairs.c.id).where(pairs.c.id != row.id).limit(1)).first()
    return KnownPair(
        number=row.id,
        systems=replace(pair, company_id=row.company_id),
        checked=bool(row.checked),
        alone=others is None,
    )


def is_known_by(db: Connection, it: KnownPair) -> bool:
    """Whether the ledger has the pair under this number. It has not when it was emptied, or its tables were dropped."""
    query = _BY_NAME if it.systems.company_id is None else _BY_ID
    try:
        return query.answer(db, {**names(it.systems), "number": it.number}) is not None
    except sa.exc.ProgrammingError:
        return False


def make_pair(db: Connection, pair: Pair, now: str) -> KnownPair:
    """Make a pair that the ledger does not know. The first one gets the rows from before there were pairs."""
    one_at_a_time(db)
    if (made := find_pair(db, pair)) is not None:
        return made
    values = names(pair) | {"named_at": now}
    nobodys = db.execute(sa.select(pairs.c.id).where(pairs.c.named_at.is_(None))).scalar()
    if nobodys is not None:
        db.execute(sa.update(pairs).where(pairs.c.id == nobodys).values(**values))
    else:
        db.execute(sa.insert(pairs).values(**values, checked=False))
    found = find_pair(db, pair)
    assert found is not None
    return found


def names(pair: Pair) -> dict[str, Any]:
    """A pair's systems as the columns of its row."""
    return {
        "tenant_id": pair.tenant_id,
        "environment": pair.environment,
        "company_name": pair.company_name,
        "company_id": pair.company_id,
        "ipaas_company_id": pair.ipaas_company_id,
        "system_id": pair.system_id,
    }


def one_at_a_time(db: Connection) -> None:
    """Until the end of the transaction nobody else makes or names a pair."""
    if db.dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_NAMING)))


def _systems(pair: Pair) -> sa.ColumnElement[bool]:
    return sa.and_(*(pairs.c[name] == value for name, value in names(pair).items() if name in _SYSTEMS))


def _same_company(pair: Pair) -> sa.ColumnElement[bool]:
    if pair.company_id is not None:
        return pairs.c.company_id == pair.company_id
    return pairs.c.company_name == pair.company_name


def _by_number(*columns: str) -> Query:
    """Asks for a pair that has a number, its systems, and these columns."""
    same = (pairs.c[name] == sa.bindparam(name) for name in (*_SYSTEMS, *columns))
    return Query(sa.select(pairs.c.id).where(pairs.c.id == sa.bindparam("number"), *same))


# Every transaction begins with one of them.
_BY_ID, _BY_NAME = _by_number("company_id"), _by_number("company_name")

"""What all parts of the ledger share: its database, its clock, whose rows they are, and how they are written."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, ParamSpec, Self, TypeVar

import sqlalchemy as sa
import tenacity
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection

from include.sync.ledger.connections import OpenConnections
from include.sync.ledger.database import connect, keep_up
from include.sync.ledger.entries import iso
from include.sync.ledger.faults import LedgerFault, faults
from include.sync.ledger.known_pair import KnownPair, find_pair, is_known_by, make_pair
from include.sync.ledger.questions import Questions
from include.sync.runs import Pair

P = ParamSpec("P")
T = TypeVar("T")
# PostgreSQL's codes for a transaction that it ended because of another one: repeated, it goes through.
_MET_ANOTHER = ("40001", "40P01")
BATCH = 400  # bound parameters per statement, below every database's limit


def of_pair(table: sa.Table) -> sa.ColumnElement[bool]:
    """The condition that a row is of the pair `of_pair`, for statements that are made once.

    To make a statement takes several times what SQLite takes to answer it: what is asked of every record is made once.
    """
    return table.c.pair == sa.bindparam("of_pair")


def one_of(column: sa.Column[Any], name: str = "keys") -> sa.ColumnElement[bool]:
    """The condition that a column has one of the values of the parameter `name`, which is a list."""
    return column.in_(sa.bindparam(name, expanding=True))


@functools.lru_cache(maxsize=64)
def _upserting(dialect: str, table: sa.Table, names: tuple[str, ...], keep: tuple[str, ...]) -> Any:
    keys = [column.name for column in table.primary_key]
    statement = inserting(dialect, table)
    changes = {name: statement.excluded[name] for name in names if name not in (*keys, *keep)}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def inserting(dialect: str, table: sa.Table) -> Any:
    """An INSERT of the dialect's own kind, which may say what is done with rows that are there."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def _met_another(fault: BaseException) -> bool:
    cause = getattr(fault.__cause__, "orig", None)
    return isinstance(fault, LedgerFault) and getattr(cause, "pgcode", None) in _MET_ANOTHER


def repeated(method: Callable[P, T]) -> Callable[P, T]:
    """Do a method of one transaction again, from its beginning, when it and another one stood in each other's way.

    Writers of the same records name them in one order where they can; what an index leads to first is the database's
    choice.
    """
    again = tenacity.retry(
        retry=tenacity.retry_if_exception(_met_another),
        wait=tenacity.wait_random(0.01, 0.2),
        stop=tenacity.stop_after_attempt(20),
        reraise=True,
    )(method)

    @functools.wraps(method)
    def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        # What can be gone through once only would be at its end the second time.
        kept = [tuple(value) if isinstance(value, Iterator) else value for value in args]
        named = {name: tuple(value) if isinstance(value, Iterator) else value for name, value in kwargs.items()}
        try:
            return method(*kept, **named)  # type: ignore[arg-type]
        except LedgerFault as fault:
            if not _met_another(fault):
                raise
        return again(*kept, **named)  # type: ignore[arg-type]

    return whole


class Store:
    """Each public method is one transaction; safe to use from several threads and processes. All raise LedgerFault."""

    def __init__(
        self,
        url: str | URL,
        pair: Pair | None = None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Open the ledger at a SQLAlchemy `url`, bringing its schema to this version.

        `pair` says whose rows it is about; without one only `of` can be used. `now` is another clock than the machine's and
        the database's.
        """
        self._engine = connect(url)
        self._writes = OpenConnections(self._engine)
        self._reads = OpenConnections(self._engine.execution_options(reads=True))
        self._questions = Questions(self._engine)
        self._given_now = now
        self._now = now or (lambda: datetime.now(UTC))
        self._pair = pair
        self._known: KnownPair | None = None
        # SQLite lets one write at a time, and whoever finds it busy looks again ever more seldom. The threads of a task
        # queue here instead, so that each goes on as soon as the one before it is done.
        self._turn = threading.Lock() if self._engine.dialect.name == "sqlite" else nullcontext()
        self._settle_pair()

    def of(self, pair: Pair) -> Self:
        """The same ledger, about another pair of systems; it shares the connections of this one."""
        other = copy.copy(self)
        other._pair, other._known = pair, None
        other._settle_pair()
        return other

    def close(self) -> None:
        """Close the database connections."""
        self._questions.close()
        self._writes.close()
        self._reads.close()
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for questions; it only reads."""
        return self._transaction(self._reads.begin)

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._transaction(self._begin)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._turn, self._writes.begin() as db:
            yield db

    @contextmanager
    def _transaction(self, begin: Callable[[], AbstractContextManager[Connection]]) -> Iterator[Connection]:
        """One in which the pair has the number that it is known by.

        The ledger may be deleted at any time, and whoever begins it anew may number its pairs differently: what a server
        that goes on kept under the old number, no run would find. Having asked, the transaction holds the table.
        """
        with faults():
            while True:
                with begin() as db:
                    if self._is_settled(db):
                        yield db
                        return
                self._settle_pair()

    # --- whose rows -----------------------------------------------------------------------------------------

    @property
    def known(self) -> KnownPair:
        """What the ledger knows of the pair that it is about."""
        if self._known is None:
            raise RuntimeError("The ledger was opened for no pair of systems")
        return self._known

    @property
    def pair(self) -> int:
        """The pair's number in the key of each row."""
        return self.known.number

    def _is_settled(self, db: Connection) -> bool:
        if self._pair is None:
            return True
        return self._known is not None and is_known_by(db, self._known)

    def _settle_pair(self) -> None:
        """Know the pair's number."""
        if self._pair is None:
            return
        with faults():
            keep_up(self._engine)
            with self._reads.begin() as db:
                known = find_pair(db, self._pair)
            if known is None:
                with self._begin() as db:
                    known = make_pair(db, self._pair, iso(self._now()))
        self._known = known

    def mine(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """The condition that a row is of this pair."""
        return table.c.pair == self.pair

    # --- dialects --------------------------------------------------------------------------------------------

    def _insert(self, table: sa.Table) -> Any:
        return inserting(self._engine.dialect.name, table)

    def _upsert(
        self, db: Connection, table: sa.Table, rows: Sequence[dict[str, Any]], keep: Sequence[str] = ()
    ) -> None:
        """Insert rows of this pair, or change those that are there, but for the columns to `keep`.

        All rows name the same columns.
        """
        keys = [column.name for column in table.primary_key]
        mine = [{"pair": self.pair, **row} for row in rows]
        mine.sort(key=lambda row: [str(row[name]) for name in keys])
        db.execute(_upserting(self._engine.dialect.name, table, tuple(rows[0]), tuple(keep)), mine)

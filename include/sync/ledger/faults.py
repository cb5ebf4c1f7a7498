"""A fault of the ledger: it concerns the run, never the record that was being worked on when it showed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from include.errors import ErrorKind, RunFault

ADVICE = (
    "Check the Connection sync_ledger: its type (postgres), host, port, schema (the database), login and password. "
    "Without that Connection the ledger is the file sync_ledger.db in Airflow's home."
)
# What databases say of what no repetition makes a database.
_NO_DATABASE = ("file is not a database", "malformed", "invalid dsn", "invalid connection option")


@contextmanager
def faults() -> Iterator[None]:
    """Whatever the database raises within becomes a LedgerFault."""
    try:
        yield
    except SQLAlchemyError as error:
        raise LedgerFault.of(error) from error


class LedgerFault(RunFault):
    """The ledger cannot be used. `again`: it may be usable later, so that the task is worth repeating."""

    kind = ErrorKind.unavailable

    def __init__(self, message: str, *, advice: str = ADVICE, again: bool) -> None:
        super().__init__(message, advice=advice, again=again)

    @classmethod
    def of(cls, error: SQLAlchemyError) -> LedgerFault:
        """A fault of the database, in words."""
        # The first line says it; what follows is the statement.
        said = (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]
        hopeless = isinstance(error, sa.exc.ArgumentError | sa.exc.NoSuchModuleError) or any(
            words in said for words in _NO_DATABASE
        )
        return cls(f"The ledger cannot be used: {said}", again=not hopeless)


class ClaimLost(LedgerFault):
    """A try of a task may not write any more: a later one has taken its records over."""

    def __init__(self) -> None:
        super().__init__(
            "Another try of this task, or another run, has taken over the records that this one was writing. This one "
            "sends nothing more.",
            advice="Nothing to do: the later one looks for what this one has written, and goes on from there.",
            again=True,
        )

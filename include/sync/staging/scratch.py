"""Tables that lie in a file instead of in memory, which is gone when it is let go."""

from __future__ import annotations

import sqlite3


def scratch(*statements: str) -> sqlite3.Connection:
    """A file of SQLite's own with what these statements create."""
    db = sqlite3.connect("", isolation_level=None)
    for statement in statements:
        db.execute(statement)
    # One transaction for all: nothing of it is ever to be kept.
    db.execute("BEGIN")
    return db

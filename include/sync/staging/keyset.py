"""A set of keys that does not grow in memory: whole tables are compared with what was sent of them."""

from __future__ import annotations

import sqlite3


class KeySet:
    """Keys of any number. They lie in a file of SQLite's own, which is gone when the set is."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("CREATE TABLE keys (key TEXT PRIMARY KEY) WITHOUT ROWID")
        # One transaction for all: nothing of it is ever to be kept.
        self._db.execute("BEGIN")

    def add(self, key: str) -> bool:
        """Put a key in; answers whether it is new."""
        return self._db.execute("INSERT OR IGNORE INTO keys VALUES (?)", (key,)).rowcount > 0

    def __contains__(self, key: str) -> bool:
        return self._db.execute("SELECT 1 FROM keys WHERE key = ?", (key,)).fetchone() is not None

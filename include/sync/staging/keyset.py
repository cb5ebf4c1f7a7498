"""Keys, and what belongs to them, that do not grow in memory: whole tables are compared with what was sent of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.sync.staging.scratch import scratch


class KeySet:
    """Keys of any number."""

    def __init__(self) -> None:
        self._db = scratch("CREATE TABLE keys (key TEXT PRIMARY KEY) WITHOUT ROWID")
        self._number = 0

    def add(self, key: str) -> bool:
        """Put a key in; answers whether it is new."""
        new = self._db.execute("INSERT OR IGNORE INTO keys VALUES (?)", (key,)).rowcount > 0
        self._number += new
        return new

    def add_all(self, keys: Sequence[str]) -> list[str]:
        """Put many keys in at once; answers those that were there already, or are among them twice."""
        self._db.execute("SAVEPOINT all_new")
        new = self._db.executemany("INSERT OR IGNORE INTO keys VALUES (?)", [(key,) for key in keys]).rowcount
        if new == len(keys):
            self._number += new
            return []
        # Which ones, is seldom asked.
        self._db.execute("ROLLBACK TO all_new")
        return [key for key in keys if not self.add(key)]

    def discard(self, key: str) -> bool:
        """Take a key out; answers whether it was there."""
        there = self._db.execute("DELETE FROM keys WHERE key = ?", (key,)).rowcount > 0
        self._number -= there
        return there

    def __contains__(self, key: str) -> bool:
        return self._db.execute("SELECT 1 FROM keys WHERE key = ?", (key,)).fetchone() is not None

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[str]:
        """All keys; while they are gone through, none may be added."""
        last = ""
        while rows := self._db.execute(
            "SELECT key FROM keys WHERE key > ? ORDER BY key LIMIT 1000", (last,)
        ).fetchall():
            yield from (key for (key,) in rows)
            last = rows[-1][0]


class KeyPairs:
    """Texts that belong to keys, any number of either."""

    def __init__(self) -> None:
        self._db = scratch("CREATE TABLE pairs (key TEXT, value TEXT, PRIMARY KEY (key, value)) WITHOUT ROWID")

    def add(self, key: str, value: str) -> None:
        """Put a text under a key, once."""
        self._db.execute("INSERT OR IGNORE INTO pairs VALUES (?, ?)", (key, value))

    def __contains__(self, key: str) -> bool:
        return self._db.execute("SELECT 1 FROM pairs WHERE key = ? LIMIT 1", (key,)).fetchone() is not None

    def take(self, key: str) -> list[str]:
        """The texts under a key, which are not there any more."""
        return [value for (value,) in self._db.execute("DELETE FROM pairs WHERE key = ? RETURNING value", (key,))]

    def of(self, key: str) -> list[str]:
        """The texts under a key."""
        return [value for (value,) in self._db.execute("SELECT value FROM pairs WHERE key = ?", (key,))]

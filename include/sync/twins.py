"""Two keys that differ in case or in blanks at their ends alone: nobody can tell which record is meant, so neither goes.

Such keys fold to one, and one of the records would be written over the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from include.errors import Rejected
from include.sync.staging.files import Staging
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

_FILE = "twins"


class Twins:
    """Notices, among the records of a run, keys that fold to one."""

    def __init__(self) -> None:
        self._seen = KeySet()
        self._doubtful: set[str] = set()

    def look_at(self, keys: Iterable[str]) -> None:
        """Take in the keys of records."""
        self._doubtful.update(self._seen.add_all([fold(key) for key in keys]))

    def stage(self, staging: Staging) -> None:
        """Write down the keys of different records that fold to one; a record that was merely read twice has no twin."""
        spelled: dict[str, set[str]] = {}
        if self._doubtful:
            for record in staging.read("raw"):
                if (folded := fold(record["key"])) in self._doubtful:
                    spelled.setdefault(folded, set()).add(record["key"])
        staging.write_all(_FILE, ({"keys": sorted(keys)} for keys in spelled.values() if len(keys) > 1))


def twins_of(staging: Staging) -> Mapping[str, Rejected]:
    """By key: why the record is not written, for those of the run that have a twin."""
    return {
        key: look_alike(key, [other for other in entry["keys"] if other != key])
        for entry in staging.read(_FILE)
        for key in entry["keys"]
    }


def look_alike(key: str, others: list[str]) -> Rejected:
    """The rejection of a record whose key differs from others in case or in blanks alone."""
    named = " and ".join(repr(other) for other in others)
    return Rejected(
        f"{key!r} differs from {named} in blanks or case alone: the two records cannot be told apart.",
        "Give one of them another number in Business Central; a no-break space at the end is easily overlooked. If they "
        "are the same record, correct the external id in iPaaS.com.",
    )

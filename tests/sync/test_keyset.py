"""A set of keys outside memory."""

from __future__ import annotations

from include.sync.staging.keyset import KeySet


def test_it_holds_what_was_put_in_and_nothing_else() -> None:
    keys = KeySet()
    assert [keys.add(key) for key in ("MAIN|1", "main|1", "MAIN|1", "Ä")] == [True, True, False, True]
    assert [key in keys for key in ("MAIN|1", "main|1", "Ä", "MAIN|2", "")] == [True, True, True, False, False]

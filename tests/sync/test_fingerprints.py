"""A fingerprint is made in one go, and is the one that was always made: what is remembered of a record stays right."""

from __future__ import annotations

import random
from collections import OrderedDict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import simplejson

from include.sync.fingerprints import canonical, canonical_text, fingerprint
from include.sync.records import Follower, Mapped, Ref
from include.transport.values import Record

ODD = [
    "", "a", "Ä ß 漢 😀", 'say "no"', "back\\slash", "/", "\x00\x1f\x7f\u2028\u2029", "1", 0, 1, -7, 10**17, 10**18,
    10**30 + 1, True, False, None, Decimal("0"), Decimal("-0.00"), Decimal("1.10"), Decimal("1E+3"), Decimal("1E-9"),
    date(2026, 5, 5), datetime(2026, 5, 5, 1, 2, 3, tzinfo=UTC), 1.5, Ref(table="product", source_id=" a1 "),
    Follower(kind="relationship", external_id="C1", body={"b": Decimal("2.0"), "a": Ref(table="x", source_id="y")}),
    {2: "two", 10: "ten"}, OrderedDict(b=1, a=2), Record(b=1, a=[Decimal("3.50")]), (), [], {},
]  # fmt: skip


def before(value: Any) -> str:
    """As it has always been written."""
    return str(simplejson.dumps(canonical(value), sort_keys=True, separators=(",", ":")))


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_it_says_the_same_of_every_value(value: Any) -> None:
    assert canonical_text(value) == before(value)


def test_it_says_the_same_of_whatever_is_nested() -> None:
    dice = random.Random(7)

    def anything(depth: int) -> Any:
        if depth == 0 or dice.random() < 0.3:
            return dice.choice(ODD)
        if dice.random() < 0.5:
            return [anything(depth - 1) for _ in range(dice.randrange(4))]
        return {dice.choice(["a", "B", "ä", "z z", '"']): anything(depth - 1) for _ in range(dice.randrange(4))}

    for _ in range(2_000):
        value = anything(4)
        assert canonical_text(value) == before(value)


def test_the_one_of_a_record_is_known() -> None:
    mapped = Mapped(
        source_id="C1", body={"name": "Adatum", "limit": Decimal("10.50"), "of": Ref(table="t", source_id="a")}
    )
    assert fingerprint(mapped) == "949f58f4aceb8ffa3a869d462710ba6c9ca3e8015c280bdf9ec28972cb754cd5"

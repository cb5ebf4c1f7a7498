"""When a task asks who waits for its slots."""

from __future__ import annotations

from include.sync.shift import LOOKS_EVERY, Shift


def test_it_asks_every_now_and_then_and_is_over_when_somebody_waits() -> None:
    now, asked = [0.0], list[float]()

    def somebody_waits() -> bool:
        asked.append(now[0])
        return len(asked) == 3

    shift = Shift(somebody_waits, lambda: now[0])
    over = []
    while now[0] < 5 * LOOKS_EVERY:
        over.append(shift.over())
        now[0] += 1
    assert asked == [LOOKS_EVERY, 2 * LOOKS_EVERY, 3 * LOOKS_EVERY]
    assert over.index(True) == 3 * LOOKS_EVERY
    assert all(over[over.index(True) :])

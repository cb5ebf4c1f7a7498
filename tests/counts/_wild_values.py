"""What no service documents, and what comes all the same."""

from __future__ import annotations

# As JSON texts; None takes the field out.
VALUES: tuple[str | None, ...] = (
    None,
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "1e-400",
    "1e999999999",
    "NaN",
    "-Infinity",
    "123456789012345678901234567890.12",
    "9" * 5_000,
    '""',
    '" "',
    '"x"',
    f'"{"long " * 2_000}"',
    '"\\ud83d"',
    '"\\u0000"',
    '"a\\u0000b\\udc00c"',
    '"\\u202e\\ufeff\\u0301"',
    '"1e999999999"',
    '"NaN"',
    '"\\u0663"',
    '"0001-01-01"',
    '"9999-12-31T23:59:59Z"',
    '"2026-02-30"',
    '"\'*..|&%00<x>"',
    '"{{ 1 }}"',
    "[]",
    "[null]",
    '[{"a": [1]}]',
    "{}",
    '{"a": 1}',
)
# Answers to a look-up of one id.
STATUSES = (400, 403, 404, 410, 422)

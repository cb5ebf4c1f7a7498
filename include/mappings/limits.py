"""The room that Business Central's fields have, counted as it counts: in UTF-16 code units, two of them for an emoji.

A text that does not fit is refused by name, never cut in silence; where a cut is wanted, it is never inside a character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from include.errors import Rejected
from include.sync.records import Json

_JOINER = "\u200d"
_MARKS = ("Mn", "Mc", "Me")


def code_units(text: str) -> int:
    """The length of a text as Business Central counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, length: int) -> str:
    """The longest beginning of a text that fits into `length` code units and ends with a whole character.

    A single character that is longer, as a letter under a tower of accents, keeps those that fit.
    """
    if code_units(text) <= length:
        return text
    return _longest(_characters(text), length) or _longest(text, length)


def _longest(parts: Iterator[str] | str, length: int) -> str:
    kept = ""
    for part in parts:
        if code_units(kept + part) > length:
            break
        kept += part
    return kept


def _characters(text: str) -> Iterator[str]:
    """A text in pieces that a reader sees as one: letters with their accents, joined emoji, flags of two signs."""
    piece = ""
    for sign in text:
        if piece and not _continues(piece, sign):
            yield piece
            piece = ""
        piece += sign
    if piece:
        yield piece


def _continues(piece: str, sign: str) -> bool:
    if unicodedata.category(sign) in _MARKS or sign == _JOINER or piece[-1] == _JOINER:
        return True
    if "\U0001f3fb" <= sign <= "\U0001f3ff" or "\U000e0020" <= sign <= "\U000e007f":
        return True  # skin tones, and what spells the flags of regions
    return len(piece) == 1 and _is_flag(piece) and _is_flag(sign)


def _is_flag(sign: str) -> bool:
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def fit(field: str, value: str | None, length: int) -> str | None:
    """`value` unless it is longer than `field` can hold. Raises Rejected, naming both."""
    if value is not None and (long := code_units(value)) > length:
        raise Rejected(
            f"{field} is too long: {long} characters, and Business Central holds {length}: {value!r}.",
            "Shorten it in iPaaS.com.",
        )
    return value


def within(fields: Json, limits: Mapping[str, int], sources: Mapping[str, str]) -> Json:
    """`fields` unchanged. Raises Rejected for a text longer than its field, naming the field on both sides."""
    for name, length in limits.items():
        if isinstance(fields.get(name), str):
            fit(f"{name} (from {sources[name]})", fields[name], length)
    return fields


def without_letters(field: str, value: str | None) -> str | None:
    """A telephone number, in which Business Central takes no letters. Raises Rejected, naming the field."""
    if value and any(sign.isalpha() for sign in value):
        raise Rejected(
            f"{field} has letters: {value!r}, and Business Central takes none in a telephone number.",
            "Write it in digits in iPaaS.com.",
        )
    return value


def number_fits(text: Any) -> bool:
    """Whether a text can be a No. of Business Central, and an external id of ours: `|` joins the ids of children."""
    return bool(text) and code_units(str(text)) <= 20 and "|" not in str(text)

"""JSON as both services send it, read so that one odd value spoils its own record and no other.

Texts lose what no system of ours can carry: the NUL, and halves of surrogate pairs. Numbers are Decimal or int; one that
is no number, or that nobody could count to, stays the text it was written as, which no numeric field takes. A field that
is asked for and missing raises BadRecord, which names it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import simplejson

from include.errors import BadRecord

Json = dict[str, Any]
# Digits before or after the point, beyond which a number is none.
_DIGITS = 400
_UNFIT = re.compile("[\x00\ud800-\udfff]")
# Only an escape can bring a NUL or half a pair: UTF-8 has neither.
_ESCAPED = (b"\\u0000", b"\\ud", b"\\uD")


class Record(dict[str, Any]):
    """A JSON object. A field that is not there is named by whoever asks for it by `[]`."""

    def __missing__(self, name: str) -> Any:
        raise BadRecord(f"{name} is missing")


class Uncountable(str):
    """A JSON number that is too large, too small or none at all: it stays the text that it came as."""


def loads(content: bytes) -> Any:
    """The value of a JSON text. Raises ValueError when it is none."""
    escaped = any(mark in content for mark in _ESCAPED)
    if not escaped:
        try:
            return as_records(_STRICT.decode(content))
        except msgspec.DecodeError:
            pass  # what is no JSON by the book may be what a service sends
    value = _LENIENT.decode(content.decode(errors="replace"))
    return _fit(value) if escaped else value


def as_records(value: Any) -> Any:
    """A value with objects that say which field is asked for in vain, and without numbers that are none."""
    kind = type(value)
    if kind is dict:
        record = Record(value)
        for name, item in value.items():
            if type(item) in _LOOKED_AT:
                record[name] = as_records(item)
        return record
    if kind is list:
        return [as_records(item) if type(item) in _LOOKED_AT else item for item in value]
    return Uncountable(value) if kind is int and abs(value) >= _MOST else value


def _whole(text: str) -> int | str:
    return int(text) if len(text.lstrip("-")) <= _DIGITS else Uncountable(text)


def _decimal(text: str) -> Decimal | str:
    number = Decimal(text)
    return (
        number
        if number.is_finite() and abs(number.adjusted()) <= _DIGITS and len(text) <= _DIGITS
        else Uncountable(text)
    )


def _fit(value: Any) -> Any:
    if type(value) is str:
        return _UNFIT.sub("", value)
    if isinstance(value, dict):
        return Record((_fit(name), _fit(item)) for name, item in value.items())
    if isinstance(value, list):
        return [_fit(item) for item in value]
    return value


_LOOKED_AT = (dict, list, int)
_MOST = 10**_DIGITS
# The first is several times as fast, and takes what stands in nearly every answer.
_STRICT = msgspec.json.Decoder(float_hook=_decimal)
_LENIENT = simplejson.JSONDecoder(
    object_hook=Record, parse_int=_whole, parse_float=_decimal, parse_constant=Uncountable, allow_nan=True, strict=False
)

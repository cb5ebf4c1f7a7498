"""JSON that loses no digit: decimals are written and read as they are. Encoders and decoders are made once, since there is a
text for every record of a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson

from include.transport.values import Record

_ENCODER = simplejson.JSONEncoder(use_decimal=True, separators=(",", ":"), ensure_ascii=False)
_DECODER = simplejson.JSONDecoder(parse_float=Decimal)
_RECORDS = simplejson.JSONDecoder(parse_float=Decimal, object_hook=Record)


def to_text(value: Any) -> str:
    """A value as one line of JSON."""
    text: str = _ENCODER.encode(value)
    return text


def from_text(text: str) -> Any:
    """Read back what `to_text` wrote. Raises ValueError."""
    return _DECODER.decode(text)


def records_from_text(text: str) -> Any:
    """The same with objects that say which field is asked for in vain. Raises ValueError."""
    return _RECORDS.decode(text)

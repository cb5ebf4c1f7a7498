"""JSON that loses no digit: decimals are written and read as they are. Encoder and decoder are made once, since there is a
text for every record of a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from include.transport.values import Record


def _plain(value: Any) -> str:
    """What stands for a text, as a text."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError  # msgspec says of it that it cannot be written


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain)
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def to_json(value: Any) -> bytes:
    """A value as one line of JSON."""
    return _ENCODER.encode(value)


def from_json(text: bytes | str) -> Any:
    """Read back what `to_json` wrote. Raises ValueError."""
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None


def as_record(value: Any) -> Any:
    """The same with objects that say which field is asked for in vain."""
    if type(value) is dict:
        return Record({name: as_record(item) if type(item) in _NESTED else item for name, item in value.items()})
    if type(value) is list:
        return [as_record(item) if type(item) in _NESTED else item for item in value]
    return value


_NESTED = (dict, list)

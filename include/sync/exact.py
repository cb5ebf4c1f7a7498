"""JSON that loses no digit: decimals are written and read as they are. Encoder and decoder are made once, since there is a
text for every record of a run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec


def _plain(value: Any) -> str:
    """What stands for a text, as a text."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError  # msgspec says of it that it cannot be written


T = TypeVar("T")
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain)


def to_json(value: Any) -> bytes:
    """A value as one line of JSON."""
    return _ENCODER.encode(value)


def decoder_of(kind: type[T]) -> Callable[[bytes | str], T]:
    """What reads texts of `to_json` as values of a type of msgspec. It raises ValueError."""
    decoder = msgspec.json.Decoder(kind, float_hook=Decimal)

    def decode(text: bytes | str) -> T:
        try:
            return decoder.decode(text)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from None

    return decode


_decode = decoder_of(object)


def from_json(text: bytes | str) -> Any:
    """Read back what `to_json` wrote. Raises ValueError."""
    return _decode(text)

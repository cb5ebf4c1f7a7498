"""Which numbers are amounts, quantities or ids: those that both systems can hold."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from pydantic import BaseModel

# Business Central holds 18 digits, an id of 64 bits has 19; arithmetic is exact up to 28.
_LARGEST, _DIGITS = 20, 28
_TOO_LARGE: int = 10**20


def countable(value: Any) -> bool:
    """Whether a value is no number, or one that can be reckoned with exactly."""
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return abs(value) < _TOO_LARGE
    if isinstance(value, Decimal):
        if not value.is_finite():
            return False
        if not value:
            return True
        return value.adjusted() < _LARGEST and len(value.as_tuple().digits) < _DIGITS
    return True


@cache
def _numeric(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        n for n, f in model.model_fields.items() if any(t in str(f.annotation) for t in ("Decimal", "int"))
    )


def refuse_uncountable(model: type[BaseModel], values: Mapping[str, Any]) -> None:
    """Raise ValueError for a number that nobody could reckon with, be it written as one or as a text."""
    numeric = _numeric(model)
    for name, value in values.items():
        kind = type(value)
        if kind is str:
            if name not in numeric:
                continue
            try:
                number: Any = Decimal(value)
            except InvalidOperation:
                continue  # the model says so
        elif kind is int or kind is Decimal:
            number = value
        else:
            continue
        if not countable(number):
            raise ValueError(f"{name} is no number that can be reckoned with: {_short(value)}")


def _short(value: Any) -> str:
    if isinstance(value, int):
        return f"about 10 to the power of {value.bit_length() * 30103 // 100_000}"
    return str(value)[:60]

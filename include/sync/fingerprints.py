"""A hash of what a record would look like on the other side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import simplejson
from simplejson.encoder import encode_basestring_ascii

from include.sync.records import Follower, Mapped, Ref
from include.sync.values import fold, text_of
from include.transport.values import Record

# Whole numbers up to this are spelt as the decimals that they are.
_EXACT = 10**18
_quoted: Callable[[str], str] = encode_basestring_ascii


# There are few names, and each stands in every record.
_name = lru_cache(maxsize=10_000)(_quoted)


def canonical(value: Any) -> Any:
    """`value` in a form whose JSON is the same for the same meaning: decimals without trailing zeros, keys sorted."""
    if isinstance(value, Ref):
        return {"$ref": [value.table, fold(value.source_id)]}
    if isinstance(value, Follower):
        return [value.kind, value.external_id, canonical(value.body)]
    if isinstance(value, Mapping):
        return {str(name): canonical(item) for name, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | Decimal):
        return text_of(Decimal(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def fingerprint(mapped: Mapped, *, whole: bool = False) -> str:
    """A hash of what the record would look like on the other side; equal means nothing to write.

    `whole`: with its companions, which have fingerprints of their own.
    """
    content: list[Any] = [mapped.source_id, mapped.body, list(mapped.followers)]
    if whole and mapped.companions:
        content.append([[one.flow, one.mapped.source_id, one.mapped.body] for one in mapped.companions])
    return hashlib.sha256(canonical_text(content).encode()).hexdigest()


def canonical_text(value: Any) -> str:
    """The JSON of `canonical(value)`, made without it in between: there is one for every record that is read."""
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is dict or kind is Record:
        try:
            return "{" + ",".join([f"{_name(name)}:{canonical_text(value[name])}" for name in sorted(value)]) + "}"
        except TypeError:
            pass  # names that are no texts are sorted as what they are
    elif kind is list or kind is tuple:
        return "[" + ",".join(map(canonical_text, value)) + "]"
    elif value is None:
        return "null"
    elif kind is bool:
        return "true" if value else "false"
    elif kind is int and -_EXACT < value < _EXACT:
        return f'"{value}"'
    elif kind is Decimal:
        return _quoted(text_of(value))
    elif kind is Ref:
        return f'{{"$ref":[{_quoted(value.table)},{_quoted(fold(value.source_id))}]}}'
    elif kind is Follower:
        return canonical_text([value.kind, value.external_id, value.body])
    return str(simplejson.dumps(canonical(value), sort_keys=True, separators=(",", ":")))

"""A hash of what a record would look like on the other side."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import simplejson

from include.sync.records import Follower, Mapped, Ref
from include.sync.values import fold, text_of


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
    content = canonical([mapped.source_id, mapped.body, list(mapped.followers)])
    if whole and mapped.companions:
        content.append([canonical([one.flow, one.mapped.source_id, one.mapped.body]) for one in mapped.companions])
    text = simplejson.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

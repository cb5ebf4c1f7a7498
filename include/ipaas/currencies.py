"""Whether a transaction may name its currency. A platform that has no field for it refuses every code, and one that has it
the codes that it does not know: what becomes of one code is remembered of that code alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from include.errors import ServiceError
from include.ipaas.dialect import Dialect
from include.ipaas.endpoints import TRANSACTION, Endpoint

FIELD = "currency_code"
# What the platform's document says of all codes.
DOUBT = "transaction_currency"
_FACT = "currency "
_LONGEST = 60


def code_of(endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    """The currency that a body names; blank when it names none."""
    return str(body.get(FIELD) or "") if endpoint is TRANSACTION else ""


def without(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body that names no currency."""
    return {name: value for name, value in body.items() if name != FIELD}


def is_sent(dialect: Dialect, code: str) -> bool:
    """Whether a code is sent: unless the platform takes none, or has refused this one before it took any."""
    told = dialect.get(DOUBT)
    return bool(told) if told is not None else dialect.get(_fact(code)) is not False or _takes_others(dialect, code)


def is_wrong(dialect: Dialect, code: str, refusal: ServiceError) -> bool:
    """Whether a refusal is that of this code, or of something else of the record, and none of the field itself."""
    if dialect.get(DOUBT) is True and dialect.is_sure(DOUBT, TRANSACTION):
        return True
    if dialect.get(_fact(code)):
        # It was taken before: by this client a moment ago, or at another time, when the platform may have been another.
        return dialect.is_sure(_fact(code), TRANSACTION)
    names_it = re.search(rf"(?<!\w){re.escape(code)}(?!\w)", refusal.message, re.IGNORECASE) is not None
    return names_it or _takes_others(dialect, code)


def note(dialect: Dialect, code: str, *, taken: bool) -> None:
    """Keep whether a code was taken."""
    dialect.tell({_fact(code): taken})


def _fact(code: str) -> str:
    return f"{_FACT}{code.upper()[:_LONGEST]}"


def _takes_others(dialect: Dialect, code: str) -> bool:
    return any(taken for name, taken in dialect.all_of(_FACT).items() if name != _fact(code))

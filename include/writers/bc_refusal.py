"""Business Central's refusals as rejections of the record, in words that name what was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from include.errors import ErrorKind, Rejected, ServiceError

# So many fields of what was sent are named.
_MOST = 30


def refusal(error: ServiceError, what: str, body: Mapping[str, Any]) -> Exception:
    """Business Central's refusal as the record's rejection, naming what was sent; any other failure as it is."""
    if error.kind is not ErrorKind.rejected:
        return error
    named = [f"{name} {value!r}" for name, value in body.items() if _is_named(value, error.message)]
    said, names = str(error).removeprefix(f"{error.system}: "), named or list(body)
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return Rejected(f"Business Central refuses {what}: {said} Sent: {', '.join(names[:_MOST])}{more}.", error.advice)


def _is_named(value: Any, message: str) -> bool:
    return isinstance(value, str) and bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", message, re.IGNORECASE))

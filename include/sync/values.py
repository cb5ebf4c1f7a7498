"""How values compare and are spelt."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from include.errors import BadRecord

# Types of values that hold no others: most of what a body is made of, and told apart at once by their type.
PLAIN = frozenset({str, int, float, bool, Decimal, type(None)})
# Blanks at the ends of the parts of an external id.
_ENDS = re.compile(r"(?:^|(?<=\|))\s+|\s+(?=\||$)")


def fold(external_id: str) -> str:
    """An external id as keys compare: without case, since Business Central upper-cases codes, and without blanks at
    the ends of its parts, a no-break space being a blank."""
    if not isinstance(external_id, str):
        raise BadRecord(f"{str(external_id)[:60]!r} is no code")
    text = external_id.upper()
    return text if text.isascii() and " " not in text else _ENDS.sub("", text)


def text_of(value: Any) -> str:
    """A value as text: one spelling for one number, `true` and `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        # normalize() would turn 100 into 1E+2.
        return f"{value.normalize():f}" if value else "0"
    return str(value)


def same(wanted: Any, found: Any) -> bool:
    """Whether two values mean the same, however each system spells it."""
    if wanted == found:
        return True
    if found is None or wanted is None:
        return (wanted or None) == (found or None)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return str(wanted).lower() == str(found).lower()
    if isinstance(wanted, int | Decimal) or isinstance(found, int | Decimal):
        return number(wanted) is not None and number(wanted) == number(found)
    return str(wanted).strip() == str(found).strip() or _same_moment(str(wanted), str(found))


def number(value: Any) -> Decimal | None:
    """A number, however it is spelt; None for what is none."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _same_moment(wanted: str, found: str) -> bool:
    try:
        first, second = datetime.fromisoformat(wanted), datetime.fromisoformat(found)
    except ValueError:
        return False
    if (first.tzinfo is None) != (second.tzinfo is None):
        # Some models know no offset: then the wall-clock time is what was meant.
        return first.replace(tzinfo=None) == second.replace(tzinfo=None)
    return first == second

"""OData as Business Central speaks it: resources, literals, filters, keys. Pure text; nothing is sent here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

from include.errors import BadRecord

# Measured on the service: a longer query string is answered 414 (docs/business_central.md, "Query limits").
MAX_QUERY = 8_000
# What a header may carry.
_HEADER = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,999}[\x21-\x7e])?")
MAX_VALUES = 100


@dataclass(frozen=True)
class Resource:
    """Something that can be read: a published service or an entity set of API v2.0."""

    name: str


@dataclass(frozen=True)
class Page(Resource):
    """A page or query published as a web service, under its name in `SERVICES`."""


@dataclass(frozen=True)
class Api(Resource):
    """An entity set of API v2.0, or a nested one such as `salesOrders(…)/salesOrderLines`."""


@dataclass(frozen=True)
class Runtime(Resource):
    """An entity set of the runtime's own API, which belongs to the environment and not to a company."""


def literal(value: object) -> str:
    """A value as an OData literal (docs/business_central.md, "Filters"). Strings are quoted, their quotes doubled.

    Raises TypeError for None, which Business Central answers in two different ways, and for floats, which are inexact.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal | UUID):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"No OData literal for {type(value).__name__}.")


def _operand(field: str, value: object) -> str:
    # Ids of API v2.0 are GUIDs and stand without quotes.
    is_id = field == "id" or field.endswith("Id")
    return value if is_id and isinstance(value, str) and _is_guid(value) else literal(value)


def if_match(etag: object) -> dict[str, str]:
    """The header that lets a write through only while the record is as it was read. Raises BadRecord when it was read with
    an etag that is none."""
    if isinstance(etag, str) and _HEADER.fullmatch(etag):
        return {"If-Match": etag}
    raise BadRecord(f"@odata.etag is {str(etag)[:60]!r}")


def equals(field: str, value: object) -> str:
    """`field eq value`."""
    return f"{field} eq {_operand(field, value)}"


def _condition(field: str, value: object, listed: bool) -> str:
    condition = equals(field, value)
    if listed:
        condition += f" or startswith({field},{literal(f'{value};')}) or startswith({field},{literal(f'{value} ')})"
    return condition


def groups(
    field: str, values: Sequence[object], *, room: int = MAX_QUERY, listed: bool = False
) -> Iterator[list[object]]:
    """All values, in groups that one request can ask for."""
    group: list[object] = []
    length = 0
    for value in dict.fromkeys(values):
        size = len(_encoded(f"{_condition(field, value, listed)} or "))
        if group and (len(group) == MAX_VALUES or length + size > room):
            yield group
            group, length = [], 0
        group.append(value)
        length += size
    if group:
        yield group


def one_of(field: str, values: Sequence[object], *, listed: bool = False) -> str:
    """The filter `F eq 'A' or F eq 'B' …`.

    `listed`: the field may hold several values with semicolons between them, of which the first is meant.
    """
    return " or ".join(_condition(field, value, listed) for value in values)


def key_predicate(key: Mapping[str, object] | str) -> str:
    """`('10000')`, `(Document_Type='Order',No='1')` or a GUID `(…)`; percent-encoded for a path."""
    if isinstance(key, str):
        inner = key if _is_guid(key) else literal(key)
    else:
        inner = ",".join(f"{name}={_operand(name, value)}" for name, value in key.items())
    return f"({quote(inner, safe=chr(39) + ',=-')})"


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == 36


def query(options: Mapping[str, str | None]) -> str:
    """Query options as text; a blank travels as %20, since a `+` would be taken literally."""
    return "&".join(f"{name}={_encoded(value)}" for name, value in options.items() if value)


def _encoded(value: str) -> str:
    return quote(value, safe="'(),:")

"""External ids: the tables that they are kept under, and how a record of iPaaS.com carries its link to one of ours.

A link joins an external id with an iPaaS.com id in one table. The platform deletes a link softly, by a prefix: then
there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.errors import BadRecord, Signal
from include.transport.values import Uncountable

# An iPaaS.com id: a number or a string, and sent as it was received.
Id = int | str

CUSTOMER_TABLE = "customer"
ADDRESS_TABLE = "Address"
COMPANY_TABLE = "customer company"
COMPANY_ADDRESS_TABLE = "customer company address"
CUSTOMER_CATEGORY_TABLE = "customer category"
RELATIONSHIP_TABLE = "company relationship"
PRODUCT_TABLE = "product"
INVENTORY_TABLE = "product inventory"
PRODUCT_CATEGORY_TABLE = "Product Category"
LOCATION_TABLE = "location"
TRANSACTION_TABLE = "transaction"
LINE_TABLE = "Transaction Line"
TRANSACTION_ADDRESS_TABLE = "Transaction Address"
TAX_TABLE = "transaction tax"
PAYMENT_TABLE = "transaction payment"
COMMENT_TABLE = "transaction comment"
TRACKING_TABLE = "transaction tracking"
SHIPPING_METHOD_TABLE = "shipping method"
PAYMENT_METHOD_TABLE = "Payment Method"

_DELETED = "DELETED:"
# Ids count from 1.
_NONE = re.compile(r"0+|-[0-9]+")
# Texts of numbers that count nothing.
_NO_ID = re.compile(r"[+-]?(nan|inf(inity)?|[0-9]*\.[0-9]*)", re.IGNORECASE)
_LONGEST = 100


def present_id(answer: Any) -> str | None:
    """The id that a look-up answers, as text; None when there is none, or its link has been deleted."""
    text = "" if answer is None else str(answer)
    return None if not text or text.startswith(_DELETED) else text


def id_from(text: str) -> Id:
    """An iPaaS.com id from its text. Every id is answered as a JSON string; one that is a number elsewhere is sent as a
    number."""
    return int(text) if text.isdecimal() and str(int(text)) == text else text


def reference(value: Any, name: str = "An id") -> Id | None:
    """The iPaaS.com id that a record refers to; None for null, blank, 0 and anything below: ids count from 1.

    Raises BadRecord for what is neither a whole number nor a text that may be an id.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | None):
        raise BadRecord(f"{name} is no id: {str(value)[:60]!r}")
    text = str("" if value is None else value).strip()
    if not text or _NONE.fullmatch(text):
        return None
    if isinstance(value, Uncountable) or len(text) > _LONGEST or _NO_ID.fullmatch(text):
        raise BadRecord(f"{name} is no id: {text[:60]!r}")
    return value


def id_of(record: Any) -> Id:
    """The id of a record. Raises BadRecord when it has none that could be one."""
    if not isinstance(record, Mapping):
        raise BadRecord(f"it is no record, but {str(record)[:60]!r}")
    found = reference(record.get("id"), "id")
    if found is None:
        raise BadRecord(f"id is {record.get('id')!r}")
    return found


@dataclass(frozen=True, kw_only=True)
class OddEntry:
    """An entry of a list that has no id: where it stands, and what is wrong with it."""

    place: str
    why: str
    content: Any


def sound(entries: list[Any], where: str) -> tuple[list[dict[str, Any]], tuple[OddEntry, ...]]:
    """The records among these entries of a list, and the others."""
    records: list[dict[str, Any]] = []
    odd: list[OddEntry] = []
    for place, entry in enumerate(entries, 1):
        try:
            id_of(entry)
        except BadRecord as error:
            odd.append(OddEntry(place=f"record {place} of {where}", why=str(error), content=entry))
        else:
            records.append(entry)
    return records, tuple(odd)


def external_id_of(record: Mapping[str, Any], system_id: int) -> str | None:
    """The external id by which a record is linked to our system, or None.

    Raises BadRecord when that cannot be told: what cannot be read is not the same as not linked.
    """
    listed = record.get("external_ids")
    if listed is None:
        return None
    if not isinstance(listed, list | tuple) or not all(isinstance(item, Mapping) for item in listed):
        raise BadRecord("external_ids is no list of external ids")
    for item in listed:
        if str(item.get("system_id")) == str(system_id):
            text = item.get("external_id")
            if isinstance(text, bool) or not isinstance(text, str | int | None):
                raise BadRecord(f"external_ids holds no text, but {str(text)[:60]!r}")
            if (found := present_id(text)) is not None:
                return found
    return None


def is_summary(row: Mapping[str, Any]) -> bool:
    """Whether a row of a list is no whole record: it does not say what the record is linked to."""
    return "external_ids" not in row


class MissingUnreadable(Signal):
    """What has no external id of ours cannot be told from the platform's answer. Says what was answered."""


def linked_to(system_id: int, external_id: str) -> dict[str, Any]:
    """The field of a body that links the record to an external id of ours."""
    return {"external_ids": [{"system_id": system_id, "external_id": external_id}]}

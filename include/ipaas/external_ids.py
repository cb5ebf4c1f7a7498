"""External ids: the tables that they are kept under, and how a record of iPaaS.com carries its link to one of ours.

A link joins an external id with an iPaaS.com id in one table. The platform deletes a link softly, by a prefix: then
there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def present_id(answer: Any) -> str | None:
    """The id that a look-up answers, as text; None when there is none, or its link has been deleted."""
    text = "" if answer is None else str(answer)
    return None if not text or text.startswith(_DELETED) else text


def id_from(text: str) -> Id:
    """An iPaaS.com id from its text. Every id is answered as a JSON string; one that is a number elsewhere is sent as a
    number (facts §5.2)."""
    return int(text) if text.isdecimal() and str(int(text)) == text else text


def external_id_of(record: Mapping[str, Any], system_id: int) -> str | None:
    """The external id by which a record is linked to our system, or None."""
    own = (item for item in record.get("external_ids") or () if str(item.get("system_id")) == str(system_id))
    return next((found for item in own if (found := present_id(item.get("external_id")))), None)


def is_summary(row: Mapping[str, Any]) -> bool:
    """Whether a row of a list is no whole record: it does not say what the record is linked to."""
    return "external_ids" not in row


class MissingUnreadable(Exception):
    """What has no external id of ours cannot be told from the platform's answer. Says what was answered."""


def linked_to(system_id: int, external_id: str) -> dict[str, Any]:
    """The field of a body that links the record to an external id of ours."""
    return {"external_ids": [{"system_id": system_id, "external_id": external_id}]}

"""The states of a sales invoice in API v2.0. A released draft and an invoice that is posted and not paid both read `Open`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.business_central.records.base import decoded, unblank

DRAFT, IN_REVIEW, OPEN, PAID, CANCELED, CORRECTIVE = "Draft", "In Review", "Open", "Paid", "Canceled", "Corrective"


def status_of(invoice: Mapping[str, Any]) -> str:
    """An invoice's status, as a person writes it."""
    return decoded(str(unblank(invoice.get("status")) or ""))


def is_posted(invoice: Mapping[str, Any]) -> bool | None:
    """Whether an invoice is posted, None where its state says both. An order's invoice is never a draft."""
    status = status_of(invoice)
    if status in (DRAFT, IN_REVIEW):
        return False
    return True if status in (PAID, CANCELED, CORRECTIVE) or unblank(invoice.get("orderNumber")) else None

"""Companies and customers with their addresses and categories."""

from __future__ import annotations

from typing import Any

from include.ipaas.records.base import IPaaSRecord, Reference


class CategoryAssignment(IPaaSRecord):
    """A category that a record is in. An assignment may have an id of its own beside the category's."""

    id: Reference = None
    category_id: Reference = None

    @property
    def category(self) -> str | None:
        """The category's id, if it names one."""
        found = self.id if self.category_id is None else self.category_id
        return None if found is None else str(found)


class Address(IPaaSRecord):
    """An address of a customer or a company."""

    id: int | str
    company: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    postal_code: str | None = None
    phone_number: str | None = None
    is_primary_billing: bool = False
    is_primary_shipping: bool = False
    external_ids: tuple[dict[str, Any], ...] = ()


class Party(IPaaSRecord):
    """What companies and customers have in common."""

    id: int | str
    email_address: str | None = None
    categories: tuple[CategoryAssignment, ...] = ()
    category_id: Reference = None
    addresses: tuple[Address, ...] = ()

    @property
    def billing(self) -> Address | None:
        """The primary billing address, or else the first one."""
        primary = (address for address in self.addresses if address.is_primary_billing)
        return next(primary, self.addresses[0] if self.addresses else None)

    @property
    def category_ids(self) -> tuple[str, ...]:
        """The categories it is in, in their order."""
        single = () if self.category_id is None else (str(self.category_id),)
        listed = (category for assignment in self.categories if (category := assignment.category) is not None)
        return tuple(dict.fromkeys((*listed, *single)))


class Company(Party):
    """A customer company."""

    name: str | None = None
    account_number: str | None = None


class Customer(Party):
    """A customer, a person."""

    customer_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None

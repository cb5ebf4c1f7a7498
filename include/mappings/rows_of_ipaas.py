"""What sources read of records of iPaaS.com, for the mappings: each is made into a model once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from include.errors import Rejected
from include.ipaas.records.parties import Company, Customer, Party
from include.ipaas.records.products import Product
from include.ipaas.records.transactions import Transaction
from include.sync.records import Json


@dataclass(frozen=True, kw_only=True)
class IPaaSRow:
    """A record as it came (`record`), with the external id of ours that it has (`linked`).

    `refs` are the external ids of what it refers to, by table and iPaaS.com id. `holders` says of the external ids that one
    which is not linked may be given which record has each.
    """

    record: Json
    refs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    linked: str | None = None
    holders: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PartyRow(IPaaSRow, ABC):
    """A company or a customer."""

    @property
    @abstractmethod
    def party(self) -> Party:
        """What both have in common."""


@dataclass(frozen=True, kw_only=True)
class CompanyRow(PartyRow):
    """A company."""

    @cached_property
    def party(self) -> Company:
        """The company."""
        return Company.model_validate(self.record)


@dataclass(frozen=True, kw_only=True)
class PersonRow(PartyRow):
    """A customer."""

    @cached_property
    def party(self) -> Customer:
        """The customer."""
        return Customer.model_validate(self.record)


@dataclass(frozen=True, kw_only=True)
class ProductRow(IPaaSRow):
    """A product."""

    @cached_property
    def product(self) -> Product:
        """The product."""
        return Product.model_validate(self.record)


@dataclass(frozen=True, kw_only=True)
class TransactionRow(IPaaSRow):
    """A transaction of another system. `holders` says which records around it hold external ids of ours (see `held_by`)."""

    # Its external id, also where iPaaS.com is yet to be told of it; and that of the transaction above it.
    link: str | None = None
    parent_link: str | None = None
    # The id of a transaction above it that is to become a document first.
    awaits: Any = None
    # Who buys and who pays: table and iPaaS.com id.
    buyer: Json = field(default_factory=dict)
    bill_to: Json | None = None
    # By folded SKU: its product; and the item that this is linked to, where the SKU is not the item's number.
    products: Mapping[str, Any] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def transaction(self) -> Transaction:
        """The transaction. Raises Rejected, naming the field, when it is not what the platform documents."""
        try:
            return Transaction.model_validate(self.record)
        except ValidationError as error:
            raise Rejected.unreadable("transaction", error) from error

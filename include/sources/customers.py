"""Customers of one type, as companies and as persons: the feed of API `customers`, the details of page 21."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.business_central.records.customers import ApiCustomer, CustomerCard
from include.ipaas.external_ids import COMPANY_TABLE
from include.mappings.contacts import left_out
from include.mappings.custom_fields import source_fields
from include.mappings.customers import card_from_api
from include.mappings.remembered import WITHOUT_PAGE
from include.mappings.rows import CustomerRow
from include.settings import SyncSettings
from include.sources.feeds import FromFeed, Keyed, Pair
from include.sources.paged import PagedFeed
from include.sources.people import People, contacts_of
from include.sources.reading import (
    BY_NAME,
    feed,
    selected,
)
from include.sync.asked import GUID, IdFormat
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json
from include.sync.runs import Direction
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

PAGE = "CustomerCard"
FEED = Api("customers")
LOST = (
    "Fax_No",
    "ContactName",
    "Bill_to_Customer_No (company hierarchy)",
    "Customer_Price_Group (categories)",
    "fields of your own on the page",
)
ID_FORMATS = (
    IdFormat(
        name="guid",
        pattern=rf"(?P<guid>{GUID.pattern})",
        example="3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        meaning="the customer's internal id",
    ),
    IdFormat(name="no", pattern=r"(?P<no>[^|]{1,20})", example="C10000", meaning="customer No."),
)
_PERSON_FIELDS = ("id", "number", "type", "displayName", "companyNumber", "email", "contactBusinessRelation")


def page_fields(settings: SyncSettings, model: str) -> tuple[str, ...]:
    """The fields of page 21 that go to iPaaS.com, the subscriber's own among them."""
    extra = source_fields(settings, model, Direction.to_ipaas) - set(ApiCustomer.model_fields)
    return selected(CustomerCard.model_fields, extra)


class Customers(PagedFeed[CustomerRow]):
    """The customers whose contact type is `type`: `Company` or `Person`. `model` is their custom-field model."""

    api = FEED
    fields = tuple(ApiCustomer.model_fields)
    page = PAGE
    from_api = staticmethod(card_from_api)
    lost = LOST

    def __init__(self, reads: Reads, *, type: str, model: str) -> None:
        super().__init__(reads)
        self._type, self._model, self._people = type, model, People(reads)
        # By id they come whatever their type is: the filter says why one is left out.
        self.where = f"type eq '{type}'"
        self._relates = type == "Company" and reads.settings.bc_process_company_relationship

    def page_fields(self) -> Sequence[str]:
        """Those of page 21 that go to iPaaS.com."""
        return page_fields(self.reads.settings, self._model)

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[CustomerRow]]:
        """Customers with their persons, and whether their bill-to customer is a company."""
        billed_to = {fold(str(detail["No"])): _billed_to(detail) for _, detail in batch}
        parents = self._companies_among_parents([detail for _, detail in batch])
        first = self._first_of_circles({no: to for no, to in billed_to.items() if to in parents and to != no})
        contacts = self._contacts([record for record, _ in batch]) if self._relates else {}
        for record, detail in batch:
            no = fold(str(detail["No"]))
            another_company = billed_to[no] in parents and billed_to[no] != no
            row = CustomerRow(
                feed=record,
                detail=detail,
                contacts=contacts.get(str(record["id"]), ()),
                parent_is_company=None if WITHOUT_PAGE in detail else another_company,
                parent_follows=no in first,
            )
            yield str(detail["No"]), record, row

    def _companies_among_parents(self, details: Sequence[Json]) -> set[str]:
        """The bill-to customers of these that are companies; read only with Enable Company Hierarchy."""
        if self._type != "Company" or not self.reads.settings.bc_enable_company_hierarchy:
            return set()
        numbers = sorted({str(no) for d in details if (no := unblank(d.get("Bill_to_Customer_No")))})
        rows = self.reads.bc.read_many(FEED, "number", numbers, select=("number", "type")) if numbers else iter(())
        return {fold(str(row["number"])) for row in rows if row["type"] == "Company"}

    def _first_of_circles(self, parents: Mapping[str, str]) -> set[str]:
        """Of companies that are billed to one another in a circle, and would wait for each other: the one of the lowest No,
        while its parent is not linked. All by folded No."""
        linked = self.reads.ledger.internal_ids(COMPANY_TABLE, parents.values())
        waiting = {no: to for no, to in parents.items() if to not in linked}
        billed_to, further = dict(parents), set(waiting.values())
        while unknown := sorted(further - billed_to.keys()):
            # One that cannot be read, or is not there, ends the chain.
            billed_to |= dict.fromkeys(unknown, "")
            rows = self.reads.bc.read_many(
                Page(PAGE), "No", unknown, select=("No", "Bill_to_Customer_No"), refused=lambda value, error: None
            )
            told = {fold(str(row["No"])): _billed_to(row) for row in rows}
            billed_to |= told
            further = {to for to in told.values() if to}
        return {no for no in waiting if no == min(_circle_of(no, billed_to), default="")}

    def _contacts(self, records: Sequence[Json]) -> dict[str, list[str]]:
        """By customer id: the numbers of the persons of its company contact that reach iPaaS.com as contacts."""
        company_of: dict[str, str] = {}
        contacts = contacts_of(self.reads, [str(record["id"]) for record in records])
        for record, rows in zip(records, contacts or (), strict=False):
            for row in rows:
                if row["contactType"] == "Company":
                    company_of[fold(str(row["contactNumber"]))] = str(record["id"])
        found: dict[str, list[str]] = {}
        for person in _persons(self.reads, self._people, sorted(company_of)):
            found.setdefault(company_of[fold(person[0])], []).append(person[1])
        return {customer: sorted(numbers) for customer, numbers in found.items()}

    def others(self, window: Window, seen: KeySet) -> Iterator[str]:
        """Companies whose people changed: a relationship moves without the customer's own timestamp."""
        if not self._relates:
            return
        persons = feed(self.reads, Api("contacts"), window, select=_PERSON_FIELDS, where="type eq 'Person'")
        for batch in batches(persons, BY_NAME):
            described = self._people.describe(batch).values()
            numbers = {str(about.company_customer) for about in described if about.company_customer}
            yield from sorted(number for number in numbers if seen.add(fold(number)))

    def named(self, names: Sequence[str]) -> Iterable[Json]:
        """Companies alone: a person of theirs may be a customer besides."""
        return (record for record in super().named(names) if record["type"] == self._type)


def _billed_to(detail: Json) -> str:
    """The folded No of the customer whom a customer has its bills sent to; blank where that is not said."""
    return fold(str(unblank(detail.get("Bill_to_Customer_No")) or ""))


def _circle_of(no: str, billed_to: Mapping[str, str]) -> set[str]:
    """All who are billed to one another in the circle that this one is part of; nobody where it is part of none."""
    met: set[str] = set()
    current = no
    while current and current not in met:
        met.add(current)
        current = billed_to.get(current, "")
    return met if current == no else set()


def customers_of_type(type: str, model: str) -> FromFeed[CustomerRow]:
    """The source of the customers of one type."""
    return FromFeed(feed=partial(Customers, type=type, model=model), row=CustomerRow)


def _persons(reads: Reads, people: People, companies: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(company contact number, person's number) of the persons read from Contacts Endpoint."""
    if not companies:
        return
    endpoint = reads.settings.bc_contacts_endpoint
    rows = reads.bc.read_many(Api("contacts"), "companyNumber", companies, select=_PERSON_FIELDS)
    if endpoint != "contacts":
        # Another web service name is a published contact page, with a page's field names; it may show fewer people.
        names = ("No", "Type", "Company_No", "E_Mail")
        shown = {
            fold(str(row["No"])): {"type": row["Type"], "companyNumber": row["Company_No"], "email": row["E_Mail"]}
            for row in reads.bc.read_many(Page(endpoint), "Company_No", companies, select=names)
        }
        rows = ({**row, **shown[fold(str(row["number"]))]} for row in rows if fold(str(row["number"])) in shown)
    for batch in batches((row for row in rows if row["type"] == "Person"), BY_NAME):
        described = people.describe(batch)
        for person in batch:
            if left_out(described[str(person["id"])]) is None:
                yield str(person["companyNumber"]), str(person["number"])

"""Customers of one type, as companies and as persons: the feed of API `customers`, the details of page 21."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.business_central.records.customers import ApiCustomer, CustomerCard
from include.mappings.contacts import left_out
from include.mappings.custom_fields import source_fields
from include.mappings.customers import card_from_api
from include.mappings.rows import CustomerRow
from include.settings import SyncSettings
from include.sources.people import People, contacts_of
from include.sources.reading import (
    BY_NAME,
    asked_for,
    each,
    feed,
    selected,
    with_details,
)
from include.sync.asked import GUID, AskedId, IdFormat
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
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
    IdFormat(name="no", pattern=r"(?P<no>[^|]{1,20})", example="10000", meaning="customer No."),
)
_FEED_FIELDS = tuple(ApiCustomer.model_fields)
_PERSON_FIELDS = ("id", "number", "type", "displayName", "companyNumber", "email", "contactBusinessRelation")


def page_fields(settings: SyncSettings, model: str) -> tuple[str, ...]:
    """The fields of page 21 that go to iPaaS.com, the subscriber's own among them."""
    extra = source_fields(settings, model, Direction.to_ipaas) - set(_FEED_FIELDS)
    return selected(CustomerCard.model_fields, extra)


@dataclass(frozen=True, kw_only=True)
class CustomersOfType:
    """The customers whose contact type is `type`: `Company` or `Person`. `model` is their custom-field model."""

    type: str
    model: str

    finds_by: ClassVar = (frozenset({"no"}), frozenset({"guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[CustomerRow]]:
        """Customers modified in the window, and companies whose contacts were."""
        whole = window.since is None and window.until is None
        where = f"type eq '{self.type}'"
        by = "number" if whole else ""
        records = feed(reads, FEED, window, select=_FEED_FIELDS, where=where, by=by)
        seen = KeySet()
        for record in self._complete(reads, records, whole=whole):
            seen.add(fold(record.key))
            yield record
        if self._relates(reads) and not whole:
            yield from self._with_changed_contacts(reads, window, seen)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[CustomerRow]]:
        """The customers asked for, whatever their type: the filter says why one is left out."""
        found = list(asked_for(reads, FEED, ids, select=_FEED_FIELDS))
        asked = {str(record["id"]): text for record, text in found}
        yield from self._complete(reads, (record for record, _ in found), whole=False, asked=asked)

    def _relates(self, reads: Reads) -> bool:
        return self.type == "Company" and reads.settings.bc_process_company_relationship

    def _complete(
        self, reads: Reads, records: Iterable[Json], *, whole: bool, asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord[CustomerRow]]:
        select = page_fields(reads.settings, self.model)
        rows = with_details(
            reads, records, PAGE, of=FEED, select=select, lost=LOST, whole=whole, from_api=card_from_api
        )
        people = People(reads)

        def whole_records(batch: Sequence[tuple[Json, Json]]) -> Iterator[SourceRecord[CustomerRow]]:
            parents = self._companies_among_parents(reads, [detail for _, detail in batch])
            contacts = self._contacts(reads, people, [record for record, _ in batch]) if self._relates(reads) else {}
            for record, detail in batch:
                bill_to = fold(unblank(detail.get("Bill_to_Customer_No")) or "")
                row = CustomerRow(
                    feed=record,
                    detail=detail,
                    contacts=contacts.get(str(record["id"]), ()),
                    parent_is_company=bill_to in parents and bill_to != fold(str(detail["No"])),
                )
                yield SourceRecord(
                    key=str(detail["No"]),
                    data=row,
                    asked=(asked or {}).get(str(record["id"])),
                    record_id=str(record["id"]),
                )

        for batch in batches(rows, 100):
            yield from each(batch, whole_records, lambda row: str(row[0]["number"]))

    def _companies_among_parents(self, reads: Reads, details: Sequence[Json]) -> set[str]:
        """The bill-to customers of these that are companies; read only with Enable Company Hierarchy."""
        if self.type != "Company" or not reads.settings.bc_enable_company_hierarchy:
            return set()
        numbers = sorted({str(no) for d in details if (no := unblank(d.get("Bill_to_Customer_No")))})
        rows = reads.bc.read_many(FEED, "number", numbers, select=("number", "type")) if numbers else iter(())
        return {fold(str(row["number"])) for row in rows if row["type"] == "Company"}

    def _contacts(self, reads: Reads, people: People, records: Sequence[Json]) -> dict[str, list[str]]:
        """By customer id: the numbers of the persons of its company contact that reach iPaaS.com as contacts."""
        company_of: dict[str, str] = {}
        contacts = contacts_of(reads, [str(record["id"]) for record in records])
        for record, rows in zip(records, contacts or (), strict=False):
            for row in rows:
                if row["contactType"] == "Company":
                    company_of[fold(str(row["contactNumber"]))] = str(record["id"])
        found: dict[str, list[str]] = {}
        for person in _persons(reads, people, sorted(company_of)):
            found.setdefault(company_of[fold(person[0])], []).append(person[1])
        return {customer: sorted(numbers) for customer, numbers in found.items()}

    def _with_changed_contacts(self, reads: Reads, window: Window, seen: KeySet) -> Iterator[SourceRecord[CustomerRow]]:
        """Companies not yet `seen` whose people changed: a relationship moves without the customer's own timestamp."""
        people = People(reads)
        changed = feed(reads, Api("contacts"), window, select=_PERSON_FIELDS, where="type eq 'Person'")
        for batch in batches(changed, BY_NAME):
            numbers = {no for about in people.describe(batch).values() if (no := about.get("company_customer"))}
            new = sorted(number for number in numbers if seen.add(fold(number)))
            records = reads.bc.read_many(FEED, "number", new, select=_FEED_FIELDS) if new else iter(())
            yield from self._complete(reads, [r for r in records if r["type"] == self.type], whole=False)


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
        about = people.describe(batch)
        for person in batch:
            if left_out(person, about[str(person["id"])]) is None:
                yield str(person["companyNumber"]), str(person["number"])

"""Person contacts of Business Central, with the company that each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from include.business_central.odata import Api, Page
from include.business_central.records.customers import ApiContact
from include.errors import BadRecord
from include.mappings.contacts import contact_id, contact_of, left_out
from include.mappings.custom_fields import source_fields
from include.mappings.names import first_address
from include.sources.people import People, contacts_of
from include.sources.reading import asked_for, each, feed, selected
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.runs import Direction
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

_FEED = Api("contacts")


# What a published contact page (5050) calls the fields of API `contacts`.
_PAGE_NAMES = {
    "number": "No",
    "type": "Type",
    "displayName": "Name",
    "jobTitle": "Job_Title",
    "companyNumber": "Company_No",
    "companyName": "Company_Name",
    "contactBusinessRelation": "Contact_Business_Relation",
    "addressLine1": "Address",
    "addressLine2": "Address_2",
    "city": "City",
    "state": "County",
    "country": "Country_Region_Code",
    "postalCode": "Post_Code",
    "phoneNumber": "Phone_No",
    "mobilePhoneNumber": "Mobile_Phone_No",
    "email": "E_Mail",
    "privacyBlocked": "Privacy_Blocked",
}


# Filled in by the mapping, not read from the contact.
_COMPUTED = {"company_id"}


class Contacts:
    """API `contacts` for the changes; Contacts Endpoint for the fields, when it names another service."""

    finds_by: ClassVar = (frozenset({"no"}), frozenset({"guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord]:
        """Persons modified in the window, and those of companies that were: one may have become a customer."""
        people, seen = People(reads), KeySet()
        for record in self._complete(
            reads, people, feed(reads, _FEED, window, select=self._fields(reads), where="type eq 'Person'")
        ):
            seen.add(fold(record.key))
            yield record
        if window.since is None and window.until is None:
            return
        people_of_companies = _people_of_changed_companies(reads, window)
        others = (identifier for identifier, number in people_of_companies if seen.add(fold(contact_id(number))))
        for ids in batches(others, 100):
            yield from self._complete(reads, people, reads.bc.read_many(_FEED, "id", ids, select=self._fields(reads)))

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord]:
        """Contacts by number or GUID, with or without the marker."""
        found = list(asked_for(reads, _FEED, [_unmarked(one) for one in ids], select=self._fields(reads)))
        asked = {str(record["id"]): text for record, text in found}
        yield from self._complete(reads, People(reads), [record for record, _ in found], asked)

    def by_emails(self, reads: Reads, emails: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """By folded e-mail: the external ids of the persons with it that are transferred as customers of their own.

        Raises BadRecord for one that cannot be read.
        """
        rows = reads.bc.read_many(_FEED, "email", emails, select=self._fields(reads), listed=True)
        persons = {contact_id(row["number"]): row for row in rows if row["type"] == "Person"}
        found: dict[str, list[str]] = {}
        for record in self._complete(reads, People(reads), persons.values()):
            if record.problem:
                raise BadRecord(f"contact {contact_of(record.key)}: {record.problem}")
            if left_out(record.data["detail"], record.data) is None:
                email = first_address(persons[record.key]["email"])
                found.setdefault(fold(str(email)), []).append(record.key)
        return found

    def _fields(self, reads: Reads) -> tuple[str, ...]:
        extra = source_fields(reads.settings, "contact", Direction.to_ipaas)
        own_page = reads.settings.bc_contacts_endpoint != _FEED.name
        # A subscriber's own page may have fields of its own; the API has the same fields everywhere.
        return selected(ApiContact.model_fields, () if own_page else extra, without=_COMPUTED)

    def _complete(
        self, reads: Reads, people: People, records: Iterable[Json], asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord]:

        def whole_records(batch: Sequence[Json]) -> Iterator[SourceRecord]:
            about = people.describe(batch)
            details = self._details(reads, batch)
            for record in batch:
                identifier = str(record["id"])
                detail = {**record, **details.get(fold(str(record["number"])), {})}
                data: Json = {"detail": detail, **about[identifier]}
                yield SourceRecord(
                    key=contact_id(record["number"]),
                    data=data,
                    asked=(asked or {}).get(identifier),
                    record_id=identifier,
                )

        for batch in batches(records, 100):
            yield from each(batch, whole_records, lambda record: contact_id(str(record["number"])))

    def _details(self, reads: Reads, batch: Sequence[Json]) -> dict[str, Json]:
        """The same contacts from the subscriber's own page, under the API's names beside its own."""
        endpoint = reads.settings.bc_contacts_endpoint
        if endpoint == _FEED.name:
            return {}
        extra = source_fields(reads.settings, "contact", Direction.to_ipaas) - set(_PAGE_NAMES) - _COMPUTED
        select = selected(_PAGE_NAMES.values(), extra)
        rows = reads.bc.read_many(Page(endpoint), "No", [str(r["number"]) for r in batch], select=select)
        return {
            fold(str(row["No"])): {
                **row,
                **{ours: row[theirs] for ours, theirs in _PAGE_NAMES.items() if theirs in row},
            }
            for row in rows
        }


def _people_of_changed_companies(reads: Reads, window: Window) -> Iterator[tuple[str, str]]:
    """The people, by id and number, of companies that were modified in the window: whether a company is a customer changes
    nothing in its people."""
    companies = feed(reads, Api("customers"), window, select=("id",), where="type eq 'Company'")
    for batch in batches(companies, 100):
        for rows in contacts_of(reads, [str(company["id"]) for company in batch]) or ():
            people = (row for row in rows if row["contactType"] == "Person")
            yield from ((str(row["contactId"]), str(row["contactNumber"])) for row in people)


def _unmarked(asked: AskedId) -> AskedId:
    """The id without the marker, which stays on a number that nobody would type."""
    return replace(asked, parts={name: part.removesuffix("|contact") for name, part in asked.parts.items()})

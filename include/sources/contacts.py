"""Person contacts of Business Central, with the company that each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from include.business_central.odata import Api, Page
from include.business_central.records.customers import ApiContact
from include.errors import BadRecord
from include.mappings.contacts import contact_id, contact_of, left_out
from include.mappings.custom_fields import source_fields
from include.mappings.names import first_address
from include.mappings.rows import ContactRow
from include.sources.feeds import Feed, FromFeed, Keyed, Pair
from include.sources.people import People, contacts_of
from include.sources.reading import BY_NAME, feed, selected
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.runs import Direction
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

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


class Contacts(Feed[ContactRow]):
    """API `contacts` for the changes; Contacts Endpoint for the fields, when it names another service."""

    api = Api("contacts")
    where = "type eq 'Person'"
    other_key = "id"

    def __init__(self, reads: Reads) -> None:
        super().__init__(reads)
        self._people = People(reads)
        self._endpoint = reads.settings.bc_contacts_endpoint
        extra = source_fields(reads.settings, "contact", Direction.to_ipaas)
        # A subscriber's own page may have fields of its own; the API has the same fields everywhere.
        self._own_page = () if self._endpoint == self.api.name else tuple(extra - set(_PAGE_NAMES) - _COMPUTED)
        self.fields = selected(
            ApiContact.model_fields, extra if self._endpoint == self.api.name else (), without=_COMPUTED
        )

    def called(self, record: Json) -> str:
        """Its number with the marker."""
        return contact_id(str(record["number"]))

    def others(self, window: Window, seen: KeySet) -> Iterator[str]:
        """Persons of companies that were modified: one may have become a customer."""
        people = _people_of_changed_companies(self.reads, window)
        return (identifier for identifier, number in people if seen.add(fold(contact_id(number))))

    def by_ids(self, ids: Sequence[AskedId]) -> Iterator[SourceRecord[ContactRow]]:
        """Contacts by number or GUID, with or without the marker."""
        return super().by_ids([_unmarked(one) for one in ids])

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[ContactRow]]:
        """Contacts with what they are besides, and with the fields of the subscriber's own page."""
        records = [record for record, _ in batch]
        described, details = self._people.describe(records), self._own_fields(records)
        for record in records:
            detail = {**record, **details.get(fold(str(record["number"])), {})}
            yield self.called(record), record, replace(described[str(record["id"])], detail=detail)

    def _own_fields(self, batch: Sequence[Json]) -> dict[str, Json]:
        """The same contacts from the subscriber's own page, under the API's names beside its own."""
        if self._endpoint == self.api.name:
            return {}
        select = selected(_PAGE_NAMES.values(), self._own_page)
        numbers = [str(record["number"]) for record in batch]
        return {
            fold(str(row["No"])): {
                **row,
                **{ours: row[theirs] for ours, theirs in _PAGE_NAMES.items() if theirs in row},
            }
            for row in self.reads.bc.read_many(Page(self._endpoint), "No", numbers, select=select)
        }


CONTACTS = FromFeed(feed=Contacts, row=ContactRow)


def by_emails(reads: Reads, emails: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """By folded e-mail: the external ids of the persons with it that are transferred as customers of their own.

    Raises BadRecord for one that cannot be read.
    """
    contacts = Contacts(reads)
    rows = reads.bc.read_many(contacts.api, "email", emails, select=contacts.fields, listed=True)
    persons = {contact_id(row["number"]): row for row in rows if row["type"] == "Person"}
    found: dict[str, list[str]] = {}
    for record in contacts.complete(persons.values()):
        if record.problem:
            raise BadRecord(f"contact {contact_of(record.key)}: {record.problem}")
        if left_out(record.data) is None:
            email = first_address(persons[record.key]["email"])
            found.setdefault(fold(str(email)), []).append(record.key)
    return found


def _people_of_changed_companies(reads: Reads, window: Window) -> Iterator[tuple[str, str]]:
    """The people, by id and number, of companies that were modified in the window: whether a company is a customer changes
    nothing in its people."""
    companies = feed(reads, Api("customers"), window, select=("id",), where="type eq 'Company'")
    for batch in batches(companies, BY_NAME):
        for rows in contacts_of(reads, [str(company["id"]) for company in batch]) or ():
            people = (row for row in rows if row["contactType"] == "Person")
            yield from ((str(row["contactId"]), str(row["contactNumber"])) for row in people)


def _unmarked(asked: AskedId) -> AskedId:
    """The id without the marker, which stays on a number that nobody would type."""
    return replace(asked, parts={name: part.removesuffix("|contact") for name, part in asked.parts.items()})

"""Person contacts to iPaaS.com, as customers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from include.business_central.odata import Api, Page
from include.business_central.records.customers import ApiContact
from include.flows.shared.people import People, contacts_of
from include.flows.shared.reading import asked_for, each, feed, selected
from include.ipaas.endpoints import CUSTOMER
from include.ipaas.external_ids import ADDRESS_TABLE
from include.mappings.contacts import contact_id, contact_to_ipaas, skip_contact
from include.mappings.custom_fields import source_fields
from include.mappings.customers import adopt_primary_billing
from include.sync.batches import batches
from include.sync.flow import GUID, AskedId, Docs, Flow, IdFormat, Reads, Window
from include.sync.ipaas_writer import IPaaSWriter
from include.sync.keyset import KeySet
from include.sync.model import Direction, Json, SourceRecord, fold

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


TO_IPAAS = Flow(
    name="contact_to_ipaas",
    record="contact",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Contact TO iPaaS.com",
    schedule="20 * * * *",
    source=Contacts(),
    skip=skip_contact,
    mapping=contact_to_ipaas,
    writer=IPaaSWriter(
        endpoint=CUSTOMER, match_field="email_address", adopt=adopt_primary_billing, nested={"addresses": ADDRESS_TABLE}
    ),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})(\|contact)?",
            example="3f2504e0-4f89-11d3-9a0c-0305e82c3301|contact",
            meaning="the contact's internal id",
        ),
        IdFormat(
            name="no",
            pattern=r"(?P<no>[^|]{1,20})(\|contact)?",
            example="CT000001|contact",
            meaning="contact No.",
        ),
    ),
    after=("company_to_ipaas", "customer_to_ipaas"),
    settings_used=(
        "bc_contacts_endpoint",
        "bc_processing_company_creation_in_prerequisite",
        "bc_custom_fields",
    ),
    docs=Docs(
        overview="Person contacts that are not customers themselves become customers, linked to their company and told "
        "apart by the marker `|contact` on their number.",
        business_central="Nothing to publish: API v2.0 `contacts` is read, or the service that Contacts Endpoint names.",
        ipaas="The custom fields `Customer Type`, `Record Type`, `Role`, `Active` and `iPaaS.com Company ID`, or "
        "`bc_custom_fields` without them.",
        mappings=(
            ("customer_number", "{number}|contact"),
            ("email_address", "email"),
            ("first_name, last_name", "displayName: the last word is the last name"),
            ("company", "companyName"),
            ("company_id", "the customer that the contact's company is, as the linked company"),
        ),
        matching="An unlinked contact is linked to the one customer with the same e-mail address. One that is linked to "
        "another record of Business Central is rejected, naming both.",
        children="The address (`{number}|contact|address`), primary for billing and shipping.",
        caveats=(
            "A person that is a customer itself arrives as that customer. People of companies that are only vendors, bank "
            "accounts or employees are left out, and so is a contact without an e-mail address.",
            "When a company becomes a customer, its people get their company with the next run.",
            "Of several e-mail addresses the first one counts.",
        ),
    ),
)

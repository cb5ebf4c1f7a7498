"""What a person of Business Central is: a customer itself, or somebody of a company, and which customer that company is.

The relation that a contact shows counts what its own number is related to and what its company's is: the people of a
customer read Customer, too. So the company's contact is asked for its own relation, and the customer is found by
`customerContacts`, whose id holds only in a row that has a customer's name, or by `contactsInformation` of a customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from include.business_central.odata import Api
from include.business_central.records.base import decoded, unblank
from include.errors import BadRecord, ServiceError
from include.mappings.contacts import CUSTOMER_RELATIONS
from include.mappings.rows import ContactRow
from include.sources.reading import BY_NAME
from include.sync.batches import batches
from include.sync.flow import Reads
from include.sync.records import Json
from include.sync.values import fold

_CUSTOMERS = Api("customers")
_CUSTOMER_FIELDS = ("id", "number", "type")
_UNREADABLE = (400, 403)


def relation_of(contact: Json) -> str:
    """The relation that a contact shows, as a person writes it."""
    return decoded(str(contact.get("contactBusinessRelation") or "")).strip()


def company_of(contact: Json) -> str | None:
    """The number of the company contact that a contact belongs to; None when it belongs to none but itself."""
    number = unblank(contact.get("companyNumber"))
    return None if number is None or fold(str(number)) == fold(str(contact["number"])) else str(number)


def contacts_of(reads: Reads, customers: Sequence[str]) -> list[list[Json]] | None:
    """The contacts of each of these customers (ids): its own, and the people of its company.

    None where they cannot be read.
    """
    try:
        answers = reads.bc.batch_get([f"{_CUSTOMERS.name}({customer})/contactsInformation" for customer in customers])
    except ServiceError as error:
        if error.status in _UNREADABLE:
            return None
        raise
    return [list(answer.body.get("value", ())) for answer in answers]


@dataclass(kw_only=True)
class _Company:
    """A company contact. `customer` is the No of the customer that it is, once that is known."""

    name: str
    relation: str
    customer: str | None = None

    @property
    def sought(self) -> bool:
        return self.customer is None and self.relation in CUSTOMER_RELATIONS


@dataclass
class People:
    """Finds out, many persons per request, what each is; what has been learnt of companies is kept for the run."""

    reads: Reads
    _companies: dict[str, _Company | None] = field(default_factory=dict)
    _all_read: bool = False
    # Whether a customer did not say who it is, or of what kind: it may be any that is sought.
    _odd: bool = False

    def describe(self, persons: Sequence[Json]) -> dict[str, ContactRow]:
        """By id: records of API `contacts`, with what they are beside their fields."""
        self._learn_companies(company for person in persons if (company := company_of(person)))
        self._find_customers(persons)
        themselves = self._themselves(persons)
        if self._odd and any((its := self._company(person)) and its.sought for person in persons):
            raise BadRecord("a customer that may be its company's cannot be read")
        found: dict[str, ContactRow] = {}
        for person in persons:
            own = self._company(person)
            found[str(person["id"])] = ContactRow(
                detail=person,
                itself=str(person["id"]) in themselves,
                company_relation=own.relation if own else None,
                company_customer=own.customer if own else None,
            )
        return found

    def _told(self, customers: Iterable[Json]) -> Iterator[Json]:
        """Those that say who they are and of what kind; the others hold up only those who may be theirs."""
        for customer in customers:
            if all(isinstance(customer.get(name), str) for name in _CUSTOMER_FIELDS):
                yield customer
            else:
                self._odd = True

    def _company(self, person: Json) -> _Company | None:
        number = company_of(person)
        return self._companies.get(fold(number)) if number else None

    def _learn_companies(self, numbers: Iterable[str]) -> None:
        new = {fold(number): number for number in numbers if fold(number) not in self._companies}
        self._companies |= dict.fromkeys(new)
        select = ("number", "displayName", "contactBusinessRelation")
        for row in self.reads.bc.read_many(Api("contacts"), "number", list(new.values()), select=select):
            self._companies[fold(str(row["number"]))] = _Company(
                name=str(row["displayName"]), relation=relation_of(row)
            )

    def _find_customers(self, persons: Sequence[Json]) -> None:
        """Which customer each company of these persons is."""
        self._by_person([p for p in persons if (company := self._company(p)) and company.sought])
        if names := sorted({company.name for company in self._sought() if company.name}):
            rows = self.reads.bc.read_many(_CUSTOMERS, "displayName", names, select=("displayName", *_CUSTOMER_FIELDS))
            self._by_information([row for row in self._told(rows) if row["type"] == "Company"])
        if self._sought() and not self._all_read:
            # One that has another name than its contact, or a company that is something else twice over.
            self._all_read = True
            companies = self.reads.bc.read(_CUSTOMERS, filter="type eq 'Company'", select=_CUSTOMER_FIELDS)
            for batch in batches(self._told(companies), BY_NAME):
                self._by_information(batch)

    def _sought(self) -> list[_Company]:
        return [company for company in self._companies.values() if company is not None and company.sought]

    def _by_person(self, persons: Sequence[Json]) -> None:
        ids = [str(person["id"]) for person in persons if relation_of(person) == "Customer"]
        if not ids:
            return
        select = ("id", "customerId", "customerName")
        rows = self.reads.bc.read_many(Api("customerContacts"), "id", ids, select=select)
        # A row without a name is of no customer; its id is then another row's.
        owners = {str(r["id"]): str(r["customerId"]) for r in rows if unblank(r["customerName"])}
        if not owners:
            return
        found = self.reads.bc.read_many(_CUSTOMERS, "id", sorted(set(owners.values())), select=_CUSTOMER_FIELDS)
        numbers = {str(row["id"]): str(row["number"]) for row in self._told(found) if row["type"] == "Company"}
        for person in persons:
            company, owner = self._company(person), owners.get(str(person["id"]))
            if company is not None and owner in numbers:
                company.customer = numbers[owner]

    def _by_information(self, customers: Sequence[Json]) -> None:
        contacts = contacts_of(self.reads, [str(customer["id"]) for customer in customers]) if customers else None
        for customer, rows in zip(customers, contacts or (), strict=False):
            for row in rows:
                company = self._companies.get(fold(str(row["contactNumber"])))
                if row["contactType"] == "Company" and company is not None:
                    company.customer = str(customer["number"])

    def _themselves(self, persons: Sequence[Json]) -> set[str]:
        """The ids of those that are customers themselves.

        One that shows a single relation has it by its own number, or by its company's; of one that shows several, the
        customers of its name and e-mail are asked.
        """
        themselves: set[str] = set()
        several: list[Json] = []
        for person in persons:
            relation, company = relation_of(person), self._company(person)
            if relation == "Customer" and (company is None or company.relation not in CUSTOMER_RELATIONS):
                themselves.add(str(person["id"]))
            elif relation == "Multiple":
                several.append(person)
        if several:
            named = self._named_by_customers(several)
            # Without a company, and where customers do not tell, it is one: nobody shall be in iPaaS.com twice.
            themselves |= {i for p in several if (i := str(p["id"])) in named or company_of(p) is None}
        return themselves

    def _named_by_customers(self, persons: Sequence[Json]) -> set[str]:
        """The ids of the contacts that customers of type Person, of these persons' names and e-mails, have."""
        candidates: dict[str, Json] = {}
        for name in ("displayName", "email"):
            values = sorted({str(value) for person in persons if (value := unblank(person.get(name)))})
            if values:
                for row in self.reads.bc.read_many(_CUSTOMERS, name, values, select=(name, *_CUSTOMER_FIELDS)):
                    if row["type"] == "Person":
                        candidates[str(row["id"])] = row
        contacts = contacts_of(self.reads, list(candidates)) if candidates else None
        return {str(row["contactId"]) for rows in contacts or () for row in rows}

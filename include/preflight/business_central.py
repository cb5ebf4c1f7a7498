"""What has to be in place in Business Central: company, rights, web services, number series, codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from include.business_central.business_events import NoBusinessEvents, offered, subscribed
from include.business_central.client import BusinessCentralClient
from include.business_central.odata import Api, Page, Resource
from include.business_central.services import NEEDED_SERVICES
from include.errors import EntityChanged, ErrorKind, RecordExists, ServiceError
from include.preflight.checks import Check, Red, Unknown
from include.settings import SERVICES, SyncSettings

LOGIN = "Login to Business Central"
COMPANY = "Environment and company"
READS = "Permission to read Business Central"
WRITES = "Permission to write to Business Central"
# What is read, and what is changed, of API v2.0: the entity, its number, and a field that may be written.
_READ = ("customers", "contacts", "items", "itemCategories", "locations", "salesOrders", "salesInvoices")
_WRITTEN: Mapping[str, tuple[str, str]] = {
    "customers": ("number", "displayName"),
    "items": ("number", "displayName"),
    "salesOrders": ("number", "externalDocumentNumber"),
}
# A tag that no record has: what carries it is refused, once it is known that one may change the record.
_STALE = 'W/"JzE5OzA7MDAwMDAwMDAwMDAwMDAwMDAwMDE7MDA7Jw=="'
_BY_HAND = "enter numbers manually"
# Where the codes of bc_create_defaults are looked up, by their name.
_TABLES: Mapping[str, tuple[str, str]] = {
    "Payment_Terms_Code": ("paymentTerms", "code"),
    "Tax_Area_Code": ("taxAreas", "code"),
    "Base_Unit_of_Measure": ("unitsOfMeasure", "code"),
    "Gen_Prod_Posting_Group": ("generalProductPostingGroups", "code"),
    "Inventory_Posting_Group": ("inventoryPostingGroups", "code"),
    "Location_Code": ("locations", "code"),
    "salesperson": ("salespeoplePurchasers", "code"),
    "no_tax_group": ("taxGroups", "code"),
    "payment_journal": ("customerPaymentJournals", "code"),
}
# Codes of tables that API v2.0 does not have: a refused write of a customer tells of them.
_ON_THE_CARD = ("Gen_Bus_Posting_Group", "Customer_Posting_Group")
# The pages that custom fields of a model are written to.
_PAGES: Mapping[str, str] = {
    "company": "CustomerCard",
    "customer": "CustomerCard",
    "product": "ItemCard",
    "transaction": "SalesOrders",
    "transaction line": "SalesOrderLines",
}


def service(page: str) -> str:
    """The line of a web service."""
    return f"Web service {page}"


@dataclass(frozen=True, kw_only=True)
class BusinessCentralChecks:
    """The checks of one company. What they write is refused, and leaves nothing behind."""

    connect: Callable[[], BusinessCentralClient]
    settings: SyncSettings
    events: Sequence[str]
    _some: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    @cached_property
    def bc(self) -> BusinessCentralClient:
        """The client, once it is needed."""
        return self.connect()

    def checks(self, connection: str) -> Iterator[Check]:
        """All of them; `connection` is the line that they hang on."""
        yield Check(line=LOGIN, ask=self._login, after=(connection,))
        yield Check(line="Credentials of Business Central", ask=self._credentials, after=(LOGIN,))
        yield Check(line=COMPANY, ask=self._company, after=(LOGIN,))
        yield Check(line=READS, ask=self._reads, after=(COMPANY,))
        yield Check(line=WRITES, ask=self._writes, after=(READS,))
        for page in SERVICES:
            yield Check(line=service(page), ask=partial(self._service, page), after=(READS,))
        yield Check(line="When Microsoft's pages end", ask=self._pages_end, after=(READS,))
        yield Check(line="Business events", ask=self._events, after=(COMPANY,))
        for entity, what in (("customers", "customers"), ("items", "items")):
            yield Check(line=f"Number series of {what}", ask=partial(self._manual, entity), after=(WRITES,))
        if self.settings.bc_create_defaults.sales_order.number_from_transaction:
            yield Check(line="Number series of orders", ask=partial(self._manual, "salesOrders"), after=(WRITES,))
        for name, values in self.settings.bc_create_defaults:
            given = {key: value for key, value in values if key in (*_TABLES, *_ON_THE_CARD) and value}
            if given:
                card = (service("CustomerCard"),) if given.keys() & set(_ON_THE_CARD) else ()
                yield Check(line=f"bc_create_defaults, {name}", ask=partial(self._codes, given), after=(WRITES, *card))
        for model, page in _PAGES.items():
            targets = self._targets(model)
            if targets:
                ask = partial(self._fields, page, targets)
                yield Check(line=f"Custom fields of a {model} in Business Central", ask=ask, after=(service(page),))

    def _login(self) -> str:
        self.bc.sign_in()
        return "Entra gives a token."

    def _credentials(self) -> str:
        if faults := self.bc.credential_faults():
            raise Red(" ".join(faults), 'README.md, "Secrets that end", says how.')
        return (
            "None ends within 30 days, as far as is known: of a certificate always, of a secret where extra "
            "credential_ends says it."
        )

    def _company(self) -> str:
        place = self.bc.place
        return f"Company {self.bc.company_name!r} of {place['environment']}, version {self.bc.version or 'unknown'}."

    def _reads(self) -> str:
        for entity in _READ:
            self._one(entity)
        return f"{len(_READ)} tables can be read."

    def _one(self, entity: str) -> dict[str, Any] | None:
        """A record to try with; None when there is none."""
        if entity not in self._some:
            self._some[entity] = next(iter(self.bc.read(Api(entity), page_size=1)), None)
        return self._some[entity]

    def _writes(self) -> str:
        """Changes that are refused for their tag: whoever may not write is refused for that."""
        tried = []
        for entity, (_, name) in _WRITTEN.items():
            record = self._one(entity)
            if record is None:
                continue
            try:
                # Should the tag be passed over, the record is as it was.
                self.bc.update(Api(entity), str(record["id"]), _STALE, {name: record.get(name, "")})
            except EntityChanged:
                tried.append(entity)
                if entity in ("customers", "items"):
                    self._refusal(entity)
        if not tried:
            raise Unknown("There is no record yet with which it could be tried.")
        return f"Tried with writes that are refused for another reason: {', '.join(tried)}."

    def _refusal(self, entity: str) -> ServiceError | None:
        """How the service refuses to make a record that is there; raises when the application may not make any."""
        record = self._one(entity)
        if record is None:
            return None
        number, name = _WRITTEN[entity]
        body = {name: record.get(name, ""), number: record[number]}
        return self._refused(Api(entity), body)

    def _refused(self, resource: Resource, body: dict[str, Any]) -> ServiceError:
        try:
            self.bc.create(resource, body)
        except RecordExists as error:
            return error
        except ServiceError as error:
            if error.kind is not ErrorKind.rejected:
                raise
            return error
        raise Red(
            f"A second record {body} was made in {resource.name}: the first has gone meanwhile.", "Delete it again."
        )

    def _manual(self, entity: str) -> str:
        error = self._refusal(entity)
        if error is None:
            raise Unknown("There is no record yet with which it could be tried.")
        if _BY_HAND in str(error):
            raise Red(str(error), "Allow Manual Nos. in the number series that the message names.")
        return "Numbers may be given."

    def _service(self, page: str) -> str:
        bc = self.bc
        if bc.does_without(page):
            return "Left out, as bc_service_names says."
        if not bc.published(page):
            if page in NEEDED_SERVICES and not bc.goes_without(page):
                raise Red(
                    f"{SERVICES[page]} is not published as {bc.name_of(page)}.",
                    f"{bc.how_to_publish(page)} If it has another name, set the Variable bc_service_names.",
                )
            if bc.name_of(page) != page:
                raise Red(
                    f"{bc.name_of(page)}, which bc_service_names names, is not published.", bc.how_to_publish(page)
                )
            why = "API v2.0 stands in for it" if page in NEEDED_SERVICES else "it is not required"
            return f"Not published; {why}."
        next(iter(bc.read(Page(page), page_size=1)), None)
        if fault := bc.wrong_object(page):
            raise fault
        return f"Published as {bc.name_of(page)}, with the right object behind it."

    def _pages_end(self) -> str:
        if self.bc.pages_ended():
            return "Microsoft's pages are served no more: the flows read and write API v2.0, and each run says what is lost."
        published = [page for page in SERVICES if page != "Itemsbylocation" and self.bc.published(page)]
        ending = [page for page in published if self.bc.name_of(page) == page]
        named = [self.bc.name_of(page) for page in published if page not in ending]
        stays = f" ({', '.join(named)}: see which of them are copies)" if named else ""
        return (
            f"With version 30 these stop: {', '.join(ending) or 'none'}. The flows go on through API v2.0, with less; a "
            f"published copy of a page, named in bc_service_names, stays{stays}."
        )

    def _events(self) -> str:
        """Whether they are there, and whether the application may see who has subscribed to them."""
        try:
            found = offered(self.bc, self.events)
            subscribed(self.bc)
        except NoBusinessEvents as none:
            # Nothing hangs on them.
            raise Unknown(str(none)) from None
        lacking = [name for name in self.events if name not in found]
        if lacking:
            return (
                f"Of them this environment lacks {', '.join(lacking)}; webhooks and polls find what those would tell."
            )
        return f"May be subscribed to: {', '.join(found)}."

    def _codes(self, given: Mapping[str, str]) -> str:
        wrong = [name for name, code in given.items() if name in _TABLES and not self._is_there(name, code)]
        wrong += self._refused_on_the_card({name: given[name] for name in _ON_THE_CARD if name in given})
        if wrong:
            said = ", ".join(f"{name} {given[name]!r}" for name in wrong)
            raise Red(
                f"Not in Business Central: {said}.",
                "Correct the Variable bc_create_defaults, or add it in Business Central.",
            )
        return f"In Business Central: {', '.join(given.values())}."

    def _is_there(self, name: str, code: str) -> bool:
        entity, key = _TABLES[name]
        return any(str(row[key]).casefold() == code.casefold() for row in self.bc.read(Api(entity), select=(key,)))

    def _refused_on_the_card(self, codes: Mapping[str, str]) -> list[str]:
        """Which of these a customer may not have: it is tried one by one, with a customer that is there already."""
        record = self._one("customers")
        if not codes:
            return []
        if record is None or not self.bc.published("CustomerCard"):
            raise Unknown(
                f"{', '.join(codes.values())}: there is no customer, or no page CustomerCard, to try it with."
            )
        page = Page("CustomerCard")
        tried = {name: self._refused(page, {name: code, "No": record["number"]}) for name, code in codes.items()}
        return [name for name, error in tried.items() if error.code == "Internal_InvalidTableRelation"]

    def _targets(self, model: str) -> list[str]:
        entries = self.settings.bc_custom_fields
        return [one.target for one in entries if one.model == model and one.direction == "from_ipaas"]

    def _fields(self, page: str, targets: list[str]) -> str:
        if not self.bc.published(page):
            raise Unknown(f"{page} is not published.")
        lacking = [name for name in targets if name not in self.bc.fields(page)]
        if lacking:
            raise Red(
                f"{page} has no {', '.join(lacking)}.",
                "Correct the target in the Variable bc_custom_fields, or show the field on the page that is published.",
            )
        return f"{page} has {', '.join(targets)}."

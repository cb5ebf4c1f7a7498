"""The client of iPaaS.com: records by endpoint, external ids, what is doubtful, and whether it all works."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from urllib3 import BaseHTTPResponse

from include.errors import BadRecord, ErrorKind, NotFound, ServiceError, senseless
from include.ipaas import currencies, endpoints, errors, paths
from include.ipaas.bodies import with_links
from include.ipaas.calls import PlatformCalls
from include.ipaas.dialect import Dialect, Guess, fact
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, id_from, id_of, is_summary, present_id, reference
from include.ipaas.lists import ListPage, is_another, may_be, page_decoder
from include.ipaas.missing import Unlinked
from include.ipaas.probe import DATA_FAMILIES, Findings, read_document
from include.ipaas.saving import Saving, no_place
from include.ipaas.subscriptions import is_business_centrals
from include.settings import IPaaSConnection
from include.transport.parallel import in_parallel
from include.transport.session import RetryPolicy, json_of
from include.transport.throttle import Pacer
from include.transport.values import Json

# After these, what was asked for may be there all the same.
_HICCUPS = (ErrorKind.unavailable, ErrorKind.throttled)


class IPaaSClient(PlatformCalls):
    """Talks to one company of iPaaS.com. Safe to use from several threads at once."""

    def __init__(
        self,
        connection: IPaaSConnection,
        *,
        throttle: Pacer,
        concurrency: int = 1,
        policy: RetryPolicy | None = None,
        own_paths: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Nothing is sent before the first call. `own_paths` are those that differ from what is assumed, by record and
        operation."""
        super().__init__(connection, throttle=throttle, concurrency=concurrency, policy=policy)
        self.dialect = Dialect()
        self.paths = paths.Paths(own_paths)
        self._saving = Saving(self)
        # The families whose document has been asked for, and what it said: None where none is served.
        self._probed: dict[str, Findings | None] = {}

    @cached_property
    def read_only(self) -> IPaaSClient:
        """The same client for a plan: it reads, and refuses to write."""
        other = copy.copy(self)
        other._transport = self._transport.read_only()
        other._saving = Saving(other)
        return other

    # --- records ---------------------------------------------------------------------------------------------

    def get(self, endpoint: Endpoint, internal_id: Id) -> Json | None:
        """One record, with what it is linked to, or None when there is none. Raises BadRecord when it has not its id."""
        for below in self._places(endpoint):
            path = self.paths.fill(endpoint, paths.READ, {"id": internal_id}, below=below)
            try:
                found = self._send("GET", endpoint.family, path, decode=_object)
            except ServiceError as error:
                if not (isinstance(error, NotFound) or (endpoint.below and no_place(error))):
                    raise self._whose_refusal(endpoint, error) from None
                if not no_place(error):
                    return None
            else:
                if endpoint.below and not self.paths.is_given(endpoint, paths.READ):
                    self.dialect.tell({"inventory_below": below})
                if str(id_of(found)) != str(internal_id):
                    raise BadRecord(f"id is {found['id']!r}, and {internal_id} was asked for")
                return with_links(found, endpoint, self.external_id, self.system_id)
        return None

    def _whose_refusal(self, endpoint: Endpoint, error: ServiceError) -> ServiceError:
        """A refusal of one record while others may be read is its own; any other is the run's, as it is."""
        if error.status != 403 or not error.stops_run:
            return error
        try:
            next(self.pages(endpoint), None)
        except ServiceError:
            return error
        return error.withheld(errors.WITHHELD)

    def _places(self, endpoint: Endpoint) -> tuple[bool, ...]:
        """Where a record may be: not below another one, below one."""
        if not endpoint.below or self.paths.is_given(endpoint, paths.READ):
            return (False,)
        self.settle(endpoint, ["inventory_below"])
        return self.dialect.sides("inventory_below", endpoint)

    def search(self, endpoint: Endpoint, value: str) -> list[Json]:
        """Every record whose natural key equals `value`; of a list without a search, every record.

        A row that is no whole record is read, unless its natural key says that it is another. Raises BadRecord when an
        entry of the answer is none, and might be the one that is looked for.
        """
        params = {"action": "equals", endpoint.key_param: value} if endpoint.key_param else {}
        found: list[Json] = []
        for page in self._pages(endpoint, params):
            for odd in page.odd:
                if not is_another(odd.content, endpoint, value):
                    raise BadRecord(f"{endpoint.name} {value!r} was looked for, and of {odd.place}, {odd.why}")
            for row in page.records:
                if not is_summary(row):
                    found.append(row)
                elif may_be(row, endpoint, value) and (whole := self.get(endpoint, row["id"])) is not None:
                    found.append(whole)
        return found

    def pages(self, endpoint: Endpoint, *, ahead: int | None = 0) -> Iterator[ListPage]:
        """The whole list, page by page; several at once when there are no more than `ahead` (None: however many)."""
        return self._pages(endpoint, {}, ahead)

    def page(self, endpoint: Endpoint, number: int) -> ListPage | None:
        """One page of the list, or None when there is none."""
        return self._page(endpoint, {}, number)

    def _page(self, endpoint: Endpoint, params: Mapping[str, str], number: int) -> ListPage | None:
        asked = {**params, "pageNumber": str(number)} if number > 1 else params
        try:
            path = self.paths.template(endpoint, paths.SEARCH)
            page = self._send("GET", endpoint.family, path, decode=page_decoder(number), params=asked)
        except NotFound:
            return None  # a list without records may answer 404
        if page.records:
            whole = not any(is_summary(row) for row in page.records)
            self.dialect.tell({fact("list_rows", endpoint): "full" if whole else "summary"})
            page = replace(page, whole=whole)
        return page.within(endpoint.within) if endpoint.within else page

    def _pages(self, endpoint: Endpoint, params: Mapping[str, str], ahead: int | None = 0) -> Iterator[ListPage]:
        read = partial(self._page, endpoint, params)
        known = 0
        # The first page says how many there are; a later one, whether there are more by now.
        pages: Iterable[ListPage | None] = [read(1)]
        while True:
            total = known
            for page in pages:
                if page is None:
                    return
                yield page
                known, total = known + 1, page.total
                if known >= total:
                    return
            at_once = self.concurrency if ahead is None or total <= ahead else 1
            pages = in_parallel((partial(read, number) for number in range(known + 1, total + 1)), at_once)

    def create(self, endpoint: Endpoint, body: Json) -> Json:
        """Create a record and return it. Not repeated when its outcome is unknown: the caller looks first."""
        try:
            return self._saving.create(endpoint, body)
        except NotFound as error:
            path = self.paths.template(endpoint, paths.CREATE)
            raise errors.no_endpoint(error, f"POST {path}") from None

    def update(self, endpoint: Endpoint, internal_id: Id, body: Json, present: Json | None = None) -> Json:
        """Change the named fields; the same change twice is the same as once. `present` is the record, if it was read a
        moment ago. Raises NotFound."""
        return self._saving.update(endpoint, internal_id, body, present)

    def post(self, endpoint: Endpoint, body: Json, guess: Guess) -> Json:
        """One request that creates a record, in the way that is guessed."""
        path = self.paths.fill(endpoint, paths.CREATE, body, below=guess.inventory_below)
        template = self.paths.template(endpoint, paths.CREATE, below=guess.inventory_below)
        return self._record(endpoint, "POST", path, body=_without_parent(body, template), repeatable=False)

    def put(self, endpoint: Endpoint, internal_id: Id, body: Json, guess: Guess, *, repeatable: bool) -> Json:
        """One change of a record, in the way that is guessed."""
        path = self.paths.fill(endpoint, paths.UPDATE, {"id": internal_id}, below=guess.inventory_below)
        if guess.inventory_below and endpoint.below:
            body = {name: value for name, value in body.items() if name != "parent_id"}
        return self._record(endpoint, "PUT", path, body=body, repeatable=repeatable)

    def delete(self, family: str, path: str) -> None:
        """Delete what is at a path; nothing there is as good."""
        try:
            self._json("DELETE", family, path)
        except NotFound:
            return

    def taken(self, endpoint: Endpoint, body: Json) -> Json:
        """A body without what the platform is known not to take."""
        if code := currencies.code_of(endpoint, body):
            self.settle(endpoint, [currencies.DOUBT])
            if not currencies.is_sent(self.dialect, code):
                return currencies.without(body)
        return body

    def not_taken(self, endpoint: Endpoint, body: Json) -> tuple[str, ...]:
        """What a person should know of a body that the platform has not taken whole."""
        if self.taken(endpoint, body) is body:
            return ()
        return (
            f"Its amounts are in {body['currency_code']}, which iPaaS.com does not take as a transaction's currency.",
        )

    # --- what is doubtful ------------------------------------------------------------------------------------

    def settle(self, endpoint: Endpoint, doubts: Sequence[str]) -> None:
        """Read the family's document, when one of these doubts is open and nobody has tried."""
        if self.dialect.unknown(endpoint, doubts) and self.dialect.get(_document(endpoint.family)) is None:
            self.probe(endpoint.family)

    def probe(self, family: str) -> Findings | None:
        """What the family's OpenAPI document says of the paths and properties that are used, and set the dialect by it.

        None where it is not served. Asked for once.
        """
        with self._lock:
            if family not in self._probed:
                self._probed[family] = found = self._probe(family)
                if found:
                    self.dialect.tell({**found.known, _document(family): True})
            return self._probed[family]

    def _probe(self, family: str) -> Findings | None:
        url = f"{self._connection.urls[family]}/{endpoints.DOCUMENT}"
        try:
            content = self._transport.once("GET", url, headers={}, decode=json_of(errors.SYSTEM))
        except ServiceError as error:
            if error.kind not in _HICCUPS:
                self.dialect.tell({_document(family): False})
            return None
        found = read_document(family, content, self.paths)
        if found is None:
            self.dialect.tell({_document(family): False})
        return found

    # --- external ids ----------------------------------------------------------------------------------------

    def internal_id(self, table: str, external_id: str) -> Id | None:
        """The iPaaS.com id linked to an external id of ours, or None. A soft-deleted link is none."""
        family = endpoints.FAMILIES[table]
        try:
            if endpoints.needs_special(external_id):
                body = {"table_name": table, "system_id": self.system_id, "external_id": external_id}
                found = self._json("POST", family, endpoints.LOOKUP_SPECIAL, body=body, reads=True)
            else:
                found = self._json("GET", family, endpoints.lookup_spaceport(self.system_id, table, external_id))
        except NotFound:
            return None
        text = _linked(found)
        return None if text is None or reference(text, f"What {external_id} is linked to") is None else id_from(text)

    def external_id(self, table: str, internal_id: Id) -> str | None:
        """The external id of ours that a record is linked to, or None."""
        path = endpoints.lookup_external(internal_id, self.system_id, table)
        try:
            found = self._json("GET", endpoints.FAMILIES[table], path)
        except NotFound:
            return None
        return _linked(found)

    def link(self, table: str, internal_id: Id, external_id: str) -> None:
        """Link a record to an external id of ours; the same link twice is the same as once.

        Raises RecordExists when another record has the external id: the platform may not refuse that, but move it.
        """
        holder = self.internal_id(table, external_id)
        if holder is not None:
            if str(holder) == str(internal_id):
                return
            raise errors.belongs_to(table, external_id, holder)
        body = {
            "table_name": table,
            "system_id": self.system_id,
            "external_id": external_id,
            "internal_id": str(internal_id),
        }
        answer = self._json("POST", endpoints.FAMILIES[table], endpoints.UPDATE_EXTERNAL_ID, body=body)
        if not answer:
            raise senseless(errors.SYSTEM, "An external id was written, and what is linked now was not answered.")

    def missing(self, table: str) -> Iterator[Id]:
        """Ids of the records of a table that have no external id of ours, some perhaps twice. Raises MissingUnreadable."""
        family = endpoints.FAMILIES[table]
        path = endpoints.missing(self.system_id, table)
        answers = Unlinked(lambda params, decode: self._send("GET", family, path, decode=decode, params=params))
        return answers.ids(self.concurrency)

    # --- check -----------------------------------------------------------------------------------------------

    def check(self) -> tuple[bool, str]:
        """Whether the connection works, in plain words: login, company, subscription."""
        try:
            name = self.check_subscription()
        except ServiceError as error:
            return False, f"{error} {error.advice}"
        differs = self.differences()
        if differs is None:
            told = "iPaaS.com serves no documents to compare the paths and properties with."
        elif differs:
            told = f"Its documents differ from what is used here in {len(differs)} places: {' '.join(differs[:3])}"
        else:
            told = "Its documents agree with what is used here."
        return True, f"Connected; the subscription is {name!r}. {told}"

    def differences(self) -> list[str] | None:
        """In what, in words, the families' OpenAPI documents differ from what is used here; None where none is served."""
        found = [findings for family in DATA_FAMILIES if (findings := self.probe(family))]
        if not found:
            return None
        return [f"{one.family}: {text}" for one in found for text in one.differs]

    def subscription_type(self) -> str | None:
        """The name of the integration that our subscription is of; None where iPaaS.com does not tell it."""
        found = self._json("GET", "subscriptions", endpoints.SUBSCRIPTION.format(id=self.system_id))
        integration = found.get("integration_id") if isinstance(found, dict) else None
        return self._integration_name(str(integration)) if integration else None

    def check_subscription(self) -> str:
        """The name of our subscription. Raises ServiceError (misconfigured) when it is none of Business Central's."""
        try:
            found = self._json("GET", "subscriptions", endpoints.SUBSCRIPTION.format(id=self.system_id))
        except NotFound as error:
            raise errors.no_subscription(self.system_id, error) from None
        subscription: Json = found if isinstance(found, dict) else {}
        name = str(subscription.get("name") or self.system_id)
        if not is_business_centrals(subscription, self._integration_name):
            raise errors.other_subscription(self.system_id, name)
        return name

    def _integration_name(self, integration: str) -> str | None:
        """The name of an integration; None when iPaaS.com does not tell it."""
        try:
            kind = self._json("GET", "subscriptions", endpoints.integration(integration))
        except ServiceError as error:
            if error.kind in (ErrorKind.rejected, ErrorKind.unauthorized):
                return None
            raise
        return kind.get("name") if isinstance(kind, dict) else None


def _object(response: BaseHTTPResponse) -> Json:
    answer = json_of(errors.SYSTEM)(response)
    if not answer or not isinstance(answer, dict):
        raise senseless(errors.SYSTEM, "A record was asked for, and none was answered.")
    return answer


def _linked(answer: Any) -> str | None:
    """The id that a look-up answers; JSON's null and the empty text are none."""
    if isinstance(answer, dict | list | bool | Decimal):
        raise senseless(errors.SYSTEM, "An id was asked for, and something else was answered.")
    return present_id(answer)


def _document(family: str) -> str:
    """The fact whether a family serves its document."""
    return f"document {family}"


def _without_parent(body: Json, template: str) -> Json:
    """The body without its parent, where the path names that."""
    return {name: value for name, value in body.items() if name != "parent_id" or "{parent_id}" not in template}

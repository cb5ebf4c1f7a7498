"""Creates and changes records, whichever way the platform behaves where that is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from include.errors import ErrorKind, NotFound, RecordExists, Sent, ServiceError
from include.ipaas import currencies, endpoints
from include.ipaas.bodies import category_ids, completed, lacks, needs_present
from include.ipaas.dialect import Dialect, Guess
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id
from include.transport.values import Json

# How often a change is composed anew: somebody may add the same nested record, and an answer may be lost.
_TRIES = 3
# What is refused for the record that is there, or is not there: no other way of saying it helps.
_NO_RECORD = (NotFound, RecordExists)


class Wire(Protocol):
    """What saving needs of the client. Each call is one request, or none."""

    dialect: Dialect

    @property
    def system_id(self) -> int:
        """The id of the Business Central subscription."""

    def get(self, endpoint: Endpoint, internal_id: Id) -> Json | None:
        """One record as it stands, or None."""

    def post(self, endpoint: Endpoint, body: Json, guess: Guess) -> Json:
        """Create a record; never repeated by itself."""

    def put(self, endpoint: Endpoint, internal_id: Id, body: Json, guess: Guess, *, repeatable: bool) -> Json:
        """Change a record."""

    def delete(self, family: str, path: str) -> None:
        """Delete what is at a path; nothing there is as good."""

    def settle(self, endpoint: Endpoint, doubts: list[str]) -> None:
        """Read the family's document, if that has not been tried, when one of these doubts is open."""

    def probe(self, family: str) -> object:
        """Read the family's document, if this client has not tried."""


class Saving:
    """Creates and changes records over a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._names: dict[str, str] = {}

    def create(self, endpoint: Endpoint, body: Json) -> Json:
        """Create a record and return it. Raises ServiceError; what may have been processed is not sent again."""
        return self._with_currency(endpoint, body, lambda body: self._create(endpoint, body))

    def _create(self, endpoint: Endpoint, body: Json) -> Json:
        wanted = _categories(endpoint, body)
        saved = self._guessing(
            endpoint,
            _doubts(endpoint, body),
            lambda guess: self._wire.post(endpoint, self._spelt(body, guess), guess),
            wanted,
        )
        if not _has(saved, wanted):
            # Another spelling was not refused but passed over.
            return self.update(endpoint, saved["id"], {"categories": body["categories"]}, saved)
        return saved

    def update(self, endpoint: Endpoint, internal_id: Id, changes: Json, present: Json | None = None) -> Json:
        """Change the named fields and return the record; the same change twice is the same as once.

        `present` is the record as it was read a moment ago. Raises NotFound when it is gone.
        """
        return self._with_currency(endpoint, changes, lambda body: self._change(endpoint, internal_id, body, present))

    def _change(self, endpoint: Endpoint, internal_id: Id, changes: Json, present: Json | None) -> Json:
        for last in (False,) * (_TRIES - 1) + (True,):
            try:
                return self._update(endpoint, internal_id, changes, present)
            except RecordExists:
                # Somebody may have added a nested record since: then it is there by now, with its id.
                if last or not needs_present(endpoint, changes):
                    raise
            except ServiceError as error:
                # What it adds may be there: read first, and send what is still lacking.
                if last or error.sent is not Sent.unknown or not needs_present(endpoint, changes):
                    raise
            present = None
        raise AssertionError("the last try returns or raises")

    def _update(
        self, endpoint: Endpoint, internal_id: Id, changes: Json, present: Json | None, *, last_spelling: bool = False
    ) -> Json:
        doubts = _doubts(endpoint, changes)
        if lacks(endpoint, changes, self._wire.dialect.needed(endpoint)):
            doubts.append("put_required")
            self._wire.settle(endpoint, doubts)
        if present is None and needs_present(endpoint, changes):
            present = self._present(endpoint, internal_id)
        read = present

        def put(guess: Guess) -> Json:
            nonlocal read
            if read is None and guess.put_required and "put_required" in doubts:
                read = self._present(endpoint, internal_id)
            required = self._wire.dialect.needed(endpoint) if guess.put_required else ()
            whole = completed(endpoint, changes, read or {}, self._wire.system_id, required)
            body = self._spelt(whole.body, guess)
            return self._wire.put(endpoint, internal_id, body, guess, repeatable=not whole.adds)

        saved = self._guessing(endpoint, doubts, put, _categories(endpoint, changes))
        return self._as_whole_set(endpoint, internal_id, changes, saved, last_spelling)

    def _present(self, endpoint: Endpoint, internal_id: Id) -> Json:
        present = self._wire.get(endpoint, internal_id)
        if present is None:
            raise NotFound.of_record("iPaaS.com", f"{endpoint.name} {internal_id}")
        return present

    # --- currencies ------------------------------------------------------------------------------------------

    def _with_currency(self, endpoint: Endpoint, body: Json, save: Callable[[Json], Json]) -> Json:
        """Save a body with the currency that it names; without, where the platform has no field for one.

        Raises the refusal of the body as it is when that is the record's own fault.
        """
        dialect, code = self._wire.dialect, currencies.code_of(endpoint, body)
        if not code:
            return save(body)
        self._wire.settle(endpoint, [currencies.DOUBT])
        if not currencies.is_sent(dialect, code):
            return save(currencies.without(body))
        try:
            saved = save(body)
        except ServiceError as refusal:
            if not _plainly_refused(refusal):
                raise
            self._wire.probe(endpoint.family)
            if currencies.is_wrong(dialect, code, refusal):
                raise
            saved = self._without_currency(body, save, refusal)
            currencies.note(dialect, code, taken=False)
            return saved
        currencies.note(dialect, code, taken=True)
        return saved

    def _without_currency(self, body: Json, save: Callable[[Json], Json], refusal: ServiceError) -> Json:
        try:
            return save(currencies.without(body))
        except ServiceError as error:
            # Refused either way, it is for something else.
            raise (refusal if _plainly_refused(error) else error) from None

    # --- guessing --------------------------------------------------------------------------------------------

    def _guessing(
        self, endpoint: Endpoint, doubts: list[str], send: Callable[[Guess], Json], wanted: list[str]
    ) -> Json:
        """Send it as the platform is known, or likely, to want it; what it plainly refuses is sent in the other way, also
        when it was known from an earlier task. `wanted` are the categories that a product is to have.

        Raises the first refusal when it is refused in every way: then it is the record's own fault.
        """
        dialect = self._wire.dialect
        self._wire.settle(endpoint, doubts)
        refused: dict[Guess, ServiceError] = {}
        while guess := next((one for one in dialect.guesses(endpoint, doubts) if one not in refused), None):
            try:
                found = send(guess)
            except ServiceError as error:
                # What another thread has found out since this was sent is tried, too.
                sure = not dialect.unsure(endpoint, doubts) and guess in dialect.guesses(endpoint, doubts)
                if sure or not _plainly_refused(error):
                    raise
                refused[guess] = error
                self._wire.probe(endpoint.family)
                continue
            # Categories in a spelling that is not the platform's may be passed over in silence.
            shown = doubts if _has(found, wanted) else [doubt for doubt in doubts if doubt != "category_set"]
            dialect.learn(endpoint, shown, guess)
            return found
        raise next(iter(refused.values()))

    # --- categories ------------------------------------------------------------------------------------------

    def _spelt(self, body: Json, guess: Guess) -> Json:
        """The body as the platform takes it: categories as it names them."""
        result = dict(body)
        if guess.category_set == "adds" and _named_by_category(body):
            ids = [item["category_id"] for item in body["categories"]]
            result["categories"] = [{"id": i, "name": self._category_name(i)} for i in ids]
        return result

    def _category_name(self, category_id: Id) -> str:
        key = str(category_id)
        if key not in self._names:
            found = self._wire.get(endpoints.PRODUCT_CATEGORY, category_id) or {}
            self._names[key] = str(found.get("name") or "")
        return self._names[key]

    def _as_whole_set(
        self, endpoint: Endpoint, internal_id: Id, changes: Json, saved: Json, last_spelling: bool
    ) -> Json:
        """Take away the categories that are not wanted, where the list that was sent has only added to them."""
        if "categories" not in changes or endpoint is not endpoints.PRODUCT:
            return saved
        wanted, found = _categories(endpoint, changes), category_ids(saved.get("categories") or ())
        for extra in (i for i in found if i not in wanted):
            path = endpoints.category_assignment(internal_id, extra)
            self._wire.delete(endpoint.family, path)
        if lacking := set(wanted) - set(found):
            return self._other_spelling(endpoint, internal_id, changes, lacking, last_spelling)
        return saved

    def _other_spelling(
        self, endpoint: Endpoint, internal_id: Id, changes: Json, lacking: set[str], last_spelling: bool
    ) -> Json:
        """Send the categories the other way: as they were spelt, they were passed over. Raises when that is no use."""
        dialect = self._wire.dialect
        if not last_spelling and not dialect.is_sure("category_set", endpoint):
            dialect.suppose("category_set", endpoint, dialect.sides("category_set", endpoint)[1])
            return self._update(endpoint, internal_id, {"categories": changes["categories"]}, None, last_spelling=True)
        raise ServiceError(
            f"Product {internal_id} was not given the categories {', '.join(sorted(lacking))}.",
            system="iPaaS.com",
            kind=ErrorKind.rejected,
            advice="The platform takes categories in a way that is not known here: report it with the run's log.",
        )


def _doubts(endpoint: Endpoint, body: Mapping[str, Any]) -> list[str]:
    """The doubts that a body raises."""
    found = ["category_set"] if _named_by_category(body) and endpoint is endpoints.PRODUCT else []
    return found + (["inventory_below"] if endpoint.below else [])


def _named_by_category(body: Mapping[str, Any]) -> bool:
    return any("category_id" in item for item in body.get("categories") or ())


def _categories(endpoint: Endpoint, body: Mapping[str, Any]) -> list[str]:
    return category_ids(body.get("categories") or ()) if endpoint is endpoints.PRODUCT else []


def _has(saved: Mapping[str, Any], categories: list[str]) -> bool:
    return set(categories) <= set(category_ids(saved.get("categories") or ()))


def _plainly_refused(error: ServiceError) -> bool:
    """Whether nothing was stored, and another way of saying it may be taken."""
    if no_place(error):
        return True
    return error.sent is Sent.refused and error.kind is ErrorKind.rejected and not isinstance(error, _NO_RECORD)


def no_place(error: ServiceError) -> bool:
    """Whether nothing of the platform is at a path: it says so without a code, which a missing record has."""
    return error.status in (404, 405) and error.code is None

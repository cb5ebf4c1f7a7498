"""What the writers of both documents share: links known so far, items that lines need, refusals in words."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.errors import (
    BadRecord,
    EntityChanged,
    NotFound,
    RecordExists,
    Rejected,
    Sent,
    ServiceError,
    ServiceNotPublished,
    Signal,
    Waiting,
)
from include.ipaas.external_ids import PRODUCT_TABLE, TRANSACTION_TABLE, id_from
from include.mappings.contacts import contact_of
from include.mappings.foreign_transactions import held_by
from include.mappings.limits import code_units
from include.mappings.units import ITEM_UNITS, unit_sizes
from include.sync.context import WriteContext
from include.sync.links import Link
from include.sync.records import Json, refs
from include.sync.values import fold
from include.sync.work import ToBeMade, WriteRequest
from include.writers.bc_refusal import refusal
from include.writers.bc_target import TRIES

T = TypeVar("T")
ITEMS = Page("ItemCard")
_API_ITEMS, _API_UNITS = Api("items"), Api("unitsOfMeasure")
_ITEM = ("No", "Blocked", "Sales_Blocked", "Base_Unit_of_Measure")
# So long may the code of a unit be.
_CODE = 10
_API_ITEM = ("number", "blocked", "baseUnitOfMeasureCode")


def customer_number(found: Any) -> str:
    """The customer that a document is made out to. Raises Waiting when who buys has been linked to a contact since the
    transaction was read: a contact buys for its company."""
    contact = contact_of(str(found))
    if contact is not None:
        raise Waiting(
            f"Who buys has been linked to contact {contact} of Business Central since the transaction was read.",
            advice="Nothing to do: it is read again with the next run.",
            at_once=True,
        )
    return found if isinstance(found, ToBeMade) else str(found)


class TransactionLinks:
    """The links of one transaction and of what is nested in it, as iPaaS.com and the ledger know them."""

    def __init__(self, work: WriteContext, item: WriteRequest) -> None:
        self._work = work
        self._item = item
        self._held = item.mapped.holders
        self.new: list[Link] = []

    @property
    def own(self) -> str | None:
        """What the transaction is linked to."""
        linked = self._item.mapped.linked or self._work.linked.get((TRANSACTION_TABLE, fold(self._item.key)))
        return None if linked is None else str(linked)

    def of(self, table: str, ids: Iterable[Any]) -> dict[str, str]:
        """External ids by iPaaS.com id as text, for those of these records that are linked."""
        wanted = {str(i) for i in ids}
        return {**self.read_with_it(table, wanted), **self._work.ledger.external_ids(table, wanted)}

    def read_with_it(self, table: str, ids: Container[str]) -> dict[str, str]:
        """The same, for what was read together with the transaction."""
        start = held_by(table, "")
        return {
            str(holder): place.removeprefix(start)
            for place, holder in self._held.items()
            if place.startswith(start) and str(holder) in ids
        }

    def holders(self, table: str, external_ids: Sequence[str]) -> dict[str, Any]:
        """Which iPaaS.com records hold these external ids, by folded external id; those that nobody holds are absent."""
        places = {fold(external_id): held_by(table, external_id) for external_id in external_ids}
        held = {folded: self._held[place] for folded, place in places.items() if place in self._held}
        return {**held, **self._work.ledger.internal_ids(table, external_ids)}

    def is_others(self, external_id: str) -> bool:
        """Whether another transaction is linked to this document."""
        holder = self.holders(TRANSACTION_TABLE, [external_id]).get(fold(external_id))
        return holder is not None and str(holder) != self._item.key

    def note(self, *links: Link) -> None:
        """Keep links in the ledger the moment they are true, so that none is lost with this process.

        iPaaS.com is told of them when the transaction is done.
        """
        told = [link for link in links if str(self._held.get(held_by(link[0], link[1]))) == str(link[2])]
        self.new += self._work.ledger.link_new(links, told) if links else []

    def forget(self, link: Link) -> None:
        """Take a link back that has not come true."""
        self.new = [other for other in self.new if other != link]
        self._work.ledger.unlink(link[0], link[1])

    def own_link(self, external_id: str) -> Link:
        """The link of the transaction itself."""
        return (TRANSACTION_TABLE, external_id, id_from(self._item.key))


def know_parties(work: WriteContext, items: Iterable[WriteRequest]) -> list[str]:
    """Make the links of buyers known that were read with their transactions; returns the buyers' numbers."""
    numbers: list[str] = []
    for item in items:
        for ref in refs(item.mapped.body):
            place = (ref.table, fold(ref.source_id))
            for number in TransactionLinks(work, item).read_with_it(ref.table, {ref.source_id}).values():
                work.linked.setdefault(place, number)
            numbers += [str(work.linked[place])] if place in work.linked else []
    return numbers


def foresee_products(work: WriteContext, items: Iterable[WriteRequest]) -> None:
    """In a plan, know of the products on lines whose items plans before it would make."""
    lines = (line for item in items for line in item.mapped.body.get("lines", ()))
    work.foresee(PRODUCT_TABLE, {str(line["product"]) for line in lines if line.get("product") is not None})


class SoldItems:
    """The items that lines name: which Business Central has, and whether they may be sold."""

    def __init__(self, work: WriteContext) -> None:
        self._work = work
        self._known: dict[str, Json] = {}
        self._units: dict[str, dict[str, str]] = {}
        self._unit_codes: set[str] | None = None

    def read(self, numbers: Iterable[str]) -> None:
        """Learn these items, many per request."""
        wanted = list({fold(no): no for no in numbers if fold(no) not in self._known}.values())
        if wanted:
            self._known |= {fold(str(row["No"])): row for row in self._rows(wanted)}

    def _rows(self, numbers: Sequence[str]) -> Iterator[Json]:
        bc = self._work.bc
        if not bc.goes_without(ITEMS.name):
            yield from bc.read_many(ITEMS, "No", numbers, select=_ITEM)
            return
        for row in bc.read_many(_API_ITEMS, "number", numbers, select=_API_ITEM):
            unit = row["baseUnitOfMeasureCode"]
            yield {"No": row["number"], "Blocked": row["blocked"], "Base_Unit_of_Measure": unit}

    def unit(self, number: str, named: str | None) -> tuple[str, str]:
        """The unit in which an item's line is written, and a note about one that it names in vain.

        It is the base unit, in which iPaaS.com counts, unless the line names another one that the item has. Left to
        itself, Business Central would take the item's sales unit.
        """
        base = str(unblank(self._known.get(fold(number), {}).get("Base_Unit_of_Measure")) or "")
        if not named or not base or fold(named) == fold(base):
            return base, ""
        if self._may_have(number, named):
            return named.upper(), ""
        return base, f"Item {number} has no unit {named!r}: its line was written in {base}."

    def _may_have(self, number: str, named: str) -> bool:
        """Whether an item has a unit. Where its units cannot be read, any unit of Business Central's will do: it refuses a
        line in one that the item does not have, and that is better than boxes counted as pieces."""
        bc = self._work.bc
        if not bc.published(ITEM_UNITS):
            if self._unit_codes is None:
                self._unit_codes = {fold(str(row["code"])) for row in bc.read(_API_UNITS, select=("code",))}
            return fold(named) in self._unit_codes
        if fold(number) not in self._units:
            select = ("Item_No", "Code", "Qty_per_Unit_of_Measure")
            rows = list(bc.read_many(Page(ITEM_UNITS), "Item_No", [number], select=select))
            self._units[fold(number)] = unit_sizes(rows).get(fold(number), {})
        return fold(named) in self._units[fold(number)]

    def require(self, lines: Iterable[tuple[str, Any]]) -> None:
        """Make sure that every (item number, product id) can be sold, before anything is written for it.

        Raises Waiting for an item that comes with its product, Rejected for one that iPaaS.com does not have either.
        """
        lines = list(lines)
        self.read(number for number, _ in lines)  # what was unknown may have arrived
        for number, product in lines:
            item = self._known.get(fold(number))
            if item is None and isinstance(self._work.linked.get((PRODUCT_TABLE, fold(str(product)))), ToBeMade):
                continue  # a plan makes it before
            if item is None and product is not None:
                raise Waiting(
                    f"It needs item {number}, which is not in Business Central yet; iPaaS.com has it as product {product}.",
                    table=PRODUCT_TABLE,
                    source_id=str(product),
                )
            if item is None:
                raise Rejected(
                    f"SKU {number} is no item of Business Central, and no product of iPaaS.com.",
                    "Correct the SKU, create the item, or list it among the excluded line-item SKUs.",
                )
            if item.get("Blocked") or item.get("Sales_Blocked"):
                raise Rejected(
                    f"Item {number} is blocked for sales in Business Central.",
                    "Take the block from the item card, or change the transaction.",
                )
            unit = item.get("Base_Unit_of_Measure")
            if not isinstance(unit, str) or code_units(unit) > _CODE:
                # Its lines would be refused when their document is there already.
                raise BadRecord(f"Base_Unit_of_Measure of item {number} is {str(unit)[:60]!r}")


def once_more(
    prepare: Callable[[WriteContext, Sequence[WriteRequest]], None], work: WriteContext, items: Sequence[WriteRequest]
) -> None:
    """Prepare; when a page is missing, again: what is published is known then, and API v2.0 may stand in for it."""
    try:
        prepare(work, items)
    except ServiceNotPublished:
        prepare(work, items)


def along(chain: Sequence[str], wanted: Mapping[str, Any], differing: Container[str]) -> Json:
    """What of a line has to be sent: whatever differs, and of the chain all from the first field that differs on, since
    setting one makes Business Central work out those after it anew."""
    first = next((place for place, name in enumerate(chain) if name in differing), len(chain))
    return {name: value for name, value in wanted.items() if name in differing or name in chain[first:]}


def begin(work: WriteContext, item: WriteRequest) -> None:
    """Note that a document is about to be made. It is linked with its first step, and from then on nothing else but
    this would say that it is not finished."""
    work.ledger.begin(work.task.flow.name, item.key, work.plan.run_id, item.fingerprint)


class Moved(Signal):
    """A write found its document not as it was read, or its answer was lost: read again, compare again."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__(str(error))
        self.error = error


def moved(error: ServiceError) -> bool:
    """Whether what was to be written may be there already, or is not as it was read."""
    return isinstance(error, EntityChanged | RecordExists | NotFound) or error.sent is Sent.unknown


def sent(what: str, body: Mapping[str, Any], send: Callable[[], T]) -> T:
    """The answer to one write. Raises Moved, or Business Central's refusal of `what` as the record's rejection."""
    try:
        return send()
    except ServiceError as error:
        if moved(error):
            raise Moved(error) from None
        raise refusal(error, what, body) from None


def until_settled(read: Callable[[], None], once: Callable[[], None]) -> None:
    """Run the steps of a document; each time that it has moved meanwhile, read it again and go on from there."""
    for _ in range(TRIES):
        try:
            once()
            return
        except Moved as found:
            problem = found.error
        read()
    raise problem

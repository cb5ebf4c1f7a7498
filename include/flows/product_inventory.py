"""Stock per item and location to iPaaS.com, as product inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from include.business_central.records.base import present
from include.flows.shared.reading import FEED_PAGE, each
from include.flows.shared.stock import QUERY, all_stock, is_short, item_ids, item_numbers, not_believed, stock_of
from include.ipaas.endpoints import INVENTORY, PRODUCT
from include.mappings.products import inventory_id, inventory_to_ipaas, skip_stock
from include.sync.batches import batches
from include.sync.flow import GUID, AskedId, Docs, Flow, IdFormat, Reads, Window
from include.sync.ipaas_writer import IPaaSWriter, Siblings
from include.sync.model import Direction, Json, SourceRecord, fingerprint, fold

_FLOW = "product_inventory_to_ipaas"


class Stock:
    """Query 2554 for the quantities, API `items` for the GUIDs that the external ids are made of."""

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord]:
        """Every row: the query knows no modification time, and stock moves without its item's."""
        yield from self._records(reads, all_stock(reads))

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord]:
        """The rows named by location code and item GUID, or item No."""
        numbers = item_numbers(reads, [a.parts["guid"] for a in ids if "guid" in a.parts])
        asked: dict[tuple[str, str], list[str]] = {}
        for one in ids:
            number = one.parts.get("no") or numbers.get(fold(one.parts["guid"]))
            if number:
                asked.setdefault((fold(one.parts["location"]), fold(number)), []).append(one.text)
        if not asked:
            return
        rows = stock_of(reads, sorted({number for _, number in asked})) or {}
        places = {(fold(str(row["Location_Code"])), number): row for number, found in rows.items() for row in found}
        wanted = [places[place] for place in asked if place in places]
        for record in self._records(reads, sorted(wanted, key=lambda row: str(row["No"]))):
            row = record.data["row"]
            for text in asked[fold(str(row["Location_Code"])), fold(str(row["No"]))]:
                yield SourceRecord(key=record.key, data=record.data, asked=text)
        if reads.plan.force:
            yield from _emptied(reads, {place: texts for place, texts in asked.items() if place not in places})

    def _records(self, reads: Reads, rows: Iterable[Json]) -> Iterator[SourceRecord]:

        def whole_records(batch: Sequence[Json]) -> Iterator[SourceRecord]:
            # Only what lies somewhere can be transferred, and needs its item's GUID.
            numbers = list(dict.fromkeys(str(row["No"]) for row in batch if present(row["Location_Code"])))
            ids = item_ids(reads, numbers) if numbers else {}
            for row in batch:
                code, number = present(row["Location_Code"]), str(row["No"])
                if not code:
                    yield SourceRecord(key=inventory_id("", number), data={"row": row})
                elif fold(number) in ids:
                    guid = ids[fold(number)]
                    yield SourceRecord(key=inventory_id(code, guid), data={"row": row, "item_id": guid})
                elif row.get("Remaining_Quantity"):
                    reads.reject(f"{QUERY} No {number}, Location_Code {code}", "no item of that number is known")

        for batch in batches(rows, FEED_PAGE):
            yield from each(batch, whole_records, lambda row: f"{row.get('Location_Code')}|{row['No']}"[:190])


def fallen_out(reads: Reads, gone: Callable[[], Iterator[str]], there: int) -> Iterator[SourceRecord]:
    """Rows that were sent once and that the query has no more, with quantity 0; their item is remembered.

    None when the query is suddenly short. `there`: how many of the rows that were sent it still has.
    """
    if reads.bc.does_without(QUERY):
        return  # nothing was read: nothing can be told of what is gone
    emptied = _with_stock(reads, gone())
    if emptied and is_short(reads, there, there + emptied):
        not_believed(reads, emptied, there + emptied)
        return
    for key in gone():
        if GUID.fullmatch(key.partition("|")[2]):  # a row that could not be read had no item
            yield SourceRecord(key=key, data=_nothing_at(key))


def _emptied(reads: Reads, asked: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[SourceRecord]:
    """Places that a person asks for by force, and that the query does not have: with quantity 0, if they were sent once."""
    ids = item_ids(reads, sorted({number for _, number in asked})) if asked else {}
    keys = {inventory_id(place[0], ids[place[1]]): texts for place, texts in asked.items() if place[1] in ids}
    for key, transfer in reads.ledger.transfers(_FLOW, keys).items():
        for text in keys[key] if transfer.fingerprint else ():
            yield SourceRecord(key=key, data=_nothing_at(key), asked=text)


def _with_stock(reads: Reads, keys: Iterable[str]) -> int:
    """How many of these rows were not sent with quantity 0 already."""
    number = 0
    for batch in batches(keys, FEED_PAGE):
        for key, transfer in reads.ledger.transfers(_FLOW, batch).items():
            if transfer.fingerprint is not None:
                nothing = inventory_to_ipaas(_nothing_at(key), reads.context(transfer.memory))
                number += transfer.fingerprint != fingerprint(nothing)
    return number


def _nothing_at(key: str) -> Json:
    code, _, guid = key.partition("|")
    return {"row": {"Location_Code": code, "Remaining_Quantity": 0}, "item_id": guid}


TO_IPAAS = Flow(
    name=_FLOW,
    record="product inventory",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product Inventory TO iPaaS.com",
    schedule="35 * * * *",
    source=Stock(),
    skip=skip_stock,
    mapping=inventory_to_ipaas,
    writer=IPaaSWriter(
        endpoint=INVENTORY,
        siblings=Siblings(parent=PRODUCT, by="parent_id", name="inventory", same="location_id"),
    ),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<location>[^|]{{1,10}})\|(?P<guid>{GUID.pattern})",
            example="MAIN|6fbc9163-0295-ef11-8a6d-6045bdc8dfe6",
            meaning="location code and the item's internal id",
        ),
        IdFormat(
            name="no",
            pattern=r"(?P<location>[^|]{1,10})\|(?P<no>[^|]{1,20})",
            example="MAIN|1896-S",
            meaning="location code and item No.",
        ),
    ),
    poll="whole",
    gone=fallen_out,
    after=("location_to_ipaas", "product_to_ipaas"),
    services=(QUERY,),
    settings_used=("bc_stock_shrink_share",),
    docs=Docs(
        overview="The stock of every item at every location, on a schedule of its own: it moves more often than items "
        "change. The whole query is read each time; only quantities that differ from what was last sent are written.",
        business_central="Query 2554 published as `Itemsbylocation`.",
        ipaas="The products. Locations are transferred on the spot.",
        mappings=(
            ("parent_id", "No, as the linked product"),
            ("location_id", "Location_Code, as the linked location"),
            ("qty_on_hand, qty_available", "Remaining_Quantity, both"),
        ),
        matching="By the external id, `{location code}|{item GUID}`, or else the row of the same product and location. It is the same that products carry for "
        "their stock, so that either flow may go first and the other updates what is there.",
        deleted="A row that has fallen out of the query is sent once with 0. When less than `bc_stock_shrink_share` percent of "
        "the known rows are left, the query is not believed: nothing is set to 0, the run says so, and the next one asks again. "
        "A row that is asked for by id with force is sent, whatever the others say. Deletions are not propagated.",
        caveats=(
            "Stock at a blank location, and items that never had any, are skipped and counted.",
            "Reservations and orders are not subtracted: the query knows the remaining quantity alone.",
            "A row whose product is not in iPaaS.com yet waits, and goes through once it is.",
        ),
        errors=(
            (
                "It needs product …, which is not in iPaaS.com yet.",
                "The item has not been transferred.",
                "Nothing to do; or run product_to_ipaas with the item No.",
            ),
            (
                "There is no product inventory …",
                "No stock was ever posted for this item at this location, or the id is misspelt.",
                "Check location code and item in Business Central.",
            ),
        ),
    ),
)

"""Stock on hand, from query 2554, and whether an answer of it is to be believed.

An answer that is suddenly short would empty the shop: what is missing is taken for gone only as long as enough is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from include.business_central.matching import Refused
from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.business_central.records.items import StockRow
from include.errors import BadRecord, said_of
from include.mappings.products import STOCK_FLOW, inventory_id, inventory_to_ipaas
from include.mappings.rows import PlaceRow
from include.sources.reading import FEED_PAGE, each, from_page, neighbours, sound
from include.sources.renamed import Renamed
from include.sync.asked import GUID, AskedId
from include.sync.batches import batches
from include.sync.fingerprints import fingerprint
from include.sync.flow import Reads, Window
from include.sync.ledger.entries import Transfer
from include.sync.records import Json, SourceRecord
from include.sync.runs import RunKind
from include.sync.values import fold

QUERY = "Itemsbylocation"
_FIELDS = tuple(StockRow.model_fields)
_LOST = ("stock: API v2.0 knows it only in total, not by location",)
# Of so few places, some may well be empty at once: then an item counts as answered for by any row of its own.
_MANY = 10


class Stock:
    """Query 2554 for the quantities, API `items` for the GUIDs that the external ids are made of."""

    row: ClassVar = PlaceRow
    finds_by: ClassVar = (frozenset({"location", "no"}), frozenset({"location", "guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[PlaceRow]]:
        """Every row: the query knows no modification time, and stock moves without its item's."""

        def unknown(number: str, code: str) -> None:
            reads.reject(f"{QUERY} No {number}, Location_Code {code}", "no item of that number is known")

        yield from self._records(reads, all_stock(reads), unknown)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[PlaceRow]]:
        """The rows named by location code and item GUID, or item No. What cannot be read is refused by the id asked for."""
        why: dict[str, str] = {}  # by folded No or GUID

        def unread(value: object, error: Exception) -> None:
            why[fold(str(value))] = said_of(error)

        numbers = item_numbers(reads, [a.parts["guid"] for a in ids if "guid" in a.parts], unread)
        asked: dict[tuple[str, str], list[str]] = {}
        for one in ids:
            number = one.parts.get("no") or numbers.get(fold(one.parts["guid"]))
            if number:
                asked.setdefault((fold(one.parts["location"]), fold(number)), []).append(one.text)
            elif problem := why.get(fold(one.parts["guid"])):
                reads.refuse(one.text, problem)
        if not asked:
            return
        places: dict[tuple[str, str], Json] = {}
        for number, found in (stock_of(reads, sorted({number for _, number in asked}), unread) or {}).items():
            for row in found:
                if _says_where(row):
                    places[fold(str(row["Location_Code"])), number] = row
                else:
                    why[number] = f"a row of {QUERY} for No {number} does not say of which location it is"
        wanted = [places[place] for place in asked if place in places]
        read: set[tuple[str, str]] = set()
        for record in self._records(reads, sorted(wanted, key=lambda row: str(row["No"])), lambda number, code: None):
            if record.problem:
                why[fold(record.key.rpartition("|")[2])] = record.problem
                continue
            row = record.data.row
            place = fold(str(row["Location_Code"])), fold(str(row["No"]))
            read.add(place)
            for text in asked[place]:
                yield SourceRecord(key=record.key, data=record.data, asked=text)
        for place, texts in asked.items():
            if place not in read and (place in places or place[1] in why):
                for text in texts:
                    reads.refuse(text, why.get(place[1], "its item cannot be read"))
        if reads.plan.force:
            yield from _emptied(reads, {p: texts for p, texts in asked.items() if p not in places and p[1] not in why})

    def _records(
        self, reads: Reads, rows: Iterable[Json], unknown: Callable[[str, str], None]
    ) -> Iterator[SourceRecord[PlaceRow]]:
        """The rows with their items' GUIDs. `unknown` is told of one with stock whose item (No) is not known."""

        def whole_records(batch: Sequence[Json]) -> Iterator[SourceRecord[PlaceRow]]:
            # Only what lies somewhere can be transferred, and needs its item's GUID.
            numbers = list(dict.fromkeys(str(row["No"]) for row in batch if unblank(row["Location_Code"])))
            odd: dict[str, str] = {}

            def unread(value: object, error: Exception) -> None:
                odd[fold(str(value))] = said_of(error)

            ids = item_ids(reads, numbers, unread) if numbers else {}
            for row in batch:
                code, number = unblank(row["Location_Code"]), str(row["No"])
                if not code:
                    yield SourceRecord(key=inventory_id("", number), data=PlaceRow(row=row))
                elif fold(number) in ids:
                    guid = ids[fold(number)]
                    place = PlaceRow(row=row, item_id=guid)
                    yield SourceRecord(key=inventory_id(code, guid), data=place, asked=_place(row))
                elif fold(number) in odd:
                    yield SourceRecord[Any](key=_place(row), data={}, asked=_place(row), problem=odd[fold(number)])
                elif row.get("Remaining_Quantity"):
                    unknown(number, code)

        for batch in batches(rows, FEED_PAGE):
            yield from each(batch, whole_records, _place)


def _place(row: Json) -> str:
    """What a row is called whose item cannot be read."""
    return f"{row.get('Location_Code')}|{row['No']}"[:190]


def _named(key: str, item: str | None) -> str | None:
    """What a person calls the row of a key: by the No of its item."""
    return f"{key.partition('|')[0]}|{item}" if item else None


def _says_where(row: Json) -> bool:
    return isinstance(row.get("Location_Code", 0), str | None)


def fallen_out(
    reads: Reads, gone: Callable[[], Iterator[str]], there: int, is_there: Callable[[str], bool]
) -> Iterator[SourceRecord[PlaceRow]]:
    """Rows that were sent once and that the query has no more, with quantity 0; their item is remembered.

    There are none when the query is suddenly short. `there`: how many of the rows that were sent it still has. `is_there`
    says of a row whether it has that. Those whose location has another code now are there under another id, or empty under
    that.
    """
    if reads.bc.does_without(QUERY):
        return  # nothing was read: nothing can be told of what is gone
    renamed = Renamed(reads)
    emptied = sum(len(stocked) - len(renamed.ids(list(stocked))) for _, stocked in _with_stock(reads, gone()))
    if emptied and is_short(reads, there, there + emptied):
        not_believed(reads, emptied, there + emptied)
        return
    for keys, stocked in _with_stock(reads, gone()):
        moved = renamed.ids(list(stocked))
        for key in keys:
            now = moved.get(key, key)
            if not GUID.fullmatch(key.partition("|")[2]):
                continue  # a row that could not be read had no item
            item = stocked[key].memory.get("item") if key in stocked else None
            if now == key:
                yield SourceRecord(key=key, data=_nothing_at(key), asked=_named(key, item))
            elif now and not is_there(now):
                yield SourceRecord(key=now, data=_nothing_at(now, item), asked=_named(now, item))


def _emptied(reads: Reads, asked: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[SourceRecord[PlaceRow]]:
    """Places that a person asks for by force, and that the query does not have: with quantity 0, if they were sent once."""
    ids = item_ids(reads, sorted({number for _, number in asked})) if asked else {}
    keys = {inventory_id(place[0], ids[place[1]]): texts for place, texts in asked.items() if place[1] in ids}
    for key, transfer in reads.ledger.transfers(STOCK_FLOW, keys).items():
        for text in keys[key] if transfer.fingerprint else ():
            yield SourceRecord(key=key, data=_nothing_at(key), asked=text)


def _with_stock(reads: Reads, keys: Iterable[str]) -> Iterator[tuple[Sequence[str], dict[str, Transfer]]]:
    """These rows, some at a time, and what is known of those that were not sent with quantity 0 already."""
    for batch in batches(keys, FEED_PAGE):
        stocked = {}
        for key, transfer in reads.ledger.transfers(STOCK_FLOW, batch).items():
            if transfer.fingerprint is not None:
                nothing = inventory_to_ipaas(_nothing_at(key), reads.context(transfer.memory))
                if transfer.fingerprint != fingerprint(nothing):
                    stocked[key] = transfer
        yield batch, stocked


def _nothing_at(key: str, item: str | None = None) -> PlaceRow:
    code, _, guid = key.partition("|")
    row = {"Location_Code": code, "Remaining_Quantity": 0}
    return PlaceRow(row={**row, "No": item} if item else row, item_id=guid)


def stock_of(reads: Reads, items: Sequence[str], refused: Refused | None = None) -> dict[str, list[Json]] | None:
    """The stock rows of these items, by folded item No; None where the query is not there. `refused` is told of an item
    that the service objects to."""
    rows = from_page(
        reads, QUERY, _LOST, lambda query: reads.bc.read_many(query, "No", items, select=_FIELDS, refused=refused)
    )
    if rows is None:
        return None
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(fold(str(row["No"])), []).append(row)
    return found


def stock_since(
    reads: Reads, flow: str, items: Mapping[str, str]
) -> tuple[dict[str, list[Json] | None], dict[str, str | None]] | None:
    """The same, for items (No and GUID) whose stock a flow has sent before; None for an item of which it is not to be
    believed. And the codes that locations have now which those had that are not there any more (see `Renamed`).

    The query has a row for every item, if only one without a location. The next poll reads such items again.
    """
    found = stock_of(reads, list(items))
    if found is None:
        return None
    rows: dict[str, list[Json] | None] = {fold(number): found.get(fold(number), []) for number in items}
    guids = {fold(number): guid for number, guid in items.items()}
    known = {
        fold(key): set(transfer.memory.get("locations", ()))
        for key, transfer in reads.ledger.transfers(flow, items).items()
    }
    gone = {number: places - _places(found.get(number, ())) for number, places in known.items()}
    lost = [inventory_id(place, guids[number]) for number, places in gone.items() for place in places]
    moved = Renamed(reads).ids(lost) if lost else {}
    renamed = {old.partition("|")[0]: now and now.partition("|")[0] for old, now in moved.items()}
    if (reads.plan.kind is RunKind.ids and reads.plan.force) or not reads.settings.bc_stock_shrink_share:
        return rows, renamed  # a person says so
    gone = {number: places - renamed.keys() for number, places in gone.items()}
    before, missing = sum(map(len, known.values())), sum(map(len, gone.values()))
    short = before >= _MANY and is_short(reads, before - missing, before)
    doubtful = {number for number, places in gone.items() if places and (short or number not in found)}
    if doubtful:
        not_believed(reads, missing, before)
        reads.ask_again()
    return {**rows, **dict.fromkeys(doubtful)}, renamed


def _places(rows: Iterable[Json]) -> set[str]:
    return {str(code) for row in rows if (code := unblank(row["Location_Code"]))}


def is_short(reads: Reads, still: int, before: int) -> bool:
    """Whether what is still there of what was known is less than the share that is believed."""
    return still * 100 < reads.settings.bc_stock_shrink_share * before


def not_believed(reads: Reads, missing: int, before: int) -> None:
    """Tell the operator that nothing was set to 0, and why."""
    reads.warn(
        f"The query {reads.bc.name_of(QUERY)} answers without the stock of {missing} of {before} places that were known to have "
        "some. Nothing was set to 0; it is asked again with the next run. If these places are really empty, transfer their "
        "records by id with force, or set the Variable bc_stock_shrink_share to 0 for one run."
    )


def all_stock(reads: Reads) -> Iterator[Json]:
    """Every stock row."""
    rows = from_page(reads, QUERY, _LOST, lambda query: reads.bc.read(query, select=_FIELDS, read_only=True))
    yield from sound(reads, rows or (), Page(QUERY), ("No",))


def item_ids(reads: Reads, numbers: Sequence[str], unread: Refused | None = None) -> dict[str, str]:
    """The GUIDs of items by folded No. The numbers stand in the order of the item table. `unread` is told of an item that
    cannot be read, which is not the same as one that is not there."""
    items, fields = Api("items"), ("id", "number")
    rows = list(neighbours(reads, items, "number", numbers, fields, refused=unread))
    answered = Counter(fold(str(row["number"])) for row in rows)
    if any(times > 1 for times in answered.values()):
        # One says the number of another: each of which that may be so is asked for by itself.
        rows = [row for row in rows if answered[fold(str(row["number"]))] == 1]
        for number in [number for number in numbers if answered[fold(number)] != 1]:
            rows += reads.bc.read_many(items, "number", [number], select=fields, refused=unread)
    found: dict[str, str] = {}
    for row in rows:
        number, guid = str(row["number"]), str(row.get("id"))
        if GUID.fullmatch(guid):
            found[fold(number)] = guid
        elif unread:
            unread(number, BadRecord(f"id of item {number} is {guid[:60]!r}"))
    return found


def item_numbers(reads: Reads, ids: Sequence[str], unread: Refused) -> dict[str, str]:
    """The No of items by folded GUID; `unread` is told of one that cannot be read."""
    items = Api("items")
    found: dict[str, str] = {}
    for row in reads.bc.read_many(items, "id", ids, select=("id", "number"), refused=unread) if ids else ():
        guid, number = row["id"], row.get("number")
        if isinstance(number, str) and unblank(number):
            found[fold(guid)] = number
        else:
            unread(guid, BadRecord(f"number of item {guid} is {str(number)[:60]!r}"))
    return found

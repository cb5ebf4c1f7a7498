"""Item categories to iPaaS.com, as product categories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from include.business_central.odata import Api, Page
from include.business_central.records.base import present
from include.business_central.records.items import ItemCategory
from include.flows.shared.reading import asked_for, each, feed, optional
from include.ipaas.endpoints import PRODUCT_CATEGORY
from include.mappings.catalog import product_category_to_ipaas, skip_category
from include.mappings.remembered import WITHOUT_PAGE, remembering
from include.sync.batches import batches
from include.sync.flow import GUID, AskedId, Docs, Flow, IdFormat, Reads, Window
from include.sync.ipaas_writer import IPaaSWriter
from include.sync.model import Direction, Json, SourceRecord, fold

_FEED = Api("itemCategories")
_FIELDS = tuple(ItemCategory.model_fields)
_CARD = "ItemCategoryCard"


class ItemCategories:
    """API `itemCategories`; page 5733 knows their parents, where it is published."""

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord]:
        """Categories modified in the window."""
        yield from self._complete(reads, feed(reads, _FEED, window, select=_FIELDS, by="code"))

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord]:
        """Categories by code."""
        found = list(asked_for(reads, _FEED, ids, select=_FIELDS, key="code"))
        asked = {str(record["id"]): text for record, text in found}
        yield from self._complete(reads, [record for record, _ in found], asked)

    def _complete(
        self, reads: Reads, records: Iterable[Json], asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord]:
        parents_known = optional(reads, _CARD, "the parents of categories")

        def whole_records(batch: Sequence[Json]) -> Iterator[SourceRecord]:
            cards: dict[str, Json] = {}
            if parents_known:
                codes = [str(record["code"]) for record in batch]
                rows = reads.bc.read_many(Page(_CARD), "Code", codes, select=("Code", "Parent_Category"))
                cards = {fold(str(row["Code"])): row for row in rows}
            # A parent in the same batch goes before its children; any other is transferred with them.
            for record in sorted(batch, key=lambda r: _depth(str(r["code"]), cards)):
                data = {
                    "feed": record,
                    "detail": cards.get(fold(str(record["code"])), {} if parents_known else {WITHOUT_PAGE: True}),
                }
                yield SourceRecord(
                    key=str(record["code"]),
                    data=data,
                    asked=(asked or {}).get(str(record["id"])),
                    record_id=str(record["id"]),
                )

        for batch in batches(records, 100):
            yield from each(batch, whole_records, lambda record: str(record["code"]))


def _depth(code: str, cards: Mapping[str, Json]) -> int:
    """How many parents a category has among `cards`; a cycle ends the count."""
    seen: set[str] = set()
    current = fold(code)
    while current in cards and current not in seen:
        seen.add(current)
        parent = present(cards[current].get("Parent_Category"))
        if not parent:
            break
        current = fold(parent)
    return len(seen)


TO_IPAAS = Flow(
    name="product_category_to_ipaas",
    record="product category",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Product Category TO iPaaS.com",
    schedule="8 * * * *",
    source=ItemCategories(),
    skip=skip_category,
    mapping=remembering(product_category_to_ipaas, ("Parent_Category",)),
    writer=IPaaSWriter(endpoint=PRODUCT_CATEGORY, match_field="name"),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})",
            example="8f1c2a6e-0195-ef11-8a6d-6045bdc8dfe6",
            meaning="the category's internal id",
        ),
        IdFormat(name="code", pattern=r"(?P<no>[^|]{1,20})", example="FURN", meaning="item category code"),
    ),
    settings_used=("bc_product_category_exclude",),
    docs=Docs(
        overview="Item categories become product categories, in their tree where Business Central tells the parents.",
        business_central="Nothing to publish for the categories. For their parents, page 5733 published as "
        "`ItemCategoryCard`.",
        ipaas="Nothing beyond the subscription.",
        mappings=(
            ("name", "Code"),
            ("description", "Description"),
            ("parent_id", "Parent_Category, as the linked product category"),
        ),
        matching="An unlinked category is linked to the one of the same name.",
        caveats=(
            "Without `ItemCategoryCard` every category arrives without a parent.",
            "Categories whose code matches a pattern of `bc_product_category_exclude` are skipped; their products and "
            "child categories go without them.",
        ),
    ),
)

"""The lines of sales documents: what becomes a line, what shipping, what a note, and whether the amounts add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.business_central.records.base import decoded
from include.business_central.records.sales import ApiSalesLine, SalesLine
from include.errors import Rejected
from include.ipaas.external_ids import PRODUCT_TABLE
from include.mappings.body import body, child
from include.mappings.custom_fields import source_fields
from include.mappings.custom_fields import to_ipaas as custom_fields
from include.mappings.units import counted
from include.sync.records import Json, MappingContext, Missing, Ref
from include.sync.runs import Direction
from include.sync.values import fold, text_of

# What a line of each type is in iPaaS.com. A line without a type is a comment.
LINE_TYPES = {
    "Item": "Product",
    "Resource": "Service",
    "G/L Account": "Service",
    "Fixed Asset": "Service",
    "Allocation Account": "Service",
}
CHARGE = "Charge (Item)"
ACCOUNT = "G/L Account"
# API v2.0 has names of its own for some line types.
_API_TYPES = {"Comment": "", "Account": ACCOUNT, "Charge": CHARGE}
# What is left of a line that was sent once and is no longer in the document.
REMOVED = dict.fromkeys(("qty", "qty_shipped", "extended_price", "discount_amount"), Decimal(0))
SHIPPED = "Shipped"
PENDING = "Pending"


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The lines of one document, sorted: those to send, those left out by their SKU, shipping charges, comments."""

    sent: Sequence[SalesLine]
    excluded: Sequence[SalesLine]
    shipping: Sequence[SalesLine]
    comments: Sequence[SalesLine]

    @property
    def subtotal(self) -> Decimal:
        """What the goods and services cost, before the invoice discount; also those that are left out."""
        return _sum(line.Line_Amount for line in (*self.sent, *self.excluded))

    @property
    def shipping_amount(self) -> Decimal:
        """What the shipping costs."""
        return _sum(line.Line_Amount for line in self.shipping)

    @property
    def discounts(self) -> Decimal:
        """The discounts of all lines."""
        return _sum(line.Line_Discount_Amount for line in (*self.sent, *self.excluded, *self.shipping))

    @property
    def quantity(self) -> Decimal:
        """The quantity of the products that are sent."""
        return _sum(line.Quantity for line in self.sent if LINE_TYPES[str(line.Type)] == "Product")


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def sort_lines(rows: Iterable[SalesLine], *, shipping_account: str | None, excluded: Iterable[str]) -> Lines:
    """Sort a document's lines. Raises Rejected for a type that is not known."""
    left_out = {fold(sku) for sku in excluded}
    sent: list[SalesLine] = []
    without: list[SalesLine] = []
    shipping: list[SalesLine] = []
    comments: list[SalesLine] = []
    for line in sorted(rows, key=lambda line: line.Line_No):
        if not line.Type or not line.No:
            comments.append(line)
        elif line.Type == CHARGE or (
            line.Type == ACCOUNT and shipping_account and fold(line.No) == fold(shipping_account)
        ):
            shipping.append(line)
        elif line.Type not in LINE_TYPES:
            raise Rejected(
                f"Line {line.Line_No} is of type {line.Type!r}, which has no line type in iPaaS.com.",
                "Change the line, or add its type to the lookup of the mapping.",
            )
        elif fold(line.No) in left_out:
            without.append(line)
        else:
            sent.append(line)
    return Lines(sent=sent, excluded=without, shipping=shipping, comments=comments)


def line_id(document: str, line_no: int) -> str:
    """The external id of a line, or of a comment."""
    return f"{document}|{line_no}"


def line_to_ipaas(line: SalesLine, document: str, context: MappingContext, *, shipped: bool | None = None) -> Json:
    """One line. `shipped` says so of all of it, as on an invoice; else it is what Business Central has shipped."""
    quantity = line.Quantity if shipped else line.Quantity_Shipped
    return child(
        context.system_id,
        line_id(document, line.Line_No),
        body(
            sequence_number=line.Line_No,
            sku=_sku(line),
            description=line.Description,
            type=LINE_TYPES[str(line.Type)],
            status=SHIPPED if shipped else line_status(line),
            qty=line.Quantity,
            qty_shipped=quantity,
            unit_price=line.Unit_Price,
            original_unit_price=line.Unit_Price,
            extended_price=line.Line_Amount,
            discount_amount=line.Line_Discount_Amount,
            discount_percent=line.Line_Discount_Percent,
            tax_percent=line.Tax_Percent,
            weight=line.Net_Weight,
            custom_fields=custom_fields(context.settings, "transaction line", _source(line, context)),
        ),
    )


def _sku(line: SalesLine) -> Ref | str | None:
    if line.Type != "Item":
        return line.No
    # The product has to be there; the line names it by its sku, which is the number unless the item was renumbered.
    return Ref(table=PRODUCT_TABLE, source_id=str(line.No), missing=Missing.wait, value="name")


def _source(line: SalesLine, context: MappingContext) -> Mapping[str, Any]:
    """The line for custom fields. What only the other kind of document's lines have is blank, not a fault."""
    names = source_fields(context.settings, "transaction line", Direction.to_ipaas)
    return {**dict.fromkeys(names, ""), **line.model_dump()}


def line_status(line: SalesLine) -> str:
    """Shipped once all of it is."""
    return SHIPPED if line.Quantity and line.Quantity_Shipped == line.Quantity else PENDING


def shipped_line(line: SalesLine, document: str, context: MappingContext) -> Json:
    """What shipping changes of a line, for the transaction of its order."""
    fields = {"qty_shipped": line.Quantity_Shipped, "status": line_status(line)}
    return child(context.system_id, line_id(document, line.Line_No), fields)


def shipped_in_units(lines: Iterable[SalesLine], document: str, units: Mapping[str, Any]) -> Json:
    """What was shipped of lines whose items have several units, counted in each of them: for a transaction whose owner
    counts in another than the base unit."""
    figures = {
        fold(line_id(document, line.Line_No)): counted(line, line.Quantity_Shipped, units)
        for line in lines
        if fold(line.No or "") in units
    }
    return {"shipped": figures} if figures else {}


def comment_to_ipaas(line: SalesLine, document: str, context: MappingContext) -> Json | None:
    """A comment line as a note; none when it says nothing."""
    if not line.Description:
        return None
    fields = {"sequence_number": line.Line_No, "text": line.Description}
    return child(context.system_id, line_id(document, line.Line_No), fields)


def line_type_from_api(kind: Any) -> str:
    """A line's type as page 46 calls it, from API v2.0; blank for a comment."""
    name = decoded(str(kind or "Comment"))
    return _API_TYPES.get(name, name)


def api_line_type(kind: str) -> str:
    """A line's type as API v2.0 calls it, from page 46."""
    return next((theirs for theirs, ours in _API_TYPES.items() if ours == kind.strip()), kind)


def line_from_api(record: Json, *, prices_include_tax: bool) -> Json:
    """What API v2.0 knows of a line, under the names of page 46, with its own names beside them."""
    line = ApiSalesLine.model_validate(record)
    return {
        **record,
        **body(
            Line_No=line.sequence,
            Type=line_type_from_api(line.lineType),
            No=line.lineObjectNumber,
            Description=line.description,
            Unit_of_Measure_Code=line.unitOfMeasureCode,
            Quantity=line.quantity,
            Unit_Price=line.unitPrice,
            Line_Discount_Percent=line.discountPercent,
            Line_Discount_Amount=line.discountAmount,
            Line_Amount=line.amountIncludingTax if prices_include_tax else line.amountExcludingTax,
            Quantity_Shipped=line.shippedQuantity,
            Quantity_Invoiced=line.invoicedQuantity,
            Tax_Percent=line.taxPercent,
        ),
    }


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """The amounts of a document. `tax` and `total` are Business Central's own, the others are added up from lines."""

    subtotal: Decimal
    shipping: Decimal
    line_discounts: Decimal
    invoice_discount: Decimal
    tax: Decimal
    total: Decimal
    prices_include_tax: bool

    @property
    def added_up(self) -> Decimal:
        """What the total should be, by the lines."""
        tax = Decimal(0) if self.prices_include_tax else self.tax
        return self.subtotal + self.shipping - self.invoice_discount + tax

    @property
    def notes(self) -> tuple[str, ...]:
        """That the amounts do not add up, with both figures; Business Central's are sent all the same."""
        if self.added_up == self.total:
            return ()
        tax = "tax within the prices" if self.prices_include_tax else f"tax {text_of(self.tax)}"
        return (
            f"The amounts do not add up: lines {text_of(self.subtotal)}, shipping {text_of(self.shipping)}, invoice "
            f"discount {text_of(self.invoice_discount)}, {tax} make {text_of(self.added_up)}; the total in Business "
            f"Central is {text_of(self.total)}, and is what was sent.",
        )

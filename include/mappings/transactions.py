"""What orders and posted invoices have in common as transactions: parties, addresses, amounts, tracking, payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from include.business_central.records.base import unblank
from include.business_central.records.sales import ApiSalesDocument, SalesHeader, SalesLine, Shipment
from include.errors import Rejected
from include.ipaas.external_ids import COMPANY_TABLE, CUSTOMER_TABLE, PAYMENT_METHOD_TABLE, SHIPPING_METHOD_TABLE
from include.mappings.body import body, child
from include.mappings.custom_fields import source_fields
from include.mappings.custom_fields import to_ipaas as custom_fields
from include.mappings.names import first_address, split_name
from include.mappings.rows import DocumentRow
from include.mappings.sales_lines import REMOVED, Amounts, Lines, comment_to_ipaas, line_id, line_to_ipaas, sort_lines
from include.mappings.units import in_base_units
from include.sync.records import Follower, Json, Mapped, MappingContext, Missing, Ref
from include.sync.runs import Direction
from include.sync.values import fold


@dataclass(frozen=True, kw_only=True)
class Document:
    """One sales document, as its source read it.

    `source` is every field of its header, for custom fields. `agents` are the names of shipping agents by code, None
    where their page is not there. `tracking` are the shipments of the order it belongs to, their fields as they came.
    """

    type: str
    status: str
    header: SalesHeader
    source: Mapping[str, Any]
    created: date | None
    lines: Lines
    amounts: Amounts
    shipped: bool | None
    payment_status: str
    customer_type: str | None
    authority: str | None
    notes: tuple[str, ...] = ()
    terms: str | None = None
    agents: Mapping[str, str] | None = None
    tracking: Sequence[Json] = field(default=())


def read_document(
    row: DocumentRow,
    context: MappingContext,
    *,
    type: str,
    status: str,
    created: date | None,
    shipping_account: str | None,
    shipped: bool | None = None,
    payment_status: str = "Pending",
) -> Document:
    """The document in what its source read. Raises Rejected when a line is of an unknown type."""
    header = row.header
    excluded = context.settings.bc_excluded_lineitem_skus_from_preprocessing
    in_base, converted = in_base_units(row.sales_lines, row.units)
    lines = sort_lines(in_base, shipping_account=shipping_account, excluded=excluded)
    first = next(iter(row.sales_lines), None)
    own_area = unblank(row.detail.get("Tax_Area_Code"))
    return Document(
        type=type,
        status=status,
        header=header,
        source=row.source,
        created=created,
        lines=lines,
        amounts=_amounts(row, lines, first),
        shipped=shipped,
        payment_status=payment_status,
        customer_type=row.customer_type,
        notes=converted,
        authority=own_area or (first.Tax_Area_Code if first else None) or header.VAT_Bus_Posting_Group,
        terms=row.terms,
        agents=row.agents,
        tracking=row.shipments or (),
    )


def _amounts(row: DocumentRow, lines: Lines, first: SalesLine | None) -> Amounts:
    invoice_discount, tax, total = _totals(row, first)
    return Amounts(
        subtotal=lines.subtotal,
        shipping=lines.shipping_amount,
        line_discounts=lines.discounts,
        invoice_discount=invoice_discount,
        tax=tax,
        total=total,
        prices_include_tax=row.header.Prices_Including_VAT,
    )


def _totals(row: DocumentRow, first: SalesLine | None) -> tuple[Decimal, Decimal, Decimal]:
    """Invoice discount, tax and total: page 46 repeats them on each line, the API has them on the document."""
    if first is not None and first.Total_Amount_Incl_VAT is not None:
        return (
            first.Invoice_Discount_Amount or Decimal(0),
            first.Total_VAT_Amount or Decimal(0),
            first.Total_Amount_Incl_VAT,
        )
    api = row.document
    return api.discountAmount, api.totalTaxAmount, api.totalAmountIncludingTax


def transaction(
    document: Document,
    context: MappingContext,
    *,
    followers: tuple[Follower, ...] = (),
    made_from: str | None = None,
    aside: Json | None = None,
    **more: Any,
) -> Mapped:
    """The document as a transaction; `more` are fields that only one kind of document has, `aside` is for the writer."""
    header, amounts, number = document.header, document.amounts, document.header.No
    sent = [line_to_ipaas(line, number, context, shipped=document.shipped) for line in document.lines.sent]
    notes = [comment_to_ipaas(line, number, context) for line in document.lines.comments]
    fields = body(
        system_id=context.system_id,
        transaction_number=number,
        type=document.type,
        status=document.status,
        email_address=first_address(header.Sell_to_E_Mail),
        # Business Central leaves the company's own currency blank. Where the platform has no field for it, the client says
        # so in a note.
        currency_code=header.Currency_Code,
        created_datetime=midnight(document.created, context),
        lines=sent or None,
        notes=[note for note in notes if note] or None,
        subtotal=amounts.subtotal,
        shipping_amount=amounts.shipping,
        discount_amount=amounts.line_discounts + amounts.invoice_discount,
        tax_amount=amounts.tax,
        total=amounts.total,
        total_qty=document.lines.quantity,
        taxes=[child(context.system_id, f"{number}|tax", {"amount": amounts.tax, "authority": document.authority})],
        addresses=addresses(document, context),
        tracking=tracking(document, context) or None,
        payments=payments(document, context) or None,
        custom_fields=custom_fields(context.settings, "transaction", _source(document, "transaction", context)),
        **more,
    )
    fields |= party(document, context)
    return Mapped(
        source_id=number,
        match=number,
        body=fields,
        emptied={"lines": REMOVED},
        spared=tuple(line_id(number, line.Line_No) for line in document.lines.excluded),
        followers=followers,
        made_from=made_from,
        foreign_number=header.External_Document_No,
        aside=aside or {},
        notes=(*amounts.notes, *document.notes),
    )


def midnight(day: date | None, context: MappingContext) -> str | None:
    """The start of a day in the company's time zone, with its offset: Business Central's dates know no hour."""
    if day is None:
        return None
    return datetime.combine(day, time(), ZoneInfo(context.settings.bc_time_zone)).isoformat()


def party(document: Document, context: MappingContext) -> Json:
    """Whose document it is: the customer it was sold to, as a company or as a customer."""
    number = document.header.Sell_to_Customer_No
    if not number:
        raise Rejected("The document has no customer.", "Fill in Sell-to Customer No. in Business Central.")
    if document.customer_type == "Person":
        return {"customer_id": Ref(table=CUSTOMER_TABLE, source_id=number)}
    creates = context.settings.bc_processing_company_creation_in_prerequisite
    missing = Missing.transfer if creates else Missing.wait
    return {"company_id": Ref(table=COMPANY_TABLE, source_id=number, missing=missing, flow="company_to_ipaas")}


def addresses(document: Document, context: MappingContext) -> list[Json]:
    """The bill-to and the ship-to address; a blank one is that of the customer it was sold to."""
    billing = _address(document.header, "Bill_to", {"phone_number": document.header.BillToContactPhoneNo})
    agent = document.header.Shipping_Agent_Code
    shipping = _address(document.header, "Ship_to", {"phone_number": document.header.Ship_to_Phone_No}) | body(
        shipping_method=_shipping_method(document, agent),
        shipping_method_description=_agent_name(document, agent),
        ship_date=_at_midnight(document.header.Shipment_Date),
        shipping_amount=document.amounts.shipping,
    )
    number = document.header.No
    return [
        child(
            context.system_id,
            f"{number}|billing",
            {**billing, "is_primary_billing": True, "is_primary_shipping": False},
        ),
        child(
            context.system_id,
            f"{number}|shipping",
            {**shipping, "is_primary_billing": False, "is_primary_shipping": True},
        ),
    ]


def _address(header: SalesHeader, role: str, more: Json) -> Json:
    fields = header.model_dump()
    if not (fields.get(f"{role}_Name") or fields.get(f"{role}_Address")):
        role = "Sell_to"
    name = fields.get(f"{role}_Name") or header.Sell_to_Customer_Name
    first, last = split_name(fields.get(f"{role}_Contact") or name or "")
    return body(
        company=name,
        first_name=first,
        last_name=last,
        address_1=fields.get(f"{role}_Address"),
        address_2=fields.get(f"{role}_Address_2"),
        city=fields.get(f"{role}_City"),
        region=fields.get(f"{role}_County"),
        country=fields.get(f"{role}_Country_Region_Code"),
        postal_code=fields.get(f"{role}_Post_Code"),
        phone_number=more.get("phone_number") or header.Sell_to_Phone_No,
    )


def _at_midnight(day: date | None) -> str | None:
    # A wall-clock time without an offset: that is what this field holds.
    return f"{day.isoformat()}T00:00:00" if day else None


def _shipping_method(document: Document, agent: str | None) -> Ref | None:
    """The agent's shipping method, by the name that a transaction has to carry."""
    if not agent:
        return None
    # Where the agents cannot be read, one that iPaaS.com does not know cannot be transferred either.
    missing = Missing.drop if document.agents is None else Missing.transfer
    return Ref(
        table=SHIPPING_METHOD_TABLE,
        source_id=agent,
        missing=missing,
        flow="shipping_method_to_ipaas",
        value="name",
    )


def _agent_name(document: Document, agent: str | None) -> str | None:
    return (document.agents or {}).get(agent.upper()) if agent else None


def tracking(document: Document, context: MappingContext) -> list[Json]:
    """One entry per tracking number of the document and of the shipments it belongs to."""
    own = {"No": document.header.No, **document.source}
    found: dict[str, Json] = {}
    for row in (own, *document.tracking):
        shipment = Shipment.model_validate(row)
        if not shipment.Package_Tracking_No or shipment.Package_Tracking_No in found:
            continue
        number, agent = shipment.Package_Tracking_No, shipment.Shipping_Agent_Code
        source = {**_source(document, "tracking", context), **row}
        found[number] = child(
            context.system_id,
            f"{document.header.No}|{number}",
            body(
                tracking_number=number,
                shipping_method=_shipping_method(document, agent),
                shipping_method_description=_agent_name(document, agent),
                custom_fields=custom_fields(context.settings, "tracking", source),
            ),
        )
    return list(found.values())


def payments(document: Document, context: MappingContext) -> list[Json]:
    """The payment as it was agreed: by method, or else by terms, over the total."""
    code = document.header.Payment_Method_Code or document.header.Payment_Terms_Code
    if not code:
        return []
    method = Ref(
        table=PAYMENT_METHOD_TABLE,
        source_id=code,
        missing=Missing.transfer,
        flow="payment_method_to_ipaas",
        value="name",
    )
    fields = {
        "method": method,
        "description": document.terms,
        "amount": document.amounts.total,
        "status": document.payment_status,
    }
    return [child(context.system_id, f"{document.header.No}|payment", fields)]


def _source(document: Document, model: str, context: MappingContext) -> Mapping[str, Any]:
    """The header for custom fields. What only another kind of document has is blank, not a fault."""
    names = source_fields(context.settings, model, Direction.to_ipaas)
    return {**dict.fromkeys(names, ""), **document.source}


# What only the pages of orders and of posted invoices tell; the order's date in API v2.0 is its document date.
PAGE_ONLY = frozenset(
    {
        "Bill_to_Contact",
        "BillToContactPhoneNo",
        "Order_Date",
        "Package_Tracking_No",
        "Payment_Method_Code",
        "Sell_to_Contact",
        "Ship_to_Phone_No",
        "Shipment_Date",
        "Shipping_Agent_Code",
        "Tax_Area_Code",
        "VAT_Bus_Posting_Group",
    }
)
# What further pages tell of a document: its shipments' tracking numbers, and the names of shipping agents.
FROM_FURTHER_PAGES = ("shipments", "agents")


def header_from_api(document: ApiSalesDocument, payment_terms: str | None, own_currency: str | None = None) -> Json:
    """What API v2.0 knows of an order or an invoice, under the names of page 42. `payment_terms` is their code.

    The API names the company's own currency, too, which the page leaves blank.
    """
    code = document.currencyCode
    return body(
        No=document.number,
        Sell_to_Customer_No=document.customerNumber,
        Sell_to_Customer_Name=document.customerName,
        Sell_to_Address=document.sellToAddressLine1,
        Sell_to_Address_2=document.sellToAddressLine2,
        Sell_to_City=document.sellToCity,
        Sell_to_County=document.sellToState,
        Sell_to_Post_Code=document.sellToPostCode,
        Sell_to_Country_Region_Code=document.sellToCountry,
        Sell_to_Phone_No=document.phoneNumber,
        Sell_to_E_Mail=document.email,
        External_Document_No=document.externalDocumentNumber,
        Currency_Code=code if code and fold(code) != fold(own_currency or "") else None,
        Prices_Including_VAT=document.pricesIncludeTax,
        Payment_Terms_Code=payment_terms,
        Ship_to_Name=document.shipToName,
        Ship_to_Contact=document.shipToContact,
        Ship_to_Address=document.shipToAddressLine1,
        Ship_to_Address_2=document.shipToAddressLine2,
        Ship_to_City=document.shipToCity,
        Ship_to_County=document.shipToState,
        Ship_to_Post_Code=document.shipToPostCode,
        Ship_to_Country_Region_Code=document.shipToCountry,
        Bill_to_Name=document.billToName,
        Bill_to_Address=document.billToAddressLine1,
        Bill_to_Address_2=document.billToAddressLine2,
        Bill_to_City=document.billToCity,
        Bill_to_County=document.billToState,
        Bill_to_Post_Code=document.billToPostCode,
        Bill_to_Country_Region_Code=document.billToCountry,
    )

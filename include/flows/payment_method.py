"""Payment methods and payment terms to iPaaS.com: brought along by the documents that name them, never on their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.business_central.odata import Api
from include.business_central.records.sales import PaymentCode
from include.flows.shared.reading import asked_for, feed
from include.ipaas.endpoints import PAYMENT_METHOD
from include.mappings.catalog import payment_method_to_ipaas
from include.sync.flow import AskedId, Docs, Flow, IdFormat, Reads, Window
from include.sync.ipaas_writer import IPaaSWriter
from include.sync.model import Direction, SourceRecord

# A document names its payment method, or else its terms: the first resource that has the code is meant.
_RESOURCES = (Api("paymentMethods"), Api("paymentTerms"))
_FIELDS = tuple(PaymentCode.model_fields)


class PaymentCodes:
    """API `paymentMethods`, then `paymentTerms`."""

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord]:
        """Those modified in the window."""
        for resource in _RESOURCES:
            for record in feed(reads, resource, window, select=_FIELDS):
                yield SourceRecord(key=str(record["code"]), data={"feed": record})

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord]:
        """Payment methods and terms by code."""
        wanted = list(ids)
        for resource in _RESOURCES:
            found = list(asked_for(reads, resource, wanted, select=_FIELDS, key="code")) if wanted else []
            for record, text in found:
                yield SourceRecord(key=str(record["code"]), data={"feed": record}, asked=text)
            answered = {text for _, text in found}
            wanted = [one for one in wanted if one.text not in answered]


TO_IPAAS = Flow(
    name="payment_method_to_ipaas",
    record="payment method",
    direction=Direction.to_ipaas,
    collection="Add Dynamics 365 Business Central Payment Method TO iPaaS.com",
    schedule="",
    source=PaymentCodes(),
    mapping=payment_method_to_ipaas,
    writer=IPaaSWriter(endpoint=PAYMENT_METHOD, match_field="name"),
    id_formats=(
        IdFormat(
            name="code", pattern=r"(?P<no>[^|]{1,10})", example="CARD", meaning="code of a payment method or of terms"
        ),
    ),
    docs=Docs(
        overview="Payment methods, or payment terms where a document has no method, are created with the first document "
        "that names them: a payment may only name a method that is there.",
        business_central="Nothing to publish.",
        ipaas="Nothing beyond the subscription.",
        mappings=(("name", "code"), ("description", "displayName")),
        matching="An unlinked payment method is linked to the one of the same name. iPaaS.com offers no change of one.",
    ),
)

"""Payment methods and payment terms to iPaaS.com: brought along by the documents that name them, never on their own."""

from __future__ import annotations

from include.business_central.odata import Api
from include.ipaas.endpoints import PAYMENT_METHOD
from include.mappings.catalog import payment_method_to_ipaas
from include.sources.codes import Codes
from include.sync.asked import IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="payment_method_to_ipaas",
    record="payment method",
    direction=Direction.to_ipaas,
    collection="Add Dynamics 365 Business Central Payment Method TO iPaaS.com",
    schedule="",
    # A document names its payment method, or else its terms: the first resource that has the code is meant.
    source=Codes(resources=(Api("paymentMethods"), Api("paymentTerms"))),
    mapping=payment_method_to_ipaas,
    writer=IPaaSWriter(endpoint=PAYMENT_METHOD, match_field="name"),
    id_formats=(
        IdFormat(
            name="code", pattern=r"(?P<no>[^|]{1,10})", example="CARD", meaning="code of a payment method or of terms"
        ),
    ),
)

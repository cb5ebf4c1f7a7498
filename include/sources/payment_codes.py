"""Payment methods and terms, by code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from include.business_central.odata import Api
from include.business_central.records.sales import PaymentCode
from include.sources.reading import asked_for, feed
from include.sync.flow import AskedId, Reads, Window
from include.sync.records import SourceRecord

# A document names its payment method, or else its terms: the first resource that has the code is meant.
_RESOURCES = (Api("paymentMethods"), Api("paymentTerms"))


_FIELDS = tuple(PaymentCode.model_fields)


class PaymentCodes:
    """API `paymentMethods`, then `paymentTerms`."""

    finds_by: ClassVar = (frozenset({"no"}),)

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

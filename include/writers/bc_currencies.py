"""The currencies of Business Central: the company's own, and to how many decimals amounts of each are rounded."""

from __future__ import annotations

import threading
from decimal import Decimal

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.mappings.rounding import Rounding, rounding_of, roundings
from include.sync.context import WriteContext
from include.sync.values import fold

_CURRENCIES, _COMPANY = Api("currencies"), Api("companyInformation")
# The general-ledger set-up, where it is published: it alone has the decimals of the company's own currency.
_SETUP = "GeneralLedgerSetup"


class Currencies:
    """What one task has read of currencies. Nothing is read before it is needed, and nothing twice."""

    def __init__(self, work: WriteContext) -> None:
        """Nothing is read yet."""
        self._work = work
        self._lock = threading.Lock()
        self._own: str | None = None
        self._roundings: dict[str, Rounding] | None = None
        self._own_rounding: Rounding | None = None

    @property
    def own(self) -> str:
        """The code of the company's own currency, which documents leave blank on the pages."""
        with self._lock:
            if self._own is None:
                company = next(iter(self._work.bc.read(_COMPANY, select=("id", "currencyCode"))), {})
                self._own = str(unblank(company.get("currencyCode")) or "")
            return self._own

    def on_pages(self, code: str) -> str:
        """A currency as the pages name it: the company's own is blank there."""
        return "" if fold(code) == fold(self.own) else code

    def rounding(self, code: str) -> Rounding:
        """How amounts in a currency are rounded; a blank code is the company's own."""
        wanted = fold(code or self.own)
        with self._lock:
            if self._roundings is None:
                select = ("code", "amountDecimalPlaces", "amountRoundingPrecision")
                self._roundings = roundings(list(self._work.bc.read(_CURRENCIES, select=select)))
        found = self._roundings.get(wanted)
        return found or self._of_own()

    def rounded(self, value: Decimal, code: str) -> Decimal:
        """An amount as Business Central rounds it in a currency."""
        return value if value == value.to_integral_value() else self.rounding(code).of(value)

    def _of_own(self) -> Rounding:
        """The rounding of the company's own currency, which need not be among the others: two decimals, unless the
        general-ledger set-up says otherwise."""
        with self._lock:
            if self._own_rounding is None:
                self._own_rounding = Rounding()
                if self._work.bc.published(_SETUP):
                    for row in self._work.bc.read(Page(_SETUP)):
                        places, precision = row.get("AmountDecimalPlaces"), row.get("AmountRoundingPrecision")
                        self._own_rounding = rounding_of(places, precision)
            return self._own_rounding

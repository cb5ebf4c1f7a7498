"""What all records of Business Central have in common on the wire."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from include.transport.numbers import refuse_uncountable

_BLANKS = {"_x0020_", "00000000-0000-0000-0000-000000000000"}
# The blank date, alone or with a time and an offset.
_BLANK_DATE = re.compile(r"0001-01-01([T ]00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_ENCODED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def decoded(value: str) -> str:
    """An enum member as a person writes it: `In_x0020_Review` is `In Review`."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), value)


def unblank(value: Any) -> Any:
    """`value`, or None when it is one of Business Central's blanks (docs/business_central.md, "Values on the wire")."""
    if not isinstance(value, str):
        return value
    bare = value.strip()
    # All blanks that are not empty begin so.
    if not bare or (bare[0] in "0_" and (bare in _BLANKS or _BLANK_DATE.fullmatch(bare))):
        return None
    # A no-break space at the end of a key is part of it.
    return value if bare == value else value.strip(" \t\r\n")


class BusinessCentralRecord(BaseModel):
    """A record read from Business Central: blanks are None, unknown properties are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        found = {name: unblank(value) for name, value in data.items()}
        refuse_uncountable(cls, found)
        return {name: value for name, value in found.items() if value is not None}


class ApiCode(BusinessCentralRecord):
    """A record of API v2.0 that is a code and a name, as of `paymentMethods` and `paymentTerms`."""

    id: str
    code: str
    displayName: str | None = None

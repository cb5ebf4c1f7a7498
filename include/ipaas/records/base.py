"""What all records of iPaaS.com have in common on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from include.ipaas.external_ids import reference
from include.transport.numbers import refuse_uncountable

# The id of another record, None when it refers to none: 0 and what is below it are no ids.
Reference = Annotated[int | str | None, BeforeValidator(reference)]


class IPaaSRecord(BaseModel):
    """A record read from iPaaS.com: null and blank are absent, numbers may stand for text; what is unknown is kept as it is."""

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        texts = {name: value.strip() if isinstance(value, str) else value for name, value in data.items()}
        refuse_uncountable(cls, texts)
        return {name: value for name, value in texts.items() if name not in cls.model_fields or value not in (None, "")}

"""What Variables and Connections share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def truth(value: object) -> bool | None:
    """A yes or a no, however it is written; None when it is neither."""
    return _WORDS.get(str(value).strip().lower())


class Closed(BaseModel):
    """Settings that do not change, and refuse a key they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

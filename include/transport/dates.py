"""Dates and moments as both systems send them, where some stand for none at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

# The first day of the calendar that Business Central counts in. What lies before it is how systems spell "no date".
FIRST_DAY = date(1753, 1, 1)


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _day(value: date | None) -> date | None:
    return value if value is not None and value >= FIRST_DAY else None


def _moment(value: datetime | None) -> datetime | None:
    return value if value is not None and value.date() >= FIRST_DAY else None


Day = Annotated[date | None, BeforeValidator(_blank_is_none), AfterValidator(_day)]
Moment = Annotated[datetime | None, BeforeValidator(_blank_is_none), AfterValidator(_moment)]


def read_moment(text: Any) -> datetime | None:
    """A moment as either system writes it, in UTC where it names no zone; None for what is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

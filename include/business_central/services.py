"""What a person is told of published web services: how to publish one, and what is lost without it. Words only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from include.settings import SERVICES


def how_to_publish(page: str, name: str, *, ended: bool = False) -> str:
    """What to do for a page and its service name, in the words of Business Central.

    `ended`: Microsoft's own pages are not served any more, so that only a copy of one's own can be published.
    """
    what = SERVICES.get(page, "the page")
    if ended and not what.startswith("query"):
        return (
            f"Microsoft's pages are not served as web services any more: publish a copy of {what} that an extension of your "
            f'own holds, and name it in the Variable bc_service_names, as {{"{page}": "TheName"}}.'
        )
    return f"Search for Web Services in Business Central and publish {what} with the Service Name {name}."


def without(names: Sequence[str], going_on: str, lost: Iterable[str]) -> str:
    """That services are not published: how it goes on, and what is lost until copies of them are."""
    services = f"The web service {names[0]} is" if len(names) == 1 else f"The web services {' and '.join(names)} are"
    return (
        f"{services} not published; {going_on} without {', '.join(lost)}. Publish a copy of the page or query of your own "
        "and name it in the Variable bc_service_names to have them back."
    )

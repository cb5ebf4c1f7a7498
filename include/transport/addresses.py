"""Where addresses lead: with one that a service answers with, a token must go nowhere but where the Connection points."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_PORTS = {"https": 443, "http": 80}
# What parsers of addresses disagree about: each of these has led one to another host than the next.
_DOUBTFUL = re.compile(r"[\\\x00-\x1f\x7f]")


def host_of(address: str | None) -> str | None:
    """The host that an address names, with its scheme or without; None for what is no address."""
    try:
        return parse_url(address or "").host
    except LocationParseError:
        return None


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a plain address of the web; None for anything that could be read in two ways."""
    try:
        # The second is the one that decides where a request goes.
        parts, used = urlsplit(url), parse_url(url)
        port = parts.port
    except (ValueError, LocationParseError):
        return None
    if _DOUBTFUL.search(url) or "@" in parts.netloc or " " in parts.netloc or used.auth is not None:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or used.host is None:
        return None
    if (used.scheme, used.host.lower().strip("[]"), used.port) != (parts.scheme, parts.hostname, port):
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]

"""The connections of one client to a service: verified as its Connection says, through the proxies of the environment, never
waiting for ever, and no more at once than its slots.

`requests` decides how a connection is made, and logs in (MSAL sends by it). What is sent over the connections is sent by
urllib3 itself: `requests` makes a request and an answer of its own around each, which costs three times what sending does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import default_headers, get_environ_proxies
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Retry, Timeout

from include.transport.telemetry import exchange

# What is repeated, and what a redirect means, is the transport's to say.
_ONCE = Retry(False)


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """Where requests to one scheme, host and port go. A proxy without TLS wants to know them with each: `before` the path."""

    pool: HTTPConnectionPool
    before: str


class Session(requests.Session):
    """A session that verifies TLS as the connection says, whatever the environment holds, and never waits for ever."""

    def __init__(self, verify: bool | str | None, timeout: tuple[float, float], concurrency: int = 1) -> None:
        super().__init__()
        # With trust_env, REQUESTS_CA_BUNDLE would override the connection's `verify`, and a .netrc the token. Without
        # a `verify` of the connection, the bundle that the machine's administrator has set up is right.
        self.trust_env = False
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        self.verify = bundle if verify is None else verify
        self._timeout = timeout
        self._patience = Timeout(*timeout)
        self._origins: dict[str, _Origin] = {}
        # Whoever uses it, and from however many threads: a request in flight is a slot of a pool.
        self._slots = threading.BoundedSemaphore(concurrency)
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=max(4, concurrency), max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self._headers = dict(default_headers())

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request; the proxies of the environment are used, its other settings are not."""
        kwargs.setdefault("timeout", self._timeout)
        kwargs.setdefault("proxies", get_environ_proxies(str(url), no_proxy=None))
        with self._slots, exchange(str(method), str(url)) as heard:
            response = super().request(method, url, *args, **kwargs)
            heard(response.status_code, response.headers)
        return response

    def send_once(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> BaseHTTPResponse:
        """Send one request a single time, and have all of its answer, whatever its status.

        Raises OSError or ValueError for what cannot be sent, and urllib3's HTTPError for what comes of the connection.
        """
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
        with self._slots, exchange(method, url) as heard:
            origin, path = self._origin_of(url)
            response = origin.pool.urlopen(
                method,
                f"{origin.before}{path}",
                body=body,
                headers={**self._headers, **headers},
                retries=_ONCE,
                redirect=False,
                assert_same_host=False,
                timeout=self._patience,
            )
            heard(response.status, response.headers)
        return response

    def _origin_of(self, url: str) -> tuple[_Origin, str]:
        """Where an address leads, and what of it follows. What that takes is found out once for each scheme, host and port:
        finding the proxies goes through the whole environment."""
        parts = urlsplit(url)
        name = f"{parts.scheme}://{parts.netloc}"
        if name not in self._origins:
            self._origins[name] = self._found(name)
        path = url[len(name) :]
        return self._origins[name], path if path.startswith("/") else f"/{path}"

    def _found(self, name: str) -> _Origin:
        asked = requests.Request("GET", name).prepare()
        proxies = get_environ_proxies(name, no_proxy=None)
        adapter = self.get_adapter(str(asked.url))
        assert isinstance(adapter, HTTPAdapter)
        pool = adapter.get_connection_with_tls_context(asked, self.verify, proxies)
        assert isinstance(pool, HTTPConnectionPool)
        adapter.cert_verify(pool, asked.url, self.verify, None)  # type: ignore[no-untyped-call]
        return _Origin(pool=pool, before=adapter.request_url(asked, proxies).removesuffix("/"))

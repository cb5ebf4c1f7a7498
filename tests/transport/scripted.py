"""A server on loopback that answers by script: what no well-behaved server does, transport must survive."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One scripted answer. `claim`: the length that is promised. `close`: hang up without any answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    claim: int | None = None
    close: bool = False


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Wire:
    """The server: `script` is worked off, the last answer again and again; `seen` is what arrived."""

    def __init__(self, context: SSLContext | None = None) -> None:
        self.script: deque[Reply] = deque()
        self.seen: list[Seen] = []
        self._last = Reply()
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = wire.next(Seen(method=self.command, path=self.path, headers=dict(self.headers), body=body))
                if reply.close:
                    self.close_connection = True
                    return
                # Without the Date that `send_response` adds: the script may name one.
                self.send_response_only(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                length = len(reply.body) if reply.claim is None else reply.claim
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = reply.claim is not None

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def next(self, seen: Seen) -> Reply:
        """Note a request and take the answer for it."""
        self.seen.append(seen)
        if self.script:
            self._last = self.script.popleft()
        return self._last

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

"""Somebody who receives notifications of Business Central, on a socket."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import simplejson


class Receiver:
    """Answers `status`, the handshake with its token unless `token_wrong`, and keeps the `bodies` that came, and the
    notifications in them that it was `told`."""

    def __init__(self) -> None:
        self.status, self.token_wrong = 200, False
        self.told: list[dict[str, Any]] = []
        self.bodies: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = parse_qs(urlsplit(self.path).query).get("validationToken")
                said = b""
                if asked:
                    said = b"" if outer.token_wrong else asked[0].encode()
                elif outer.status == 200:
                    content = simplejson.loads(body)
                    outer.bodies.append(content)
                    if isinstance(content, dict):
                        outer.told += content.get("value", [])
                self.send_response(200 if asked else outer.status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/business_central/notifications"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Receive nothing any more."""
        self.server.shutdown()
        self.server.server_close()

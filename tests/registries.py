"""A registry of images as Docker Hub answers, on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Registry(BaseHTTPRequestHandler):
    """Has one public image behind a token, and answers 401 for what is private, as Docker Hub does."""

    def do_GET(self) -> None:
        scope = self.path.split("scope=")[-1]
        self.answer(200, body=json.dumps({"token": scope}).encode())

    def do_HEAD(self) -> None:
        address = f"http://{self.headers['Host']}/token"
        challenge = f'Bearer realm="{address}",service="here",scope="pull"'
        if self.headers.get("Authorization") != "Bearer pull":
            self.answer(401, {"WWW-Authenticate": challenge})
        elif self.path == "/v2/lab/fiji/manifests/1.0":
            self.answer(200, {"Docker-Content-Digest": "sha256:abc"})
        elif "/secret/" in self.path:
            self.answer(401, {"WWW-Authenticate": challenge})
        else:
            self.answer(404)

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@contextlib.contextmanager
def registry() -> Iterator[str]:
    """Run a registry; yield its host. It has lab/fiji:1.0."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()

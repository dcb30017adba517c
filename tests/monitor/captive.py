"""A network that requires a log-in: a proxy before an emulator that answers with a page while it is shut."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.serving import serve

PAGE = b"<!DOCTYPE html><html><body>Please accept the terms of this network.</body></html>"

#: Headers that apply to one connection only.
OWN = {"transfer-encoding", "connection", "content-length", "date", "server"}


class Captive(ThreadingHTTPServer):
    """`upstream`: the emulator's URL. `shut`: how many more requests are answered with the page."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.shut = 0
        self.pages = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Forwards a request, or answers with the page."""

    server: Captive
    asked: bytes = b""

    def do_GET(self) -> None:
        """Answer a request of any method."""
        self.asked = body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if getattr(self.server, "shut", 0) > 0:
            self.server.shut -= 1
            self.server.pages += 1
            self._answer(200, {"Content-Type": "text/html"}, PAGE)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        request = urllib.request.Request(
            self.server.upstream + self.path, body or None, headers, method=self.command
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, dict(error.headers), error.read())

    do_POST = do_PUT = do_DELETE = do_GET

    def do_HEAD(self) -> None:
        """Answer HEAD like any other request."""
        self.do_GET()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def captive(upstream: str) -> Iterator[Captive]:
    """Run the proxy in front of an emulator until the block ends."""
    server = Captive(upstream)
    serve(server)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()

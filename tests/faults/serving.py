"""The campaign's servers on 127.0.0.1, in threads of this process. Each class defines its answers."""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serve

TARGET = "X-Amz-Target"
RECEIVE, CHANGE = "AmazonSQS.ReceiveMessage", "AmazonSQS.ChangeMessageVisibility"
#: These apply to one connection only, and are not passed on.
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}

#: Status, headers, body.
Answer = tuple[int, dict[str, str], bytes]


class Handler(BaseHTTPRequestHandler):
    """Sends its server's answers."""

    protocol_version = "HTTP/1.1"
    server: Serving

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, answer = self.server.answer(self.path, self.command, self.headers, body)
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in (*HOP_BY_HOP, "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Serving(ThreadingHTTPServer):
    """Serves until `close`. Logs nothing about clients that left before their answer came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        serve(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def answer(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to a request. Header names may have any case."""
        raise NotImplementedError

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing."""


class SqsProxy(Serving):
    """Sits in front of SQS, and passes requests on."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urllib.parse.urlsplit(upstream).netloc
        super().__init__()

    def answer(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return self.forward(headers, body)

    def forward(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return SQS's answer."""
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            plain = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request("POST", "/", body, plain)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

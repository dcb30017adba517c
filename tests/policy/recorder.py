"""A proxy in front of an emulator that passes everything on and records every call, whoever makes it.

It also sees the calls of programs other than boto3 (s5cmd, the AWS CLI).
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.policy.calls import Call
from tests.policy.wire import read_call
from tests.serving import serve

HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class Recorder:
    """The calls that came through, in order. `refuse`: calls that are answered 403 instead, as S3 does."""

    def __init__(self, upstream: str) -> None:
        self.calls: list[Call] = []
        self.refuse: Callable[[Call], bool] = lambda call: False
        self._upstream = urlsplit(upstream).netloc
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def exchange(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, bytes]:
        """Pass a request on; return status, headers and body of the answer."""
        call = read_call(method, path, headers, body)
        if self.refuse(call):
            self.calls.append(call.ended(403))
            return 403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code></Error>"
        status, answered, content = self.forward(method, path, headers, body)
        self.calls.append(call.ended(status))
        return status, answered, content

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, bytes]:
        """Return the emulator's own answer."""
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                status, answered, content = recorder.exchange(self.command, self.path, headers, body)
                self.send_response_only(status)
                kept = {name.lower(): value for name, value in answered if name.lower() not in HOP}
                if self.command != "HEAD":
                    kept["content-length"] = str(len(content))
                for name, value in kept.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        return Handler


@contextlib.contextmanager
def recording(upstream: str) -> Iterator[Recorder]:
    """Run a recorder in front of an emulator."""
    recorder = Recorder(upstream)
    serve(recorder.server)
    try:
        yield recorder
    finally:
        recorder.server.shutdown()
        recorder.server.server_close()

"""A proxy before an emulator that passes everything on and writes down every call, whoever makes it.

It sees what programs beside boto3 ask for too (s5cmd, the AWS CLI). Knows the protocols of SQS and CloudWatch
Logs (JSON, the action in X-Amz-Target) and of S3 (REST, path style).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.policy.calls import Call

#: Services by the prefix of X-Amz-Target.
TARGETS = {"AmazonSQS": "sqs", "Logs_20140328": "logs"}

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
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.calls.append(call.ended(answer.status))
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
                """Say nothing."""

        return Handler


@contextlib.contextmanager
def recording(upstream: str) -> Iterator[Recorder]:
    """Run a recorder before an emulator."""
    recorder = Recorder(upstream)
    threading.Thread(target=recorder.server.serve_forever, daemon=True).start()
    try:
        yield recorder
    finally:
        recorder.server.shutdown()
        recorder.server.server_close()


def read_call(method: str, path: str, headers: dict[str, str], body: bytes) -> Call:
    """Return what a request asks for. Raises ValueError for one that it cannot read."""
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    if target:
        service, _, operation = target.partition(".")
        return Call(TARGETS[service], operation, json.loads(body or b"{}"))
    parts = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    return Call(
        "s3", s3_operation(method, key, query), {"Bucket": bucket, "Key": key, "Prefix": query.get("prefix")}
    )


def s3_operation(method: str, key: str, query: dict[str, str]) -> str:
    """Return the name of an S3 operation (S3 API reference). Raises ValueError for one that is not known."""
    upload = "uploadId" in query
    known = {
        ("HEAD", True): "HeadObject",
        ("GET", True): "ListParts" if upload else "GetObject",
        ("PUT", True): "UploadPart" if upload else "PutObject",
        ("POST", True): "CompleteMultipartUpload" if upload else "CreateMultipartUpload",
        ("DELETE", True): "AbortMultipartUpload" if upload else "DeleteObject",
        ("HEAD", False): "HeadBucket",
        ("GET", False): "ListObjectsV2" if query.get("list-type") == "2" else "",
    }
    name = known.get((method, bool(key)), "")
    if not name or query.keys() & {"acl", "tagging", "policy", "location", "versions"}:
        raise ValueError(f"{method} {key} {query} is no S3 operation that is known here")
    return name

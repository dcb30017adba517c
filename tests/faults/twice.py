"""A proxy before SQS that delivers messages twice or three times at once, as at-least-once delivery may.

In two ways, by turns: the same delivery (one receipt) goes to the next who asks as well; or the message is
made visible again at once, so that the next receives it with a receipt of its own. All other calls pass.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import urllib.parse
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TARGET = "X-Amz-Target"
RECEIVE, CHANGE = "AmazonSQS.ReceiveMessage", "AmazonSQS.ChangeMessageVisibility"
#: A message that was delivered again so often is left alone.
MOST_REPEATS = 2
#: Of a connection, and no concern of the next one.
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class QuietServer(ThreadingHTTPServer):
    """A server that says nothing of clients that have gone before their answer came."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


class Twice:
    """Serve until `close`. `injected` counts what was delivered again, by its kind."""

    def __init__(self, upstream: str, chance: random.Random) -> None:
        self.injected: Counter[str] = Counter()
        self._upstream = urllib.parse.urlsplit(upstream).netloc
        self._chance = chance
        self._again: list[bytes] = []
        self._repeated: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return the answer to a call: what was delivered already, or what SQS says."""
        target = next((value for name, value in headers.items() if name.lower() == TARGET.lower()), "")
        if target == RECEIVE:
            with self._lock:
                kept = self._again.pop(0) if self._again else None
            if kept:
                return 200, {"Content-Type": "application/x-amz-json-1.0"}, kept
        status, told, answer = self._forward(headers, body)
        if target == RECEIVE and status == 200:
            self._deliver_again(headers, json.loads(body), answer)
        return status, told, answer

    def _deliver_again(self, headers: dict[str, str], asked: dict[str, Any], answer: bytes) -> None:
        messages = json.loads(answer).get("Messages") or []
        if not messages:
            return
        name = messages[0]["MessageId"]
        with self._lock:
            if self._repeated[name] >= MOST_REPEATS:
                return
            way = self._chance.choice(["same receipt", "same receipt", "own receipt"])
            times = self._chance.choice([1, 2]) if way == "same receipt" else 1
            self._repeated[name] += times
            self.injected[f"again, {way}"] += times
            if way == "same receipt":
                self._again += [answer] * times
        if way == "own receipt":
            visible = {"QueueUrl": asked["QueueUrl"], "ReceiptHandle": messages[0]["ReceiptHandle"]}
            body = json.dumps({**visible, "VisibilityTimeout": 0}).encode()
            names = {name: value for name, value in headers.items() if name.lower() != TARGET.lower()}
            self._forward({**names, TARGET: CHANGE}, body)

    def _forward(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            plain = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request("POST", "/", body, plain)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = proxy.answer(dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in (*HOP_BY_HOP, "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

"""A command's first call: where AWS does not answer, that is said soon."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import connect
from tests.serving import serve


class Failing(BaseHTTPRequestHandler):
    """A service that fails each time it is asked."""

    asked = 0

    def do_POST(self) -> None:
        Failing.asked += 1
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    serve(server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "here")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "here")
    Failing.asked = 0
    yield
    server.shutdown()
    server.server_close()


def test_the_first_call_is_tried_twice_and_no_more(service: None) -> None:
    clients = connect("us-east-1", None)

    with pytest.raises(ClientError):
        _ = clients.account

    assert Failing.asked == 2
    waits = clients.sts.meta.config
    assert waits.connect_timeout + waits.read_timeout <= 25

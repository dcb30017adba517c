"""Whether a registry has an image: asked over HTTP of a registry that speaks the distribution protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from distributed_fiji.registry import Image, ask, parse_image


class Registry(BaseHTTPRequestHandler):
    """Has one public image behind a token, and answers 401 for what is private, as Docker Hub does."""

    def do_GET(self) -> None:
        scope = self.path.split("scope=")[-1]
        self.answer(200, body=json.dumps({"token": scope}).encode())

    def do_HEAD(self) -> None:
        address = f"http://127.0.0.1:{self.server.server_address[1]}/token"
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


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("lab/fiji:1.0", Image("registry-1.docker.io", "lab/fiji", "1.0")),
        ("debian", Image("registry-1.docker.io", "library/debian", "latest")),
        ("ghcr.io/lab/fiji", Image("ghcr.io", "lab/fiji", "latest")),
        ("localhost:5000/fiji:2", Image("localhost:5000", "fiji", "2")),
        ("lab/fiji:1.0@sha256:ab", Image("registry-1.docker.io", "lab/fiji", "sha256:ab")),
    ],
)
def test_names_are_split_as_docker_does(name: str, image: Image) -> None:
    assert parse_image(name) == image


def test_an_image_that_is_there_is_told_with_its_digest(host: str) -> None:
    answer = ask(f"{host}/lab/fiji:1.0")

    assert (answer.state, answer.digest) == ("there", "sha256:abc")


def test_an_image_that_is_not_there_is_told_from_one_that_cannot_be_asked_for(host: str) -> None:
    assert ask(f"{host}/lab/fiji:2.0").state == "missing"
    assert ask(f"{host}/secret/fiji:1.0").state == "unknown"
    assert ask("127.0.0.1:9/lab/fiji:1.0").state == "unknown"

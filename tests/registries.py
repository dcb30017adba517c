"""Image registries on a free port of 127.0.0.1: one that answers like Docker Hub, one to push to."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

from tests.serving import serve


class Registry(BaseHTTPRequestHandler):
    """Has one public image behind a token, and answers 401 for private ones, like Docker Hub."""

    def do_GET(self) -> None:
        if self.path.startswith("/v2/"):
            index = {
                "manifests": [
                    {"platform": {"architecture": "amd64"}},
                    {"platform": {"architecture": "unknown"}},
                ]
            }
            self.answer(200, body=json.dumps(index).encode())
            return
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
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Registry)) as server:
        yield f"127.0.0.1:{server.server_port}"


Server = TypeVar("Server", bound=ThreadingHTTPServer)


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve until the block ends."""
    with server:
        serve(server)
        yield server
        server.shutdown()


class Taker(ThreadingHTTPServer):
    """A registry to push to (OCI distribution specification, "Push"). With `login`, it asks for one first."""

    def __init__(self, login: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), TakerRequest)
        self.host = f"127.0.0.1:{self.server_port}"
        self.login = login
        self.requests: list[str] = []
        self.begun = b""
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}


class TakerRequest(BaseHTTPRequestHandler):
    """A blob is started, sent in one part and closed with its digest; then comes the manifest."""

    protocol_version = "HTTP/1.1"
    server: Taker

    def do_GET(self) -> None:
        if self.path == "/v2/":
            return self.answer(200)
        name = self.path.rsplit("/", 1)[-1]
        found = self.server.blobs.get(name, self.server.manifests.get(name))
        if found is None:
            return self.answer(404)
        self.answer(200, length=len(found), digest=found)
        if self.command == "GET":
            self.wfile.write(found)
        return None

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.server.begun = b""
        self.answer(202, go_on="/upload")

    def do_PATCH(self) -> None:
        self.server.begun = self.body()
        self.answer(202, go_on="/upload")

    def do_PUT(self) -> None:
        body = self.body()
        if "/manifests/" in self.path:
            self.server.manifests[self.path.rsplit("/", 1)[-1]] = body
        else:
            body = self.server.begun + body
            self.server.blobs[digest_of(body)] = body
        self.answer(201, digest=body)

    def body(self) -> bytes:
        """Return what was sent, in chunks or at once."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status: int, *, length: int = 0, digest: bytes | None = None, go_on: str = "") -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        self.send_response(401 if self.server.login else status)
        self.send_header("Content-Length", str(length))
        if self.server.login:
            self.send_header("WWW-Authenticate", 'Basic realm="here"')
        if go_on:
            self.send_header("Location", f"http://{self.server.host}{go_on}")
            self.send_header("Range", f"0-{max(0, len(self.server.begun) - 1)}")
        if digest is not None:
            self.send_header("Docker-Content-Digest", digest_of(digest))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

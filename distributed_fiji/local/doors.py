"""The doors of the embedded cloud: whose requests its servers answer. Pure, except the wrappers at the end.

Anything on a machine can reach 127.0.0.1: its other users, and web pages in a browser. Web pages send
requests across origins without asking, and read the answers if CORS or a rebound name lets them. So a server
answers only requests that

- hold the cloud's secret, which is in its state.json (mode 0600) and is the access key of its clients;
- are for 127.0.0.1 and the server's own port, by their Host header (a rebound name gives another host);
- have no Origin header: only browsers send one (Fetch standard, "HTTP `Origin` header").

All other requests get the same refusal, status 403 without content, and no answer has a CORS header.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

#: The variable that passes the secret to a server.
VARIABLE = "LOCAL_KEY"

#: Where a version 4 signature names its access key (IAM user guide, "Elements of an AWS API request
#: signature").
CREDENTIAL = re.compile(r"\bCredential=([^/,\s]+)/")

REFUSED_HEADERS = [("Content-Length", "0"), ("Connection", "close")]


def new_key() -> str:
    """Return a new secret in the form of an access key: capital letters and digits."""
    return f"LOCAL{secrets.token_hex(20).upper()}"


def task_key(key: str) -> str:
    """Return the tasks' key. It opens the data plane, and what a machine offers to its tasks.

    A script has its task's key, but cannot use it to register a function or a task that runs as the owner.
    """
    return f"TASK{hmac.new(key.encode(), b'tasks', 'sha256').hexdigest()[:40].upper()}"


def headers(key: str) -> dict[str, str]:
    """Return the headers that the cloud's own parts send to each other."""
    return {"Authorization": f"Local Credential={key}/"}


@dataclass(frozen=True)
class Door:
    """The door of the server on `port`, in a cloud with the secret `key`.

    `tasks`: the tasks' key opens it too.
    """

    key: str
    port: int
    tasks: bool = False

    def admits(self, *, host: str | None, origin: str | None, authorization: str, query: str = "") -> bool:
        """Return whether a request is admitted. `query`: where a presigned URL has its credential."""
        return self.is_for_here(host, origin) and self.is_key(credential(authorization, query))

    def is_for_here(self, host: str | None, origin: str | None) -> bool:
        """Return whether a request is for this server, and was not sent by a web page."""
        return origin is None and host == f"127.0.0.1:{self.port}"

    def is_key(self, given: str) -> bool:
        """Return whether this is the secret, or a key made from it that this door accepts."""
        keys = [self.key, task_key(self.key)] if self.tasks else [self.key]
        return bool(self.key) and any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)


def credential(authorization: str, query: str) -> str:
    """Return a request's access key, from its header or a presigned URL; '' if there is none."""
    if found := CREDENTIAL.search(authorization):
        return found[1]
    return parse_qs(query).get("X-Amz-Credential", [""])[0].partition("/")[0]


def is_cors(name: str) -> bool:
    """Return whether a header lets web pages of other origins read an answer."""
    return name.lower().startswith("access-control-")


Application = Callable[..., Iterable[bytes]]


def wsgi(application: Application, door: Door) -> Application:
    """Return a WSGI application behind the door."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not door.admits(
            host=environ.get("HTTP_HOST"),
            origin=environ.get("HTTP_ORIGIN"),
            authorization=environ.get("HTTP_AUTHORIZATION", ""),
            query=environ.get("QUERY_STRING", ""),
        ):
            start_response("403 Forbidden", REFUSED_HEADERS)
            return []

        def start(status: str, sent: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [item for item in sent if not is_cors(item[0])], *rest)

        return application(environ, start)

    return guarded


def asgi(application: Callable[..., Any], door: Door) -> Callable[..., Any]:
    """Return an ASGI application behind the door.

    It accepts no websockets, since no client of ours uses them.
    """

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif not _admits(door, scope):
            sent = [(name.lower().encode(), value.encode()) for name, value in REFUSED_HEADERS]
            await send({"type": "http.response.start", "status": 403, "headers": sent})
            await send({"type": "http.response.body", "body": b""})
        else:
            await application(scope, receive, _without_cors(send))

    return guarded


def _admits(door: Door, scope: dict[str, Any]) -> bool:
    found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return door.admits(
        host=found.get("host"),
        origin=found.get("origin"),
        authorization=found.get("authorization", ""),
        query=scope.get("query_string", b"").decode("latin-1"),
    )


def _without_cors(send: Any) -> Callable[..., Any]:
    async def sent(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [item for item in message.get("headers", []) if not is_cors(item[0].decode("latin-1"))]
            message = message | {"headers": kept}
        await send(message)

    return sent

"""An emulator that is near at one port and as far away as AWS is at another.

At the far port every request waits before it is handled, which costs no CPU: a proxy or relay in between
would itself be much of what is measured.
`python -m benchmarks.distance NEAR_PORT FAR_PORT MILLISECONDS` is the server; `ministack` runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import emulators

HOST = "127.0.0.1"

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Emulator:
    """The URLs of one emulator: where it answers at once, and where a request takes longer."""

    near: str
    far: str


@contextlib.contextmanager
def ministack(folder: Path, milliseconds: float = 0) -> Iterator[Emulator]:
    """Run ministack with its objects in memory, the disk being none of our business.

    A request to its far URL takes `milliseconds` longer.
    """
    near, far = emulators.free_port(), emulators.free_port()
    environment = {
        "SERVICES": "sqs,s3,logs",
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(near),
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "benchmarks.distance", str(near), str(far), str(milliseconds)]
    with emulators.running(command, near, environment, folder / "ministack.log") as url:
        yield Emulator(url, f"http://{HOST}:{far}")


def delayed(application: Application, port: int, milliseconds: float) -> Application:
    """Return an ASGI application whose requests to a port wait first."""

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["server"][1] == port:
            await asyncio.sleep(milliseconds / 1000)
        await application(scope, receive, send)

    return answer


def serve(near: int, far: int, milliseconds: float) -> None:
    """Serve both ports until ended, as ministack's own command serves one."""
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config
    from ministack.app import app

    config = Config()
    config.bind = [f"{HOST}:{near}", f"{HOST}:{far}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    asyncio.run(serve_asgi(delayed(app, far, milliseconds), config))  # type: ignore[arg-type]


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

"""An emulator that is near at one port and as far away as AWS is at another.

At the far port every request waits before it is handled, which costs no CPU: a proxy or relay in between
would itself be much of what is measured. So would ministack's own server, as AWS's servers do not share a
client's cores: uvicorn with uvloop and httptools serves the same application for half of the CPU.
`python -m benchmarks.distance NEAR_PORT FAR_PORT MILLISECONDS` is the server; `ministack` runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import uvicorn
import uvloop

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


async def serve(near: int, far: int, milliseconds: float) -> None:
    """Serve both ports until ended."""
    from ministack.app import app

    application = delayed(app, far, milliseconds)
    # The application starts and ends with the near port alone: it is one, whatever it listens on.
    await asyncio.gather(server(application, near, "on").serve(), server(application, far, "off").serve())


def server(application: Application, port: int, lifespan: Literal["on", "off"]) -> uvicorn.Server:
    """Return a server that takes as little of the machine as Python can."""
    config = uvicorn.Config(
        application,
        host=HOST,
        port=port,
        http="httptools",
        lifespan=lifespan,
        timeout_keep_alive=75,
        log_level="warning",
        access_log=False,
    )
    return uvicorn.Server(config)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

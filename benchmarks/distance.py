"""An emulator as far away as AWS is: a relay that lets every byte travel for half the latency each way.

Lighter than a proxy that reads HTTP, which would itself be what is measured: it moves bytes and no more.
`python -m benchmarks.distance PORT UPSTREAM_PORT MILLISECONDS` is the relay; `distant` runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests import emulators

HOST = "127.0.0.1"


@contextlib.contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """Run ministack with its objects in memory, the disk being none of our business; yield its URL."""
    port = emulators.free_port()
    environment = {
        "SERVICES": "sqs,s3,logs",
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    command = [emulators.program("ministack")]
    with emulators.running(command, port, environment, folder / "ministack.log") as url:
        yield url


@contextlib.contextmanager
def distant(folder: Path, url: str, milliseconds: float) -> Iterator[str]:
    """Run a relay to a server; yield its URL. A request takes `milliseconds` longer than without."""
    port = emulators.free_port()
    words = [str(port), str(urlsplit(url).port), str(milliseconds)]
    command = [sys.executable, "-m", "benchmarks.distance", *words]
    with emulators.running(command, port, {}, folder / f"relay{port}.log") as relayed:
        yield relayed


async def serve(port: int, upstream: int, milliseconds: float) -> None:
    """Relay until ended."""
    server = await asyncio.start_server(partial(connect, upstream, milliseconds / 2000), HOST, port)
    await server.serve_forever()


async def connect(
    upstream: int, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Relay one connection both ways."""
    far_reader, far_writer = await asyncio.open_connection(HOST, upstream)
    await asyncio.gather(carry(reader, far_writer, delay), carry(far_reader, writer, delay))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, each piece after `delay` seconds, and close when the other side does."""
    clock = asyncio.get_running_loop().time
    travelling: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            due, data = await travelling.get()
            await asyncio.sleep(max(0.0, due - clock()))
            if not data:
                break
            writer.write(data)

    arriving = asyncio.create_task(arrive())
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(2**18):
            travelling.put_nowait((clock() + delay, data))
    travelling.put_nowait((clock() + delay, b""))
    with contextlib.suppress(ConnectionError):
        await arriving
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

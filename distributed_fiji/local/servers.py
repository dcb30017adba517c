"""The cloud's servers: how each is started, and how it shows that it is ready. All listen on 127.0.0.1."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import sys
import time
from pathlib import Path

import psutil

from distributed_fiji.errors import DistributedFijiError, InvalidInput
from distributed_fiji.local import doors, processes
from distributed_fiji.local.state import (
    ACCOUNT,
    CONTROL_PLANE,
    DATA_PLANE,
    MACHINES,
    Folders,
    Server,
    State,
)

CHECKOUT = Path(__file__).resolve().parents[2]

START_SECONDS = 60.0
POLL_SECONDS = 0.02
RELEASE_SECONDS = 1.0

#: The path of each server's health check, and the module that it runs.
HEALTH = {CONTROL_PLANE: "/_local/health", DATA_PLANE: "/_ministack/health", MACHINES: "/health"}
MODULES = {
    CONTROL_PLANE: "distributed_fiji.local.emulators.controlplane",
    DATA_PLANE: "distributed_fiji.local.emulators.dataplane",
    MACHINES: "distributed_fiji.local.machines.loop",
}


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def taken(port: int) -> bool:
    """Return whether a port of 127.0.0.1 is in use, waiting briefly for a server that is just ending."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return False
        if time.monotonic() >= deadline:
            return True
        time.sleep(POLL_SECONDS)


def start(name: str, folders: Folders, state: State) -> Server:
    """Start a server on the port that the state assigns; return it with its process."""
    server = state.servers[name]
    identity = processes.spawn(
        [sys.executable, "-m", MODULES[name], str(folders.root)],
        environment(name, folders, state),
        folders.root,
        folders.logs / f"{name}.log",
    )
    return Server(server.port, identity)


def environment(name: str, folders: Folders, state: State) -> dict[str, str]:
    """Return all of a server's environment variables. Of the user's environment, it gets only PATH."""
    common = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folders.root),
        "TMPDIR": str(folders.temporary),
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        doors.VARIABLE: state.key,
    }
    return common | {CONTROL_PLANE: _moto, DATA_PLANE: _ministack, MACHINES: _machines}[name](folders, state)


def minute_seconds(text: str) -> str:
    """Return how many seconds a minute of schedules should last, as given. Raises InvalidInput."""
    if not re.fullmatch(r"([0-9]+(\.[0-9]+)?)?", text):
        problem = (
            f"DISTRIBUTED_FIJI_LOCAL_MINUTE = {text!r}: must be a number of seconds, for example 1 or 0.5"
        )
        raise InvalidInput("The embedded cloud cannot be started", [problem])
    return text


def _moto(folders: Folders, state: State) -> dict[str, str]:
    return {
        "MOTO_PORT": str(state.servers[CONTROL_PLANE].port),
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "LOCAL_DATA_PLANE": state.servers[DATA_PLANE].url,
        "LOCAL_MINUTE": minute_seconds(os.environ.get("DISTRIBUTED_FIJI_LOCAL_MINUTE", "")),
        "LOCAL_SITE": os.environ.get("DISTRIBUTED_FIJI_LOCAL_SITE", ""),
        "DOCKER_HOST": f"unix://{folders.temporary}/none",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _ministack(folders: Folders, state: State) -> dict[str, str]:
    """SFTP and MQTT are off. It must not find Docker, where it would stop every container with its label."""
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(state.servers[DATA_PLANE].port),
        "SERVICES": "sqs,s3,logs",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folders.objects),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": state.region,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "DOCKER_HOST": f"unix://{folders.temporary}/none",
    }


def _machines(folders: Folders, state: State) -> dict[str, str]:
    """Containers are started with the user's Docker, and ImageJ core is built with the user's Java."""
    names = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "JAVA_HOME")
    own = {name: os.environ[name] for name in names if name in os.environ}
    return own | {"LOCAL_SITE": os.environ.get("DISTRIBUTED_FIJI_LOCAL_SITE", "")}


def healthy(name: str, server: Server, key: str) -> bool:
    """Return whether a server answers as itself. `key`: the cloud's secret, which is sent to nobody else."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        # Finding the listening process means reading a table of all connections, so do it only if somebody
        # listens.
        connection.connect()
        if not listens(server):
            return False
        connection.request("GET", HEALTH[name], headers=doors.headers(key))
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def listens(server: Server) -> bool:
    """Return whether the server's own process listens on its port, since anybody may take a free one."""
    process = server.identity.process() if server.identity else None
    if process is None:
        return False
    with contextlib.suppress(psutil.Error):
        return any(
            found.status == psutil.CONN_LISTEN and found.laddr.port == server.port
            for found in process.net_connections("tcp4")
        )
    return False


def wait_until_ready(name: str, folders: Folders, state: State) -> bool:
    """Return True once a server answers, False if it ended because its port had been taken.

    Raises DistributedFijiError with the end of its log if it ended otherwise, or does not answer in time.
    """
    server = state.servers[name]
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.identity is None or server.identity.process() is None:
            if taken(server.port):
                return False
            break
        if healthy(name, server, state.key):
            return True
        time.sleep(POLL_SECONDS)
    raise DistributedFijiError(
        f"The embedded cloud's {name} did not start. The end of its log:\n{last_lines(folders, name)}"
    )


def last_lines(folders: Folders, name: str, lines: int = 15) -> str:
    """Return the end of a server's log."""
    log = folders.logs / f"{name}.log"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

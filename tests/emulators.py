"""Start an emulator of AWS in its own process on a free port of 127.0.0.1, and end it by its pid.

ministack is the data plane (SQS, S3 on disk, logs). moto_server is the control plane (and a second opinion on
SQS and S3), plain or as the embedded cloud extends it. All are context managers that yield the endpoint's
URL.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distributed_fiji.local import doors

#: What an emulator's client needs: fake keys, a region, and none of the developer's configuration.
CLIENT_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

START_SECONDS = 90.0
STOP_SECONDS = 5.0


@contextlib.contextmanager
def ministack(folder: Path, services: str = "sqs,s3,logs") -> Iterator[str]:
    """Run ministack with its S3 objects as plain files in `folder`/s3; yield its URL."""
    data = folder / "s3"
    data.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = {
        "SERVICES": services,
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data),
        "LOG_LEVEL": "WARNING",
    }
    with running([program("ministack")], port, environment, folder / "ministack.log") as url:
        yield url


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[str]:
    """Run moto_server, its log in `folder`; yield its URL."""
    port = free_port()
    command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}, folder / "moto.log") as url:
        yield url


@contextlib.contextmanager
def control_plane(folder: Path, **environment: str) -> Iterator[str]:
    """Run the embedded cloud's control plane, which is moto with our additions; yield its URL.

    Its door opens to the key in CLIENT_ENVIRONMENT.
    """
    port = free_port()
    own = {
        "MOTO_PORT": str(port),
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        doors.VARIABLE: CLIENT_ENVIRONMENT["AWS_ACCESS_KEY_ID"],
    }
    command = [sys.executable, "-m", "distributed_fiji.local.emulators.controlplane", str(folder)]
    with running(command, port, own | environment, folder / "control.log") as url:
        yield url


@contextlib.contextmanager
def microburst(folder: Path, upstream: str) -> Iterator[str]:
    """Run the fault proxy in front of an emulator; yield its URL. `set_faults` sets the faults."""
    port = free_port()
    command = [sys.executable, "-m", "tests.faultproxy", "--upstream", upstream, "--port", str(port)]
    # The proxy is asked about itself, since any other question goes to the emulator behind it. It holds no
    # state, and would wait for calls that hang in it.
    options: dict[str, Any] = {"question": "/_microburst/health", "stop_seconds": 0.3}
    with running(command, port, {}, folder / "microburst.log", **options) as url:
        yield url


def empty(control_plane: str, data_plane: str) -> None:
    """Remove everything in an account, by the emulators' own means.

    moto forgets its backends while threads of earlier tests may still ask them, and then answers 500.
    """
    for _ in range(3):
        try:
            _talk(f"{control_plane}/moto-api/reset", "POST", None)
            break
        except urllib.error.HTTPError as error:
            refused = error
            time.sleep(1)
    else:
        raise refused
    _talk(f"{data_plane}/_ministack/reset", "POST", None)


def set_faults(proxy: str, *rules: dict[str, Any]) -> None:
    """Make a proxy inject exactly these faults (microburst's rules; the first that matches counts)."""
    _talk(f"{proxy}/_microburst/rules", "POST", list(rules))


def fired_faults(proxy: str) -> list[dict[str, Any]]:
    """Return what a proxy has injected since it started."""
    answer = _talk(f"{proxy}/_microburst/fired?limit=1000000", "GET", None)
    return list(answer) if isinstance(answer, list) else list(answer.get("fired", []))


def fired_by_rule(proxy: str) -> list[int]:
    """Return how often each of a proxy's rules has fired, in the order they were set."""
    return [int(rule["fired_count"]) for rule in _talk(f"{proxy}/_microburst/rules", "GET", None)]


def calls_through(proxy: str) -> int:
    """Return how many calls a proxy has seen."""
    return int(_talk(f"{proxy}/_microburst/stats", "GET", None)["requests"]["total"])


def _talk(url: str, method: str, document: Any) -> Any:
    body = None if document is None else json.dumps(document).encode()
    sent = {"Content-Type": "application/json", **doors.headers(CLIENT_ENVIRONMENT["AWS_ACCESS_KEY_ID"])}
    request = urllib.request.Request(url, body, sent, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or "null")


@contextlib.contextmanager
def running(
    command: list[str],
    port: int,
    environment: Mapping[str, str],
    log: Path,
    *,
    question: str = "",
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[str]:
    """Run a server until the block ends; yield its URL once it answers HTTP (at `question`, a path).

    Raises RuntimeError with the end of its log if it does not.
    """
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **CLIENT_ENVIRONMENT, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(url + question, process, log)
            yield url
        finally:
            _end(process, stop_seconds)


def program(name: str) -> str:
    """Return the path of a console script next to the running Python."""
    return str(Path(sys.executable).parent / name)


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"{url} does not answer:\n{said}")


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

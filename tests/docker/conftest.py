"""The Docker daemon, the image, and an emulator. Without a daemon, tests skip here and fail in CI."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException

from tests.docker.support import CHECKOUT
from tests.emulators import ministack
from worker.fiji.install import install

IMAGE = "distributed-fiji/worker:test"

#: What a user may have in the environment while building; none of it may get anywhere.
CANARIES = {
    "AWS_ACCESS_KEY_ID": "AKIACANARY7Q2",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-51b7c0",
    "AWS_SESSION_TOKEN": "canary-token-8e44d1",
    "GITHUB_TOKEN": "canary-github-09ac3f",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/docker/" in item.nodeid:
            item.add_marker("docker")


@pytest.fixture(scope="session")
def daemon() -> Iterator[Any]:
    """A client of the Docker daemon."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a Docker daemon: {error}")
        pytest.skip(f"there is no Docker daemon: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(daemon: Any) -> str:
    """The image of this checkout with ImageJ core, or the one that WORKER_IMAGE names."""
    return os.environ.get("WORKER_IMAGE") or build(IMAGE)


@pytest.fixture(scope="session")
def core_image(daemon: Any, image: str) -> str:
    """The image, where its FIJI is ImageJ core."""
    if "org.distributed-fiji.fiji" in daemon.images.get(image).labels:
        pytest.skip(f"{image} holds a FIJI, and this is about ImageJ core")
    return image


@pytest.fixture(scope="session")
def s3fs_image(image: str) -> str:
    """The variant of the image for DOWNLOAD_FILES = False."""
    return build(f"{IMAGE}-s3fs", "S3FS=1")


def build(name: str, *arguments: str) -> str:
    """Build the image by make, as a user does, with canaries in the environment; return its name.

    One build at a time on this machine. All but what has changed comes from Docker's cache.
    """
    command = ["make", "-C", "worker", "core", f"NAME={name}", *arguments]
    with (Path(tempfile.gettempdir()) / "distributed-fiji-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            command, cwd=CHECKOUT, env={**os.environ, **CANARIES}, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return name


@pytest.fixture(scope="session")
def fiji() -> Path:
    """ImageJ core on this machine, for workers that run as processes."""
    return install()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator's URL."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url

"""The Docker daemon, the image, and an emulator. Without a daemon, tests skip here and fail in CI."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import docker
import pytest
from docker.errors import DockerException

from tests.docker.build import build_image, build_variant
from tests.emulators import ministack
from worker.imagej.install import install


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/docker/" in item.nodeid:
            item.add_marker("docker")


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"CI needs more than it has: {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def daemon() -> Iterator[Any]:
    """A client of the Docker daemon."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        missing(f"there is no Docker daemon: {error}")
    if shutil.which("docker") is None:
        missing("Docker's daemon runs, and its command `docker` is not there")
    yield client
    client.close()


def built_once(pytests: pytest.TempPathFactory, build: Callable[[], str]) -> str:
    """Return an image's name, which only the first process of this run builds: building checks its FIJI."""
    folder = pytests.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / build.__name__).open("a+", encoding="utf-8") as told:
        fcntl.flock(told, fcntl.LOCK_EX)
        told.seek(0)
        if not (name := told.read()):
            name = build()
            told.write(name)
        return name


@pytest.fixture(scope="session")
def image(daemon: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """This checkout's image with ImageJ core, or the one that WORKER_IMAGE names."""
    return os.environ.get("WORKER_IMAGE") or built_once(tmp_path_factory, build_image)


@pytest.fixture(scope="session")
def core_image(daemon: Any, image: str) -> str:
    """The image, if its FIJI is ImageJ core."""
    if "org.distributed-fiji.fiji" in daemon.images.get(image).labels:
        pytest.skip(f"{image} holds a FIJI, and this is about ImageJ core")
    return image


@pytest.fixture(scope="session")
def s3fs_image(daemon: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The variant of the image for DOWNLOAD_FILES = False."""
    try:
        return built_once(tmp_path_factory, build_variant)
    except LookupError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def fiji() -> Path:
    """ImageJ core on this machine, for workers that run as processes."""
    return install()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator's URL."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url

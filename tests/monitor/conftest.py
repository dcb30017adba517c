"""The emulators once for all tests of this folder; every test has an app of its own name."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.aws import Clients
from tests.emulators import free_port, ministack, running
from tests.monitor.builders import EmulatedSession

NUMBERS = itertools.count(1)


@contextmanager
def control_plane(folder: Path) -> Iterator[str]:
    """Run the embedded cloud's control plane: moto with what AWS does and moto does not; yield its URL."""
    command = [sys.executable, "-m", "distributed_fiji.local.controlplane", str(folder)]
    port = free_port()
    environment = {"MOTO_PORT": str(port), "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with running(command, port, environment, folder / "control.log") as url:
        yield url


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        control_plane(tmp_path_factory.mktemp("control")) as control,
        ministack(tmp_path_factory.mktemp("ministack")) as data,
    ):
        yield EmulatedSession(control, data)


@pytest.fixture(scope="session")
def clients(session: Any) -> Clients:
    return Clients(session)


@pytest.fixture
def app() -> str:
    return f"Plate{next(NUMBERS)}"

"""The emulators once for all tests of this folder; every test has an app of its own name."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from distributed_fiji.aws import Clients
from tests.emulators import free_port, ministack, running
from tests.monitor.builders import EmulatedSession
from tests.policy.trail import SITE

NUMBERS = itertools.count(1)


@contextmanager
def emulators(folder: Path, minute: float = 60) -> Iterator[EmulatedSession]:
    """Run the embedded cloud's control plane and data plane; yield a session that talks to both.

    The control plane is moto with what AWS does and moto does not. `minute`: seconds that a minute of
    schedules takes.
    """
    command = [sys.executable, "-m", "distributed_fiji.local.controlplane", str(folder)]
    port = free_port()
    with ministack(folder) as data:
        environment = {
            "MOTO_PORT": str(port),
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "LOCAL_DATA_PLANE": data,
            "LOCAL_MINUTE": str(minute),
            "LOCAL_SITE": os.environ.get(SITE, ""),
        }
        with running(command, port, environment, folder / "control.log") as control:
            yield EmulatedSession(control, data)


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedSession]:
    with emulators(tmp_path_factory.mktemp("emulators")) as session:
        yield session


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatedSession, Path]]:
    """Emulators of their own whose schedules run fast, and their folder."""
    folder = tmp_path_factory.mktemp("hurried")
    with emulators(folder, minute=0.5) as session:
        yield session, folder


@pytest.fixture(scope="session")
def clients(session: EmulatedSession) -> Clients:
    return Clients(session)


@pytest.fixture
def app() -> str:
    return f"Plate{next(NUMBERS)}"

"""Emulators for all tests of this folder, emptied for each file; each test has its own app."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from tests.emulators import control_plane, empty, ministack
from tests.monitor.builders import EmulatedSession
from tests.monitor.flow import Flow
from tests.policy.trail import SITE

NUMBERS = itertools.count(1)

#: Seconds per minute of a schedule, so that the janitor of a run that a test leaves behind never comes.
NEVER = 1e6


@contextmanager
def emulators(folder: Path, minute: float = 60) -> Iterator[EmulatedSession]:
    """Run the embedded cloud's control plane and data plane; yield a session for both.

    The control plane is moto with our additions. `minute`: seconds that a minute of schedules takes.
    """
    site = os.environ.get(SITE, "")
    with (
        ministack(folder) as data,
        control_plane(folder, LOCAL_DATA_PLANE=data, LOCAL_MINUTE=str(minute), LOCAL_SITE=site) as control,
    ):
        yield EmulatedSession(control, data)


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedSession]:
    with emulators(tmp_path_factory.mktemp("emulators"), minute=NEVER) as session:
        yield session


@pytest.fixture(autouse=True, scope="module")
def empty_account(session: EmulatedSession) -> None:
    """Remove what other files' tests left, since many calls list everything that exists."""
    empty(session.control, session.data)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatedSession, Path]]:
    """Separate emulators with fast schedules, and their folder."""
    folder = tmp_path_factory.mktemp("hurried")
    with emulators(folder, minute=0.5) as session:
        yield session, folder


@pytest.fixture(scope="session")
def clients(session: EmulatedSession) -> Clients:
    return Clients(session)


@pytest.fixture
def app() -> str:
    return f"Plate{next(NUMBERS)}"


@pytest.fixture
def flow(clients: Clients, app: str, tmp_path: Path) -> Flow:
    """An app that is set up."""
    made = Flow(app, tmp_path / app, clients)
    made.begin()
    made.setup(clients)
    return made

"""The emulators once for all tests of this folder; every test has an app of its own name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from distributed_fiji.aws import Clients
from tests.emulators import ministack, moto
from tests.monitor.builders import EmulatedSession

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with (
        moto(tmp_path_factory.mktemp("moto")) as control,
        ministack(tmp_path_factory.mktemp("ministack")) as data,
    ):
        session: Any = EmulatedSession(control, data)
        yield Clients(session)


@pytest.fixture
def app() -> str:
    return f"Plate{next(NUMBERS)}"

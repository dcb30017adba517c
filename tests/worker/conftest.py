"""Shared by the worker's tests: one ministack for all of them, and a separate run for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import emulators
from tests.worker import harness


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Cloud]:
    with emulators.ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield harness.connect(url)


@pytest.fixture
def run(cloud: harness.Cloud, tmp_path: Path) -> Iterator[harness.Run]:
    with harness.a_run(cloud, tmp_path) as made:
        yield made

"""A short form of each fault of the campaign: the same code, smaller numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.campaign import FAULTS, Fault
from tests.faults.ground import Ground


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with Ground(tmp_path_factory.mktemp("faults"), seed=1) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_the_worker_withstands(ground: Ground, fault: Fault) -> None:
    report = fault.run(ground, **fault.short)

    assert report.problems == []
    assert report.injected.total() > 0
    assert report.outcomes["lost"] == 0

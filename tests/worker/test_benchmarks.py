"""What `make bench` sets side by side works: the plain way, and the worker's."""

from __future__ import annotations

import pytest

from benchmarks.worker import Case, run
from tests.worker import harness


@pytest.mark.parametrize("module", ["benchmarks.plain", "worker"])
def test_a_way_works_off_its_jobs(cloud: harness.Cloud, module: str) -> None:
    spent = run(Case(None, 0, 2), cloud, cloud.url, module, {})

    assert spent.all >= spent.fiji > 0

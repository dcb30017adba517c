"""A short form of each fault of the campaign: the same code, smaller numbers."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests import emulators
from tests.faults import strangers
from tests.faults.campaign import FAULTS, Fault
from tests.faults.ground import Ground
from tests.faults.report import Report


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


def test_strangers_are_seen_to_get_in_where_there_is_no_door(ground: Ground) -> None:
    """Without this, S5 would prove nothing: the same requests, to an emulator without a door."""
    report, chance = Report(), ground.chance("S5")
    with emulators.ministack(ground.new_folder("open")) as url:
        port = urlsplit(url).port or 0
        for _ in range(100):
            strangers.ask_as(report, chance, *strangers.a_stranger(chance, "LOCALKEY", port), port)

    assert report.outcomes["answered"] > 50
    assert len(report.problems) >= report.outcomes["answered"]

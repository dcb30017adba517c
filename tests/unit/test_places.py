"""Outputs that go where inputs are: said in one line, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from distributed_fiji.checks.places import doubts_about_places
from worker.contract.jobs import Job


def job(location: str, *inputs: str, **metadata: Any) -> Job:
    return Job({"Well": "A01", **metadata}, location, inputs=inputs)


@pytest.mark.parametrize(
    "one",
    [
        job("plate/images", "plate/images/A01_*.tif"),
        job("plate/images/", image="s3://bucket/plate/images/A01.tif"),
        job("plate/images/results", folder="/home/ubuntu/bucket/plate/images/"),
        job("", image="s3://bucket/A01.tif"),
    ],
)
def test_outputs_among_inputs_are_told_of_once(one: Job) -> None:
    (line,) = doubts_about_places([job("elsewhere", "plate/a.tif"), one, one], "bucket", "bucket")

    assert "Well=A01" in line and "another output_file_location" in line
    assert not doubts_about_places([one], "bucket", "another")


@pytest.mark.parametrize(
    "one",
    [
        job("plate/results", "plate/images/A01_*.tif"),
        job("plate/images/results", image="s3://bucket/plate/images/A01.tif"),
        job("plate/images_2", folder="s3://bucket/plate/images/"),
        job("plate/images", image="s3://other/plate/images/A01.tif"),
        job("plate/images", name="plate/images/A01.tif"),
    ],
)
def test_outputs_beside_the_folders_of_inputs_are_fine(one: Job) -> None:
    assert not doubts_about_places([one], "bucket", "bucket")

"""Jobs' inputs and their bytes, found by few listings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from distributed_fiji.commands.rehearsalruns import FolderInputs
from distributed_fiji.listedinputs import Input, ListedInputs, ListingLimits, TooMany
from worker.contract.jobs import Job

OBJECTS = {
    "plate/A01_1.tif": 10,
    "plate/A01_2.tif": 20,
    "plate/A010_1.tif": 400,
    "plate/B02_1.tif": 30,
    "flat/1.tif": 5,
    "flat/2.tif": 6,
    "flat.tif": 7,
}


class Listed:
    """A bucket that counts its listings."""

    def __init__(self, objects: dict[str, int]) -> None:
        self.objects = objects
        self.asked: list[tuple[str, str]] = []

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, bool]]:
        self.asked.append((bucket, prefix))
        objects = sorted(self.objects.items())
        return ((key, size, False) for key, size in objects if key.startswith(prefix))


def job(*inputs: str, **metadata: str) -> Job:
    return Job(dict(metadata), "out", {}, inputs)


@pytest.mark.parametrize(
    ("one", "size"),
    [
        (job("plate/A01_*.tif"), 30),
        (job("/plate/A01_?.tif "), 30),
        (job("plate/A01*", "flat/*.tif"), 441),
        (job(image="s3://bucket/plate/B02_1.tif"), 30),
        (job(image="s3://bucket/flat/"), 11),
        (job(image="/home/ubuntu/bucket/flat"), 11),
        (job("flat/*", image="s3://bucket/flat/1.tif"), 11),
        (job(Well="plate/A01_1.tif"), 0),
        (job("nothing/*.tif"), 0),
        (job(), 0),
    ],
)
def test_a_job_reads_what_its_patterns_and_values_name(one: Job, size: int) -> None:
    found = ListedInputs([one], "bucket", Listed(OBJECTS).list, values=True)

    assert sum(found.sizes(one).values()) == size
    assert all(OBJECTS[place.key] == bytes_ for place, bytes_ in found.sizes(one).items())


def test_what_begins_alike_is_listed_once() -> None:
    objects = {f"plate/W{number:03}/s{site}.tif": number for number in range(500) for site in (1, 2)}
    bucket = Listed(objects)
    jobs = [job(f"plate/W{number:03}/*.tif", well=f"{number}") for number in range(500)]
    found = ListedInputs(jobs, "bucket", bucket.list, values=True)
    assert bucket.asked == [("bucket", "plate/W")]
    assert [sum(found.sizes(one).values()) for one in jobs] == [2 * number for number in range(500)]

    bucket = Listed(OBJECTS)
    jobs = [job("plate/A01_*", "flat/*"), job("plate/B02_*"), job("plate/*", flat="s3://other/flat.tif")]
    ListedInputs(jobs, "bucket", bucket.list, values=True)
    assert sorted(bucket.asked) == [("bucket", "flat/"), ("bucket", "plate/"), ("other", "flat.tif")]


def test_a_folder_of_this_machine_stands_for_the_bucket(tmp_path: Path) -> None:
    for key, size in OBJECTS.items():
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_bytes(bytes(size))
    folder = FolderInputs(tmp_path, "bucket")
    one = job("plate/A01_*.tif", image="s3://bucket/flat.tif", other="s3://elsewhere/flat.tif")

    assert ListedInputs([one], "bucket", folder.list, values=True).sizes(one) == {
        Input("bucket", "plate/A01_1.tif"): 10,
        Input("bucket", "plate/A01_2.tif"): 20,
        Input("bucket", "flat.tif"): 7,
    }


def test_one_text_may_be_a_pattern_and_an_address() -> None:
    # As a pattern it is the object alone; as a value it is a folder, where no such object is.
    both = job("s3://bucket/flat", image="s3://bucket/flat")
    found = ListedInputs([both], "bucket", Listed(OBJECTS).list, values=True)

    assert [len(found.find(need)) for need in found.needs(both)] == [0, 2]


def test_a_value_that_a_group_overrides_is_no_input() -> None:
    one = Job({"image": "s3://bucket/flat.tif"}, "out", {"image": "s3://bucket/nothing.tif"})
    found = ListedInputs([one], "bucket", Listed(OBJECTS).list, values=True)

    assert [need.text for need in found.needs(one)] == ["s3://bucket/flat.tif"]


@pytest.mark.parametrize("limits", [ListingLimits(keys=3), ListingLimits(compared=3)])
def test_more_keys_than_a_command_has_the_time_for_are_refused(limits: ListingLimits) -> None:
    one = job("plate/*")
    with pytest.raises(TooMany):
        found = ListedInputs([one], "bucket", Listed(OBJECTS).list, values=True, limits=limits)
        found.sizes(one)

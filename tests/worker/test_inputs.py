"""Inputs reach the script as local files, outputs reach the bucket, and nothing hostile leaves its folder."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.faults.serving import Answer, Serving
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.jobs import Job
from worker.storage.listing import Lister

MOUNT = "/home/ubuntu/bucket"


def put(run: Run, **contents: str) -> None:
    for key, text in contents.items():
        run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=text.encode())


def work_off(run: Run, **changes: object) -> harness.WorkerProcess:
    worker = harness.start_worker(run, **changes)
    harness.wait_until_settled(run, 90)
    assert worker.stop() == 0
    harness.check_nothing_left(run)
    return worker


def listing(run: Run, number: int) -> dict[str, Any]:
    return dict(json.loads(harness.content(run, f"results/{number}/listing.json")))


def test_objects_prefixes_and_patterns_become_files(run: Run) -> None:
    put(
        run,
        **{"in/a.txt": "A", "in/deep/b.txt": "B", "P1/w1_x.txt": "1", "P1/w1_y.txt": "2", "P1/w2_x.txt": "3"},
    )
    by_value = a_job(1, listing=True, image=f"s3://{run.bucket}/in/a.txt", folder=f"{MOUNT}/in/")
    by_pattern = a_job(2, listing=True, inputs=["P1/w1_*.txt", f"s3://{run.bucket}/in/"])
    shared = Job({"n": 3, "listing": True}, "results/3", {"flat": f"{MOUNT}/in/a.txt"})
    in_full = a_job(4, listing=True, inputs=["P1/w1_x.txt", "/home/ubuntu/bucket/P1/w2_x.txt"])
    jobs = [by_value, by_pattern, shared, in_full]
    submit(run, jobs)

    work_off(run)

    harness.check_done(run, jobs)
    assert listing(run, 4) == {"input:w1_x.txt": "1", "input:w2_x.txt": "3"}
    assert listing(run, 1) == {"image": "A", "folder:a.txt": "A", "folder:deep/b.txt": "B"}
    assert listing(run, 2) == {
        "input:w1_x.txt": "1",
        "input:w1_y.txt": "2",
        "input:a.txt": "A",
        "input:deep/b.txt": "B",
    }
    assert listing(run, 3) == {"flat": "A"}
    document = harness.manifest(run, by_value)
    assert document
    assert {entry["key"] for entry in document["inputs"]} == {
        f"s3://{run.bucket}/in/a.txt",
        f"s3://{run.bucket}/in/deep/b.txt",
    }


def test_an_input_that_is_named_in_full_is_not_listed(run: Run) -> None:
    put(run, **{"P1/w1.tif": "1", "P1/w1.tif.old": "2"})
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    run.cloud.s3.meta.events.register("before-call.s3", note)
    lister = Lister(run.cloud.s3, source_bucket=run.bucket, values=True)
    found = lister.look(a_job(1, inputs=["P1/w1.tif"], image=f"s3://{run.bucket}/P1/w1.tif"), lambda: None)
    run.cloud.s3.meta.events.unregister("before-call.s3", note)

    assert [entry["key"] for entry in found.used] == [f"s3://{run.bucket}/P1/w1.tif"]
    assert asked == ["HeadObject", "HeadObject"]


def test_many_files_go_both_ways_and_are_checked(run: Run) -> None:
    put(run, **{f"many/{number:03}.txt": f"file {number}" for number in range(60)})
    names = ",".join(f"a/{number:03} +=@.bin" for number in range(60))
    job = a_job(1, listing=True, folder=f"{MOUNT}/many", names=f"{names},quote'd.bin,ü.bin")
    submit(run, [job])

    work_off(run)

    harness.check_done(run, [job])
    document = harness.manifest(run, job)
    assert document
    assert len(document["outputs"]) == 63
    assert listing(run, 1) == {f"folder:{number:03}.txt": f"file {number}" for number in range(60)}


def test_a_prefix_is_fetched_once_and_follows_the_bucket(run: Run) -> None:
    put(run, **{"in/a.txt": "A", "in/b.txt": "B"})
    first = [a_job(number, listing=True, folder=f"{MOUNT}/in/", print=number) for number in (1, 2)]
    submit(run, first)
    worker = harness.start_worker(run)
    harness.wait_until_settled(run)

    put(run, **{"in/a.txt": "new", "in/c.txt": "C"})
    run.cloud.s3.delete_object(Bucket=run.bucket, Key="in/b.txt")
    third = a_job(3, listing=True, folder=f"{MOUNT}/in/")
    submit(run, [third])
    harness.wait_until_settled(run)
    worker.stop()

    assert listing(run, 1) == listing(run, 2) == {"folder:a.txt": "A", "folder:b.txt": "B"}
    assert listing(run, 3) == {"folder:a.txt": "new", "folder:c.txt": "C"}


@pytest.mark.parametrize("download", [True, False])
def test_values_are_inputs_only_where_files_are_downloaded(run: Run, download: bool) -> None:
    put(run, **{"in/a.txt": "A"})
    job = a_job(1, echo=True, image=f"{MOUNT}/in/a.txt")
    submit(run, [job])

    work_off(run, DOWNLOAD_FILES=download)

    arrived = json.loads(harness.content(run, "results/1/parameters.json"))["image"]
    assert (arrived == f"{MOUNT}/in/a.txt") != download


@pytest.mark.beyond_role("no-such-bucket")
def test_what_is_missing_or_collides_is_named(cloud: harness.Cloud, tmp_path: Path) -> None:
    with harness.a_run(cloud, tmp_path, retries=1) as run:
        put(run, **{"one/a.txt": "1", "two/a.txt": "2", "bad/../x.txt": "3", "c/both": "4", "c/both/x": "5"})
        cases = {
            "no/such.tif": a_job(1, image=f"{MOUNT}/no/such.tif"),
            "'no/*.tif'": a_job(2, inputs=["no/*.tif"]),
            "input/a.txt": a_job(3, inputs=["one/*", "two/*"]),
            "whole bucket": a_job(4, folder=f"s3://{run.bucket}"),
            "bad/../x.txt": a_job(5, inputs=["bad/"]),
            "file and a folder": a_job(6, inputs=["c/"]),
            "no-such-bucket": a_job(7, image="s3://no-such-bucket/key.tif"),
        }
        submit(run, cases.values())

        work_off(run)

        assert harness.check_settled(run, cases.values()) == list(cases.values())
        for words, job in cases.items():
            assert words in harness.failures(run, job.job_id)[0]["sentence"]
        assert harness.failures(run, cases["no/such.tif"].job_id)[0]["class"] == "input missing"
        assert harness.failures(run, cases["bad/../x.txt"].job_id)[0]["class"] == "download failed"


@pytest.mark.beyond_role("no-such-bucket")
def test_what_comes_nearest_is_named(cloud: harness.Cloud, tmp_path: Path) -> None:
    with harness.a_run(cloud, tmp_path, retries=1) as run:
        put(run, **{"nfd/Gro\u0308ße_A01.tif": "", "nfd/Zu\u0308rich/A01.tif": "", "plate/A01_s1.TIF": ""})
        put(run, **{"marker/": "", "both/ö_1.tif": "composed", "both/o\u0308_2.tif": "taken apart"})
        cases = {
            r'"nfd/Gro\u0308\u00dfe_A01.tif"': a_job(1, inputs=["nfd/Größe_*.tif"]),
            r'"nfd/Zu\u0308rich/"': a_job(2, inputs=["nfd/Zürich/*.tif"]),
            "looks the same": a_job(3, image=f"{MOUNT}/nfd/Zürich/"),
            "upper and lower case differ": a_job(4, inputs=["plate/A01_*.tif"]),
            '"plate/": to use everything in it, end the value with /': a_job(5, inputs=["plate"]),
            'closest match is "plate/A01_s1.TIF"': a_job(6, image=f"{MOUNT}/plate/A01_s1.png"),
            "1 more look as if they match": a_job(7, inputs=["both/ö_*.tif"]),
            "inside other text": a_job(8, image=f"open={MOUNT}/plate/"),
            "put patterns with * and ? into inputs": a_job(10, image=f"{MOUNT}/plate/A01_*.TIF"),
            'closest match is "plate/A01_s1.': a_job(11, inputs=["pla*/A01_s1.TIFF"]),
            'The folder "marker/" contains no files': a_job(12, inputs=["marker/"]),
            "does not exist": a_job(9, inputs=["s3://no-such-bucket/*"]),
        }
        submit(run, cases.values())

        work_off(run)

        assert harness.check_settled(run, cases.values()) == list(cases.values())
        for words, job in cases.items():
            assert words in harness.failures(run, job.job_id)[0]["sentence"]


def test_odd_keys_are_reached(run: Run) -> None:
    keys = ["dbl//A01.txt", "dbl/in/A01.txt", "/lead/A01.txt", "mac/A01.txt", "mac/._A01.txt", "a,b.txt"]
    put(run, **{key: key for key in keys})
    asked: dict[str, dict[str, Any]] = {
        "/lead/A01.txt": {"inputs": ["/lead/*.txt"]},
        "dbl//A01.txt": {"inputs": ["dbl//*.txt"]},
        "dbl/in/A01.txt": {"folder": f" {MOUNT}/dbl//in/"},
        "mac/A01.txt": {"inputs": ["mac/*.txt"]},
        "mac/._A01.txt": {"inputs": [f"{MOUNT}/mac/._*"]},
        "a,b.txt": {"image": f"S3://{run.bucket}/a,b.txt"},
    }
    jobs = {key: a_job(number, listing=True, **how) for number, (key, how) in enumerate(asked.items())}
    both = a_job(9, listing=True, inputs=["dbl/"])
    submit(run, [*jobs.values(), both])

    work_off(run)

    harness.check_done(run, jobs.values())
    for number, key in enumerate(jobs):
        assert list(listing(run, number).values()) == [key]
    assert listing(run, 9) == {"input:A01.txt": "dbl//A01.txt", "input:in/A01.txt": "dbl/in/A01.txt"}


@pytest.mark.parametrize("several", [list, ",".join], ids=["a list", "by commas"])
def test_several_inputs_in_one_value_are_each_brought(run: Run, several: Any) -> None:
    put(run, **{"p/s1.txt": "1", "p/s2.txt": "2", "q/s1.txt": "3", "r/deep/x.txt": "4"})
    addresses = [f"s3://{run.bucket}/p/s1.txt", f"{MOUNT}/p/s2.txt"]
    own = a_job(1, listing=True, images=several(addresses))
    shared = Job({"n": 2, "listing": True}, "results/2", {"images": several(addresses)})
    scattered = a_job(3, listing=True, images=several([*addresses, f"{MOUNT}/q/s1.txt", f"{MOUNT}/r"]))
    submit(run, [own, shared, scattered])

    work_off(run)

    harness.check_done(run, [own, shared, scattered])
    assert listing(run, 1) == listing(run, 2) == {"images:s1.txt": "1", "images:s2.txt": "2"}
    assert sorted(listing(run, 3).values()) == ["2", "3", "4"]
    document = harness.manifest(run, scattered)
    assert document and len(document["inputs"]) == 4


def test_a_manifest_names_the_bytes_that_its_script_saw(run: Run) -> None:
    put(run, **{"in/a.txt": "0", "in/b.txt": "b"})
    jobs = [a_job(number, listing=True, folder=f"{MOUNT}/in/", print=1) for number in range(5)]
    jobs += [a_job(number, listing=True, inputs=["in/*"]) for number in range(5, 10)]
    submit(run, jobs)
    worker = harness.start_worker(run)
    numbers = itertools.count(1)
    while harness.counts(run) != (0, 0):
        put(run, **{"in/a.txt": "x" * (next(numbers) % 7)})
    worker.stop()

    seen = set()
    for number, job in enumerate(jobs):
        if document := harness.manifest(run, job):
            etags = {entry["key"][-5:]: entry["etag"].strip('"') for entry in document["inputs"]}
            texts = {name[-5:]: text for name, text in listing(run, number).items()}
            assert etags == {name: hashlib.md5(text.encode()).hexdigest() for name, text in texts.items()}
            seen.add(texts["a.txt"])
        else:
            assert "changed" in harness.failures(run, job.job_id)[0]["sentence"]
    assert len(seen) > 1


def test_a_bucket_for_outputs_that_is_not_there_is_named(cloud: harness.Cloud, tmp_path: Path) -> None:
    with harness.a_run(cloud, tmp_path, retries=1) as run:
        job = a_job(1)
        submit(run, [job])

        work_off(run, DESTINATION_BUCKET="no-such-bucket")

        assert harness.check_settled(run, [job]) == [job]
        (record,) = harness.failures(run, job.job_id)
        assert record["class"] == "upload failed"
        assert "s3://no-such-bucket/results/1/" in record["sentence"]


def test_flags_that_only_the_aws_cli_knows_are_honored(run: Run) -> None:
    job = a_job(1, files=3)
    submit(run, [job])

    work_off(run, UPLOAD_FLAGS="--expires 2030-01-01T00:00:00Z --acl bucket-owner-full-control")

    harness.check_done(run, [job])
    head = run.cloud.s3.head_object(Bucket=run.bucket, Key="results/1/out0.bin")
    assert "2030" in head.get("ExpiresString", "2030")


class TaskMetadata(Serving):
    """Answers as version 4 of ECS's task metadata endpoint."""

    def answer(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        arn = "arn:aws:ecs:us-east-1:123456789012:task/cluster/0a1b2c"
        return 200, {}, json.dumps({"Labels": {"com.amazonaws.ecs.task-arn": arn}}).encode()


def test_the_consoles_of_all_jobs_are_streamed_to_the_stream_of_their_workers_task(run: Run) -> None:
    run.cloud.logs.create_log_group(logGroupName=run.app_name)
    jobs = [a_job(number, print=30) for number in (1, 2, 3)]
    submit(run, jobs)

    metadata = TaskMetadata()
    work_off(run, LOG_GROUP_NAME=run.app_name, ECS_CONTAINER_METADATA_URI_V4=metadata.url)
    metadata.close()

    streams = run.cloud.logs.describe_log_streams(logGroupName=run.app_name)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["0a1b2c"]
    events = run.cloud.logs.filter_log_events(logGroupName=run.app_name)["events"]
    for job in jobs:
        printed = [event["message"] for event in events if event["message"].startswith(job.job_id)]
        assert printed == [f"{job.job_id}/1 line {number + 1}" for number in range(30)]


def test_a_log_group_that_is_not_there_fails_no_job(run: Run) -> None:
    job = a_job(1)
    submit(run, [job])

    worker = work_off(run, LOG_GROUP_NAME="no-such-group")

    harness.check_done(run, [job])
    assert worker.text().count("could not be written to the log group") == 1

"""Tasks as containers of the image: real jobs, real signals, real limits, on an emulator of AWS."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.local.machines.containers import ContainerTask
from distributed_fiji.local.machines.tasks import Exit
from tests.docker.build import CANARIES
from tests.docker.support import App, log_of, recorded, until
from worker.contract import jobs
from worker.contract.jobs import FailureClass

#: Segments blobs that depend on the job's number; writes a table and a picture.
SEGMENT = """
#@ Integer number
#@ String (value="") label
newImage("blobs", "8-bit black", 200, 200, 1);
for (i = 0; i < number; i++) {
    makeOval(10 + 37 * i % 150, 10 + 23 * i % 160, 18, 14);
    run("Add...", "value=150");
}
run("Select None");
run("Gaussian Blur...", "sigma=1.5");
setAutoThreshold("Otsu dark");
run("Convert to Mask");
run("Set Measurements...", "area mean centroid redirect=None decimal=3");
run("Analyze Particles...", "size=20-Infinity display clear");
saveAs("Results", "output/" + label + ".csv");
saveAs("Tiff", "output/" + label + ".tif");
"""

#: Says that it has begun and then takes its time.
SLOW = """
#@ Integer seconds
print("begun");
wait(1000 * seconds);
File.saveString("done", "output/done.txt");
"""

#: Allocates memory outside of Java's heap, which only the kernel limits.
GREEDY = """
#@ Integer megabytes
import java.nio.ByteBuffer
def unsafe = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe")
unsafe.setAccessible(true)
def memory = unsafe.get(null)
println "begun"
for (int i = 0; i < megabytes; i++) {
    long place = memory.allocateMemory(1048576L)
    memory.setMemory(place, 1048576L, (byte) 1)
}
new File("output/done.txt").text = "done"
"""

#: Reads a file of the bucket by its path in the mounted bucket.
READER = """
#@ String path
File.saveString(File.openAsString(path), "output/copy.txt");
"""

MakeApp = Callable[..., App]


@pytest.fixture
def app(endpoint: str, image: str, tmp_path: Path) -> MakeApp:
    """Make an app from the text of a script."""

    def make(
        text: str, name: str = "script.ijm", image: str = image, endpoint: str = endpoint, **settings: Any
    ) -> App:
        script = tmp_path / name
        script.write_text(text)
        return App(endpoint, image, script, **settings)

    return make


def test_a_container_at_work_that_is_stopped_gives_its_job_back_and_ends(
    app: MakeApp, daemon: Any, tmp_path: Path
) -> None:
    slow = app(SLOW)
    slow.submit(seconds=100)

    with slow.task(daemon, tmp_path, STOP_GRACE_SECONDS="0") as container:
        until(lambda: slow.counts() == (0, 1), "the job's start")
        until(lambda: processes(container, "java"), "FIJI's start")
        asked_at = time.monotonic()
        container.kill("SIGTERM")
        until(lambda: slow.counts() == (1, 0), "the job's return", seconds=10)
        back_after = time.monotonic() - asked_at
        assert container.wait(timeout=30)["StatusCode"] == 0
        ended_after = time.monotonic() - asked_at

    assert back_after < 2
    assert ended_after < 10


def test_a_container_that_is_killed_loses_nothing(app: MakeApp, daemon: Any, tmp_path: Path) -> None:
    slow = app(SLOW)
    job = slow.submit(seconds=2)

    with slow.task(daemon, tmp_path, SQS_MESSAGE_VISIBILITY="3", HEARTBEAT_SECONDS="1") as container:
        # FIJI is tested before the job is taken.
        until(lambda: slow.counts()[1] == 1, "the job's start")
        container.kill()
        container.wait(timeout=30)
        assert slow.manifest(job) == {}
    with slow.task(daemon, tmp_path):
        manifest = until(lambda: slow.manifest(job), "the job's end")

    assert manifest["attempt"] == 2
    assert slow.counts() == (0, 0)


def test_memory_that_the_container_lacks_is_a_failure_with_this_name_and_the_job_is_tried_again(
    app: MakeApp, daemon: Any, tmp_path: Path
) -> None:
    greedy = app(GREEDY, name="greedy.groovy", MEMORY=700)
    job = greedy.submit(megabytes=2000)

    with greedy.task(daemon, tmp_path, RETRY_BACKOFF_SECONDS="0") as container:
        until(lambda: greedy.failure(job, attempt=2), "the failure of the second attempt")
        container.reload()
        assert container.status == "running", "the kernel ends FIJI, not the worker"

    for attempt in (1, 2):
        failure = greedy.failure(job, attempt)
        assert failure["class"] == FailureClass.OUT_OF_MEMORY.value
        assert "memory" in failure["sentence"]
    assert greedy.exit is not None
    assert greedy.exit.reason == "OutOfMemoryError: Container killed due to memory usage"


def test_a_container_that_does_not_end_is_killed_when_its_time_is_over(
    app: MakeApp, daemon: Any, tmp_path: Path
) -> None:
    plan, log = app(SLOW).plan(tmp_path, {}), tmp_path / "log"
    deaf = {"entryPoint": ["sh", "-c"], "command": ["trap '' TERM; echo begun; while :; do sleep 1; done"]}
    log.touch()
    task = ContainerTask(daemon, tmp_path, replace(plan, container={**plan.container, **deaf}), log)
    try:
        until(log.read_text, "its first words")
        task.stop(1.5)
        stopped_at = time.monotonic()
        assert until(task.poll, "its end") == Exit(128 + signal.SIGKILL)
        assert time.monotonic() - stopped_at > 1.4
    finally:
        task.kill()
        until(task.poll, "the container's end")


def test_nothing_of_the_users_environment_is_sent_anywhere(
    app: MakeApp, endpoint: str, daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)

    with recorded(endpoint) as (url, requests):
        one = app(SEGMENT, endpoint=url)
        job = one.submit(number=3, label="one")
        with one.task(daemon, tmp_path) as container:
            until(lambda: one.manifest(job), "the manifest")
            container.reload()
            said = json.dumps(container.attrs) + log_of(container)

    assert b"AWS4-HMAC-SHA256 Credential=testing/" in requests
    assert jobs.manifest_key(one.name, job.job_id).encode() in requests
    assert one.name in said
    for value in CANARIES.values():
        assert value.encode() not in requests
        assert value not in said


def test_the_variant_reads_from_the_mounted_bucket(
    app: MakeApp, daemon: Any, tmp_path: Path, s3fs_image: str
) -> None:
    if not Path("/dev/fuse").exists():
        pytest.skip("there is no /dev/fuse")
    reader = app(READER, image=s3fs_image, DOWNLOAD_FILES=False)
    reader.s3.put_object(Bucket=reader.bucket, Key="plate/a b.txt", Body=b"what stands in the bucket")
    job = reader.submit(path="/home/ubuntu/bucket/plate/a b.txt")

    with reader.task(daemon, tmp_path) as container:
        assert "outputs" in reader.end_of(job, container), log_of(container)
        copy = reader.s3.get_object(Bucket=reader.bucket, Key="results/copy.txt")["Body"].read()

    assert copy.strip() == b"what stands in the bucket"


def test_without_the_variant_a_task_says_what_is_missing(app: MakeApp, daemon: Any, tmp_path: Path) -> None:
    reader = app(READER, DOWNLOAD_FILES=False)

    with reader.task(daemon, tmp_path) as container:
        assert container.wait(timeout=30)["StatusCode"] == 1
        assert "S3FS=1" in log_of(container)


def processes(container: Any, program: str) -> list[list[str]]:
    """Return the processes in a container whose command line names a program."""
    table = container.top(ps_args="-eo pid,args")["Processes"]
    return [row for row in table if program in row[-1]]

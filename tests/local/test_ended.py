"""A cloud whose servers have all ended: no command replaces it with an empty one, and objects are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from distributed_fiji.local import cloud as clouds
from distributed_fiji.local import state
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.processes import Identity
from distributed_fiji.local.state import SERVERS, Folders, Server, State
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.record import new_run
from distributed_fiji.state.recordfile import write_record
from tests.commands import CHECKOUT, Ended, run_py

SETTINGS = {"APP_NAME": "Ended", "AWS_BUCKET": "kept-bucket", "SCRIPT_DOWNLOAD_URL": "measure.ijm"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's files, including the record of a run, and a cloud that was killed."""
    (tmp_path / "my.py").write_text("".join(f"{name} = {value!r}\n" for name, value in SETTINGS.items()))
    (tmp_path / "job.json").write_text(
        json.dumps({"output_file_location": "out", "groups": [{"Well": "A1"}]})
    )
    (tmp_path / "fleet.json").write_text("{}")
    run = new_run(parse_settings(SETTINGS, "my.py")[0], started=1.7e9, run_id="token", local=True)
    write_record(tmp_path / "record.json", replace(run, config=str(tmp_path / "my.py")))
    folders = Folders(tmp_path / "local-cloud")
    state.prepare(folders, "us-east-1")
    gone = Identity(psutil.Process().pid, 1.0)  # the pid is another's by now
    state.write(folders, State({name: Server(4000, gone) for name in SERVERS}, key="LOCALKEY"))
    return tmp_path


def run_here(folder: Path, *arguments: str) -> Ended:
    environment = {"DISTRIBUTED_FIJI_LOCAL": str(folder / "local-cloud")}
    return run_py(*arguments, environment=environment, cwd=folder)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "my.py", "--local", "submitJob", "job.json"],
        ["--config", "my.py", "--local", "startCluster", "fleet.json"],
        ["--config", "my.py", "--local", "redrive"],
        ["--local", "monitor", "record.json"],
        ["--config", "my.py", "local", "status"],
    ],
    ids=lambda arguments: arguments[-2] if "." in arguments[-1] else arguments[-1],
)
def test_what_needs_a_run_says_that_it_is_gone_what_is_kept_and_what_to_do(
    folder: Path, arguments: list[str]
) -> None:
    ended = run_here(folder, *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert "its queues, jobs, fleets, roles and logs are lost" in ended.err
    assert "the files in buckets are still in local-cloud/s3." in ended.err
    setup = f"`python {CHECKOUT / 'run.py'} --local --config my.py setup`"
    assert f"{setup} starts it again; then run `submitJob`" in ended.err
    assert clouds.find(folder / "local-cloud") is None


def test_before_the_first_setup_nothing_is_called_lost(tmp_path: Path) -> None:
    ended = run_here(tmp_path, "local", "status")

    assert ended.code == 2
    assert f"is not running. `python {CHECKOUT / 'run.py'} --local setup` starts it" in ended.err
    assert "lost" not in ended.err


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud with two buckets, an object and a queue, whose servers were all killed."""
    cloud = clouds.start(tmp_path / "local-cloud")
    s3 = cloud.client("s3")
    for name in ("kept-bucket", "empty-bucket"):
        clouds.ensure_bucket(s3, name)
    told = {"ContentType": "image/tiff", "Metadata": {"well": "A1"}}
    s3.put_object(Bucket="kept-bucket", Key="a/b.tif", Body=b"\0" * 99, **told)
    cloud.client("sqs").create_queue(QueueName="queue")
    for server in cloud.state.servers.values():
        process = server.identity.process() if server.identity else None
        assert process is not None
        process.kill()
        process.wait(10)
    yield cloud
    clouds.reset(cloud.root)


def test_setup_and_its_like_start_it_again_with_what_the_buckets_held(killed: Cloud) -> None:
    said: list[str] = []

    again = clouds.start(killed.root, said.append)

    assert [line.partition(":")[0] for line in said] == ["Starting the embedded cloud again"]
    assert f"still in {killed.root}/s3" in said[0]
    s3 = again.client("s3")
    kept = s3.get_object(Bucket="kept-bucket", Key="a/b.tif")
    assert (kept["Body"].read(), kept["ContentType"]) == (b"\0" * 99, "image/tiff")
    assert kept["Metadata"] == {"well": "A1"}
    assert {item["Name"] for item in s3.list_buckets()["Buckets"]} == {"kept-bucket", "empty-bucket"}
    assert not again.client("sqs").list_queues().get("QueueUrls")
    assert again.environment() == killed.environment()

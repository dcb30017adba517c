"""The demo's job through the real commands, on machines made of containers and of processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.local import cloud as clouds
from tests.commands import CHECKOUT, run_py
from tests.demo.conftest import DEMO, make_plate
from tests.docker.build import CANARIES
from tests.docker.support import until

WELLS = ("A04", "C05")


class Demo:
    """The demo for a few wells, under a name of its own, with a user's secrets in the environment."""

    def __init__(self, folder: Path, image: str, name: str, runtime: str) -> None:
        self.folder, self.name, self.runtime = folder / name, name, runtime
        self.environment = {
            "DISTRIBUTED_FIJI_LOCAL": str(folder / "cloud"),
            **CANARIES,
            "CANARY": CANARIES["GITHUB_TOKEN"],
        }
        self.bucket = f"{name.lower()}-bucket"
        self.folder.mkdir()
        shutil.copy(DEMO / "segment_nuclei.ijm", self.folder)
        own = {
            "APP_NAME": name,
            "ECS_CLUSTER": name,
            "AWS_BUCKET": self.bucket,
            "DOCKERHUB_TAG": image,
            "CLUSTER_MACHINES": 1,
        }
        lines = [f"{key} = {value!r}\n" for key, value in own.items()]
        self.config = self.folder / "config.py"
        self.config.write_text((DEMO / "config.py").read_text() + "".join(lines))
        job = json.loads((DEMO / "job.json").read_text())
        job["groups"] = [group for group in job["groups"] if group["Well"] in WELLS]
        (self.folder / "job.json").write_text(json.dumps(job))

    @property
    def record(self) -> Path:
        return CHECKOUT / "files" / f"{self.name}SpotFleetRequestId.json"

    def arguments(self, *arguments: str | Path) -> list[str | Path]:
        return ["--local", "--runtime", self.runtime, "--config", self.config, *arguments]

    def run(self, *arguments: str | Path) -> str:
        ended = run_py(*self.arguments(*arguments), environment=self.environment)
        assert ended.code == 0, ended.said
        return ended.said

    def start(self, plate: Path) -> None:
        """Run all commands up to startCluster."""
        self.run("setup")
        for image in plate.glob("*.tif"):
            self.s3().upload_file(str(image), self.bucket, f"demo/plate/Demo1/{image.name}")
        self.run("submitJob", self.folder / "job.json")
        self.run("startCluster", DEMO / "fleet.json")

    def monitor(self) -> subprocess.Popen[str]:
        """Start monitor and return it running."""
        return subprocess.Popen(
            [sys.executable, "run.py", *map(str, self.arguments("monitor", self.record))],
            cwd=CHECKOUT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def results(self) -> dict[str, bytes]:
        """Return the outputs by their keys."""
        s3 = self.s3()
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix="demo/results/")["Contents"]
        keys = [item["Key"] for item in listed]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def s3(self) -> Any:
        """Return a client of the embedded cloud's S3."""
        found = clouds.find(Path(self.environment["DISTRIBUTED_FIJI_LOCAL"]))
        assert found is not None
        return found.client("s3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an embedded cloud that is gone afterwards."""
    made = tmp_path_factory.mktemp("demo")
    yield made
    run_py("local", "reset", "--yes", environment={"DISTRIBUTED_FIJI_LOCAL": str(made / "cloud")})


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_plate(tmp_path_factory.mktemp("plate") / "Demo1", "--wells", ",".join(WELLS))


def test_machines_of_containers_and_of_processes_give_the_same_results(
    folder: Path, plate: Path, daemon: Any, core_image: str, fiji: Path
) -> None:
    contained = Demo(folder, core_image, f"Contained{os.getpid()}", "docker")
    processes = Demo(folder, core_image, f"Processes{os.getpid()}", "processes")
    try:
        contained.start(plate)
        with contained.monitor() as monitor:
            container = until(lambda: containers_of(daemon, contained), "the task's container")[0]
            inspected = container.attrs
            said, _ = monitor.communicate(timeout=120)
        assert monitor.returncode == 0, said
        processes.start(plate)
        ended = run_py(*processes.arguments("monitor", processes.record), environment=processes.environment)
        assert ended.code == 0, ended.said

        assert len(contained.results()) == 4 * len(WELLS)
        assert contained.results() == processes.results()
        assert containers_of(daemon, contained) == []
        assert_is_as_tight_as_on_aws(inspected)
        assert_no_canary(json.dumps(inspected), said, *kept_texts(folder))
    finally:
        contained.record.unlink(missing_ok=True)
        processes.record.unlink(missing_ok=True)


def containers_of(daemon: Any, demo: Demo) -> list[Any]:
    return daemon.containers.list(all=True, filters={"name": f"ecs-{demo.name}-"})


def assert_is_as_tight_as_on_aws(inspected: dict[str, Any]) -> None:
    host = inspected["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 1500 * 2**20
    assert (host["ReadonlyRootfs"], host["Privileged"], host["Init"]) == (True, False, True)
    assert [limit["Name"] for limit in host["Ulimits"]] == ["nofile"]
    assert {mount["Destination"] for mount in inspected["Mounts"]} == {"/scratch", "/tmp"}
    assert inspected["Config"]["User"] == "1000:1000"


def kept_texts(folder: Path) -> list[str]:
    """Return all that the embedded cloud and the commands have written: logs, records, objects, state."""
    return [
        path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("*") if path.is_file()
    ]


def assert_no_canary(*texts: str) -> None:
    for text in texts:
        assert not [value for value in CANARIES.values() if value in text]

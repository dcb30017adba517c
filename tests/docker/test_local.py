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
from distributed_fiji.local.access import Cloud
from tests.commands import CHECKOUT, run_py
from tests.demo.conftest import DEMO, make_plate
from tests.docker.build import CANARIES
from tests.docker.support import until

WELLS = ("A04", "C05")


class Demo:
    """The demo under its own name, with a user's secrets in the environment. `wells`: None for all."""

    def __init__(
        self, folder: Path, image: str, name: str, runtime: str, wells: tuple[str, ...] | None = WELLS
    ) -> None:
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
        job["groups"] = [group for group in job["groups"] if wells is None or group["Well"] in wells]
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

    def make_bucket(self) -> None:
        """Make the demo's bucket."""
        made = run_py("local", "bucket", self.bucket, environment=self.environment)
        assert made.code == 0, made.said

    def start(self, plate: Path) -> None:
        """Run all commands up to startCluster."""
        self.make_bucket()
        self.run("setup")
        for image in plate.glob("*.tif"):
            self.cloud.client("s3").upload_file(str(image), self.bucket, f"demo/plate/Demo1/{image.name}")
        self.run("submitJob", self.folder / "job.json")
        self.run("startCluster", DEMO / "fleet.json", "--yes")

    def monitor(self) -> subprocess.Popen[str]:
        """Start monitor and return the running process."""
        return subprocess.Popen(
            [sys.executable, "run.py", *map(str, self.arguments("monitor", self.record))],
            cwd=CHECKOUT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def results(self) -> dict[str, bytes]:
        """Return the outputs by key."""
        return self.objects("demo/results/")

    def manifests(self) -> list[dict[str, Any]]:
        return [
            json.loads(body) for body in self.objects(f"distributed-fiji/{self.name}/manifests/").values()
        ]

    def objects(self, prefix: str) -> dict[str, bytes]:
        s3 = self.cloud.client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)["Contents"]
        keys = [item["Key"] for item in listed]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def definition(self) -> dict[str, Any]:
        """Return the container's definition as registered by `setup`."""
        ecs = self.cloud.client("ecs")
        service = ecs.describe_services(cluster=self.name, services=[f"{self.name}Service"])["services"][0]
        document = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
        return document["taskDefinition"]["containerDefinitions"][0]

    @property
    def cloud(self) -> Cloud:
        """The embedded cloud."""
        found = clouds.find(Path(self.environment["DISTRIBUTED_FIJI_LOCAL"]))
        assert found is not None
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an embedded cloud that is removed afterwards."""
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
            inspected, definition = container.attrs, contained.definition()
            until(lambda: log_lines(contained, definition, inspected), "lines in the task's log stream")
            said, _ = monitor.communicate(timeout=120)
        assert monitor.returncode == 0, said
        processes.start(plate)
        ended = run_py(*processes.arguments("monitor", processes.record), environment=processes.environment)
        assert ended.code == 0, ended.said

        assert len(contained.results()) == 4 * len(WELLS)
        assert contained.results() == processes.results()
        assert containers_of(daemon, contained) == []
        assert_is_what_was_registered(inspected, definition)
        assert_environment_is_what_was_registered(inspected, definition, contained.cloud, daemon)
        digest = daemon.images.get(core_image).id
        assert {item["image"] for item in contained.manifests()} == {f"{core_image}@{digest}"}
        assert_no_canary(json.dumps(inspected), json.dumps(definition), said, *kept_texts(folder))
    finally:
        contained.record.unlink(missing_ok=True)
        processes.record.unlink(missing_ok=True)


def test_no_machine_is_asked_for_while_docker_lacks_the_image(folder: Path, daemon: Any) -> None:
    demo = Demo(folder, "lab/not-built:1.0", f"Missing{os.getpid()}", "docker")
    demo.make_bucket()
    demo.run("setup")

    ended = run_py(
        *demo.arguments("startCluster", DEMO / "fleet.json", "--yes"), environment=demo.environment
    )

    assert ended.code == 2
    assert "DOCKERHUB_TAG = 'lab/not-built:1.0': Docker does not have this image" in ended.err
    assert not demo.record.exists()
    fleets = demo.cloud.client("ec2").describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    assert demo.name not in str(fleets)


def containers_of(daemon: Any, demo: Demo) -> list[Any]:
    return daemon.containers.list(all=True, filters={"name": f"ecs-{demo.name}-"})


def log_lines(demo: Demo, definition: dict[str, Any], inspected: dict[str, Any]) -> list[str]:
    """Return the content of the task's log stream, which awslogs calls PREFIX/CONTAINER/TASK-ID."""
    options = definition["logConfiguration"]["options"]
    task = inspected["Config"]["Labels"]["com.amazonaws.ecs.task-arn"].rsplit("/", 1)[-1]
    stream = f"{options['awslogs-stream-prefix']}/{definition['name']}/{task}"
    found = demo.cloud.client("logs", options["awslogs-region"]).get_log_events(
        logGroupName=options["awslogs-group"], logStreamName=stream
    )
    return [event["message"] for event in found["events"]]


def assert_is_what_was_registered(inspected: dict[str, Any], definition: dict[str, Any]) -> None:
    host, limits = inspected["HostConfig"], definition["ulimits"]
    assert definition["memory"] == 1500
    assert host["Memory"] == host["MemorySwap"] == 1500 * 2**20
    assert host["CpuShares"] == definition["cpu"]
    assert (host["ReadonlyRootfs"], host["Privileged"], host["Init"]) == (True, False, True)
    assert [(item["Name"], item["Soft"], item["Hard"]) for item in host["Ulimits"]] == [
        (item["name"], item["softLimit"], item["hardLimit"]) for item in limits
    ]
    assert {mount["Destination"] for mount in inspected["Mounts"]} == {"/scratch", "/tmp"}
    assert inspected["Config"]["User"] == "1000:1000"


def assert_environment_is_what_was_registered(
    inspected: dict[str, Any], definition: dict[str, Any], cloud: Cloud, daemon: Any
) -> None:
    """The definition's variables, the image's, and those that machine and cloud give any task; no more."""
    seen = dict(line.split("=", 1) for line in inspected["Config"]["Env"])
    registered = {item["name"]: item["value"] for item in definition["environment"]}
    image = [line.split("=", 1)[0] for line in daemon.images.get(definition["image"]).attrs["Config"]["Env"]]

    assert registered.items() <= seen.items()
    assert seen.keys() - registered.keys() - set(image) - cloud.environment().keys() == {
        "AWS_EXECUTION_ENV",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "ECS_CONTAINER_METADATA_URI_V4",
        "ECS_AGENT_URI",
    }


def kept_texts(folder: Path) -> list[str]:
    """Return everything that the embedded cloud and the commands wrote: logs, records, objects, state."""
    return [
        path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("*") if path.is_file()
    ]


def assert_no_canary(*texts: str) -> None:
    for text in texts:
        assert not [value for value in CANARIES.values() if value in text]

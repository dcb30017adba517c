"""One embedded cloud for all tests of this folder. Every test has its own app and bucket."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.commands import CHECKOUT, Ended, run_py, watched

NUMBERS = itertools.count(1)

#: A script in the language that starts fastest. It writes one file per job, and fails when told to.
SCRIPT = """
#@ String Well
#@ Integer (value=0) seconds
#@ Boolean (value=false) broken
wait(1000 * seconds);
if (broken) { open_no_such_function(); }
File.saveString(Well + "\\n", "output/" + Well + ".txt");
print("well " + Well + " is done");
"""


@dataclass
class App:
    """An app in its own folder: config.py, script, job and fleet files."""

    name: str
    folder: Path
    environment: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return f"{self.name.lower()}-bucket"

    @property
    def bucket_folder(self) -> Path:
        return Path(self.environment["DISTRIBUTED_FIJI_LOCAL"]) / "s3" / self.bucket

    @property
    def record(self) -> Path:
        return CHECKOUT / "files" / f"{self.name}SpotFleetRequestId.json"

    def make_bucket(self) -> None:
        """Create the app's bucket, as a user does; setup creates only the first one."""
        made = run_py("local", "bucket", self.bucket, environment=self.environment)
        assert made.code == 0, made.said

    def configure(self, **settings: Any) -> None:
        """Write config.py: small machines with one task, and a test's settings."""
        self.settings |= settings
        base = {
            "APP_NAME": self.name,
            "ECS_CLUSTER": f"{self.name}Cluster",
            "AWS_BUCKET": self.bucket,
            "SCRIPT_DOWNLOAD_URL": "script.ijm",
            "CLUSTER_MACHINES": 1,
            "MACHINE_TYPE": "m5.large",
            "MEMORY": 1000,
            "SQS_MESSAGE_VISIBILITY": 60,
            "JOB_RETRIES": 2,
        }
        lines = [f"{name} = {value!r}\n" for name, value in {**base, **self.settings}.items()]
        (self.folder / "config.py").write_text("".join(lines))

    def job_file(self, groups: list[dict[str, Any]], **parts: Any) -> Path:
        """Write a job file with these groups."""
        path = self.folder / "job.json"
        document = {
            "output_file_location": "results/{Well}",
            "shared_metadata": {},
            "groups": groups,
            **parts,
        }
        path.write_text(json.dumps(document))
        return path

    def run(self, *arguments: str | Path, timeout: float = 300) -> Ended:
        """Run a command with --local and this app's config."""
        config = self.folder / "config.py"
        return run_py(
            "--local", "--config", config, *arguments, environment=self.environment, timeout=timeout
        )

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command and return it while it is running."""
        return subprocess.Popen(
            [sys.executable, "run.py", "--local", "--config", self.folder / "config.py", *arguments],
            cwd=CHECKOUT,
            env={**os.environ, **self.environment, **watched()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_cluster(self, *options: str) -> Ended:
        """Run startCluster with a fleet file that leaves everything to defaults."""
        (self.folder / "fleet.json").write_text("{}")
        return self.run("startCluster", self.folder / "fleet.json", "--yes", *options)

    def inventory(self) -> list[dict[str, Any]]:
        """Return what exists of this app."""
        found: list[dict[str, Any]] = json.loads(self.run("inventory", self.name, "--json").out)
        return found


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An embedded cloud in a temporary folder; yields the variable that names it."""
    environment = {"DISTRIBUTED_FIJI_LOCAL": str(tmp_path_factory.mktemp("cloud"))}
    yield environment
    run_py("local", "reset", "--yes", environment=environment)


@pytest.fixture
def app(cloud: dict[str, str], tmp_path: Path) -> Iterator[App]:
    """An app with config and script, and nothing in the cloud yet."""
    made = App(f"Endtoend{os.getpid()}x{next(NUMBERS)}", tmp_path, cloud)
    (tmp_path / "script.ijm").write_text(SCRIPT)
    made.make_bucket()
    made.configure()
    yield made
    made.record.unlink(missing_ok=True)

"""A new user's ways: the README's commands as written, the original's files, plain tools beside run.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tests.commands import CHECKOUT, run_py
from tests.e2e.conftest import App

ORIGINAL = CHECKOUT / "tests" / "cli" / "original"

#: The job of the original's example: it looks into a folder of the bucket, and writes one file.
SCRIPT = """
#@ String Plate
#@ String Well
#@ String input_file_location
#@ String rows
import os
out = open("output/" + Plate + "_" + Well + ".csv", "w")
out.write("%s,%s\\n" % (rows, len(os.listdir(input_file_location))))
out.close()
"""


def shell(script: str, environment: dict[str, str]) -> str:
    """Run a shell script in the checkout with the virtual environment on the PATH; return its output."""
    paths = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=CHECKOUT,
        env={**os.environ, **environment, "PATH": paths},
        capture_output=True,
        text=True,
        timeout=300,  # A busy machine took longer than two minutes for the four commands.
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def readme_blocks() -> list[str]:
    """Return the commands of a run, from the README, and those of a rehearsal, from the page it links to."""
    pages = (CHECKOUT / "README.md", CHECKOUT / "docs" / "first-run.md")
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"^```\n(python run\.py .*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "my/config.py" not in block and "--dry-run" not in block]


def own_example() -> tuple[dict[str, str], str]:
    """Return the README's own example: its files by name, and its commands."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Your own images")[2].partition("\n## ")[0]
    files = re.findall(r"^`(my/[\w.]+)`.*?^```\w+\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    commands = re.search(r"^```\n(python run\.py local.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert commands is not None
    return dict(files), commands[1]


@pytest.fixture
def original(cloud: dict[str, str], tmp_path: Path) -> App:
    """The original's config.py with its placeholders filled in, for an app not named like a user's."""
    app = App(f"Readme{os.getpid()}", tmp_path, cloud)
    text = (ORIGINAL / "config.py").read_text(encoding="utf-8")
    for placeholder, value in {
        "'DistributedFiji'": repr(app.name),
        "your-bucket-name": app.bucket,
        "https://some/url/with/a/script.y": "measure.py",
        "AWS_PROFILE = 'default'": "AWS_PROFILE = 'institute'",
        "EXPECTED_NUMBER_FILES = 7": "EXPECTED_NUMBER_FILES = 1",
        "CLUSTER_MACHINES = 3": "CLUSTER_MACHINES = 2",
        "MEMORY = 4096": "MEMORY = 1500",
    }.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    (tmp_path / "config.py").write_text(text, encoding="utf-8")
    (tmp_path / "measure.py").write_text(SCRIPT)
    app.make_bucket()
    return app


def test_the_readmes_own_example_gives_results_word_by_word(cloud: dict[str, str], tmp_path: Path) -> None:
    files, commands = own_example()
    assert files.keys() == {"my/measure.ijm", "my/job.json", "my/config.py"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "my" / "plate1").mkdir()
    for number, name in enumerate(("A01.tif", "A02.tif", "A02_b.tif"), 1):
        image = np.full((8, 8), 10 * number, np.uint16)
        tifffile.imwrite(tmp_path / "my" / "plate1" / name, image)
    app = f"MyFirst{os.getpid()}"
    config = tmp_path / "my" / "config.py"
    config.write_text(config.read_text().replace("MyFirst", app))
    mine = commands.replace("my/", f"{tmp_path}/my/").replace("monitor MyFirst", f"monitor {app}")
    record = CHECKOUT / "files" / f"{app}SpotFleetRequestId.json"
    try:
        said = shell(mine, cloud)
        left = run_py("--local", "--config", config, "inventory", app, "--json", environment=cloud)
    finally:
        record.unlink(missing_ok=True)

    bucket = Path(cloud["DISTRIBUTED_FIJI_LOCAL"]) / "s3" / "my-images"
    results = bucket / "results"
    assert "2 jobs done, 0 given up" in said
    assert [item for item in json.loads(left.out) if item["bills"]] == []
    assert any(path.is_file() for path in (bucket / "exportedlogs").rglob("*"))
    page = record.with_name(f"{app}Report") / "report.html"
    assert "All 2 jobs are done." in page.read_text(encoding="utf-8")
    manifests = [json.loads(path.read_text()) for path in results.parents[1].rglob("manifests/*.json")]
    assert "argument: a note" in [line for manifest in manifests for line in manifest["console"]]
    assert {path.name for path in results.rglob("*") if path.is_file()} == {
        *("A01.csv", "A01_files.txt", "A02.csv", "A02_files.txt")
    }
    assert (results / "A02" / "A02_files.txt").read_text() == "2"
    assert ",20,20,20" in (results / "A02" / "A02.csv").read_text()


def bring_inputs(app: App) -> None:
    """Put two files where the example's jobs look for their inputs; needs the bucket that setup made."""
    folder = app.folder / "input"
    folder.mkdir(exist_ok=True)
    for name in ("A1.txt", "A2.txt"):
        (folder / name).write_text("an image\n")
    said = shell(
        f'eval "$(python run.py local env)"; aws s3 cp {folder} s3://{app.bucket}/projects/input --recursive;'
        f" aws s3 ls s3://{app.bucket}/",
        app.environment,
    )
    assert "PRE projects/" in said


def test_the_readmes_commands_take_the_originals_config_and_our_example_files_to_results(
    original: App,
) -> None:
    run_it, rehearse_it = readme_blocks()
    run_it = run_it.replace("DistributedFijiSpot", f"{original.name}Spot")
    assert original.run("setup").code == 0
    bring_inputs(original)
    # A profile that exists nowhere, in config.py and in the environment, must not matter here.
    environment = original.environment | {"AWS_PROFILE": "institute"}
    here = f'python() {{ command python "$1" --local --config {original.folder}/config.py "${{@:2}}"; }}\n'
    try:
        said = shell(here + run_it, environment)
    finally:
        original.record.unlink(missing_ok=True)

    assert "2 jobs done, 0 given up" in said
    for well in ("A1", "A2"):
        result = original.bucket_folder / "projects" / "output" / "Plate_1" / well / f"Plate_1_{well}.csv"
        assert result.read_text() == "2,2\n"

    still = rehearse_it.replace("python run.py local stop\n", "")  # other tests use the cloud, too
    assert still != rehearse_it
    said = shell(here.replace("--local ", "") + still, original.environment)
    assert original.bucket in said
    assert "controlplane" in said


def test_the_originals_job_and_fleet_files_go_through_with_their_placeholders_filled_in(
    original: App,
) -> None:
    assert original.run("setup").code == 0
    bring_inputs(original)
    fleet = json.loads((ORIGINAL / "exampleFleet_us-east-1.json").read_text(encoding="utf-8"))
    fill_in(fleet, original)
    (original.folder / "fleet.json").write_text(json.dumps(fleet))
    try:
        submitted = original.run("submitJob", ORIGINAL / "exampleJob.json")
        started = original.run("startCluster", original.folder / "fleet.json", "--yes")
        record = json.loads(original.record.read_text())
    finally:
        original.run("cleanup", original.name, "--yes", "--keep", "")
        original.record.unlink(missing_ok=True)

    assert submitted.out.startswith("2 jobs sent")
    assert started.code == 0, started.said
    assert "Warning: AllocationStrategy = 'lowestPrice'" in started.err
    # Its image is from 2017 and it has two volumes: such a machine would never join.
    assert "Warning: ImageId = 'ami-fad25980'" in started.err
    assert "Warning: BlockDeviceMappings" in started.err
    assert record["fleet_request"]["AllocationStrategy"] == "lowestPrice"
    for key in ("MONITOR_FLEET_ID", "MONITOR_APP_NAME", "MONITOR_ECS_CLUSTER", "MONITOR_QUEUE_NAME",
                "MONITOR_BUCKET_NAME", "MONITOR_LOG_GROUP_NAME", "MONITOR_START_TIME"):  # fmt: skip
        assert record[key]


def fill_in(fleet: dict[str, Any], app: App) -> None:
    """Replace the placeholders in the original's example with the embedded cloud's own ids."""
    said = shell(
        'eval "$(python run.py local env)"\n'
        "aws ec2 describe-subnets --query 'Subnets[0].SubnetId' --output text\n"
        "aws ec2 describe-security-groups --query 'SecurityGroups[0].GroupId' --output text\n"
        "aws ec2 create-key-pair --key-name my-key --query KeyName --output text\n",
        app.environment,
    )
    subnet, group, key = said.split()
    fleet["IamFleetRole"] = f"arn:aws:iam::123456789012:role/{app.name}-us-east-1-fiji-fleet"
    (specification,) = fleet["LaunchSpecifications"]
    specification |= {"KeyName": key}
    profile = f"arn:aws:iam::123456789012:instance-profile/{app.name}-us-east-1-fiji-instance"
    specification["IamInstanceProfile"] = {"Arn": profile}
    specification["NetworkInterfaces"][0] |= {"SubnetId": subnet, "Groups": [group]}


def test_a_config_that_mounts_the_bucket_is_rehearsed_with_inputs_on_disk(original: App) -> None:
    made = original.run("setup")

    assert "DOWNLOAD_FILES = False needs --runtime docker with --local" in made.err
    assert "--local --config" in made.err.splitlines()[-1], "the next command is named as it must be typed"
    assert run_py("local", "status", environment=original.environment).code == 0

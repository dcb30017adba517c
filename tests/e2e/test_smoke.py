"""The smoke run's own logic, on the embedded cloud: what it prints, what it reports, and what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import CHECKOUT, run_py
from tests.smoke.plan import Plan

COMMAND = [sys.executable, "-m", "tests.smoke"]


def start(cloud: dict[str, str], folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start the smoke run on an embedded cloud that has its bucket, as an account would."""
    assert run_py("local", "bucket", "smoke-bucket", environment=cloud).code == 0
    arguments = ["--local", "--bucket", "smoke-bucket", "--no-wait", "--report", str(folder / "report.json")]
    return subprocess.Popen(
        [*COMMAND, *arguments, *options],
        cwd=CHECKOUT,
        env={**os.environ, **cloud},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def findings(folder: Path) -> dict[str, bool | None]:
    report = json.loads((folder / "report.json").read_text())
    return {one["claim"]: one["held"] for one in report["findings"]}


def left(cloud: dict[str, str]) -> list[object]:
    found = json.loads(run_py("--local", "inventory", "--json", environment=cloud).out)
    return [item for item in found if item["app"].startswith("Smoke")]


def test_nothing_is_made_without_a_word_and_the_limit_is_some_cents(
    cloud: dict[str, str], tmp_path: Path
) -> None:
    process = start(cloud, tmp_path)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "It costs 7 cents at most" in said
    assert Plan("a", "b", "us-east-1", "p").most_dollars < 0.10
    assert not (tmp_path / "report.json").exists()
    bare = subprocess.run(COMMAND, cwd=CHECKOUT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert bare.returncode == 2
    assert "AWS_PROFILE, SMOKE_BUCKET, SMOKE_IMAGE" in bare.stderr


def test_ctrl_c_leaves_nothing(cloud: dict[str, str], tmp_path: Path) -> None:
    process = start(cloud, tmp_path, "--yes")
    assert process.stderr is not None
    for line in process.stderr:
        if "1 of 1 machines started" in line:
            process.send_signal(signal.SIGINT)
            break
    said = "".join(process.communicate(timeout=300))

    assert process.returncode == 130, said
    assert findings(tmp_path)["an empty inventory"] is True
    assert left(cloud) == []


@pytest.mark.thorough
def test_a_whole_run_reports_what_held_and_leaves_nothing(cloud: dict[str, str], tmp_path: Path) -> None:
    process = start(cloud, tmp_path, "--yes")
    said, progress = process.communicate(timeout=400)

    found = findings(tmp_path)
    for claim in ("a second setup keeps everything", "both jobs are done, and monitor ends the run",
                  "after the end nothing bills, the janitor's schedule included",
                  "DescribeSpotFleetRequests shows the fleet's tags", "an empty inventory"):  # fmt: skip
        assert found[claim] is True, progress
    assert found["StopTask: the job is visible again within 2 s after the grace"] is None
    assert "held      an empty inventory" in said
    assert left(cloud) == []

"""`run.py tryScript` as a newcomer types it: a script, an image, no settings, no AWS."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus import images
from tests.imagej import imagej_core

CHECKOUT = Path(__file__).resolve().parents[2]

SCRIPT = r"""
dir = "C:\\Users\\me\\plate1\\";
size = getNumber("Minimum size", 50);
list = getFileList(dir);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	setThreshold(128, 255);
	run("Analyze Particles...", "size=" + size + "-Infinity display clear");
	saveAs("Results", dir + "counted.csv");
	close();
}
"""


class Newcomer:
    """A folder with a script and images, and its own embedded cloud."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {
            **kept,
            "DISTRIBUTED_FIJI_LOCAL": str(folder / "cloud"),
            "FIJI_HOME": str(imagej_core()),
            "HOME": str(folder),
        }

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, CHECKOUT / "run.py", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    made = Newcomer(tmp_path_factory.mktemp("newcomer"))
    yield made
    made.run("local", "reset", "--yes")


def test_a_script_is_tried_its_answers_edited_and_tried_again(newcomer: Newcomer) -> None:
    folder = newcomer.folder
    (folder / "count.ijm").write_text(SCRIPT, encoding="utf-8")
    for name in ("a", "b"):
        images.write(name, folder)

    first = newcomer.run("tryScript", "count.ijm", "a.tif", "b.tif")
    assert first.returncode == 3, first
    assert "line 2 names a folder of another machine: 'C:\\Users\\me\\plate1\\'" in first.stdout
    assert "line 3 asks for a number: 'Minimum size'" in first.stdout
    assert "Image=a.tif: FAILED (needs an answer)" in first.stdout
    job_file = folder / "count.job.json"
    document = json.loads(job_file.read_text("utf-8"))
    assert document["answers"] == {"Minimum size": 50}
    assert document["paths"] == {"C:/Users/me/plate1": "input"}
    assert json.dumps({"answers": document["answers"]}) in first.stdout

    job_file.write_text(json.dumps({**document, "answers": {"Minimum size": 70}}), encoding="utf-8")
    (folder / "count.config.py").unlink()
    second = newcomer.run("tryScript", "count.ijm", "a.tif", "b.tif")
    assert second.returncode == 0, second
    assert "Image=a.tif: DONE" in second.stdout and "input/counted.csv" in second.stdout
    assert "'Minimum size' got 70, by answers" in second.stdout
    assert "count.job.json is left unchanged" in second.stderr
    assert json.loads(job_file.read_text("utf-8"))["answers"] == {"Minimum size": 70}
    settings = runpy.run_path(str(folder / "count.config.py"))
    assert settings["EXPECTED_NUMBER_FILES"] == 1 and settings["COLLECT_ALL"] is True
    assert settings["SCRIPT_DOWNLOAD_URL"] == str(folder / "count.ijm")
    table = folder / "cloud" / "s3" / "try-script" / "results" / "a.tif" / "input" / "counted.csv"
    assert [line.split(",")[1] for line in table.read_text("utf-8").splitlines()[1:]] == ["100"]

    # An image that is not in the job file is mentioned.
    images.write("c", folder)
    third = newcomer.run("tryScript", "count.ijm", "a.tif", "c.tif")
    assert "count.job.json: no job reads c.tif. Add a group for it" in third.stderr, third
    assert "no job reads" not in second.stderr
    # A worker that took the second trial's outputs for another run's would wait a minute for its end.
    seconds = re.findall(r"DONE, ([\d.]+) s", third.stdout)
    assert len(seconds) == 2 and max(map(float, seconds)) < 30, third

    # setup and submitJob accept what it wrote.
    setup = newcomer.run("--local", "--config", "count.config.py", "setup")
    assert setup.returncode == 0, setup
    submitted = newcomer.run("--local", "--config", "count.config.py", "submitJob", "count.job.json")
    assert submitted.returncode == 0 and submitted.stdout.startswith("2 jobs sent"), submitted


def test_what_cannot_be_tried_is_named_and_nothing_is_written(newcomer: Newcomer, tmp_path: Path) -> None:
    missing = newcomer.run("tryScript", tmp_path / "no.ijm", "--into", tmp_path)
    assert missing.returncode == 2 and "this file does not exist" in missing.stderr, missing
    (tmp_path / "s.ijm").write_text("print(1);", encoding="utf-8")
    missing = newcomer.run("tryScript", tmp_path / "s.ijm", tmp_path / "no.tif", "--into", tmp_path)
    assert missing.returncode == 2 and "no.tif: this file does not exist" in missing.stderr, missing
    assert [path.name for path in tmp_path.iterdir()] == ["s.ijm"]


def test_a_plugin_that_this_fiji_lacks_is_named(newcomer: Newcomer, tmp_path: Path) -> None:
    text = 'run("Morphological Filters", "operation=Opening"); saveAs("Tiff", "output/a.tif");'
    (tmp_path / "morphology.ijm").write_text(text, encoding="utf-8")
    images.write("c", tmp_path)
    tried = newcomer.run("tryScript", tmp_path / "morphology.ijm", tmp_path / "c.tif", "--into", tmp_path)
    assert tried.returncode == 3, tried
    assert 'this FIJI has no plugin with the command "Morphological Filters"' in tried.stdout

"""`run.py rehearse` as a user types it: real jobs run here and on a machine of the embedded cloud."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributed_fiji.local import cloud as clouds
from distributed_fiji.state.rehearsal import find_rehearsal, rehearsal_path
from tests.cli.test_try_script import Newcomer

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = CHECKOUT / "files"

SCRIPT = """
#@ String Well
if (Well == "X01") exit("no such well");
list = getFileList("input");
for (i = 0; i < list.length; i++) File.saveString(File.length("input/" + list[i]), "output/" + list[i]);
"""
CONFIG = """# The settings of {app}, µm
APP_NAME = "{app}"
AWS_BUCKET = "my-images"
SCRIPT_DOWNLOAD_URL = "measure.ijm"
MEMORY = 4096  # MB; was 2048
MACHINE_TYPE = ["m5.xlarge"]
EXPECTED_NUMBER_FILES = 1
"""
SIZES = {"A01": 500, "A02": 3000, "A03": 20_000, "A04": 1000, "A05": 9000, "X01": 10}


class Analyst(Newcomer):
    """A newcomer with a plate of images in a folder, a script and settings."""

    app = "Reh"

    def prepare(self, *wells: str) -> None:
        plate = self.folder / "images" / "plate1"
        plate.mkdir(parents=True, exist_ok=True)
        for well in wells:
            for site in (1, 2):
                (plate / f"{well}_s{site}.txt").write_bytes(bytes(SIZES[well]))
        (self.folder / "measure.ijm").write_text(SCRIPT, encoding="utf-8")
        (self.folder / "config.py").write_text(CONFIG.format(app=self.app), encoding="utf-8")
        document = {
            "output_file_location": "results/{Well}",
            "inputs": ["plate1/{Well}_*.txt"],
            "groups": [{"Well": well} for well in wells],
        }
        (self.folder / "job.json").write_text(json.dumps(document), encoding="utf-8")

    def move_groups_into_a_file(self) -> None:
        document = json.loads((self.folder / "job.json").read_text(encoding="utf-8"))
        wells = [group["Well"] for group in document["groups"]]
        (self.folder / "wells.csv").write_text("\n".join(["Well", *wells]), encoding="utf-8")
        (self.folder / "job.json").write_text(
            json.dumps({**document, "groups": "wells.csv"}), encoding="utf-8"
        )


@pytest.fixture
def analyst(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Analyst]:
    made = Analyst(tmp_path)
    made.app = re.sub(r"[^A-Za-z]", "", f"Re{request.node.name[:12]}{tmp_path.name[-8:]}")
    yield made
    made.run("local", "reset", "--yes")
    rehearsal_path(FILES, made.app).unlink(missing_ok=True)


def test_jobs_are_rehearsed_from_a_folder_and_what_fits_is_written_into_config(analyst: Analyst) -> None:
    analyst.prepare("A01", "A02", "A03", "A04", "A05")
    analyst.move_groups_into_a_file()
    before = (analyst.folder / "config.py").read_bytes()

    ended = analyst.run(
        "--config", "config.py", "rehearse", "job.json", "-n", 4, "--folder", "images", "--apply"
    )

    assert ended.returncode == 0, ended
    rows = [line.split() for line in ended.stdout.splitlines() if line.startswith("Well=")]
    assert [row[0] for row in rows] == ["Well=A03", "Well=A05", "Well=A02", "Well=A04"]
    assert all("DONE" in row for row in rows)
    assert "All 5 jobs (67.0 kB of inputs): a guess" in ended.stdout and "this computer" in ended.stdout
    kept = find_rehearsal(rehearsal_path(FILES, analyst.app))
    assert kept is not None and (kept.total_jobs, kept.total_bytes, kept.machine) == (5, 67_000, "")
    assert [job.input_bytes for job in kept.jobs] == [40_000, 18_000, 6000, 2000]
    assert all(job.files == 2 and job.output_bytes and job.peak_memory_mb > 20 for job in kept.jobs)
    assert all(job.seconds["fiji"] > 0 and job.cores > 0 for job in kept.jobs)
    changed = runpy.run_path(str(analyst.folder / "config.py"))
    assert (changed["EXPECTED_NUMBER_FILES"], changed["MEMORY"]) == (2, 1024)
    after = (analyst.folder / "config.py").read_bytes()
    assert after.startswith(before.replace(b"= 4096", b"= 1024").replace(b"FILES = 1", b"FILES = 2"))
    assert "Wrote MEMORY, TASKS_PER_MACHINE" in ended.stderr

    # Nothing of its cloud remains, and none of its files is among the user's own.
    assert {path.name for path in analyst.folder.iterdir()} == {
        "images",
        "measure.ijm",
        "config.py",
        "job.json",
        "wells.csv",
    }
    again = analyst.run("--config", "config.py", "rehearse", "job.json", "--folder", "elsewhere")
    assert again.returncode == 2 and "elsewhere" in again.stderr


def test_one_machine_of_the_real_kind_rehearses_and_is_gone_with_its_last_job(analyst: Analyst) -> None:
    analyst.prepare("A01", "A03", "X01")
    assert analyst.run("local", "bucket", "my-images").returncode == 0
    here = ("--local", "--config", "config.py")
    bucket = analyst.folder / "cloud" / "s3" / "my-images"
    nothing = analyst.run(*here, "rehearse", "job.json", "--where", "cloud")
    assert nothing.returncode == 2 and "none of the jobs' inputs is in s3://my-images/" in nothing.stderr
    cloud = clouds.find(analyst.folder / "cloud")
    assert cloud is not None
    s3 = cloud.client("s3")
    for path in (analyst.folder / "images" / "plate1").iterdir():
        s3.upload_file(str(path), "my-images", f"plate1/{path.name}")

    ended = analyst.run(*here, "rehearse", "job.json", "--where", "cloud", "--apply")

    assert ended.returncode == 3, ended
    assert "on one machine, for at most $1" in ended.stderr and "1 of 1 machines started" in ended.stderr
    assert "Well=X01: macro error" in ended.stderr and "no such well" in ended.stderr
    kept = find_rehearsal(rehearsal_path(FILES, analyst.app))
    assert kept is not None and kept.machine == "m5.xlarge" and not kept.law.carries
    assert [job.exit for job in kept.jobs] == ["DONE", "DONE", "macro error"]
    assert "config.py is left as it is, because 1 of the jobs failed" in ended.stderr
    assert "MEMORY = 4096  # MB" in (analyst.folder / "config.py").read_text("utf-8")

    # Its outputs are not among the run's, and none of its machines, queues or roles is left.
    assert (bucket / "rehearsal" / analyst.app / "results" / "A03" / "A03_s1.txt").is_file()
    assert not (bucket / "results").exists()
    assert not list(FILES.glob(f"{analyst.app}Rehearsal*SpotFleet*"))
    assert analyst.run(*here, "inventory", "--json").stdout.strip() == "[]"

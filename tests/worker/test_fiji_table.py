"""The whole table: every FIJI, headless and with a display, with Java inside its folder and outside it.

Each cell is a worker with one FIJI and one job for each way of ending. `make test` has a short form in
test_real_imagej.py.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distributed_fiji.jobs import read_job_file
from tests import nearfiji
from tests.nearfiji import FIJIS, NEAR_FIJIS
from tests.worker import harness
from tests.worker.harness import Job, Run, a_job, submit
from worker.contract.fijihome import find_java
from worker.imagej.install import runner_beside

pytestmark = pytest.mark.thorough

SCRIPT = """
#@ String (value="") mode
#@ String (value="nothing given") kept
#@ Integer (value=7) number
#@ Double (value=0.5) share
#@ Boolean (value=false) ticked
newImage("a", "8-bit ramp", 64, 64, 1);
if (mode == "fail") run("No such command");
if (mode == "memory") newImage("large", "32-bit", 40000, 40000, 9);
while (mode == "endless") wait(50);
run("Gaussian Blur...", "sigma=2");
run("Measure");
saveAs("Results", "output/table.csv");
File.saveString(kept + "|" + number + "|" + share + "|" + ticked + "|" + IJ.maxMemory(), "output/values.txt");
"""

#: What launchers, shells, parsers and Java take for their own.
HOSTILE = (
    '${app-dir} $HOME `id` "quoted" \'single\' back\\slash, k="v"  two  blanks ',
    "--headless --run -Xmx9g -- --mem=9g",
    "ümlaut µm 漢字 🔬 \t tab \n line",
    "x" * 70_000,
)

CELLS = [
    (fiji, display, inside)
    for fiji in FIJIS
    for display in (False, True)
    for inside in ((False, True) if fiji in NEAR_FIJIS else (True,))
]


@pytest.mark.parametrize(("fiji", "display", "inside"), CELLS)
def test_every_way_of_ending_is_told_as_it_is(
    run: Run, tmp_path: Path, fiji: str, display: bool, inside: bool
) -> None:
    home = a_fiji(fiji, tmp_path, inside)
    good = [a_job(number, kept=value, share=1e-3) for number, value in enumerate(HOSTILE)]
    # After the others: what they were given must not come to it.
    plain = a_job(10)
    failing = {
        "macro error": a_job(20, mode="fail"),
        "out of memory": a_job(21, mode="memory"),
        "timed out": a_job(22, mode="endless"),
    }
    submit(run, [*good, plain, *failing.values()])

    worker = start(run, home, display)
    harness.wait_until_settled(run, 900)
    worker.stop()

    assert harness.check_settled(run, [*good, plain, *failing.values()]) == list(failing.values()), (
        worker.text()
    )
    for number, value in enumerate(HOSTILE):
        assert values(run, number)[:3] == [value, str(number), "0.001"]
    assert values(run, 10)[:4] == ["nothing given", "10", "0.5", "0"]
    for failure, job in failing.items():
        assert {record["class"] for record in harness.failures(run, job.job_id)} == {failure}
    says_what_it_ran_in(run, plain, display)
    assert harness.content(run, "results/10/table.csv").count(b"\n") == 2
    harness.check_nothing_left(run)


#: A well's mean over its fields, which lie in the folder that the example job names.
FIELDS = """
#@ File (style="directory") input_file_location
#@ Integer image_size
#@ Integer rows
#@ Integer columns
#@ String Plate
#@ String Well
files = getFileList(input_file_location);
sum = 0;
for (i = 0; i < files.length; i++) {
	if (!startsWith(files[i], Plate + "_" + Well)) continue;
	open(input_file_location + File.separator + files[i]);
	getStatistics(area, mean);
	sum += mean * area;
	close();
}
File.saveString(d2s(sum / (rows * columns * image_size * image_size), 3), "output/mean.txt");
"""


@pytest.mark.parametrize("fiji", FIJIS)
def test_the_example_job_runs(run: Run, fiji: str) -> None:
    jobs = list(read_job_file(harness.ROOT / "files" / "exampleJob.json"))
    for job in jobs:
        for field in range(4):
            name = f"{job.parameters['Plate']}_{job.parameters['Well']}_{field}.pgm"
            image = b"P5 1024 1024 255 " + bytes([40 * field]) * 1024**2
            run.cloud.s3.put_object(Bucket=run.bucket, Key=f"projects/input/{name}", Body=image)
    submit(run, jobs)

    worker = start(run, nearfiji.fiji_home(fiji), display=False, script=FIELDS)
    harness.wait_until_settled(run, 400)
    worker.stop()

    harness.check_done(run, jobs)
    for job in jobs:
        assert harness.content(run, f"{job.output_file_location}/mean.txt") == b"60.000"


@pytest.mark.parametrize("fiji", NEAR_FIJIS)
def test_a_fiji_of_the_user_s_own_gets_the_runner_and_stays_as_it_is(
    run: Run, tmp_path: Path, fiji: str
) -> None:
    home = nearfiji.copy_of(fiji, tmp_path / "own", runner=False)
    jar = runner_beside(home, tmp_path / "of our own", print)
    before = files(home)
    jobs = [a_job(number) for number in range(2)]
    submit(run, jobs)

    worker = start(run, home, display=False, FIJI_RUNNER_JAR=jar)
    harness.wait_until_settled(run, 200)
    worker.stop()

    harness.check_done(run, jobs)
    # The classic launcher writes its entry for the desktop's menu, whoever starts it.
    assert files(home) - before <= {"ImageJ2.desktop"}


def a_fiji(fiji: str, folder: Path, inside: bool) -> Path:
    """Return a FIJI_HOME of the cell. `inside`: a Java stands in its folder, where FIJI's own stands."""
    if fiji not in NEAR_FIJIS or not inside:
        return nearfiji.fiji_home(fiji)
    java = find_java(nearfiji.imagej_core(), os.environ)
    assert java
    return nearfiji.copy_of(fiji, folder / "own", java=java.home.resolve())


def start(
    run: Run, home: Path, display: bool, script: str = SCRIPT, **changes: object
) -> harness.WorkerProcess:
    if display:
        nearfiji.need_xvfb()
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/s.ijm", Body=script.encode())
    return harness.start_worker(
        run,
        FIJI_HOME=home,
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/s.ijm",
        DISPLAY_MODE="xvfb" if display else "headless",
        JOB_RETRIES=1,
        JOB_TIMEOUT_MINUTES=1,
        MEMORY=1200,
        **changes,
    )


def values(run: Run, number: int) -> list[str]:
    return harness.content(run, f"results/{number}/values.txt").decode("utf-8").split("|")


def says_what_it_ran_in(run: Run, job: Job, display: bool) -> None:
    document = harness.manifest(run, job)
    assert document
    fiji = document["fiji"]
    assert fiji["headless"] is not display
    real = int(values(run, 10)[4]) // 2**20
    assert fiji["heap_mb"] == real and 400 < real < 1200
    assert fiji["java"] == document["versions"]["java"]


def files(home: Path) -> set[str]:
    """Return the names of all files of a FIJI, with their size and time."""
    return {
        str(path.relative_to(home))
        if path.suffix == ".desktop"
        else f"{path.relative_to(home)} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in home.rglob("*")
        if path.is_file()
    }

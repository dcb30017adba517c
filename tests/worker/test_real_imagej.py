"""The worker with a real ImageJ: ImageJ core, and near-FIJI with FIJI's own launchers of all ages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import nearfiji
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

MACRO = """
#@ String well
#@ Integer (value=0) value
#@ String (value="") mode
#@ String (value="") also
if (mode == "fail") { open_no_such_function(); }
newImage("well", "8-bit", 64, 64, 1);
setColor(value);
fill();
if (mode == "blur") run("Gaussian Blur...", "sigma=2");
saveAs("Tiff", "output/" + well + ".tif");
File.saveString(also, "output/also.txt");
print("well " + well + " done");
"""

#: What launchers, shells and parsers take for their own.
HOSTILE = ' ${app-dir} $HOME "quoted" \\back, k="v" \'x\' --headless ümlaut'


@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_a_macro_leaves_its_image_and_a_broken_one_its_reason(run: Run, fiji: str) -> None:
    home = nearfiji.fiji_home(fiji)
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=MACRO.encode())
    good = a_job(1, well="A1", value=1, mode="blur", also=HOSTILE)
    broken = a_job(8, well="B1", mode="fail")
    submit(run, [good, broken])

    worker = start(run, home)
    harness.wait_until_settled(run, 180)
    worker.stop()

    assert harness.check_settled(run, [good, broken]) == [broken]
    assert harness.content(run, "results/1/A1.tif")[:2] in (b"II", b"MM")
    assert harness.content(run, "results/1/also.txt").decode() == HOSTILE
    reason = harness.failures(run, broken.job_id)[0]
    assert (reason["class"], reason["line"]) == ("macro error", 6)
    says_what_it_ran_in(run, good, worker, home)
    harness.check_nothing_left(run)


def start(run: Run, home: Path, **changes: object) -> harness.WorkerProcess:
    url = f"s3://{run.bucket}/scripts/script.ijm"
    return harness.start_worker(
        run, FIJI_HOME=home, SCRIPT_DOWNLOAD_URL=url, JOB_RETRIES=1, MEMORY=1024, **changes
    )


def says_what_it_ran_in(run: Run, job: harness.Job, worker: harness.WorkerProcess, home: Path) -> None:
    document = harness.manifest(run, job)
    assert document
    fiji = document["fiji"]
    assert fiji["headless"] is True and 400 < fiji["heap_mb"] < 1024
    assert "ImageJ Macro" in fiji["languages"]
    assert (home / fiji["launcher"]).is_file()
    assert f"FIJI is ready: heap {fiji['heap_mb']} MB, headless" in worker.text()

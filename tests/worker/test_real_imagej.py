"""The worker with a real ImageJ (ImageJ core): jobs through the runner and through FIJI's own `--run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.fiji.install import install

MACRO = """
#@ String well
#@ Integer (value=0) value
#@ String (value="") mode
if (mode == "fail") { open_no_such_function(); }
newImage("well", "8-bit", 64, 64, 1);
setColor(value);
fill();
if (mode != "nothing") saveAs("Tiff", "output/" + well + ".tif");
print("well " + well + " done");
"""


@pytest.fixture(scope="module")
def fiji_home() -> Path:
    return install()


@pytest.mark.parametrize("runner", ["runner", "direct"])
def test_a_macro_leaves_its_image_and_a_broken_one_its_reason(run: Run, fiji_home: Path, runner: str) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=MACRO.encode())
    good = [a_job(number, well=f"A{number}", value=number) for number in range(3)]
    broken, silent = a_job(8, well="B1", mode="fail"), a_job(9, well="B2", mode="nothing")
    submit(run, [*good, broken, silent])

    worker = harness.start_worker(
        run,
        FIJI_HOME=fiji_home,
        FIJI_RUNNER=runner,
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/script.ijm",
    )
    harness.wait_until_settled(run)
    worker.stop()

    assert harness.check_settled(run, [*good, broken, silent]) == [broken, silent]
    assert harness.content(run, "results/1/A1.tif")[:2] in (b"II", b"MM")
    reason = harness.failures(run, broken.job_id)[0]
    assert (reason["class"], reason["line"]) == ("macro error", 5)
    assert harness.failures(run, silent.job_id)[0]["class"] == "outputs missing or too small"
    harness.check_nothing_left(run)

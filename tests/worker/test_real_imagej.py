"""The worker with a real ImageJ: ImageJ core, and near-FIJI with FIJI's own launchers of all ages."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests import nearfiji
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.jobs import Job, Value
from worker.imagej.install import install

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


#: Case 03: a macro that smooths the flat field of the plate and keeps it under its old name.
SAVES_OVER_ITS_INPUT = """
#@ String well
#@ String ref
open(ref + "flat.tif");
getStatistics(area, mean);
run("Add...", "value=10");
saveAs("Tiff", ref + "flat.tif");
saveAs("Tiff", ref + "beside.tif");
files = getFileList(ref);
File.saveString(well + " " + mean + " of " + files.length, "output/mean.txt");
"""


def a_tiff(value: int) -> bytes:
    """Return an image of 16 x 16 pixels of 8 bits of one value."""
    pixels = bytes([value]) * 256
    tags = [(256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 16), (279, 256)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in tags)
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels))
    return head + pixels + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


def test_each_job_sees_the_buckets_flat_field_whatever_others_saved_there(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=SAVES_OVER_ITS_INPUT.encode())
    run.cloud.s3.put_object(Bucket=run.bucket, Key="ref/flat.tif", Body=a_tiff(100))
    shared: dict[str, Value] = {"ref": f"s3://{run.bucket}/ref/"}
    jobs = [Job({"well": well}, f"results/{well}", shared) for well in ("A1", "A2", "A3")]
    submit(run, jobs)

    worker = start(run, install())
    harness.wait_until_settled(run, 120)
    worker.stop()

    harness.check_done(run, jobs)
    for well in ("A1", "A2", "A3"):
        assert harness.content(run, f"results/{well}/mean.txt") == f"{well} 100 of 2".encode()


REMEMBERS = """
#@ String well
#@ String before
File.saveString(before + ":" + call("ij.Prefs.get", "lab.last", "nothing"), "output/seen.txt");
call("ij.Prefs.set", "lab.last", well);
call("ij.Prefs.savePreferences");
"""


@pytest.mark.parametrize("fiji", ["ImageJ core", pytest.param("Fiji-new", marks=pytest.mark.thorough)])
def test_no_job_sees_what_another_saved_in_imagejs_preferences(run: Run, fiji: str) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=REMEMBERS.encode())
    jobs = [a_job(number, well=f"A{number}", before="saw") for number in (1, 2, 3)]
    submit(run, jobs)

    worker = start(run, nearfiji.fiji_home(fiji))
    harness.wait_until_settled(run, 180)
    worker.stop()

    harness.check_done(run, jobs)
    seen = {harness.content(run, f"results/{number}/seen.txt") for number in (1, 2, 3)}
    assert seen == {b"saw:nothing"}


SPOILS_ALL_SCRIPTS = """
#@ String well
new File("output/" + well + ".txt").text = "right"
def wrong = 'new File("output/x").text = "wrong"'
new File("../../..").eachFileRecurse { if (it.name == "script.groovy") it.text = wrong }
"""


def test_a_script_that_writes_over_its_own_file_changes_no_other_job(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.groovy", Body=SPOILS_ALL_SCRIPTS.encode())
    jobs = [a_job(number, well=f"A{number}") for number in (1, 2)]
    submit(run, jobs)

    worker = start(run, install(), "script.groovy")
    harness.wait_until_settled(run, 120)
    worker.stop()

    harness.check_done(run, jobs)
    assert sorted(harness.keys(run, "results/")) == ["results/1/A1.txt", "results/2/A2.txt"]


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


def start(run: Run, home: Path, script: str = "script.ijm", **changes: object) -> harness.WorkerProcess:
    url = f"s3://{run.bucket}/scripts/{script}"
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


THROWS = """
newImage("stack", "8-bit ramp", 64, 64, 5);
saveAs("Tiff", "output/a.tif");
run("Canvas Size...", "width=-5 height=5");
"""


@pytest.mark.parametrize("plugin_errors", ["fail", "warn"])
def test_a_plugin_that_throws_fails_the_job_or_is_a_warning(run: Run, plugin_errors: str) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=THROWS.encode())
    job = a_job(1)
    submit(run, [job])

    worker = start(run, nearfiji.fiji_home("ImageJ core"), PLUGIN_ERRORS=plugin_errors)
    harness.wait_until_settled(run, 180)
    worker.stop()

    document = harness.manifest(run, job)
    found = harness.failures(run, job.job_id)
    if plugin_errors == "fail":
        assert document is None
        assert (found[0]["class"], found[0]["line"]) == ("plugin error", 4)
        assert "A plugin failed in line 4, and the script continued" in found[0]["sentence"]
    else:
        assert document and not found
        (warning,) = document["warnings"]
        assert warning["line"] == 4 and "NegativeArraySizeException" in warning["text"]


ASKS = """
n = getNumber("Sigma", 2);
newImage("a", "8-bit ramp", 64, 64, 1);
saveAs("Tiff", "output/a.tif");
"""


@pytest.mark.parametrize(
    ("setting", "lax", "script", "said"),
    ids=["UNANSWERED", "PLUGIN_ERRORS"],
    argvalues=[
        ("UNANSWERED", "defaults", ASKS, "\"Sigma\" had no answer, and UNANSWERED is 'fail' now"),
        ("PLUGIN_ERRORS", "warn", THROWS, "and PLUGIN_ERRORS is 'fail' now"),
    ],
)
def test_what_was_let_pass_does_not_hold_when_the_setting_is_strict_again(
    run: Run, setting: str, lax: str, script: str, said: str
) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=script.encode())
    lines = []
    for value in (lax, lax, "fail"):
        submit(run, [a_job(1)])
        worker = start(run, nearfiji.fiji_home("ImageJ core"), **{setting: value})
        harness.wait_until_settled(run, 180)
        worker.stop()
        lines += worker.lines()

    # The last worker may take the message more than once until it is a dead letter.
    assert [line["outcome"] for line in lines[:3]] == ["DONE", "SKIPPED", "FAILED"]
    assert {line["outcome"] for line in lines[3:]} <= {"FAILED"}
    (note,) = lines[2]["notes"]
    assert note.startswith("runs again: ") and note.endswith(said), note

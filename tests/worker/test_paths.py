"""Scripts with folders of another machine in them run unchanged; what they write elsewhere is found.

Real workers, real ImageJ; each language opens, lists, makes folders and saves in its own ways.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy
import pytest
import tifffile

from tests import nearfiji
from tests.imagej import imagej_core
from tests.worker import harness
from tests.worker.harness import Run, keys, manifest, submit
from worker.contract.jobs import Job
from worker.errors import JobFailed
from worker.host.folders import RunFolder
from worker.storage import elsewhere

#: As people write it: both kinds of slashes, with one at the end and without, put together by +.
SCRIPTS = {
    "fixed.ijm": r"""
dir = "C:\\Lab Data\\plate1\\";
out = "D:/results";
list = getFileList(dir);
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(dir + "\\" + list[i]);
	run("Measure");
	saveAs("Tiff", out + "\\" + "copy_" + list[i]);
	close();
}
if (!File.exists(out + "\\tables")) File.makeDirectory(out + "\\tables");
saveAs("Results", out + File.separator + "tables" + "\\" + "rows.csv");
f = File.open("/Users/me/log/done.txt");
print(f, list.length + " of " + File.getName(dir + list[0]));
File.close(f);
""",
    "fixed.py": r"""
import os
from ij import IJ
from ij.measure import ResultsTable
source = r"C:\Lab Data\plate1"
target = "D:\\results\\"
names = sorted(os.listdir(source))
for name in names:
    imp = IJ.openImage(os.path.join(os.path.abspath(source), name))
    IJ.run(imp, "Measure", "")
    IJ.saveAs(imp, "Tiff", target + "copy_" + name)
if not os.path.isdir(target + "tables"):
    os.makedirs(target + "tables")
ResultsTable.getResultsTable().save("D:/results/tables/rows.csv")
with open("/Users/me/log/done.txt", "w") as log:
    log.write("%d of %s\n" % (len(names), names[0]))
""",
    "fixed.groovy": r"""
import ij.IJ
import ij.measure.ResultsTable
import java.nio.file.*
def source = new File('C:/Lab Data/plate1/')
def names = source.list().sort()
names.each { name ->
    def imp = IJ.openImage(source.path + File.separator + name)
    IJ.run(imp, "Measure", "")
    IJ.saveAs(imp, "Tiff", "D:\\results\\copy_" + name)
}
Files.createDirectories(Paths.get("D:\\results", "tables"))
ResultsTable.resultsTable.save("D:\\results/tables\\rows.csv")
new File("/Users/me/log", "done.txt").text = "${names.size()} of ${names[0]}\n"
""",
    "fixed.bsh": r"""
import ij.IJ;
import ij.measure.ResultsTable;
String source = "c:\\lab data\\Plate1";
String[] names = new File(source).list();
Arrays.sort(names);
for (String name : names) {
    imp = IJ.openImage(source + "\\" + name);
    IJ.run(imp, "Measure", "");
    IJ.saveAs(imp, "Tiff", "D:/results/copy_" + name);
}
new File("D:\\results\\tables").mkdirs();
ResultsTable.getResultsTable().save("D:/results/tables/rows.csv");
w = new java.io.FileWriter("/Users/me/log/done.txt");
w.write(names.length + " of " + names[0] + "\n");
w.close();
""",
}
PATHS = {"C:/Lab Data/plate1": "input", "D:\\results\\": "output", "/Users/me/log": "output"}


def put_images(run: Run) -> None:
    """Put two images of one grey value each into the bucket, as TIFF 6.0 has them."""
    for name, grey in (("a.tif", 10), ("b.tif", 20)):
        file = io.BytesIO()
        tifffile.imwrite(file, numpy.full((4, 4), grey, numpy.uint8))
        run.cloud.s3.put_object(Bucket=run.bucket, Key=f"in/{name}", Body=file.getvalue())


def work_off(run: Run, script: str, text: str, jobs: list[Job], **changes: object) -> str:
    run.cloud.s3.put_object(Bucket=run.bucket, Key=f"scripts/{script}", Body=text.encode())
    submit(run, jobs)
    worker = harness.start_worker(
        run,
        **{
            "FIJI_HOME": imagej_core(),
            "SCRIPT_DOWNLOAD_URL": f"s3://{run.bucket}/scripts/{script}",
            "LOG_FORMAT": "text",
            **changes,
        },
    )
    harness.wait_until_settled(run, 120)
    worker.stop()
    return worker.text()


def check_fixed(run: Run, script: str, **changes: object) -> None:
    put_images(run)
    jobs = [Job({"number": n}, f"results/{n}", inputs=("in/*.tif",), paths=PATHS) for n in (1, 2)]
    log = work_off(run, script, SCRIPTS[script], jobs, **changes)
    harness.check_done(run, jobs)
    for job in jobs:
        location = job.output_file_location
        rows = harness.content(run, f"{location}/tables/rows.csv").decode().split()
        assert [row.split(",")[1:3] for row in rows[1:]] == [["16", "10"], ["16", "20"]], rows
        assert harness.content(run, f"{location}/done.txt") == b"2 of a.tif\n"
        document = manifest(run, job)
        assert document and not document["warnings"], document
        assert document["job"]["paths"] == PATHS
    assert sorted(keys(run, "results/1/")) == [
        f"results/1/{name}" for name in ("copy_a.tif", "copy_b.tif", "done.txt", "tables/rows.csv")
    ], log


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_with_another_machine_s_folders_runs_unchanged(run: Run, script: str) -> None:
    check_fixed(run, script)


@pytest.mark.thorough
@pytest.mark.parametrize("display", ["headless", "xvfb"])
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_it_does_on_every_fiji(run: Run, fiji: str, script: str, display: str) -> None:
    check_fixed(run, script, FIJI_HOME=nearfiji.fiji_home(fiji), DISPLAY_MODE=display)


def test_a_folder_that_nothing_was_opened_in_is_a_warning(run: Run) -> None:
    job = Job({"number": 1}, "results", paths={"C:/mistyped": "input"})
    work_off(run, "s.groovy", 'new File("output/a.txt").text = "x"', [job])
    document = manifest(run, job)
    assert document
    (warning,) = document["warnings"]
    assert warning["text"] == 'The script opened nothing below "C:/mistyped", which the job\'s "paths" name.'


def test_jobs_with_and_without_paths_take_turns(run: Run) -> None:
    """The FIJI in standby was started before anyone knew that its job has paths."""
    jobs = [Job({"n": n}, f"results/{n}", paths={"C:/o": "output"} if n % 2 else {}) for n in range(4)]
    text = '#@ Integer n\nnew File(n % 2 ? "C:\\\\o\\\\a.txt" : "output/a.txt").text = "job $n"'
    work_off(run, "s.groovy", text, jobs)
    harness.check_done(run, jobs)
    assert [harness.content(run, f"results/{n}/a.txt") for n in range(4)] == [b"job %d" % n for n in range(4)]


BESIDE = """
image = "input/a.tif";
open(image); run("Invert"); saveAs("Tiff", "input/a_inverted.tif");
File.makeDirectory("results"); File.saveString("1", "results/count.txt");
File.saveString("home", getDirectory("home") + "mine.txt");
File.saveString("x", "output/own.txt");
"""
ELSEWHERE = ["home/mine.txt", "input/a_inverted.tif", "results/count.txt"]


def test_files_written_elsewhere_are_named_and_kept_when_wanted(run: Run) -> None:
    put_images(run)
    jobs = [Job({"n": n}, f"results/{n}", inputs=("in/",)) for n in (1, 2)]
    log = work_off(run, "s.ijm", BESIDE, jobs)
    harness.check_done(run, jobs)
    document = manifest(run, jobs[0])
    assert document and document["left_elsewhere"] == ELSEWHERE
    assert f"(also written, but not kept: {', '.join(ELSEWHERE)})" in log
    assert keys(run, "results/1/") == ["results/1/own.txt"]

    # What was not kept makes a job run again once it is to be.
    log = work_off(run, "s.ijm", BESIDE, jobs, COLLECT_ALL="True")
    harness.check_done(run, jobs)
    for job in jobs:
        document = manifest(run, job)
        assert document and "left_elsewhere" not in document
        names = [one["key"].removeprefix(f"{job.output_file_location}/") for one in document["outputs"]]
        assert sorted(names) == sorted([*ELSEWHERE, "own.txt"]), log
    assert "runs again: mine.txt was not kept, and COLLECT_ALL is True now" in log
    assert "also written" not in log


def test_a_script_that_saves_beside_its_inputs_alone_is_done_with_collect_all(run: Run) -> None:
    put_images(run)
    text = 'open("input/a.tif"); run("Invert"); save("input/a.tif");'
    job = Job({"n": 1}, "results", inputs=("in/",))
    work_off(run, "s.ijm", text, [job], JOB_RETRIES=1)
    assert "The script wrote input/a.tif instead" in harness.failures(run, job.job_id)[0]["sentence"]
    harness.dead_letters(run)
    work_off(run, "s.ijm", text, [job], COLLECT_ALL="True")
    harness.check_done(run, [job])
    assert keys(run, "results/") == ["results/input/a.tif"]


def test_two_files_that_would_be_one_output_fail_the_job_by_name(run: Run) -> None:
    text = 'File.makeDirectory("r"); File.saveString("1", "r/a.txt"); File.makeDirectory("output/r");'
    job = Job({"n": 1}, "results")
    work_off(run, "s.ijm", text + ' File.saveString("2", "output/r/a.txt");', [job], COLLECT_ALL="True")
    assert (
        "output/r/a.txt and r/a.txt would be one output" in harness.failures(run, job.job_id)[0]["sentence"]
    )


def test_neither_of_two_files_called_home_is_lost(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for place in (folder.work / "home", folder.preferences):
        place.mkdir(parents=True)
        (place / "a.txt").write_text(str(place))

    with pytest.raises(JobFailed, match=r"home/a\.txt .* would be the same output"):
        elsewhere.collect(folder, elsewhere.written(folder, {}))

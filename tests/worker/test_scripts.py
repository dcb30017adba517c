"""Scripts as editors leave them, run by a worker in a real ImageJ; what is none ends the worker."""

from __future__ import annotations

import pytest

from tests.imagej import imagej_core
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

MACRO = '#@ String well\n// one line\nFile.saveString(well + " \N{MICRO SIGN}", "output/" + well + ".txt");\n'
JYTHON = (
    "#!/usr/bin/env jython\n# -*- coding: latin-1 -*-\n#@ String well\nimport io\n"
    'with io.open("output/" + well + ".txt", "w", encoding="utf-8") as file:\n'
    '    file.write(well + u" \N{MICRO SIGN}")\n'
)

SCRIPTS = {
    "a mark, Windows' line ends": ("script.ijm", b"\xef\xbb\xbf" + MACRO.replace("\n", "\r\n").encode()),
    "Latin-1, a Mac's line ends": ("My Macro#2.TXT", MACRO.replace("\n", "\r").encode("latin-1")),
    "a coding line that is right": ("script.Py", JYTHON.encode("latin-1")),
    "a coding line that is wrong": ("script.py.txt", JYTHON.replace("latin-1", "utf-8").encode("latin-1")),
}


@pytest.mark.parametrize("how", SCRIPTS)
def test_a_script_runs_as_its_editor_left_it(run: Run, how: str) -> None:
    name, content = SCRIPTS[how]
    run.cloud.s3.put_object(Bucket=run.bucket, Key=f"scripts/{name}", Body=content)
    job = a_job(1, well="A01")
    submit(run, [job])

    worker = harness.start_worker(
        run, FIJI_HOME=imagej_core(), SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/{name}", STANDBY=False
    )
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, [job])
    assert harness.content(run, "results/1/A01.txt").decode() == "A01 \N{MICRO SIGN}"


def test_a_web_page_in_place_of_a_script_ends_the_worker_with_the_reason(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.py", Body=b"\n<html></html>")
    submit(run, [a_job(1)])

    worker = harness.start_worker(run)

    assert worker.process.wait(20) == 1
    assert "cannot be run: it is a web page, not a script" in worker.text()
    assert harness.counts(run) == (1, 0)


def test_a_script_in_a_language_that_fiji_lacks_ends_the_worker_with_those_it_has(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.CLJ", Body=b"(println 1)")
    submit(run, [a_job(1)])

    url = f"s3://{run.bucket}/scripts/script.CLJ"
    worker = harness.start_worker(run, FIJI_HOME=imagej_core(), SCRIPT_DOWNLOAD_URL=url)

    assert worker.process.wait(60) == 1
    assert "it does not support scripts with the extension .clj, only " in worker.text()
    assert " ijm, " in worker.text()
    harness.wait_until(lambda: harness.counts(run) == (1, 0), 40)

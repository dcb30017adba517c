"""A plate is submitted again: what changed runs again, what is still valid is skipped, failures are named."""

from __future__ import annotations

from pathlib import Path

from distributed_fiji.local import cloud as clouds
from tests.e2e.conftest import App

#: Reads its input; version 2 fails on one well.
SCRIPT = """
#@ String Well
#@ String input_dir
text = File.openAsString(input_dir + "/" + Well + ".txt");
if (%s && Well == "A02") exit("no focus plane found");
File.saveString(text, "output/" + Well + ".txt");
"""

WELLS = ("A01", "A02", "A03")


def put(app: App, well: str, text: str) -> None:
    cloud = clouds.find(Path(app.environment["DISTRIBUTED_FIJI_LOCAL"]))
    assert cloud is not None
    cloud.client("s3").put_object(Bucket=app.bucket, Key=f"plate/{well}.txt", Body=text.encode())


def a_round(app: App) -> tuple[int, str, str]:
    """Take the plate from setup to the monitor's end; return its exit code, last lines and progress."""
    job = app.job_file([{"Well": well} for well in WELLS], inputs=["plate/{Well}.txt"])
    for command in (("setup",), ("submitJob", job)):
        ended = app.run(*command)
        assert ended.code == 0, ended.said
    assert app.start_cluster().code == 0
    watched = app.run("monitor", app.record)
    return watched.code, watched.out, watched.err


def results(app: App) -> list[str]:
    folder = app.bucket_folder / "results"
    return [(folder / well / f"{well}.txt").read_text().strip() for well in WELLS]


def test_a_plate_that_is_submitted_again_is_done_by_todays_script_and_images_alone(app: App) -> None:
    app.configure(JOB_RETRIES=1)
    (app.folder / "script.ijm").write_text(SCRIPT % "false")
    assert app.run("setup").code == 0
    for well in WELLS:
        put(app, well, "first acquisition")
    code, out, _ = a_round(app)
    assert code == 0, out

    (app.folder / "script.ijm").write_text(SCRIPT % "true")
    put(app, "A03", "repeated, in focus")
    code, out, progress = a_round(app)
    assert (code, out.splitlines()[0]) == (3, "2 jobs done, 1 given up, 0 not finished; 1 attempt failed.")
    assert "  Well=A02 (job " in out
    assert "no focus plane found" in out
    assert "1 of the unfinished jobs still have outputs from an earlier run" in out
    assert "done 3 of 3" not in progress
    assert results(app) == ["first acquisition", "first acquisition", "repeated, in focus"]

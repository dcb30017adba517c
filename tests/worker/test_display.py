"""USE_XVFB: FIJI gets a display instead of --headless, and all of it is gone when the job is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import nearfiji
from tests.imagej import imagej_core
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

WINDOW = """
#@ Integer number
def frame = new java.awt.Frame("a window")
frame.setSize(50, 50)
frame.setVisible(true)
new File("output/${number}.txt").text = "shown ${frame.isShowing()}"
frame.dispose()
"""

#: What Debian's xvfb-run does, but for the X server.
XVFB_RUN = """#!/bin/sh
[ "$1" = -a ] && shift
echo "$*" >> {seen}
DISPLAY=:99 exec "$@"
"""


def test_fiji_runs_under_xvfb_run_and_not_headless(run: Run, tmp_path: Path) -> None:
    seen, programs = tmp_path / "seen", tmp_path / "programs"
    programs.mkdir()
    (programs / "xvfb-run").write_text(XVFB_RUN.format(seen=seen), encoding="utf-8")
    (programs / "xvfb-run").chmod(0o755)
    jobs = [a_job(number, sleep=0.3) for number in range(3)]
    submit(run, jobs)

    worker = harness.start_worker(run, USE_XVFB=True, PATH=f"{programs}:{os.environ['PATH']}")
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, jobs)
    commands = seen.read_text(encoding="utf-8").splitlines()
    assert len(commands) >= len(jobs)
    assert all("-Djava.awt.headless=false" in line and "--headless" not in line for line in commands)


@pytest.mark.skipif(not shutil.which("xvfb-run"), reason="Xvfb is not installed; tests/docker has it too")
def test_a_script_may_open_a_window_on_a_real_display(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/s.groovy", Body=WINDOW.encode())
    jobs = [a_job(number) for number in range(3)]
    submit(run, jobs)

    worker = harness.start_worker(
        run,
        FIJI_HOME=imagej_core(),
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/s.groovy",
        USE_XVFB=True,
    )
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, jobs)
    assert harness.content(run, "results/1/1.txt") == b"shown true"
    harness.check_nothing_left(run)


@pytest.mark.thorough
@pytest.mark.skipif(not shutil.which("xvfb-run"), reason="Xvfb is not installed")
@pytest.mark.parametrize("fiji", nearfiji.NEAR_FIJIS)
def test_no_dialog_asks_for_the_runner_s_parameters(run: Run, fiji: str) -> None:
    """SciJava asks on a display for each parameter that is not given, before the runner is alive.

    Without a standby the second job's FIJI gets its job on the command line.
    """
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/s.groovy", Body=WINDOW.encode())
    jobs = [a_job(number) for number in range(2)]
    submit(run, jobs)

    worker = harness.start_worker(
        run,
        FIJI_HOME=nearfiji.fiji_home(fiji),
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/s.groovy",
        USE_XVFB=True,
        STANDBY=False,
    )
    harness.wait_until_settled(run, 120)
    worker.stop()

    harness.check_done(run, jobs)

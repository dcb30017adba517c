"""What the worker's end of a run may kill: all that the run has left, and nothing that another run has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: A subreaper as the worker is. While one process that makes threads all the time is at work, runs end one
#: after another and leave something behind each time. Prints how the first one ended.
SIDE_BY_SIDE = """
import subprocess, sys
from worker.host import processes

processes.adopt_orphans()
make = "[threading.Thread(target=time.sleep, args=(0.01,)).start() or time.sleep(0.002) for _ in range(400)]"
works = processes.start([sys.executable, "-c", f"import threading, time; {make}"])
ended = 0
while works.poll() is None:
    run = processes.start(["sh", "-c", "sleep 60 & sleep 0.01"])
    run.wait()
    processes.forget(run.pid)
    assert processes.end_strays() == []
    ended += 1
print(works.returncode, ended > 3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_the_end_of_a_run_kills_no_other_run_that_starts_threads_meanwhile() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIDE_BY_SIDE], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert (done.stdout.strip(), done.stderr) == ("0 True", "")

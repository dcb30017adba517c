"""What the worker's end of a run may kill: all that the run has left, and nothing that another run has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Makes threads all the time until its stdin is closed.
BUSY = """
import select, sys, threading, time
while not select.select([sys.stdin], [], [], 0.002)[0]:
    threading.Thread(target=time.sleep, args=(0.01,)).start()
"""

#: A subreaper as the worker is. While a busy process is at work, ten runs end one after another and leave
#: something behind each time. Prints how the busy one ended, which only then was told to.
SIDE_BY_SIDE = """
import subprocess, sys
from worker.host import processes

processes.adopt_orphans()
works = processes.start([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
for _ in range(10):
    run = processes.start(["sh", "-c", "sleep 60 & sleep 0.01"])
    run.wait()
    processes.forget(run.pid)
    assert processes.end_strays() == []
    assert works.poll() is None
works.stdin.close()
print(works.wait())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_the_end_of_a_run_kills_no_other_run_that_starts_threads_meanwhile() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIDE_BY_SIDE, BUSY], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert (done.stdout.strip(), done.stderr) == ("0", "")

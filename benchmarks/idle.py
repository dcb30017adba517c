"""A worker whose queue stays empty: its requests to AWS and its CPU, and that it is there all the while."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from benchmarks.common import Target, finish, show
from benchmarks.distance import ministack
from tests import emulators
from tests.worker import harness

SECONDS = 40.0


def main() -> list[Target]:
    """Let a worker wait for a job and then do one; print what the waiting took."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ministack(Path(folder)) as emulator,
        emulators.microburst(Path(folder), emulator.near) as proxy,
        harness.a_run(harness.connect(emulator.near), Path(folder) / "run") as run,
    ):
        emulators.set_faults(proxy, {"service": "*", "latency": 1})
        worker = harness.start_worker(run, AWS_ENDPOINT_URL=proxy, STOP_GRACE_SECONDS=90)
        harness.wait_until(lambda: "waits for jobs" in worker.text(), 120)
        asked_before = len(emulators.fired_faults(proxy))
        cpu = psutil.Process(worker.process.pid).cpu_times()
        time.sleep(SECONDS)
        later = psutil.Process(worker.process.pid).cpu_times()
        asked = emulators.fired_faults(proxy)
        new = asked[asked_before:]
        jobs = [harness.a_job(1)]
        harness.submit(run, jobs)
        harness.wait_until_settled(run)
        harness.check_done(run, jobs)
        assert worker.process.poll() is None, "the worker ended while its queue was empty"
    minutes = SECONDS / 60
    percent = 100 * (later.user + later.system - cpu.user - cpu.system) / SECONDS
    calls = Counter(str(call.get("operation")) for call in new)
    rows = [[name, f"{count / minutes:.1f}"] for name, count in calls.items()] + [
        ["CPU, % of a core", f"{percent:.2f}"]
    ]
    show(f"A worker with an empty queue for {SECONDS:g} s", ["what", "a minute"], rows)
    return [
        Target("requests of an idle worker", len(new) / minutes, " a minute", at_most=10),
        Target("CPU of an idle worker", percent, " % of a core", at_most=1),
    ]


if __name__ == "__main__":
    sys.exit(finish(main()))

"""The worker's own memory over 20,000 jobs: its resident set, sampled while it works. Takes about 20 minutes.

Every job goes the whole way through queue, a process of its own, and bucket. FIJI is a shell script that does
as little as a job needs, for a JVM's start is not what is measured. `python -m benchmarks.memory JOBS` takes
another number.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.common import Target, finish, show
from benchmarks.distance import ministack
from tests.worker import harness

JOBS = 20_000
#: Jobs that are sent at once: an emulator gets slow with many messages waiting.
CHUNK = 500
SAMPLE_SECONDS = 0.5
#: From then on nothing should grow any more: pools are filled, and all code has been loaded.
SETTLED_SHARE = 0.1

#: The runner's contract: the job's path as an argument, or on standard input for a standby.
LEAST_FIJI = """\
#!/bin/sh
for last; do :; done
job=${last#*job=\\"}
job=${job%%\\"*}
[ "$job" = - ] && { read -r job || exit 1; }
echo '{"versions": {}}' >"${job%/*}/alive"
echo x >output/out.txt
echo '{"ok": true, "kind": null}' >"${job%/*}/result"
"""


def main(jobs: int = JOBS) -> list[Target]:
    """Run the jobs, print the samples by tenths of them, and return the targets."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ministack(Path(folder)) as emulator,
        harness.a_run(harness.connect(emulator.near), Path(folder) / "run") as run,
    ):
        launcher = run.fiji_home / "ImageJ-linux64"
        launcher.write_text(LEAST_FIJI, encoding="utf-8")
        started_at = time.monotonic()
        samples = work_off(run, jobs)
        seconds = time.monotonic() - started_at
    settled = [rss for done, rss in samples if done >= SETTLED_SHARE * jobs]
    tenths = [[rss for done, rss in samples if n * jobs <= 10 * done < (n + 1) * jobs] for n in range(10)]
    rows = [[f"{(n + 1) * jobs // 10}", min(part), max(part)] for n, part in enumerate(tenths) if part]
    title = f"The worker's memory over {jobs} jobs ({seconds / jobs:.3f} s a job)"
    show(title, ["jobs", "least MB", "most MB"], [[a, f"{b:.1f}", f"{c:.1f}"] for a, b, c in rows])
    tail = settled[len(settled) * 9 // 10 :]
    growth = sum(tail) / len(tail) - sum(settled[: len(tail)]) / len(tail)
    return [
        Target("the worker's memory", max(rss for _, rss in samples), " MB", at_most=80),
        Target(f"growth from {SETTLED_SHARE:.0%} of the jobs to the end", growth, " MB", at_most=2),
    ]


def work_off(run: harness.Run, jobs: int) -> list[tuple[int, float]]:
    """Let a worker do so many jobs; return how many were done and its memory in MB, over and over."""
    worker = harness.start_worker(run)
    process = psutil.Process(worker.process.pid)
    samples: list[tuple[int, float]] = []
    sent = done = 0
    while done < jobs:
        if sent - done < CHUNK and sent < jobs:
            harness.submit(run, [harness.a_job(number) for number in range(sent, min(jobs, sent + CHUNK))])
            sent = min(jobs, sent + CHUNK)
        time.sleep(SAMPLE_SECONDS)
        done = worker.log.read_bytes().count(b'"outcome": "DONE"')
        samples.append((done, process.memory_info().rss / 1e6))
    assert worker.stop() == 0
    return samples


if __name__ == "__main__":
    sys.exit(finish(main(*map(int, sys.argv[1:2]))))

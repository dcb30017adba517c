"""One worker against the plain way (benchmarks/plain.py): seconds a job, beside FIJI and in all.

Both on the same emulator, 20 ms away at each request, with the same FIJI and script; each
job leaves three files of 100 kB. A job's length is a wait in its script. The stand-in is a FIJI that takes no
time to speak of, and shows what is the worker's own.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median

import psutil

from benchmarks.common import Target, finish, in_turns, show
from benchmarks.distance import ministack
from distributed_fiji.aws.queues import batches
from tests.worker import harness
from worker.imagej.install import install

LATENCY_MS = 20
ROUNDS = 3
LONGEST_SECONDS = 300.0

MACRO = """\
#@ Double seconds
wait(seconds * 1000);
text = "0123456789";
while (lengthOf(text) < 100000) text = text + text;
for (i = 0; i < 3; i++) File.saveString(text, "output/out" + i + ".txt");
"""

#: Ways of the worker, by what their environment changes.
WORKER: Mapping[str, Mapping[str, object]] = {
    "worker": {},
    "no standby": {"STANDBY": False},
    "no overlap": {"OVERLAP": False, "STANDBY": False},
}


#: A second of work instead of a wait: what a JVM in standby costs where there is no idle core for it.
WORK = """\
#@ Double seconds
from ij import IJ
image = IJ.createImage("a", "32-bit noise", 1024, 1024, 1)
for i in range(int(20 * seconds)):
    IJ.run(image, "Gaussian Blur...", "sigma=8")
for i in range(3):
    IJ.saveAs(image.resize(160, 160, "none"), "Tiff", "output/out%d.tif" % i)
"""


@dataclass(frozen=True)
class Case:
    """Some jobs of one length in one FIJI (None: the stand-in), on all cores or on one."""

    fiji_home: Path | None
    seconds: float
    jobs: int
    script: tuple[str, str] = ("wait.ijm", MACRO)
    one_core: bool = False

    @property
    def name(self) -> str:
        if self.one_core:
            return f"ImageJ core, {self.seconds:g} s of work in Python on one core"
        return f"{'ImageJ core' if self.fiji_home else 'stand-in'}, {self.seconds:g} s"


@dataclass(frozen=True)
class Spent:
    """Mean seconds a job: in all, and in FIJI from being given the job to its process's end."""

    all: float
    fiji: float

    @property
    def beside(self) -> float:
        return self.all - self.fiji


def main() -> list[Target]:
    """Measure all cases and print a table for each."""
    core = install()
    cases = [Case(None, 0, 30), Case(core, 0, 15), Case(core, 1, 20), Case(core, 5, 3)]
    cases.append(Case(core, 1, 6, ("work.py", WORK), one_core=True))
    judged = []
    with cloud() as (direct, proxy):
        for case in cases:
            ways = measure(case, direct, proxy)
            report(case, ways)
            judged += targets(case, ways)
    return judged


def report(case: Case, ways: Mapping[str, Spent]) -> None:
    """Print the table of one case."""
    rows = [
        [name, spent.all, spent.fiji, spent.beside, f"{ways['plain'].all / spent.all:.2f}"]
        for name, spent in ways.items()
    ]
    header = ["way", "s a job", "in FIJI", "beside FIJI", "throughput"]
    show(f"{case.name}; {LATENCY_MS} ms a request, medians of {ROUNDS} runs", header, rows)


def targets(case: Case, ways: Mapping[str, Spent]) -> list[Target]:
    """Return what was asked for a case; the stand-in by itself takes what it takes in the plain way."""
    worker, plain = ways["worker"], ways["plain"]
    beside = worker.beside if case.fiji_home else worker.all - min(worker.fiji, plain.fiji)
    if case.one_core:
        return []
    asked = [Target(f"{case.name}: beside FIJI", beside, " s a job", at_most=0.11)]
    if case.seconds == 1:
        bundled = ways["in a bundle"].beside
        asked.append(Target(f"{case.name}, in a bundle: beside FIJI", bundled, " s a job", at_most=0.02))
    if case.seconds == 1:
        what = f"{case.name}: throughput against the plain way"
        asked.append(Target(what, plain.all / worker.all, "x", at_least=1.4))
    return asked


def measure(case: Case, direct: harness.Cloud, proxy: str) -> dict[str, Spent]:
    """Let all ways take turns; return the run of each that is the median by its seconds a job."""
    ways = {"plain": partial(run, case, direct, proxy, "benchmarks.plain", {})}
    ways |= {name: partial(run, case, direct, proxy, "worker", changes) for name, changes in WORKER.items()}
    ways["in a bundle"] = partial(run, case, direct, proxy, "worker", {}, bundle=case.jobs)
    figures = in_turns(ways, ROUNDS)
    return {
        name: Spent(median(one.all for one in runs), median(one.fiji for one in runs))
        for name, runs in figures.items()
    }


def run(
    case: Case,
    direct: harness.Cloud,
    proxy: str,
    module: str,
    changes: Mapping[str, object],
    bundle: int = 1,
) -> Spent:
    """Let one process work off a case's jobs in a run of its own. `bundle`: how many share a message."""
    with tempfile.TemporaryDirectory() as folder, harness.a_run(direct, Path(folder)) as made:
        if case.fiji_home:
            made.fiji_home = case.fiji_home
            name, text = case.script
            made.cloud.s3.put_object(Bucket=made.bucket, Key=f"scripts/{name}", Body=text.encode())
            changes = {"SCRIPT_DOWNLOAD_URL": f"s3://{made.bucket}/scripts/{name}", **changes}
            jobs = [harness.a_job(number, seconds=case.seconds) for number in range(case.jobs)]
        else:
            jobs = [harness.a_job(number, files=3, bytes=100_000) for number in range(case.jobs)]
        with process(made, module, {"AWS_ENDPOINT_URL": proxy, **changes}) as worker:
            harness.wait_until(lambda: "waits for jobs" in worker.text(), 120)
            if case.one_core:
                pin(worker.process.pid)
            started_at = time.perf_counter()
            for entries in batches(jobs, bundle=bundle):
                direct.sqs.send_message_batch(QueueUrl=made.queue_url, Entries=entries)
            harness.wait_until(partial(are_through, worker, len(jobs)), LONGEST_SECONDS, f"jobs by {module}")
            wall = time.perf_counter() - started_at
        lines = worker.lines()
    assert all(line["outcome"] == "DONE" for line in lines), lines
    return Spent(wall / len(jobs), mean(line["seconds"]["fiji"] for line in lines))


def are_through(worker: harness.WorkerProcess, jobs: int) -> bool:
    """Whether a worker has told of all its jobs. Fails at once when it ended before."""
    code = worker.process.poll()
    through = len(worker.lines()) == jobs
    assert through or code is None, f"ended with exit code {code}:\n{worker.text()}"
    return through


def pin(pid: int) -> None:
    """Keep a process, all its threads and whatever they start on one core."""
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, {0})


@contextlib.contextmanager
def process(made: harness.Run, module: str, changes: Mapping[str, object]) -> Iterator[harness.WorkerProcess]:
    """Run a module as a worker of a run until the block ends."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    log = made.folder / "worker.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", module],
            env=harness.environment(made, PATH=path, **changes),
            cwd=made.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    worker = harness.WorkerProcess(started, log)
    try:
        yield worker
    finally:
        # All is done; a worker that is asked to leave would wait for its poll's end.
        worker.process.kill()
        worker.process.wait()


@contextlib.contextmanager
def cloud() -> Iterator[tuple[harness.Cloud, str]]:
    """Yield clients that talk to an emulator directly, and the URL of one as far away as AWS."""
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder), LATENCY_MS) as emulator:
        yield harness.connect(emulator.near), emulator.far


if __name__ == "__main__":
    sys.exit(finish(main()))

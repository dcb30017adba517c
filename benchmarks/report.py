"""`report` of 10,000, 100,000 and 1,000,000 jobs: seconds to make the page, its size, seconds until it works.

Each in a process of its own, from records in memory: reading them from S3 takes as long as S3 does. One job
in forty has failed, and each finished one has two thumbnails. The page is then opened in a headless Chromium,
where there is one, which tells when the maps were drawn and could be used. SIZES="10000 100000" selects.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from rich.console import Console

from benchmarks.common import Target, finish, show
from distributed_fiji.commands import reportfacts
from distributed_fiji.commands.report import Request, page_of
from distributed_fiji.commands.reportthumbnails import write_thumbnails
from distributed_fiji.monitor.spending import MachineUse
from distributed_fiji.report.page import render
from distributed_fiji.report.sheet import table_rows
from distributed_fiji.review.course import Course
from distributed_fiji.review.csvtext import CsvTable
from distributed_fiji.review.facts import DoneJob, Facts, FailedJob
from distributed_fiji.review.jobstates import JobStates
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.record import Run, new_run
from distributed_fiji.terminal import Terminal
from worker.contract.thumbnails import LONGEST_SIDE, Thumbnail, as_document

CHECKOUT = Path(__file__).resolve().parents[1]
SIZES = (10_000, 100_000, 1_000_000)
#: Bytes of a page and seconds in the browser at most (issue 22), by jobs.
LIMITS = {10_000: (1.0, 1.0), 1_000_000: (5.0, 3.0)}
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BEGAN, EVERY = 1_790_000_000.0, 40

CAUSES = (
    ("macro error", 12, 'The macro failed in line 12: Undefined variable "x" in line 12.'),
    ("out of memory", None, "FIJI ran out of memory: it may take 3,000 MB."),
    ("input missing", None, "No object matches plates/P1/A01*.tif."),
)


def metadata(job: int) -> dict[str, str]:
    """Return the metadata of a job: a well of a plate of 384, three replicates of each plate."""
    plate, well = divmod(job, 384)
    return {
        "Plate": f"P{plate // 3:04}_R{plate % 3 + 1}",
        "Well": f"{chr(65 + well // 24)}{well % 24 + 1:02}",
    }


def done_job(job: int, chance: random.Random) -> tuple[DoneJob, CsvTable]:
    """Return a finished job and its table."""
    seconds = {"look": 0.1, "inputs": chance.uniform(0.5, 3), "fiji": chance.uniform(20, 60), "upload": 0.4}
    made_with = {"script": "s3://b/measure.ijm", "image": "fiji:1@sha256:ab", "imagej": "1.54p", "Java": "21"}
    course = Course(BEGAN + job % 30_000, 1, seconds, chance.uniform(900, 2600), job % 97 == 0, made_with)
    outputs = {f"out/{job}_Results.csv": 10_000}
    done = DoneJob(
        f"{job:016x}", metadata(job), "b", "out", outputs, machine="i-1 m5.xlarge", course=course, run_id="r"
    )
    columns = ("Area", "Mean", "StdDev", "Circ.", "X", "Y")
    row = ",".join(f"{chance.gauss(100, 12):.3f}" for _ in columns)
    return done, CsvTable(columns, [row])


def failed_job(job: int, chance: random.Random) -> FailedJob:
    """Return the last failure of a job, of one of three causes."""
    failure, line, sentence = CAUSES[chance.randrange(3)]
    console = ("opened", f"Error in line {line}")
    course = Course(seconds={"inputs": 1.0, "fiji": 9.0})
    time_failed = BEGAN + job % 30_000
    return FailedJob(
        f"{job:016x}", 3, time_failed, failure, sentence, line, console, "", metadata(job), course=course
    )


def thumbnails(bucket: str, key: str) -> bytes:
    """Return what the bucket holds for each job: two channels of noise."""
    return _thumbnails()


@lru_cache(maxsize=1)
def _thumbnails() -> bytes:
    noise = random.Random(1).randbytes(2 * LONGEST_SIDE * LONGEST_SIDE)
    made = [
        Thumbnail("max.tif", channel, 16, LONGEST_SIDE, LONGEST_SIDE, noise, 1, 900) for channel in (1, 2)
    ]
    return json.dumps({"app_name": "Bench", "run_id": "r", "thumbnails": as_document(made)}).encode()


def facts_of(jobs: int) -> tuple[reportfacts.ReportFacts, Run]:
    """Return what `read_facts` returns of so many jobs, made here."""
    chance = random.Random(jobs)
    failed = {f"{job:016x}": failed_job(job, chance) for job in range(0, jobs, EVERY)}
    submitted = frozenset(f"{job:016x}" for job in range(jobs))
    states = JobStates(submitted, submitted - failed.keys(), frozenset(failed), dict.fromkeys(failed, ""), {})
    facts = reportfacts.ReportFacts(states, {}, with_thumbnails=states.done)
    for one in failed.values():
        facts.tally.add_failed(one)
    for job in range(jobs):
        if job % EVERY:
            reportfacts.enter_done(facts, *_with_tables(job, chance), asked=True)
    reportfacts.enter_unfinished(facts, failed)
    facts.ledger = {
        f"i-{number}": MachineUse("m5.xlarge", "us-east-1a", BEGAN + number, BEGAN + 30_000, True)
        for number in range(50)
    }
    facts.cost = 123.45
    settings = parse_settings({"APP_NAME": "Bench", "AWS_BUCKET": "bench", "SCRIPT_DOWNLOAD_URL": "m.ijm"})[0]
    return facts, new_run(settings, started=BEGAN, run_id="", local=False)


def _with_tables(job: int, chance: random.Random) -> tuple[DoneJob, list[CsvTable | str]]:
    done, table = done_job(job, chance)
    return done, [table]


def make(jobs: int, folder: str) -> None:
    """Make one report and print what it took, for the process that called."""
    facts, run = facts_of(jobs)
    began = time.perf_counter()
    terminal = Terminal(*(Console(file=io.StringIO()) for _ in range(2)))
    facts.thumbnails = write_thumbnails(Path(folder), facts, Facts(run, thumbnails), BEGAN, terminal)
    thumbnail_seconds = time.perf_counter() - began
    began = time.perf_counter()
    text = render(page_of(run, facts, Request(Path(folder), "*.csv"), BEGAN))
    seconds = time.perf_counter() - began
    (Path(folder) / "report.html").write_text(text, encoding="utf-8")
    rows = sum(1 for _ in table_rows(facts.wells))
    table_seconds = time.perf_counter() - began - seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    megabytes = len(text.encode()) / 1e6
    print(json.dumps([seconds, table_seconds, rows, thumbnail_seconds, megabytes, peak]))


def opened(page: Path, profile: Path) -> float | None:
    """Return the seconds after which a browser had drawn a page; None where there is no browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom"]
    said = subprocess.run([browser, *flags, page.as_uri()], capture_output=True, text=True, check=True)
    found = re.search(r'<html[^>]* data-ready="(\d+)"', said.stdout)
    return int(found[1]) / 1000 if found else None


def measured(sizes: list[int]) -> Iterator[tuple[int, list[float]]]:
    """Yield jobs, and seconds, seconds of the table, its rows, seconds of thumbnails, MB, peak MB, seconds in
    the browser.
    """
    for jobs in sizes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.report", str(jobs), folder]
            said = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
            figures = json.loads(said.stdout)
            shown = opened(Path(folder) / "report.html", Path(folder) / "profile")
            yield jobs, [*figures, shown if shown is not None else float("nan")]


def main() -> list[Target]:
    """Measure, print the table."""
    sizes = [int(size) for size in os.environ.get("SIZES", "").split()] or list(SIZES)
    made = dict(measured(sizes))
    header = [
        "jobs",
        "page, s",
        "table, s",
        "rows",
        "thumbnails, s",
        "page, MB",
        "peak MB",
        "in the browser, s",
    ]
    show("a report", header, [[f"{jobs:,}", *figures] for jobs, figures in made.items()])
    targets = []
    for jobs, (megabytes, seconds) in LIMITS.items():
        if jobs in made:
            targets.append(Target(f"{jobs:,} jobs: page", made[jobs][4], " MB", at_most=megabytes))
            targets.append(Target(f"{jobs:,} jobs: interactive", made[jobs][6], " s", at_most=seconds))
    return targets


if __name__ == "__main__":
    if len(sys.argv) > 1:
        make(int(sys.argv[1]), sys.argv[2])
    else:
        sys.exit(finish(main()))

"""R17: jobs that change, delete and add to their shared inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.faults.audit import audit
from tests.faults.ground import Ground, finish
from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import Run, submit
from worker.contract.jobs import Job

#: What a job does to the folder after recording what it saw there (fake_fiji, SPOIL).
WAYS = (
    "in place",
    "same size and times",
    "truncate",
    "append",
    "rename over",
    "swap",
    "delete",
    "delete all",
    "add",
    "add deep",
    "folder for file",
    "link for file",
    "link for folder",
    "pipe",
    "hard link",
    "soft link",
    "move out",
    "move to output",
    "close up",
    "outlive",
)
#: Objects below `shared/`: a few, and as many as a program downloads at once.
FOLDERS = {
    "few": {"a.txt": "flat field", "deep/b.txt": "dark field", "z.txt": "the last"},
    "many": {
        "a.txt": "flat field",
        "deep/b.txt": "dark field",
        **{f"n{one:02}": str(one) for one in range(40)},
    },
}


def spoilt_inputs(ground: Ground, *, jobs: int, workers: int) -> Report:
    """Whatever a job did to a shared folder, each job sees exactly what the bucket holds, and is done."""
    report = Report()
    with ground.run("spoilers", retries=2) as run:
        for name, objects in FOLDERS.items():
            for key, text in objects.items():
                run.cloud.s3.put_object(Bucket=run.bucket, Key=f"{name}/{key}", Body=text.encode())
        ways = [WAYS[number % len(WAYS)] for number in range(jobs)]
        ground.chance("R17").shuffle(ways)
        sent = [_job(run, number, way) for number, way in enumerate(ways)]
        for way in ways:
            report.injected[way] += 1
        submit(run, sent)
        for _ in range(workers):
            harness.start_worker(run)
        finish(run, 60 + 3 * jobs)
        audit(run, sent, report)
        _compare(run, sent, report)
    return report


def _job(run: Run, number: int, way: str) -> Job:
    folder = "many" if number % 4 == 3 else "few"
    metadata = {"number": number, "listing": True, "spoil": way, "which": folder}
    return Job(metadata, f"results/{number}", {"folder": f"s3://{run.bucket}/{folder}/"})


def _compare(run: Run, jobs: Sequence[Job], report: Report) -> None:
    for job in jobs:
        if not harness.manifest(run, job):
            report.problems.append(f"{job.metadata} is not done: {harness.failures(run, job.job_id)}")
            continue
        seen = json.loads(harness.content(run, f"{job.output_file_location}/listing.json"))
        wanted = {f"folder:{name}": text for name, text in FOLDERS[str(job.metadata["which"])].items()}
        report.expect(seen == wanted, f"{job.metadata} saw {seen}")
        report.outcomes["saw the bucket's objects"] += seen == wanted

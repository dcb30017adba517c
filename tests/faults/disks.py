"""R10: a disk that fills up while inputs arrive, while FIJI runs, or while outputs are sent."""

from __future__ import annotations

from tests.faults.audit import audit
from tests.faults.ground import Ground, finish
from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

#: The worker's scratch folder is a separate disk of this size, visible only to the worker's processes.
DISK_MB = 12
TOO_MUCH = 14_000_000
SMALL_DISK = (
    "unshare",
    "-rm",
    "sh",
    "-c",
    f'mount -t tmpfs -o size={DISK_MB}m tmpfs "$WORKER_SCRATCH" && exec "$@"',
    "sh",
)


def full_disks(ground: Ground, *, each: int, workers: int) -> Report:
    """A job that fills the disk fails for that reason, or is done if all just fits; the next one runs."""
    report = Report()
    with ground.run("disk", retries=2) as run:
        run.cloud.s3.put_object(Bucket=run.bucket, Key="in/large.bin", Body=b"x" * TOO_MUCH)
        hungry = {
            "in download": [a_job(n, image=f"s3://{run.bucket}/in/large.bin") for n in range(each)],
            "in run": [a_job(1000 + n, fill=TOO_MUCH) for n in range(each)],
            # Enough files that a list of them must be written, on a disk with hardly a free block.
            "in upload": [a_job(2000 + n, files=30, fill="all") for n in range(each)],
        }
        good = [a_job(3000 + number) for number in range(3 * each)]
        sent = [job for of_place in hungry.values() for job in of_place] + good
        ground.chance("R10").shuffle(sent)
        submit(run, sent)
        run.scratch.mkdir()
        for _ in range(workers):
            harness.start_worker(run, before=SMALL_DISK)
        finish(run, 90 + 5 * len(sent))
        for place, jobs in hungry.items():
            report.injected[place] += len(jobs)
            _check(run, place, jobs, report)
        report.injected["good jobs between them"] += len(good)
        audit(run, sent, report)
        undone = [job for job in good if not harness.manifest(run, job)]
        report.expect(not undone, f"{len(undone)} good jobs are not done")
    return report


def _check(run: Run, place: str, jobs: list[harness.Job], report: Report) -> None:
    for job in jobs:
        classes = {record["class"] for record in harness.failures(run, job.job_id)}
        fits = place == "in upload" and harness.manifest(run, job)
        report.expect(fits or "disk full" in classes, f"{place}: recorded as {classes}")
        report.expect(classes <= {"disk full"}, f"{place}: recorded as {classes}")

"""A million groups by `run.py submitJob`: in the job file, before and after, and in a JSONL or CSV file.

Everything on loopback. "Before" is commit 4274c60, taken from git; without git, only this version is
measured. The emulator's CPU seconds are told beside the command's own. SIZES="10000 100000" selects.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from benchmarks.common import Target, finish, show, versions
from benchmarks.submit import APP, BUCKET, REGION, Place, Sent, emulated, measured_command
from distributed_fiji.state.submissions import all_submissions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BEFORE = "4274c60"
SIZES = (1_000_000,)
#: What is measured: which version, and where its groups are.
WAYS = (("before", "job file"), ("after", "job file"), ("after", ".jsonl"), ("after", ".csv"))
#: For a million groups in a file.
MOST_SECONDS, MOST_MB = 150.0, 300.0


def groups(jobs: int) -> Iterator[dict[str, str]]:
    """Yield plates of 384 wells."""
    for number in range(jobs):
        yield {"Plate": f"P{number // 384:04}", "Well": f"W{number % 384:03}"}


def write_job_file(folder: Path, jobs: int, where: str) -> Path:
    """Write a job file, and its groups into a file beside it or into itself."""
    document: dict[str, object] = {"output_file_location": "results/{Plate}/{Well}"}
    if where == "job file":
        document["groups"] = list(groups(jobs))
    else:
        document["groups"] = f"groups{where}"
        with (folder / f"groups{where}").open("w") as file:
            file.writelines(["Plate,Well\n"] if where == ".csv" else [])
            for group in groups(jobs):
                file.write((",".join(group.values()) if where == ".csv" else json.dumps(group)) + "\n")
    path = folder / "many.json"
    path.write_text(json.dumps(document))
    return path


def cpu_of_emulators() -> float:
    """Return the CPU seconds that this process's children have used so far."""
    ticks = 0
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split():
        fields = Path(f"/proc/{child}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def submitted(s3: S3Client) -> int:
    """Return how many jobs the submissions name, and remove what there is of them."""
    found = sum(len(one.job_ids) for one in all_submissions(s3, BUCKET, APP) if one.complete)
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    return found


def measured(place: Place, product: Path, jobs: int, where: str) -> tuple[Sent, float, int]:
    """Submit once; return the figures, the emulator's CPU seconds, and how many jobs are missing."""
    url = place.sqs.create_queue(QueueName=f"{APP}Queue")["QueueUrl"]
    job_file = write_job_file(place.folder, jobs, where)
    before = cpu_of_emulators()
    sent = measured_command(place.folder, job_file, place.plain, product)
    cpu = cpu_of_emulators() - before
    found = place.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    place.sqs.delete_queue(QueueUrl=url)
    s3 = boto3.Session("testing", "testing", region_name=REGION).client(
        "s3", endpoint_url=place.plain["AWS_ENDPOINT_URL"]
    )
    arrived = int(found["Attributes"]["ApproximateNumberOfMessages"])
    return sent, cpu, abs(jobs - arrived) + abs(jobs - submitted(s3))


def main() -> list[Target]:
    """Measure, print the table."""
    sizes = [int(size) for size in os.environ.get("SIZES", "").split()] or list(SIZES)
    rows, targets = list[list[object]](), list[Target]()
    with versions(BEFORE, "run.py", "distributed_fiji", "worker") as products, emulated() as place:
        for jobs in sizes:
            for version, where in (way for way in WAYS if way[0] in products):
                sent, cpu, missing = measured(place, products[version], jobs, where)
                load = f"{os.getloadavg()[0]:.1f}"
                figures = [sent.seconds, sent.cpu, cpu, f"{sent.peak_mb:.0f}", missing, load]
                rows.append([f"{jobs:,}", where, version, *figures])
                if version == "after":
                    targets.append(Target(f"{jobs:,} jobs, {where}: missing", missing, at_most=0))
                if where.startswith("."):
                    targets.append(
                        Target(f"{jobs:,} jobs, {where}", sent.seconds, " s", at_most=MOST_SECONDS)
                    )
                    targets.append(
                        Target(f"{jobs:,} jobs, {where}: peak", sent.peak_mb, " MB", at_most=MOST_MB)
                    )
    header = ["jobs", "groups in", "version", "s", "CPU s", "emulator's CPU s", "peak MB", "missing", "load"]
    show("`run.py submitJob` of many groups on loopback, whole", header, rows)
    return targets


if __name__ == "__main__":
    sys.exit(finish(main()))

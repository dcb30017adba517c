"""A million groups by `run.py submitJob`: in the job file, before and after, and in a JSONL or CSV file.

Everything on loopback. "Before" is commit 4274c60, taken from git; without git, only this version is
measured. The emulator's CPU seconds are told beside the command's own. SIZES="10000 100000" selects.

This process stays small: a child's peak memory counts its parent's, since Linux takes it over at exec.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3

from benchmarks.common import CHECKOUT, Target, finish, show, versions
from benchmarks.submit import APP, BUCKET, REGION, Place, Sent, emulated, measured_command
from distributed_fiji.state.submissions import all_submissions

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
    path, beside = folder / "many.json", folder / f"groups{where}"
    lines = (",".join(group.values()) if where == ".csv" else json.dumps(group) for group in groups(jobs))
    head = '{"output_file_location": "results/{Plate}/{Well}", "groups": '
    if where == "job file":
        with path.open("w") as file:
            file.write(head + "[" + next(lines))
            file.writelines(f", {line}" for line in lines)
            file.write("]}")
        return path
    with beside.open("w") as file:
        file.writelines(["Plate,Well\n"] if where == ".csv" else [])
        file.writelines(f"{line}\n" for line in lines)
    path.write_text(f'{head}"{beside.name}"}}')
    return path


def cpu_of_emulators() -> float:
    """Return the CPU seconds that this process's children have used so far."""
    ticks = 0
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split():
        fields = Path(f"/proc/{child}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def submitted(url: str) -> int:
    """Return how many jobs the submissions name, and remove what there is of them."""
    s3 = boto3.Session("testing", "testing", region_name=REGION).client("s3", endpoint_url=url)
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
    arrived = int(found["Attributes"]["ApproximateNumberOfMessages"])
    asking = [sys.executable, "-m", "benchmarks.many_groups", place.plain["AWS_ENDPOINT_URL"]]
    named = int(subprocess.check_output(asking, env=place.plain, cwd=CHECKOUT))
    return sent, cpu, abs(jobs - arrived) + abs(jobs - named)


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
    if len(sys.argv) > 1:
        print(submitted(sys.argv[1]))
    else:
        sys.exit(finish(main()))

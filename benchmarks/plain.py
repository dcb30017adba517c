"""The plain way of working off a queue: one job at a time, as the original worker does it.

Receive, start FIJI cold, `aws s3 mv`, delete. A process like the worker, with its environment and its line
per job, so that `benchmarks.worker` can set the two side by side. It checks nothing and keeps nothing safe.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from worker.fiji.launcher import script_argument

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def main() -> None:
    """Work until a poll finds the queue empty."""
    queue_url, bucket = os.environ["SQS_QUEUE_URL"], os.environ["AWS_BUCKET"]
    session = boto3.session.Session(region_name=os.environ["AWS_REGION"])
    sqs = session.client("sqs")
    script = fetch_script(session.client("s3"), os.environ["SCRIPT_DOWNLOAD_URL"])
    print("waits for jobs", flush=True)
    while messages := sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=20).get("Messages"):
        for message in messages:
            job = json.loads(message["Body"])
            seconds = run_job(job, script, f"s3://{bucket}/{job['output_file_location']}")
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            print(json.dumps({"outcome": "DONE", "seconds": {"fiji": seconds}}), flush=True)


def fetch_script(s3: S3Client, url: str) -> Path:
    """Bring the script (s3://bucket/key) to disk."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    path = Path(tempfile.mkdtemp()) / Path(key).name
    path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return path


def run_job(job: dict[str, Any], script: Path, target: str) -> float:
    """Run one job, move its outputs to the bucket, and return FIJI's seconds."""
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "output").mkdir()
        launcher = Path(os.environ["FIJI_HOME"]) / "ImageJ-linux64"
        command = [str(launcher), "--mem=1g", "--headless", "--run", str(script)]
        started_at = time.perf_counter()
        values = script_argument({name: str(value) for name, value in job["Metadata"].items()})
        subprocess.run([*command, values], cwd=work, stdout=sys.stderr, check=True)
        seconds = time.perf_counter() - started_at
        move = shlex.split(f"aws s3 mv output {shlex.quote(target)} --recursive --only-show-errors")
        subprocess.run(move, cwd=work, check=True)
    return round(seconds, 3)


if __name__ == "__main__":
    main()

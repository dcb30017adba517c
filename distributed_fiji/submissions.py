"""What was submitted: an object in the bucket per submitJob, with the ids of its jobs.

It is written before the first message goes and again when the last was taken, so that the monitor knows
every job that must end, and a submission that was killed midway is seen.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from distributed_fiji.aws import pages
from worker.contract import state_key


@dataclass(frozen=True)
class Submission:
    """One submitJob.

    `queue_created`: the queue's CreatedTimestamp, which tells the lives of a queue apart.
    `output_location`: as in the job file, with its braces.
    """

    submission_id: str
    job_file: str
    queue_created: str
    submitted_at: float
    job_ids: tuple[str, ...]
    output_location: str = ""
    complete: bool = False

    def completed(self) -> Submission:
        """Return the same submission with every message taken by the queue."""
        return replace(self, complete=True)


def write_submission(s3: Any, bucket: str, app_name: str, submission: Submission) -> None:
    """Write a submission's object, over an earlier state of it."""
    s3.put_object(
        Bucket=bucket,
        Key=state_key(app_name, "submissions", f"{submission.submission_id}.json"),
        Body=json.dumps(asdict(submission)).encode(),
        ContentType="application/json",
    )


def read_submissions(s3: Any, bucket: str, app_name: str, queue_created: str) -> list[Submission]:
    """Return the submissions that went to the queue created at that time, oldest first."""
    found = all_submissions(s3, bucket, app_name)
    return [submission for submission in found if submission.queue_created == queue_created]


def all_submissions(s3: Any, bucket: str, app_name: str) -> list[Submission]:
    """Return every submission of an app, oldest first."""
    prefix = state_key(app_name, "submissions", "")
    found = []
    for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
        document = json.loads(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
        found.append(Submission(**{**document, "job_ids": tuple(document["job_ids"])}))
    return sorted(found, key=lambda submission: submission.submitted_at)

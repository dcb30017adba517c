"""What was submitted: one object in the bucket for each submitJob, with the IDs of its jobs.

It is written before the first message is sent and again after the last one, so that the monitor knows every
job that has to end, and can tell when a submission was interrupted. Its IDs are sorted and packed: 11 bytes a
job (worker.contract.jobids).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import answered_at, pages
from distributed_fiji.state.jobids import JobSet
from distributed_fiji.state.statefiles import find_state, pass_over
from worker.contract.jobids import packed, sorted_numbers, unpacked
from worker.contract.jobs import state_key
from worker.contract.state import NAME, flag, number, refuse_another_app, text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: What stands for the name of a job file in the submission of a redrive.
REDRIVE = "redrive"


@dataclass(frozen=True)
class Submission:
    """One submitJob.

    `queue_created`: the queue's CreatedTimestamp, which tells a queue from an earlier one of the same name.
    `output_location`: as in the job file, with its braces. `submitted_at`: seconds since 1970, by S3's clock
    if `by_aws`, else by that of the machine that submitted; manifests are compared with it. `bundle`: how
    many jobs may share a message.
    """

    submission_id: str
    job_file: str
    queue_created: str
    submitted_at: float
    job_ids: Collection[str]
    output_location: str = ""
    complete: bool = False
    by_aws: bool = False
    bundle: int = 1

    def completed(self) -> Submission:
        """Return the same submission, marked as completely sent."""
        return replace(self, complete=True)


def write_submission(s3: S3Client, bucket: str, app_name: str, submission: Submission) -> Submission:
    """Write a submission's object, replacing an earlier one; return it with its time by S3's clock.

    It is first written before the first message is sent, so its time is earlier than any finished job's.
    """
    ids = packed(sorted_numbers(submission.job_ids))
    document = {**vars(submission), "job_ids": ids, "app_name": app_name}
    answer = s3.put_object(
        Bucket=bucket,
        Key=state_key(app_name, "submissions", f"{submission.submission_id}.json"),
        Body=json.dumps(document).encode(),
        ContentType="application/json",
    )
    time = answered_at(answer)
    if submission.by_aws or time is None:
        return submission
    return replace(submission, submitted_at=time, by_aws=True)


def remove_submission(s3: S3Client, bucket: str, app_name: str, submission_id: str) -> None:
    """Remove a submission that has no jobs left."""
    s3.delete_object(Bucket=bucket, Key=state_key(app_name, "submissions", f"{submission_id}.json"))


def read_submissions(s3: S3Client, bucket: str, app_name: str, queue_created: str) -> list[Submission]:
    """Return the submissions to the queue that was created at that time, oldest first."""
    found = all_submissions(s3, bucket, app_name)
    return [submission for submission in found if submission.queue_created == queue_created]


def all_submissions(s3: S3Client, bucket: str, app_name: str) -> list[Submission]:
    """Return every submission of an app, oldest first."""
    found = [
        find_state(s3, bucket, key, lambda document: submission_in(document, app_name))
        for key, _ in list_submissions(s3, bucket, app_name)
    ]
    return sorted(filter(None, found), key=lambda submission: submission.submitted_at)


def list_submissions(s3: S3Client, bucket: str, app_name: str) -> Iterable[tuple[str, str]]:
    """Yield key and ETag of every submission of an app."""
    prefix = state_key(app_name, "submissions", "")
    for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
        if NAME.match(item["Key"][len(prefix) :]):
            yield item["Key"], item["ETag"]
        else:
            pass_over(bucket, item["Key"], "its name is not that of a submission")


def submission_in(document: dict[str, Any], app_name: str) -> Submission:
    """Return the submission in a document. Raises Unreadable."""
    refuse_another_app(document, app_name)
    return Submission(
        submission_id=text(document, "submission_id"),
        job_file=text(document, "job_file"),
        queue_created=text(document, "queue_created"),
        submitted_at=number(document, "submitted_at"),
        job_ids=JobSet.of_numbers(unpacked(document.get("job_ids", []))),
        output_location=text(document, "output_location", ""),
        complete=flag(document, "complete", False),
        by_aws=flag(document, "by_aws", False),
        bundle=int(number(document, "bundle", 1.0)),
    )

"""The runs that have not been taken down yet: one object per run in the bucket.

Standard library only, because the janitor's Lambda reads it too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from distributed_fiji.aws.clients import pages
from distributed_fiji.state.record import Run, from_document, to_document
from distributed_fiji.state.statefiles import pass_over
from worker.contract.jobs import state_key
from worker.contract.state import MOST_BYTES, NAME, Unreadable, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def open_run(s3: S3Client, run: Run) -> None:
    """Register a run as one that has to be ended."""
    body = json.dumps(to_document(run)).encode()
    s3.put_object(Bucket=run.bucket, Key=_run_key(run), Body=body, ContentType="application/json")


def list_open_runs(s3: S3Client, bucket: str, app_name: str, region: str) -> list[str]:
    """Return the keys of an app's runs in a region that have not been taken down yet.

    Apps of the same name in several regions may share a bucket, and only the janitor in a run's region sees
    its machines.
    """
    prefix = state_key(app_name, "runs", region, "")
    found = []
    for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
        if NAME.match(item["Key"], len(prefix)):
            found.append(item["Key"])
        else:
            pass_over(bucket, item["Key"], "its name is not that of a run")
    return found


def read_open_run(s3: S3Client, bucket: str, key: str) -> Run | None:
    """Return a run by its key, or None if another monitor has just closed it.

    Raises Unreadable if the object is not a record, or is that of another run. Its key is then named every
    time, because a damaged record may be that of a fleet which is still running.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES + 1)
    except s3.exceptions.NoSuchKey:
        return None
    try:
        run = from_document(read_object(body))
    except Unreadable as error:
        raise Unreadable(f"s3://{bucket}/{key} is not the record of a run: {error}") from error
    if (run.bucket, _run_key(run)) != (bucket, key):
        raise Unreadable(f"s3://{bucket}/{key} is the record of another run: {run.app_name} {run.run_id}")
    return run


def read_open_runs(s3: S3Client, bucket: str, app_name: str, region: str) -> tuple[list[Run], list[str]]:
    """Return an app's runs that have not been taken down yet, and the keys that do not hold a record."""
    runs, unreadable = [], []
    for key in list_open_runs(s3, bucket, app_name, region):
        try:
            found = read_open_run(s3, bucket, key)
        except Unreadable as error:
            pass_over(bucket, key, str(error))
            unreadable.append(key)
        else:
            runs += [found] if found else []
    return runs, unreadable


def close_run(s3: S3Client, run: Run) -> None:
    """Register that nothing of a run is left to end."""
    for key in (memory_key(run), _run_key(run)):
        s3.delete_object(Bucket=run.bucket, Key=key)


def _run_key(run: Run) -> str:
    return state_key(run.app_name, "runs", run.region, f"{run.run_id}.json")


def memory_key(run: Run) -> str:
    """Return the key of what the janitor remembers about a run; it is deleted with the run."""
    return state_key(run.app_name, "memories", run.region, f"{run.run_id}.json")

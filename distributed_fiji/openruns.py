"""Which runs are not taken down yet: an object per run in the bucket, and what the janitor remembers of each.

Standard library only: the janitor's Lambda reads it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from distributed_fiji.aws import pages
from distributed_fiji.monitoring import Memory
from distributed_fiji.runfacts import RunFacts, facts_of
from worker.contract import state_key


def open_run(s3: Any, record: Mapping[str, Any]) -> None:
    """Note a run as one that has to be ended; `record` is its record's document."""
    run = facts_of(record)
    body = json.dumps(dict(record)).encode()
    s3.put_object(Bucket=run.bucket, Key=_run_key(run), Body=body, ContentType="application/json")


def list_open_runs(s3: Any, bucket: str, app_name: str, region: str) -> list[str]:
    """Return the keys of an app's runs in a region that are not taken down yet.

    Apps of the same name in several regions may share a bucket, and only the region's own janitor sees a
    run's machines.
    """
    prefix = state_key(app_name, "runs", region, "")
    return [item["Key"] for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)]


def read_open_run(s3: Any, bucket: str, key: str) -> RunFacts | None:
    """Return a run by its key, or None where another monitor has just closed it."""
    try:
        return facts_of(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    except s3.exceptions.NoSuchKey:
        return None


def close_run(s3: Any, run: RunFacts) -> None:
    """Note that nothing of a run is left to be ended."""
    for key in (_memory_key(run), _run_key(run)):
        s3.delete_object(Bucket=run.bucket, Key=key)


def read_memory(s3: Any, run: RunFacts) -> Memory:
    """Return what was remembered of a run at the last look."""
    try:
        document = json.loads(s3.get_object(Bucket=run.bucket, Key=_memory_key(run))["Body"].read())
    except s3.exceptions.NoSuchKey:
        return Memory()
    readings = tuple((time, left) for time, left in document["readings"])
    empty = tuple(document["empty"]) if document["empty"] else None
    return Memory(**{**document, "readings": readings, "empty": empty})


def write_memory(s3: Any, run: RunFacts, memory: Memory) -> None:
    """Keep what is to be remembered for the next look."""
    s3.put_object(Bucket=run.bucket, Key=_memory_key(run), Body=json.dumps(asdict(memory)).encode())


def _run_key(run: RunFacts) -> str:
    return state_key(run.app_name, "runs", run.region, f"{run.run_id}.json")


def _memory_key(run: RunFacts) -> str:
    return state_key(run.app_name, "memories", run.region, f"{run.run_id}.json")

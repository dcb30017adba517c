"""Bring a run's CloudWatch logs into the bucket: one compressed text per log group.

CreateExportTask is not used: it needs a bucket policy and AWS runs one per account at a time. The events
are read with FilterLogEvents, which serves all streams of a group in pages of 10,000 events, and go
through a temporary file, so that memory does not grow with them.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from distributed_fiji.aws import pages
from distributed_fiji.runfacts import RunFacts


def export_logs(logs: Any, s3: Any, run: RunFacts) -> list[str]:
    """Write what each log group got since the run's start to exportedlogs/; return the keys.

    A line is time, stream and message, tab-separated. A group that is not there, or got nothing, has no
    object; written again, an object is replaced.
    """
    keys = []
    for group in run.log_groups:
        key = f"exportedlogs/{run.app_name}/{_stamp(run.started)}/{group.strip('/')}.log.gz"
        if _export_group(logs, s3, group, run, key):
            keys.append(key)
    return keys


def _export_group(logs: Any, s3: Any, group: str, run: RunFacts, key: str) -> bool:
    events = 0
    with tempfile.TemporaryFile() as file:
        with gzip.open(file, "wt", encoding="utf-8", compresslevel=6) as text:
            for line in _lines(logs, group, int(run.started * 1000)):
                text.write(line)
                events += 1
        file.seek(0)
        if events:
            s3.upload_fileobj(file, run.bucket, key)
    return events > 0


def _lines(logs: Any, group: str, start: int) -> Iterator[str]:
    try:
        for event in pages(logs, "filter_log_events", "events", logGroupName=group, startTime=start):
            time = datetime.fromtimestamp(event["timestamp"] / 1000, timezone.utc)
            yield f"{time.isoformat(timespec='milliseconds')}\t{event['logStreamName']}\t{event['message']}\n"
    except logs.exceptions.ResourceNotFoundException:
        return


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y%m%dT%H%M%SZ")

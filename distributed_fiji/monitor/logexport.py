"""Export the workers' own log of a run from CloudWatch to the bucket, as one compressed text file.

The jobs' consoles are not exported. They are in the bucket, except those of attempts whose workers were
killed, and may be gigabytes, while FilterLogEvents takes five calls a second (AWS re:Post knowledge center,
"How do I determine throttling in my CloudWatch logs?").

CreateExportTask is not used: it needs a bucket policy, and AWS runs only one per account at a time. The
events are read with FilterLogEvents, which returns all streams of a group in pages of 10,000 events, and go
through a temporary file, so that memory use does not grow with them.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import IO, TYPE_CHECKING

from distributed_fiji.aws.clients import Clients, pages
from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.state.record import Run

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


class LogsTooLong(DistributedFijiError):
    """Raised when the export takes longer than allowed. The log stays in CloudWatch."""


def export_log(clients: Clients, run: Run, enough: Callable[[], bool]) -> str | None:
    """Write what the workers' log group received since the run started to exportedlogs/; return the key.

    A line has time, stream and message, separated by tabs. A group that does not exist, or received nothing,
    gets no object, and None is returned. Exporting again replaces the object. Raises LogsTooLong as soon as
    `enough` says so.
    """
    group = run.machine_log_group
    key = f"exportedlogs/{run.app_name}/{_stamp(run.started)}/{group.strip('/')}.log.gz"
    with tempfile.TemporaryFile() as file:
        if not _write(_lines(clients.logs, group, int(run.started * 1000)), file, enough):
            return None
        file.seek(0)
        clients.s3.upload_fileobj(file, run.bucket, key)
    return key


def _write(lines: Iterator[str], file: IO[bytes], enough: Callable[[], bool]) -> bool:
    """Write lines compressed; return whether there was any."""
    count = 0
    with gzip.open(file, "wt", encoding="utf-8", compresslevel=6) as text:
        for count, line in enumerate(lines, 1):
            text.write(line)
            if count % 1000 == 0 and enough():
                raise LogsTooLong("the workers' log could not be exported in time; CloudWatch has all of it")
    return count > 0


def _lines(logs: CloudWatchLogsClient, group: str, start: int) -> Iterator[str]:
    try:
        for event in pages(logs, "filter_log_events", "events", logGroupName=group, startTime=start):
            time = datetime.fromtimestamp(event["timestamp"] / 1000, timezone.utc)
            yield f"{time.isoformat(timespec='milliseconds')}\t{event['logStreamName']}\t{event['message']}\n"
    except logs.exceptions.ResourceNotFoundException:
        return


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y%m%dT%H%M%SZ")

"""Send FIJI's console to CloudWatch Logs, one stream per job.

Problems with logs never fail or delay a job.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from worker.calls import CALL_ERRORS

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

log = logging.getLogger(__name__)

FLUSH_SECONDS = 2.0
#: PutLogEvents takes 10,000 events and 1 MiB per call, counting 26 extra bytes per event (API reference).
MOST_EVENTS = 5_000
MOST_BYTES = 900_000
EVENT_OVERHEAD = 26
#: The most lines to keep until they are sent. If a script prints faster, the oldest are lost here, but not in
#: its log.
MOST_WAITING = 20_000
#: The most bytes to send of one job's console. CloudWatch costs $0.50 per GB, and the bucket has all of it.
MOST_OF_A_JOB = 10 * 2**20


class LogStreams:
    """Sends lines in its own thread. Without a client, it accepts lines and does nothing."""

    def __init__(self, client: CloudWatchLogsClient | None, group: str) -> None:
        self._group = group
        self._waiting: deque[tuple[str, int, str]] = deque(maxlen=MOST_WAITING)
        self._created: deque[str] = deque(maxlen=100)
        self._wake = threading.Event()
        self._closed = False
        self._warned = False
        self._thread: threading.Thread | None = None
        if client is not None:
            self._thread = threading.Thread(
                target=self._send_until_closed, args=(client,), name="logs", daemon=True
            )
            self._thread.start()

    def sink(self, stream: str, whole: str, most_bytes: int = MOST_OF_A_JOB) -> Callable[[str], None]:
        """Return a function that takes the lines of a stream, such as `JOB_ID/ATTEMPT`, up to so many bytes.

        `whole`: where the complete console is once the job has ended; the last line says so.
        """
        if self._thread is None:
            return lambda line: None
        left = most_bytes

        def take(line: str) -> None:
            nonlocal left
            if left < 0:
                return
            left -= len(line.encode("utf-8", "replace")) + EVENT_OVERHEAD
            if left < 0:
                line = f"More than {most_bytes} bytes: the rest is in {whole} when the job has ended."
            self._waiting.append((stream, int(time.time() * 1000), line))

        return take

    def close(self, seconds: float) -> None:
        """Send what is waiting, for at most `seconds`."""
        self._closed = True
        self._wake.set()
        if self._thread:
            self._thread.join(seconds)

    def _send_until_closed(self, client: CloudWatchLogsClient) -> None:
        while not self._closed:
            self._wake.wait(FLUSH_SECONDS)
            while self._waiting:
                self._send_some(client)

    def _send_some(self, client: CloudWatchLogsClient) -> None:
        """Send the first lines that belong to one stream and fit into one call."""
        stream, _, _ = self._waiting[0]
        events: list[InputLogEventTypeDef] = []
        size = 0
        while self._waiting and len(events) < MOST_EVENTS and size < MOST_BYTES:
            if self._waiting[0][0] != stream:
                break
            _, when, line = self._waiting.popleft()
            events.append({"timestamp": when, "message": line or " "})
            size += len(line.encode("utf-8", "replace")) + EVENT_OVERHEAD
        try:
            self._create(client, stream)
            client.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=events)
        except CALL_ERRORS as error:
            if not self._warned:
                log.warning(
                    "lines of %s could not be written to the log group %s: %s", stream, self._group, error
                )
            self._warned = True

    def _create(self, client: CloudWatchLogsClient, stream: str) -> None:
        if stream in self._created:
            return
        try:
            client.create_log_stream(logGroupName=self._group, logStreamName=stream)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceAlreadyExistsException":
                raise
        self._created.append(stream)

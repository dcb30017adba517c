"""Send FIJI's console to CloudWatch Logs: one stream a worker, each line with its job's ID and attempt.

CreateLogStream takes 50 calls a second (API reference), which a thousand machines exceed if each job has a
stream of its own. Problems with logs never fail or delay a job.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from worker.calls import CALL_ERRORS
from worker.contract.jobs import log_line

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

log = logging.getLogger(__name__)

FLUSH_SECONDS = 2.0
#: After a stream could not be created: another worker may have taken this second's calls.
AGAIN_SECONDS = 10.0
#: PutLogEvents takes 10,000 events and 1 MiB per call, counting 26 extra bytes per event (API reference).
MOST_EVENTS = 5_000
MOST_BYTES = 900_000
EVENT_OVERHEAD = 26
#: The most lines to keep until they are sent. If a script prints faster, the oldest are lost here, but not in
#: its log.
MOST_WAITING = 20_000
#: The most bytes to send of one job's console. CloudWatch costs $0.50 per GB, and the bucket has all of it.
MOST_OF_A_JOB = 10 * 2**20


class LogStream:
    """Sends lines in its own thread. Without a client, it accepts lines and does nothing.

    `now`: the time in seconds since 1970. `flush`, `again`: seconds until lines are sent, and until a stream
    that could not be created is asked for once more.
    """

    def __init__(
        self,
        client: CloudWatchLogsClient | None,
        group: str,
        stream: str,
        *,
        now: Callable[[], float] = time.time,
        flush: float = FLUSH_SECONDS,
        again: float = AGAIN_SECONDS,
    ) -> None:
        self._group, self._stream = group, stream
        self._now, self._flush, self._again = now, flush, again
        self._waiting: deque[tuple[int, str]] = deque(maxlen=MOST_WAITING)
        self._wake = threading.Event()
        self._closed = False
        self._warned = False
        self._thread: threading.Thread | None = None
        if client is not None:
            self._thread = threading.Thread(
                target=self._send_until_closed, args=(client,), name="logs", daemon=True
            )
            self._thread.start()

    def sink(
        self, job_id: str, attempt: int, whole: str, most_bytes: int = MOST_OF_A_JOB
    ) -> Callable[[str], None]:
        """Return a function that takes the lines of a job's attempt, up to so many bytes.

        `whole`: where the complete console is once the job has ended; the last line says so.
        """
        if self._thread is None:
            return lambda line: None
        left = most_bytes

        def take(line: str) -> None:
            nonlocal left
            if left < 0:
                return
            sent = log_line(job_id, attempt, line)
            left -= _size(sent)
            if left < 0:
                sent = log_line(
                    job_id,
                    attempt,
                    f"More than {most_bytes} bytes: the rest is in {whole} when the job has ended.",
                )
            self._waiting.append((int(self._now() * 1000), sent))

        return take

    def close(self, seconds: float) -> None:
        """Send what is waiting, for at most `seconds`."""
        self._closed = True
        self._wake.set()
        if self._thread:
            self._thread.join(seconds)

    def _send_until_closed(self, client: CloudWatchLogsClient) -> None:
        pause, created = self._flush, False
        while not self._closed:
            self._wake.wait(pause)
            if self._waiting and not created:
                created = self._try(partial(self._create, client))
                pause = self._flush if created else self._again
            while created and self._waiting:
                self._try(partial(self._send_some, client))

    def _send_some(self, client: CloudWatchLogsClient) -> None:
        """Send the first lines that fit into one call. CloudWatch wants them by time (API reference)."""
        events: list[InputLogEventTypeDef] = []
        size = 0
        while self._waiting and len(events) < MOST_EVENTS and size < MOST_BYTES:
            when, line = self._waiting.popleft()
            events.append({"timestamp": when, "message": line})
            size += _size(line)
        events.sort(key=itemgetter("timestamp"))
        client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)

    def _create(self, client: CloudWatchLogsClient) -> None:
        try:
            client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceAlreadyExistsException":
                raise

    def _try(self, call: Callable[[], None]) -> bool:
        """Call; return whether that succeeded. The first failure is reported."""
        try:
            call()
        except CALL_ERRORS as error:
            if not self._warned:
                log.warning("lines could not be written to the log group %s: %s", self._group, error)
            self._warned = True
            return False
        return True


def _size(line: str) -> int:
    return len(line.encode("utf-8", "replace")) + EVENT_OVERHEAD

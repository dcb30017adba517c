"""Forward the tasks' output to CloudWatch Logs, as Docker's awslogs driver does on the real machines.

A task writes to a file. One thread reads what was added and sends whole lines in batches, within the limits
of PutLogEvents: 10,000 events and 1 MiB per batch, counting 26 bytes extra per event (API reference).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from distributed_fiji.local.machines import taskplan
from distributed_fiji.local.machines.taskplan import TaskPlan
from distributed_fiji.local.machines.tasks import CannotStart

INTERVAL_SECONDS = 0.3
MOST_EVENTS = 10_000
MOST_BYTES = 1024 * 1024
EVENT_OVERHEAD_BYTES = 26
MOST_LINE_BYTES = 256 * 1024 - EVENT_OVERHEAD_BYTES
READ_BYTES = MOST_BYTES // 2
BATCHES_A_ROUND = 20

log = logging.getLogger(__name__)


@dataclass
class Stream:
    """A task's log file and its log stream. `offset`: how far it has been sent."""

    file: Path
    client: Any
    group: str
    name: str
    offset: int = 0
    last: bool = field(default=False)


class LogDriver:
    """Forwards the logs of all running tasks. `client` makes a CloudWatch Logs client for a region."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self._clients: dict[str, Any] = {}
        self._streams: dict[str, Stream] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._forward_for_ever, daemon=True)
        self._thread.start()

    def open(self, plan: TaskPlan, file: Path) -> None:
        """Create a task's log stream and forward its file from now on.

        Raises CannotStart if the log group does not exist, since Docker then starts no container.
        """
        options = taskplan.log_options(plan)
        if not options:
            return
        region = options.get("awslogs-region", plan.gifts.region)
        client = self._clients.setdefault(region, self._client(region))
        stream = Stream(file, client, options["awslogs-group"], taskplan.log_stream(plan))
        try:
            client.create_log_stream(logGroupName=stream.group, logStreamName=stream.name)
        except client.exceptions.ResourceAlreadyExistsException:
            pass
        except ClientError as error:
            raise CannotStart(
                "CannotStartContainerError: failed to initialize logging driver: failed to create log stream"
                f" {stream.name}: {error.response['Error']['Message']} (group {stream.group})"
            ) from error
        with self._lock:
            self._streams[plan.arn] = stream

    def close(self, arn: str) -> None:
        """Forward the rest of a task's log, including an unfinished last line, then forget the task."""
        with self._lock:
            stream = self._streams.get(arn)
            if stream is not None:
                stream.last = True

    def finish(self) -> None:
        """Forward everything and end the thread."""
        with self._lock:
            for stream in self._streams.values():
                stream.last = True
        self._ending.set()
        self._thread.join(timeout=10)

    def _forward_for_ever(self) -> None:
        while not self._ending.wait(INTERVAL_SECONDS):
            self._forward_all()
        self._forward_all()

    def _forward_all(self) -> None:
        with self._lock:
            streams = list(self._streams.items())
        for arn, stream in streams:
            last = stream.last
            drained = False
            try:
                drained = all_sent(stream, last)
            except (ClientError, BotoCoreError, OSError) as error:
                log.warning("The log of %s could not be forwarded: %s", arn, error)
                drained = last
            if last and drained:
                with self._lock:
                    self._streams.pop(arn, None)


def all_sent(stream: Stream, last: bool) -> bool:
    """Send a few batches, so that a task that prints fast starves no other; return whether all is sent."""
    return any(not forward(stream, last) for _ in range(BATCHES_A_ROUND))


def forward(stream: Stream, last: bool) -> bool:
    """Send one batch of whole lines; return whether there was one.

    `last`: the end of the file ends a line.
    """
    with stream.file.open("rb") as file:
        file.seek(stream.offset)
        data = file.read(READ_BYTES)
    lines, taken = whole_lines(data, flush=last and len(data) < READ_BYTES)
    if lines:
        stamp = int(time.time() * 1000)
        events = [{"timestamp": stamp, "message": line} for line in lines]
        stream.client.put_log_events(logGroupName=stream.group, logStreamName=stream.name, logEvents=events)
    stream.offset += taken
    return taken > 0


def whole_lines(data: bytes, *, flush: bool) -> tuple[list[str], int]:
    """Return the lines for one batch, without empty ones, and how many bytes of `data` they took.

    A line longer than an event is sent in pieces, as the awslogs driver does.
    """
    lines: list[str] = []
    taken = size = 0
    while taken < len(data) and len(lines) < MOST_EVENTS:
        newline = data.find(b"\n", taken, taken + MOST_LINE_BYTES)
        end = newline + 1 if newline >= 0 else min(len(data), taken + MOST_LINE_BYTES)
        if newline < 0 and end - taken < MOST_LINE_BYTES and not flush:
            break
        text = data[taken:end].rstrip(b"\r\n").decode("utf-8", "replace")
        size += len(text.encode()) + EVENT_OVERHEAD_BYTES
        if size > MOST_BYTES:
            break
        taken = end
        if text:
            lines.append(text)
    return lines, taken

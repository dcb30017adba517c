"""Why nothing runs, as sentences for the user: ECS's own words, and the last ones in a task's log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from distributed_fiji.aws.causes import (
    ARCHITECTURE,
    FAILED_STARTS,
    NO_PLACES,
    TASK_STARTS,
    WORKER_ENDS,
    KnownCause,
    find_cause,
)
from distributed_fiji.aws.tasks import TaskEnd
from distributed_fiji.monitor.nothingruns import IN_A_ROW, ended_at_once, in_a_row
from distributed_fiji.monitor.snapshot import Machine, Snapshot
from distributed_fiji.state.record import Run
from distributed_fiji.state.submissions import REDRIVE

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

#: The time at which a log line begins.
TIME = re.compile(r"^[\d\s:,.TZ+-]+")

#: Number of log lines, and of service events, that are shown.
LINES, EVENTS = 5, 3

#: What a machine needs to join.
WHAT_JOINING_NEEDS = "They need internet access (a public address or a NAT) and the role of an ECS machine"

#: Seconds after which an incomplete submission counts as interrupted: 100,000 jobs take half a minute.
SUBMITTING_SECONDS = 600


def failed_starts(machines: Iterable[Machine]) -> list[str]:
    """Return how many machines EC2 ended while they started, and what to do: one line for each reason."""
    reasons = Counter(machine.why_ended for machine in machines if not machine.alive)
    return [
        f"EC2 ended {count} machine{'s' if count > 1 else ''} at start: {reason} ({cause.cure})"
        for reason, count in reasons.items()
        if (cause := find_cause(FAILED_STARTS, reason))
    ]


def interrupted_submissions(seen: Snapshot) -> list[str]:
    """Return a sentence for each submitJob that can no longer be running and did not send all of its jobs.

    How many it sent is not recorded. If it is the only submission, the sentence says how many jobs are done,
    dead or in the queue.
    """
    known = seen.jobs.done + seen.jobs.gone_dead + seen.left
    lines = []
    for one in seen.jobs.unfinished:
        if seen.now - one.submitted_at < SUBMITTING_SECONDS:
            continue
        if one.job_file == REDRIVE:
            lines.append(
                f"redrive or retry was interrupted before all of its {one.jobs:,} jobs were back in the"
                " queue: run the same command again"
            )
            continue
        is_known = one.jobs == len(seen.jobs.submitted) and not seen.jobs.bundled
        sent = f"about {min(known, one.jobs):,}" if is_known else "some"
        lines.append(
            f"submitJob was interrupted after {sent} of the {one.jobs:,} jobs of {one.job_file}:"
            f" run `python run.py submitJob {one.job_file} --replace` again to send the rest"
        )
    return lines


def how_it_ended(end: TaskEnd) -> str:
    """Return what ECS says about a task's end, as one sentence."""
    said = [end.reason or "no reason"]
    if end.container_reason and end.container_reason not in end.reason:
        said.append(end.container_reason)
    code = f" with exit code {end.exit_code}" if end.exit_code is not None else ""
    lived = "before it started" if end.lived is None else f"after {end.lived:.0f} s"
    return f"task {end.task_id} ended {lived}{code}: {'; '.join(said)}"


def reasons(seen: Snapshot, run: Run, logs: CloudWatchLogsClient) -> list[str]:
    """Return why nothing runs, as far as ECS and the last task's log tell."""
    lines = last_words(seen.ends, run, logs)
    if sentence := not_joined_sentence(seen, run.cluster):
        lines.append(sentence)
    lines += failed_starts(seen.machines)
    lines += [f"ECS reports: {event}" for event in seen.events[:EVENTS]]
    if place := find_cause(NO_PLACES, *seen.events[:EVENTS]):
        lines.append(f"What helps: {place.cure}")
    return lines


def not_joined_sentence(seen: Snapshot, cluster: str) -> str:
    """Return the sentence that machines have not joined the cluster; '' if all have."""
    missing = sum(1 for machine in seen.alive if not machine.container_instance)
    if not missing:
        return ""
    return f"{missing} of {len(seen.alive)} machines have not joined cluster {cluster}. {WHAT_JOINING_NEEDS}."


def last_words(ends: Sequence[TaskEnd], run: Run, logs: CloudWatchLogsClient) -> list[str]:
    """Return how the latest task that ended at once did so, its last log lines, and what helps; nothing
    without one.
    """
    end = next(filter(ended_at_once, ends), None)
    if end is None:
        return []
    lines = last_lines(logs, run, end)
    cause = why_it_ended(end, lines)
    return [
        f"The last {how_it_ended(end)}.",
        *(f"  {line}" for line in lines),
        *([f"What helps: {cause.cure}"] if cause else []),
    ]


def why_it_ended(end: TaskEnd, lines: Iterable[str]) -> KnownCause | None:
    """Return the known cause of a task's end: by ECS's words if it did not start, else by its last lines."""
    said = (end.reason, end.container_reason)
    return find_cause(TASK_STARTS, *said) or why_in_log(lines) or find_cause(WORKER_ENDS, *said)


def why_in_log(lines: Iterable[str]) -> KnownCause | None:
    """Return the cause that a worker's last lines name: the latest counts."""
    found = [find_cause((ARCHITECTURE, *WORKER_ENDS), line) for line in lines]
    return next(filter(None, reversed(found)), None)


def in_a_row_sentence(ends: Sequence[TaskEnd]) -> str:
    """Return the sentence that tasks keep ending as soon as they start; '' while they do not."""
    count = in_a_row(ends)
    if count < IN_A_ROW:
        return ""
    return f"Tasks end as soon as they start, {count} times in a row, while the machines cost money."


def nothing_runs_sentence(seconds: float, app_name: str) -> str:
    """Return the sentence that says for how long machines have cost money without a task at work."""
    time = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
    return (
        f"For {time} the machines have cost money, but no task has started to work."
        f" `python run.py doctor {app_name}` finds the first thing that is wrong."
    )


def signature(ends: Sequence[TaskEnd]) -> str:
    """Return what ends of the same kind have in common, so that each kind is reported once."""
    end = next(filter(ended_at_once, ends), None)
    return f"{end.code} {end.exit_code} {end.container_reason}" if end else ""


def last_lines(logs: CloudWatchLogsClient, run: Run, end: TaskEnd) -> list[str]:
    """Return the last lines that a task wrote to the workers' log; none if there is no log."""
    try:
        return read_lines(logs, run, end.stream)
    except (ClientError, BotoCoreError):
        return []


def read_lines(logs: CloudWatchLogsClient, run: Run, stream: str) -> list[str]:
    """Return the last lines in a stream of the workers' log; none if there is no such log.

    Raises AwsError.
    """
    group, start = run.machine_log_group, int(run.started * 1000)
    if not stream:
        return []
    try:
        found = logs.filter_log_events(logGroupName=group, logStreamNames=[stream], startTime=start)
    except logs.exceptions.ResourceNotFoundException:
        return []
    lines = [line for event in found["events"] for line in event["message"].splitlines() if line.strip()]
    # A worker that tries something again logs it again, with another time: the last line of each is enough.
    latest = {TIME.sub("", line): line[:400] for line in lines}
    return list(latest.values())[-LINES:]

"""Count a run's jobs once more after its tasks have been stopped: some came to their end meanwhile."""

from __future__ import annotations

from dataclasses import replace

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.aws.queues import queue_attributes
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.result import Verdict, counts_of
from distributed_fiji.state.record import Run


def recounted(run: Run, clients: Clients, verdict: Verdict) -> Verdict:
    """Return the verdict on a run that ended before its jobs, with the counts of now.

    A worker that is told to stop finishes its job where that takes no longer than its grace. Where the jobs
    cannot be read, or their queue is gone, the verdict stays as it was written down.
    """
    if verdict.whole:
        return verdict
    try:
        attributes = queue_attributes(clients.sqs, run.queue_name)
        jobs = Observer(run, clients).read_jobs(attributes) if attributes else None
    except AwsError:
        return verdict
    if jobs is None or not jobs.submitted:
        return verdict
    return replace(verdict, **counts_of(jobs, left=0), unread="")

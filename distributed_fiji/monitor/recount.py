"""Count a run's jobs again after its tasks have been stopped, since some may have finished in the
meantime.
"""

from __future__ import annotations

from dataclasses import replace

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.aws.queues import queue_attributes
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.result import Verdict, counts_of
from distributed_fiji.state.record import Run


def recounted(run: Run, clients: Clients, verdict: Verdict) -> Verdict:
    """Return the verdict with up-to-date counts, for a run that ended before all its jobs did.

    A worker that is told to stop still finishes its job if that fits into its grace period. If the jobs
    cannot be read, or their queue is gone, the verdict stays as it is.
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

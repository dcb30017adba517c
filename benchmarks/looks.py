"""Look at a made-up account once, in a process of its own, with the product in the working folder.

`benchmarks.scale` runs it. With WHAT and URL as arguments it prints seconds, CPU seconds, peak MB and counts
as JSON. WHAT is `look` (the monitor's), `status`, `janitor` (a round of its Lambda) or `end` (the verdict,
and the names of five jobs that are not done). It imports nothing from benchmarks, since an earlier version of
the product has none of this one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.queues import queue_attributes
from distributed_fiji.commands.status import Looker
from distributed_fiji.janitor.handler import handler
from distributed_fiji.monitor.notdone import find_not_done
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.result import Verdict, counts_of
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run, new_run

SETTINGS = {"APP_NAME": "Bench", "AWS_BUCKET": "bench-bucket", "SCRIPT_DOWNLOAD_URL": "s3://b/m.ijm"}
Found = dict[str, Any]


def look(run: Run, clients: Clients) -> Found:
    """Count the jobs as the monitor does at a look."""
    jobs = Observer(run, clients).read_jobs(queue_attributes(clients.sqs, run.queue_name))
    counts = counts_of(jobs, 0) | {"failing": len(jobs.failing)}
    return {name: value for name, value in counts.items() if isinstance(value, int)}


def status(run: Run, clients: Clients) -> Found:
    """Show how the run stands, as `status` does."""
    standing = Looker(run, clients).look(time.time()).standing
    return {"done": standing.done, "dead": standing.given_up, "warned": standing.with_warnings}


def end(run: Run, clients: Clients) -> Found:
    """Reach the verdict, and name five jobs that are not done."""
    jobs = Observer(run, clients).read_jobs(queue_attributes(clients.sqs, run.queue_name))
    verdict = Verdict("all jobs are accounted for", **counts_of(jobs, 0))
    named = find_not_done(run, JobState(run, clients.s3), verdict, most=5)
    return {
        "done": verdict.done,
        "dead": verdict.dead,
        "unaccounted": verdict.unaccounted,
        "named": len(named),
    }


def janitor(_run: Run, _clients: Clients) -> Found:
    """Run one round of the janitor's Lambda, whose environment the caller has set."""
    handler({}, None)
    return {}


WAYS: dict[str, Callable[[Run, Clients], Found]] = {
    "look": look,
    "status": status,
    "end": end,
    "janitor": janitor,
}


class Session:
    """A session whose services are all at one place."""

    region_name = "us-east-1"

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = boto3.session.Session("key", "secret", region_name=self.region_name)

    def client(self, service: str, **arguments: Any) -> Any:
        return self._session.client(service, endpoint_url=self._url, **arguments)  # type: ignore[call-overload]


def main(what: str, url: str) -> None:
    """Look, and print what it took."""
    run = new_run(parse_settings(SETTINGS)[0], started=1_790_000_000, run_id="", local=False)
    clients = Clients(Session(url))
    began, used = time.perf_counter(), time.process_time()
    counts = WAYS[what](run, clients)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    # Not getrusage's figure, which a process inherits from the one that started it.
    status_lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = next(int(line.split()[1]) for line in status_lines if line.startswith("VmHWM")) / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, "counts": counts}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Ends a thousand idle machines as the monitor does at one look, before and after: requests and seconds.

ECS and EC2 are a made-up cluster whose machines have no task; each request takes 20 ms. "Before" is commit
4274c60, taken from git; without git, only this version is measured. With a URL as its argument, this file
is the monitor, with the product in the working folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from benchmarks.common import Target

MACHINES = 1_000
#: Seconds that a request takes, and most that all machines may take to be ended.
AWAY, MOST_SECONDS = 0.02, 10.0
BEFORE = "4274c60"


class Server(BaseHTTPRequestHandler):
    """Answers as ECS and EC2, and counts requests and the machines that are terminated."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[str]] = Counter()
    ended: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        time.sleep(AWAY)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        Server.asked[target or "TerminateInstances"] += 1
        if target:
            answer = json.dumps(_places(json.loads(body)))
        else:
            Server.ended |= {values[0] for name, values in parse_qs(body).items() if "InstanceId" in name}
            answer = '<TerminateInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"/>'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _places(asked: dict[str, Any]) -> dict[str, Any]:
    found = [
        {"containerInstanceArn": arn, "runningTasksCount": 0, "pendingTasksCount": 0}
        for arn in asked["containerInstances"]
    ]
    return {"containerInstances": found, "failures": []}


def end_all(url: str) -> float:
    """Decide about a run with one job left, and end its idle machines; return the seconds."""
    import boto3

    from distributed_fiji.aws.clients import Clients
    from distributed_fiji.aws.queues import Counts
    from distributed_fiji.aws.tasks import Task
    from distributed_fiji.monitor.decide import Limits, Memory, decide
    from distributed_fiji.monitor.perform import perform
    from distributed_fiji.monitor.snapshot import Jobs, Machine, Snapshot
    from distributed_fiji.settings import parse_settings
    from distributed_fiji.state.record import new_run

    settings = {"APP_NAME": "Bench", "AWS_BUCKET": "bench-bucket", "SCRIPT_DOWNLOAD_URL": "s3://b/m.ijm"}
    run = new_run(parse_settings(settings)[0], started=0.0, run_id="", local=False)
    boto: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    session = SimpleNamespace(
        client=lambda name, config: boto.client(name, config=config, endpoint_url=url),
        region_name="us-east-1",
    )
    machines = tuple(
        Machine(f"i-{n:017x}", "running", 0.0, container_instance=f"place-{n}", tasks=int(n == 0))
        for n in range(MACHINES + 1)
    )
    seen = Snapshot(
        now=1000.0,
        jobs=Jobs(submitted=frozenset({"0" * 16})),
        queue=Counts(0, 1, 0),
        fleet_state="active",
        target_capacity=1,
        machines=machines,
        tasks=(Task("task", "place-0", "RUNNING", True),),
        desired=1,
        alarms=frozenset(machine.instance_id for machine in machines),
    )
    clients = Clients(session)
    actions, _ = decide(run, Limits(), seen, Memory())
    begun = time.perf_counter()
    for action in actions:
        perform(action, run, clients)
    return time.perf_counter() - begun


@contextmanager
def serving() -> Iterator[str]:
    """Run the made-up cluster; yield its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def measured(product: Path, url: str) -> tuple[float, Counter[str]]:
    """End all machines with a version of the product; return seconds and requests."""
    Server.asked.clear()
    Server.ended.clear()
    program = f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    command = [sys.executable, "-c", program, url]
    said = subprocess.run(command, cwd=product, stdout=subprocess.PIPE, check=True, env=dict(os.environ))
    assert len(Server.ended) == MACHINES, f"{len(Server.ended)} machines were ended"
    return float(said.stdout), Counter(Server.asked)


def main() -> list[Target]:
    """Measure, print the table."""
    from benchmarks.common import Target, show, versions

    rows, found = [], 0.0
    with versions(BEFORE, "distributed_fiji", "worker") as products, serving() as url:
        for name, product in products.items():
            found, asked = measured(product, url)
            names = ("DescribeContainerInstances", "UpdateContainerInstancesState", "TerminateInstances")
            rows.append([name, found, *(f"{asked[one]:,}" for one in names), f"{sum(asked.values()):,}"])
    header = ["version", "s", "describe", "drain", "terminate", "requests"]
    show(f"{MACHINES:,} idle machines ended", header, rows)
    return [Target(f"{MACHINES:,} machines ended", found, " s", at_most=MOST_SECONDS)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(end_all(sys.argv[1]))
    else:
        from benchmarks.common import finish

        sys.exit(finish(main()))

"""Machine-seconds that are paid for after the work: from each machine's last job to the machine's end.

The real monitor, against the emulators, with machines and a clock that are simulated: a machine takes job
after job and protects its task meanwhile, the service ends tasks as ECS does, and time passes while the
monitor waits. Beside it, with the same jobs, a monitor that polls each minute and ends all when the queue is
empty. What a look takes is not counted, nor what EC2 takes to end a machine: the same for both.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.common import Target, finish, show
from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.monitor import monitor
from tests.monitor.builders import ARun, SteppedClock, a_run, some_jobs
from tests.monitor.conftest import emulators
from tests.monitor.screen import Screen
from tests.monitor.world import World

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

#: Machines, and how many runs of so many are measured.
SIZES = {2: 6, 10: 4, 50: 2}
JOBS_PER_MACHINE = 6
#: Seconds that a job takes: most about two minutes, some much longer, as with plates of unlike wells.
MEDIAN_SECONDS, SPREAD = 120.0, 0.6
POLL_SECONDS = 60.0


Watcher = Callable[[ARun, SteppedClock], object]


def ours(run: ARun, clock: SteppedClock) -> object:
    """Watch with this project's monitor."""
    return monitor(run.record, run.clients, cheapest=False, clock=clock, out=Screen().terminal)


def plain(run: ARun, clock: SteppedClock) -> object:
    """Poll each minute; when the queue is empty, cancel the fleet with its machines."""
    names: list[QueueAttributeNameType] = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
    ]
    while True:
        clock.sleep(POLL_SECONDS)
        answer = run.clients.sqs.get_queue_attributes(QueueUrl=run.queue_url, AttributeNames=names)
        if not any(int(answer["Attributes"][name]) for name in names):
            break
    fleet = run.record.fleet_id
    run.clients.ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)
    return None


def measure(clients: Clients, app: str, machines: int, seed: int, watch: Watcher) -> float:
    """Return the machine-seconds that one run wastes."""
    chance = random.Random(seed)
    count = machines * JOBS_PER_MACHINE
    seconds = [chance.lognormvariate(0, SPREAD) * MEDIAN_SECONDS for _ in range(count)]
    run = a_run(clients, app, machines=machines)
    # A queue that holds messages for hours hides them for so long.
    run.clients.sqs.set_queue_attributes(QueueUrl=run.queue_url, Attributes={"VisibilityTimeout": "43200"})
    run.submit(some_jobs(count))
    start = time.time()
    world = World(run, seconds, start)
    world.begin()
    # Where in its interval a poll falls is chance.
    clock = SteppedClock(start + chance.uniform(0, POLL_SECONDS))
    clock.on_sleep = lambda: world.advance(clock.now())
    watch(run, clock)
    world.advance(clock.now())
    assert all(place.ended for place in world.places), "a machine is left"
    return world.wasted()


def main() -> list[Target]:
    """Measure both monitors with each number of machines; print the table."""
    rows, targets = [], []
    folder = Path(tempfile.mkdtemp())
    with emulators(folder) as session:
        clients = Clients(session)
        for machines, runs in SIZES.items():
            figures: dict[str, list[float]] = {"ours": [], "plain": []}
            for seed in range(runs):
                for name, watch in (("ours", ours), ("plain", plain)):
                    app = f"{name.title()}{machines}x{seed}"
                    figures[name].append(measure(clients, app, machines, seed, watch))
            means = {name: mean(values) for name, values in figures.items()}
            ratio = means["ours"] / means["plain"]
            rows.append([machines, runs, means["plain"] / machines, means["ours"] / machines, ratio])
            targets.append(Target(f"share of the waste with {machines} machines", ratio, at_most=0.5))
    show(
        "Seconds per machine from its last job to its end",
        ["machines", "runs", "polls each 60 s, ends all at the end", "this monitor", "ratio"],
        rows,
    )
    return targets


if __name__ == "__main__":
    sys.exit(finish(main()))

"""The estimate of a run's machines is what their ledger says at its end, within five percent."""

from __future__ import annotations

import random
import time
from pathlib import Path
from statistics import mean

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.prices import hourly_overhead, read_prices
from distributed_fiji.commands.costmodel import Quote
from distributed_fiji.commands.estimate import make_estimate
from distributed_fiji.commands.monitor import monitor
from distributed_fiji.commands.workload import find_workload
from distributed_fiji.monitor.snapshot import Machine
from distributed_fiji.monitor.spending import MachineUse, total_cost, update_ledger
from distributed_fiji.settings import Settings, parse_settings
from distributed_fiji.state.rehearsal import Law, Rehearsal, rehearsal_path, write_rehearsal
from tests.monitor.builders import ARun, SteppedClock, a_run, some_jobs
from tests.monitor.flow import WELLS, Flow
from tests.monitor.screen import Screen, clean
from tests.monitor.world import World

#: Seconds that machines take to their first job, as the estimate assumes.
STARTING = 150.0
JOBS_PER_MACHINE = 6

#: Seconds that the monitor sleeps at first, as on a laptop that is shut: fewer looks, and the same end.
LEAP = 1200.0


class LeapingClock(SteppedClock):
    """A clock whose first wait takes long."""

    def sleep(self, seconds: float) -> None:
        super().sleep(LEAP if self.time == self.start else seconds)

    def __init__(self, start: float) -> None:
        super().__init__(start)
        self.start = start


def settings_of(run: ARun, machines: int) -> Settings:
    return parse_settings(
        {
            "APP_NAME": run.app,
            "AWS_BUCKET": run.bucket,
            "SCRIPT_DOWNLOAD_URL": "s3://b/script.py",
            "MACHINE_TYPE": "m5.large",
            "MEMORY": 1000,
            "CLUSTER_MACHINES": machines,
        }
    )[0]


def estimated(run: ARun, settings: Settings, seconds: list[float], folder: Path) -> Quote:
    """Return the estimate for jobs whose mean a rehearsal has found."""
    law = Law(base=mean(seconds), low=0.9, high=1.1)
    rehearsal = Rehearsal(run.app, "job.json", "", time.time(), "m5.large", len(seconds), 0, law, ())
    write_rehearsal(rehearsal_path(folder, run.app), rehearsal)
    work = find_workload(settings, run.clients.s3, folder, len(seconds), minutes=None, script="")
    assert work is not None and not work.guess
    found = make_estimate(settings, run.clients, work, (), time.time(), ask=False)
    return found.fleet[0]


def ledger_of(world: World, launched: float) -> dict[str, MachineUse]:
    """Return the ledger that the monitor keeps, by the simulated clock: EC2 says real times of ends."""
    kind, zone = "m5.large", "us-east-1a"
    machines = [
        Machine(place.machine, "terminated", launched, kind=kind, zone=zone, gone_since=place.ended)
        for place in world.places
    ]
    return update_ledger({}, machines, launched)


@pytest.mark.parametrize(("machines", "seed"), [(2, 1), (5, 2)])
def test_the_estimate_is_within_five_percent_of_the_ledger(
    clients: Clients, app: str, tmp_path: Path, machines: int, seed: int
) -> None:
    chance = random.Random(seed)
    # Plates of wells that are much alike, a few minutes each.
    seconds = [chance.lognormvariate(0, 0.3) * 240 for _ in range(machines * JOBS_PER_MACHINE)]
    run = a_run(clients, app, machines=machines)
    quote = estimated(run, settings_of(run, machines), seconds, tmp_path)
    clients.sqs.set_queue_attributes(QueueUrl=run.queue_url, Attributes={"VisibilityTimeout": "43200"})
    run.submit(some_jobs(len(seconds)))
    world = World(run, list(seconds), time.time() + STARTING)
    world.begin()
    clock = LeapingClock(time.time())
    clock.on_sleep = lambda: world.advance(clock.now())
    screen = Screen()
    monitor(run.record, clients, cheapest=False, clock=clock, out=screen.terminal)
    world.advance(clock.now())
    ledger = ledger_of(world, launched=world.start - STARTING)
    prices = read_prices(clients.ec2, ["m5.large"], 0)
    cost = total_cost(ledger, prices, bound=run.record.machine_price, extra=run.record.machine_extras)

    assert quote.machine_total.likely == pytest.approx(cost, rel=0.05)
    assert quote.machine_total.low < cost < quote.machine_total.high
    assert "The machines cost about" in screen.text


def test_the_record_keeps_what_was_estimated(clients: Clients, app: str, tmp_path: Path) -> None:
    flow = Flow(app, tmp_path / app, clients)
    flow.begin()
    flow.setup(clients)
    flow.submit(clients)
    law = Law(base=3600.0, low=0.9, high=1.2)
    rehearsal = Rehearsal(app, "job.json", "", time.time(), "m5.large", len(WELLS), 0, law, ())
    write_rehearsal(rehearsal_path(flow.folder, app), rehearsal)

    kept = flow.start(clients).estimate
    clean(clients, app, keep=())

    # Six hours of each of two machines, with volume and address.
    assert kept["likely"] == pytest.approx(len(WELLS) * hourly_overhead(30, public_address=True), rel=0.05)
    assert 0 < kept["low"] < kept["likely"] < kept["high"]
    assert not kept["guess"]

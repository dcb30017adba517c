"""Two apps in one account, in one cluster or in two: neither touches the other, whichever ends first."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.janitor.removal import release_janitor
from distributed_fiji.janitor.tending import JanitorConfig, run_round
from distributed_fiji.monitor.takedown import take_down
from distributed_fiji.state.recordfile import read_record
from tests.monitor.builders import SteppedClock
from tests.monitor.flow import Flow
from tests.monitor.screen import KEPT, clean


def everything(flow: Flow) -> set[tuple[str, ...]]:
    """Return what there is of an app, but for the amount of its logs."""
    found = inventory(flow.clients, flow.app)
    return {(item.kind, item.name, item.state if item.kind == "service" else "") for item in found}


def stopped(flow: Flow) -> None:
    """Let the agents report that what should stop has stopped."""
    ecs, cluster = flow.clients.ecs, flow.settings.ECS_CLUSTER
    for arn in ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]:
        ecs.submit_task_state_change(cluster=cluster, task=arn, status="STOPPED")


def clock(flow: Flow) -> SteppedClock:
    return SteppedClock(time.time(), lambda: stopped(flow))


def by_monitor(flow: Flow) -> None:
    facts = read_record(flow.record_path)
    steps = take_down(facts, flow.clients, clock(flow), lambda _: None)
    release_janitor(flow.clients, facts, lambda _: None)
    assert not [step for step in steps if step.error]


def by_janitor(flow: Flow) -> None:
    """A round long after the fleet has ended, as at the end of MAX_HOURS."""
    fleet = read_record(flow.record_path).fleet_id
    flow.clients.ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)
    late = SteppedClock(time.time() + 86_400, lambda: stopped(flow))
    for _ in range(3):
        assert (
            run_round(JanitorConfig(flow.app, flow.settings.AWS_BUCKET), flow.clients, late, lambda _: None)
            == []
        )
        late.sleep(300)


def by_cleanup(flow: Flow) -> None:
    code, _ = clean(flow.clients, flow.app, on_sleep=lambda: stopped(flow))
    assert code == 0


ENDS = (by_monitor, by_janitor, by_cleanup)

#: Orders that `make test-all` tries, and one of them `make test`; the others are thorough.
SOME = {(by_monitor, by_cleanup), (by_cleanup, by_janitor), (by_janitor, by_monitor)}
ORDERS = [
    pytest.param(
        cluster,
        *ends,
        marks=[] if cluster == "default" and ends in SOME else pytest.mark.thorough,
        id=f"{cluster} {ends[0].__name__} {ends[1].__name__}",
    )
    for cluster in ("default", "own")
    for ends in itertools.product(ENDS, ENDS)
]


@pytest.mark.parametrize(("cluster", "first", "second"), ORDERS)
def test_two_apps_side_by_side_never_touch_each_other(
    clients: Clients, app: str, tmp_path: Path, cluster: str, first: Callable[[Flow], None],
    second: Callable[[Flow], None],
) -> None:  # fmt: skip
    more = {"ECS_CLUSTER": "default"} if cluster == "default" else {}
    # One name is the beginning of the other.
    flows = [Flow(name, tmp_path / name, clients, more) for name in (app, f"{app}b")]
    for flow in flows:
        flow.begin()
        flow.setup(clients)
        flow.submit(clients)
        flow.start(clients)

    for number, (flow, end) in enumerate(zip(flows, (first, second), strict=True)):
        other = flows[1 - number]
        before, machines = everything(other), other.machines()
        end(flow)
        assert everything(other) == before
        assert other.machines() == machines
        assert not [item for item in inventory(clients, flow.app) if item.bills]

    for flow in flows:
        assert clean(clients, flow.app)[0] == 0
        assert {item.kind for item in inventory(clients, flow.app)} <= KEPT

"""One run of an app at a time, and an older run's end that leaves a newer run alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.errors import InvalidInput
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.monitor.actions import End
from distributed_fiji.monitor.result import Verdict, save_verdict
from distributed_fiji.monitor.takedown import take_down
from distributed_fiji.state.openruns import read_open_runs
from distributed_fiji.state.record import Run
from tests.monitor.builders import SteppedClock, a_later_run, a_run, some_jobs
from tests.monitor.flow import WELLS, Flow


def at_once(starts: list[Callable[[], Run]]) -> tuple[list[Run], list[str]]:
    """Call several startClusters at the same moment; return what started, and why the others did not."""
    gate = threading.Barrier(len(starts))
    records: list[Run] = []
    refusals: list[str] = []

    def begin(start: Callable[[], Run]) -> None:
        gate.wait()
        try:
            records.append(start())
        except InvalidInput as refusal:
            refusals.append(str(refusal))

    threads = [threading.Thread(target=begin, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return records, refusals


def two_people(clients: Clients, app: str, folder: Path) -> list[Flow]:
    """Return an app that is set up and has jobs, in the hands of two people on two machines."""
    flows = [Flow(app, folder / f"{app}-{name}", clients) for name in ("one", "other")]
    flows[0].begin()
    flows[0].setup(clients)
    flows[0].submit(clients)
    return flows


def start_twice(clients: Clients, app: str, folder: Path) -> None:
    flows = two_people(clients, app, folder)

    records, refusals = at_once([lambda flow=flow: flow.start(clients) for flow in flows])  # type: ignore[misc]

    assert len(records) == 1
    assert "only one run at a time" in refusals[0] or "is already running" in refusals[0]
    assert flows[0].fleets() == [records[0].fleet_id]


def test_two_start_clusters_at_once_make_one_fleet(clients: Clients, app: str, tmp_path: Path) -> None:
    start_twice(clients, app, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("_time", range(49))
def test_two_start_clusters_at_once_make_one_fleet_every_time(
    _time: int, clients: Clients, app: str, tmp_path: Path
) -> None:
    start_twice(clients, app, tmp_path)


def test_a_second_start_with_the_same_record_waits_for_nobody_and_is_refused(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = two_people(clients, app, tmp_path)[0]

    records, refusals = at_once([lambda: flow.start(clients)] * 2)

    assert len(records) == 1
    assert "A fleet is already running" in refusals[0]
    assert flow.fleets() == [records[0].fleet_id]


def test_the_end_of_an_older_run_leaves_the_newer_runs_fleet_service_and_queue(
    clients: Clients, app: str
) -> None:
    older = a_run(clients, app, machines=1)
    newer = a_later_run(older)
    install_janitor(clients, newer.record, SteppedClock(time.time()))
    newer.submit(some_jobs(2))
    told: list[str] = []

    steps = take_down(older.record, clients, SteppedClock(time.time()), told.append, whole=True)

    assert not [step for step in steps if step.error]
    fleets = clients.ec2.describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    states = {item["SpotFleetRequestId"]: item["SpotFleetRequestState"] for item in fleets}
    assert states[older.record.fleet_id].startswith("cancelled")
    assert states[newer.record.fleet_id] == "active"
    service = clients.ecs.describe_services(cluster=newer.record.cluster, services=[newer.record.service])[
        "services"
    ][0]
    assert (service["status"], service["desiredCount"]) == ("ACTIVE", 1)
    assert newer.take() is not None
    assert any("has started since" in line for line in told)


def test_start_cluster_first_finishes_a_run_whose_teardown_was_interrupted(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = two_people(clients, app, tmp_path)[0]
    earlier = flow.start(clients)
    verdict = Verdict(End.ACCOUNTED.value, done=12, dead=0, unaccounted=0, failed_attempts=0)
    save_verdict(clients.s3, earlier, verdict)

    newer = flow.start(clients)

    assert newer.run_id != earlier.run_id
    assert flow.fleets() == [newer.fleet_id]
    open_runs, _ = read_open_runs(clients.s3, earlier.bucket, app, clients.region)
    assert [one.run_id for one in open_runs] == [newer.run_id]
    assert len(flow.messages()) == len(WELLS)

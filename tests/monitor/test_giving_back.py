"""Tasks that are stopped get their time-out: their machines end only after their workers gave jobs back."""

from __future__ import annotations

import threading
import time

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.machines import fleet_instances, terminate
from distributed_fiji.monitor.machines import give_jobs_back
from tests.monitor.builders import ARun, EmulatedSession, SteppedClock, a_run


def a_clock_that_ends() -> SteppedClock:
    """Return a clock whose user fails after ten minutes of waiting."""

    def expect_an_end() -> None:
        assert clock.now() - began < 600, "it waits forever"

    began = time.time()
    clock = SteppedClock(began, expect_an_end)
    return clock


def a_running_task(session: EmulatedSession, app: str) -> tuple[ARun, str]:
    """Return a run with a machine, and its task's ARN."""
    run = a_run(Clients(session), app, machines=1)
    (machine,) = run.machines()
    run.join(machine)
    ecs, cluster = run.clients.ecs, run.record.cluster
    (task,) = ecs.list_tasks(cluster=cluster)["taskArns"]
    ecs.submit_task_state_change(cluster=cluster, task=task, status="RUNNING")
    return run, task


def test_a_task_that_is_told_to_stop_is_waited_for_until_it_has_stopped(session: EmulatedSession) -> None:
    run, task = a_running_task(session, "GivingBack")
    ecs, cluster = run.clients.ecs, run.record.cluster
    began = time.time()

    def container_takes_a_minute() -> None:
        if clock.now() - began >= 60:
            run.report_stopped_tasks()

    clock = SteppedClock(began, container_takes_a_minute)

    # ECS lists it no more at once (ECS API reference, ListTasks), although its container still works.
    ecs.stop_task(cluster=cluster, task=task)
    assert ecs.list_tasks(cluster=cluster)["taskArns"] == []
    give_jobs_back(run.clients, run.record, clock)

    assert ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]["lastStatus"] == "STOPPED"
    assert 60 <= clock.now() - began < 110


def test_tasks_that_never_stop_are_waited_for_for_two_minutes(session: EmulatedSession) -> None:
    run, task = a_running_task(session, "NeverStopping")
    ecs, cluster = run.clients.ecs, run.record.cluster
    clock = a_clock_that_ends()
    began = clock.now()
    give_jobs_back(run.clients, run.record, clock)

    assert 110 < clock.now() - began <= 122
    assert ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]["lastStatus"] == "RUNNING"


def test_when_ecs_is_slow_only_the_tasks_of_two_minutes_are_stopped(session: EmulatedSession) -> None:
    clients = Clients(session)
    run = a_run(clients, "SlowToStop", machines=1)
    (machine,) = run.machines()
    run.join(machine, tasks=12)
    ecs, cluster = run.clients.ecs, run.record.cluster
    clock = a_clock_that_ends()
    began = clock.now()
    one_at_a_time = threading.Lock()

    def take_half_a_minute(**_: object) -> None:
        with one_at_a_time:
            clock.time += 30

    ecs.meta.events.register("after-call.ecs.StopTask", take_half_a_minute)
    said = give_jobs_back(clients, run.record, clock)

    # Four are under way at the same time, and begin until the deadline: the last ones after three answers.
    left = len(ecs.list_tasks(cluster=cluster)["taskArns"])
    assert said == f"{12 - left} tasks stopped; their jobs return to the queue"
    assert 4 <= 12 - left <= 7
    assert clock.now() - began >= 120


def test_a_machine_that_ec2_does_not_know_keeps_no_other_alive(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    there = [item["InstanceId"] for item in fleet_instances(clients.ec2, app, run.record.fleet_id)]

    ended = terminate(clients.ec2, [there[0], "i-0123456789abcdef0", *there[1:]])

    assert ended == there
    # The fleet may have replaced them by now.
    left = {item["InstanceId"] for item in fleet_instances(clients.ec2, app, run.record.fleet_id)}
    assert not left & set(there)
    assert terminate(clients.ec2, ["i-0123456789abcdef0"]) == []

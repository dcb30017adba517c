"""Tasks that are stopped get their time-out: their machines end only after their workers gave jobs back."""

from __future__ import annotations

import time

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.machines import fleet_instances, terminate
from distributed_fiji.monitor.machines import give_jobs_back
from tests.monitor.builders import EmulatedSession, SteppedClock, a_run


def test_a_task_that_is_told_to_stop_is_waited_for_until_it_has_stopped(session: EmulatedSession) -> None:
    run = a_run(Clients(session), "GivingBack", machines=1)
    (machine,) = run.machines()
    run.join(machine)
    ecs, cluster = run.clients.ecs, run.record.cluster
    (task,) = ecs.list_tasks(cluster=cluster)["taskArns"]
    ecs.submit_task_state_change(cluster=cluster, task=task, status="RUNNING")
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


def test_a_machine_that_ec2_does_not_know_keeps_no_other_alive(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    there = [item["InstanceId"] for item in fleet_instances(clients.ec2, app, run.record.fleet_id)]

    ended = terminate(clients.ec2, [there[0], "i-0123456789abcdef0", *there[1:]])

    assert ended == there
    # The fleet may have replaced them by now.
    left = {item["InstanceId"] for item in fleet_instances(clients.ec2, app, run.record.fleet_id)}
    assert not left & set(there)
    assert terminate(clients.ec2, ["i-0123456789abcdef0"]) == []

"""Fleets, services and tasks of the embedded cloud, called through boto3 as the commands do."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from distributed_fiji.local.doors import task_key
from tests.local.conftest import SECRETS
from tests.local.support import PATIENT, until, user_data

TELL_ENVIRONMENT = """
import json, os, time
print(json.dumps({"environ": dict(os.environ), "folder": os.getcwd(), "files": os.listdir()}), flush=True)
time.sleep(600)
"""

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


def told(deployment, arn: str) -> dict:
    """Return what TELL_ENVIRONMENT reported."""
    return json.loads(until(lambda: deployment.log(arn), "the task's environment")[0])


def test_machines_of_a_fleet_join_the_cluster_and_run_as_many_tasks_as_fit(deploy):
    deployment = deploy()

    deployment.start_fleet(machines=2)
    deployment.ecs.update_service(cluster=deployment.name, service=deployment.name, desiredCount=5)
    until(lambda: deployment.service()["runningCount"] == 4, "four tasks")

    places = deployment.ecs.describe_container_instances(
        cluster=deployment.name, containerInstances=deployment.places()
    )["containerInstances"]
    assert {place["ec2InstanceId"] for place in places} == deployment.machines()
    assert [place["runningTasksCount"] for place in places] == [2, 2]
    registered = {item["name"]: item["integerValue"] for item in places[0]["registeredResources"]}
    assert registered["CPU"] == 2048
    assert 7.3 * 1024 < registered["MEMORY"] < 7.7 * 1024
    newest = until(lambda: [event["message"] for event in deployment.service()["events"]])[0]
    assert "was unable to place a task" in newest
    assert "has insufficient memory available" in newest


def test_a_service_reports_tasks_that_really_run(deploy):
    deployment = deploy()
    deployment.ecs.update_service(cluster=deployment.name, service=deployment.name, desiredCount=2)
    assert deployment.service()["runningCount"] == 0

    deployment.start_fleet()
    [task, _] = deployment.scale(2)

    assert (task["lastStatus"], task["desiredStatus"]) == ("RUNNING", "RUNNING")
    assert task["containers"][0]["lastStatus"] == "RUNNING"
    assert deployment.service()["deployments"][0]["runningCount"] == 2


def test_what_a_task_prints_arrives_in_its_log_group(deploy):
    deployment = deploy(
        "print('first')\nprint('Zelle größer 5 µm')\nprint('no newline', end='', flush=True)\n" + PATIENT
    )

    deployment.start_fleet()
    [task] = deployment.scale(1)

    deployment.wait_for_line(task["taskArn"], "no newlinestarted")
    assert deployment.log(task["taskArn"]) == ["first", "Zelle größer 5 µm", "no newlinestarted"]
    deployment.scale(0)
    deployment.wait_for_line(task["taskArn"], "asked to end")


def test_a_task_sees_its_definition_and_the_cloud_and_nothing_of_the_user(deploy, cloud):
    deployment = deploy(TELL_ENVIRONMENT, environment=[{"name": "APP_NAME", "value": "MyApp"}])

    deployment.start_fleet()
    [task] = deployment.scale(1)
    seen = told(deployment, task["taskArn"])

    environ = seen["environ"]
    assert environ["APP_NAME"] == "MyApp"
    assert environ["AWS_ENDPOINT_URL_S3"] == cloud.environment()["AWS_ENDPOINT_URL_S3"]
    assert environ["AWS_ACCESS_KEY_ID"] == task_key(cloud.state.key)
    assert Path(environ["WORKER_SCRATCH"]).is_dir()
    assert Path(seen["folder"]).is_relative_to(cloud.folders.scratch)
    assert seen["files"] == []
    assert Path(environ["HOME"]).is_relative_to(cloud.folders.scratch)
    hidden = {**SECRETS, "HOME": str(Path.home())}
    assert not [value for value in hidden.values() if value in environ.values()]
    servers = [server.identity.process() for server in cloud.state.servers.values()]
    assert not [
        value for server in servers for value in SECRETS.values() if value in server.environ().values()
    ]


def test_scaling_down_ends_tasks_with_sigterm_and_their_exit_code_is_told(deploy):
    deployment = deploy()
    deployment.start_fleet()
    tasks = deployment.scale(2)
    for task in tasks:
        deployment.wait_for_line(task["taskArn"], "started")

    [left] = deployment.scale(1)

    ended = next(task["taskArn"] for task in tasks if task["taskArn"] != left["taskArn"])
    stopped = deployment.stopped(ended)
    assert stopped["containers"][0]["exitCode"] == 3
    assert stopped["stoppedReason"].startswith("Scaling activity initiated by")
    deployment.wait_for_line(ended, "asked to end")


def test_scale_in_leaves_protected_tasks_alone(deploy):
    deployment = deploy()
    deployment.start_fleet(machines=2)
    tasks = {task["taskArn"] for task in deployment.scale(3)}
    protected = min(tasks)
    deployment.ecs.update_task_protection(cluster=deployment.name, tasks=[protected], protectionEnabled=True)

    deployment.ecs.update_service(cluster=deployment.name, service=deployment.name, desiredCount=0)
    until(lambda: len(deployment.tasks()) == 1)

    assert {task["taskArn"] for task in deployment.tasks()} == {protected}
    deployment.ecs.update_task_protection(cluster=deployment.name, tasks=[protected], protectionEnabled=False)
    until(lambda: not deployment.tasks())


def test_a_killed_task_is_replaced(deploy):
    deployment = deploy("import os; print(os.getpid(), flush=True)\n" + PATIENT)
    deployment.start_fleet()
    [task] = deployment.scale(1)
    [pid, *_] = until(lambda: deployment.log(task["taskArn"]))

    os.kill(int(pid), signal.SIGKILL)

    stopped = deployment.stopped(task["taskArn"])
    assert stopped["containers"][0]["exitCode"] == 137
    assert stopped["stopCode"] == "EssentialContainerExited"
    [anew] = until(deployment.tasks)
    assert anew["taskArn"] != task["taskArn"]


def test_a_task_that_fails_at_once_is_tried_again_less_and_less_often(deploy):
    deployment = deploy("raise SystemExit('no good')")
    deployment.start_fleet()
    deployment.ecs.update_service(cluster=deployment.name, service=deployment.name, desiredCount=1)

    def failed() -> list[float]:
        arns = deployment.ecs.list_tasks(cluster=deployment.name, desiredStatus="STOPPED")["taskArns"]
        return sorted(task["createdAt"].timestamp() for task in deployment.describe(arns))

    times = until(lambda: len(failed()) >= 3 and failed(), "the third try")

    assert times[1] - times[0] >= 1
    assert times[2] - times[1] >= 2


def test_a_task_whose_log_group_is_missing_does_not_start_and_says_why(deploy):
    deployment = deploy()
    deployment.logs.delete_log_group(logGroupName=deployment.name)
    deployment.start_fleet()
    deployment.ecs.update_service(cluster=deployment.name, service=deployment.name, desiredCount=1)

    [arn, *_] = until(
        lambda: deployment.ecs.list_tasks(cluster=deployment.name, desiredStatus="STOPPED")["taskArns"]
    )

    assert "failed to create log stream" in deployment.describe([arn])[0]["stoppedReason"]


def test_nothing_that_a_task_started_outlives_it(deploy):
    deployment = deploy(STUBBORN, stopTimeout=2)
    deployment.start_fleet()
    [task] = deployment.scale(1)
    pids = [int(pid) for pid in until(lambda: deployment.log(task["taskArn"]))[0].split()]
    processes = [psutil.Process(pid) for pid in pids]

    deployment.scale(0)

    stopped = deployment.stopped(task["taskArn"])
    assert stopped["containers"][0]["exitCode"] == 137
    assert not [process for process in processes if running(process)]


def running(process: psutil.Process) -> bool:
    """Return whether a process is still doing something: one that nobody has reaped yet is not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_new_task_definition_replaces_the_tasks_of_the_old(deploy):
    deployment = deploy()
    deployment.start_fleet()
    [old] = deployment.scale(1)

    newer = deployment.register("print('newer', flush=True)\n" + PATIENT)
    deployment.ecs.update_service(cluster=deployment.name, service=deployment.name, taskDefinition=newer)

    deployment.stopped(old["taskArn"])
    [task] = until(deployment.tasks)
    assert task["taskDefinitionArn"] == newer


def test_cancelling_the_fleet_ends_its_machines_and_their_tasks(deploy):
    deployment = deploy()
    fleet = deployment.start_fleet(machines=2)
    [task] = deployment.scale(1)
    deployment.wait_for_line(task["taskArn"], "started")

    deployment.ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)

    until(lambda: not deployment.places(), "the machines' leaving")
    assert deployment.stopped(task["taskArn"])["containers"][0]["exitCode"] == 3
    [described] = deployment.ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet])[
        "SpotFleetRequestConfigs"
    ]
    assert described["SpotFleetRequestState"].startswith("cancelled")
    assert deployment.machines() == set()


def test_a_fleet_replaces_a_lost_machine_and_ends_when_its_time_is_over(deploy):
    deployment = deploy()
    fleet = deployment.start_fleet(
        ValidUntil=time.time() + 4, TerminateInstancesWithExpiration=True, TargetCapacity=1
    )
    [machine] = deployment.machines()

    deployment.ec2.terminate_instances(InstanceIds=[machine])
    until(lambda: deployment.machines() - {machine}, "another machine")

    until(lambda: not deployment.machines(), "the end of the fleet")
    history = deployment.ec2.describe_spot_fleet_request_history(SpotFleetRequestId=fleet, StartTime=0)
    events = [record["EventInformation"]["EventSubType"] for record in history["HistoryRecords"]]
    assert events.count("launched") == events.count("terminated") == 2
    assert "expired" in events
    assert events[-1] == "cancelled"


def test_a_plain_instance_joins_the_cluster_its_user_data_name(deploy):
    deployment = deploy()
    response = deployment.ec2.run_instances(
        ImageId="ami-12c6146b",
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        UserData=user_data_text(deployment.name),
    )
    instance = response["Instances"][0]["InstanceId"]

    deployment.scale(1)

    deployment.ec2.terminate_instances(InstanceIds=[instance])
    until(lambda: not deployment.places())


def user_data_text(cluster: str) -> str:
    """Return the script itself: boto3 encodes it for RunInstances."""
    import base64

    return base64.b64decode(user_data(cluster)).decode()


def test_without_anything_to_do_the_machines_ask_the_emulators_nothing(cloud):
    before = cloud.state.servers["controlplane"].identity.process().cpu_times()
    time.sleep(2)
    after = cloud.state.servers["controlplane"].identity.process().cpu_times()

    assert after.user + after.system - before.user - before.system < 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_servers_have_no_terminal_and_lead_their_own_sessions(cloud):
    for server in cloud.state.servers.values():
        pid = server.identity.pid
        assert os.getsid(pid) == pid
        assert psutil.Process(pid).terminal() is None

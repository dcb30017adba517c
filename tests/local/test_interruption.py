"""A spot machine is taken away: with notice, its task learns of it in advance; without, it does not."""

from __future__ import annotations

import json

import pytest

from distributed_fiji.errors import NothingThere
from distributed_fiji.local import interruption
from tests.local.support import PATIENT, until

#: A task that asks its machine's metadata as a worker does, and reports the answers.
WATCH = """
import json, os, signal, sys, time, urllib.error, urllib.request
base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]

def ask(path, method="GET", **headers):
    request = urllib.request.Request(base + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""

_, token = ask("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
def metadata(path):
    return ask("/latest/meta-data/" + path, **{"X-aws-ec2-metadata-token": token})

print(json.dumps({"without token": ask("/latest/meta-data/instance-id")[0],
                  "id": metadata("instance-id"), "type": metadata("instance-type"),
                  "region": metadata("placement/region"),
                  "action": metadata("spot/instance-action")}), flush=True)
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(time.time()) or print("asked to end", flush=True))
told = False
while not asked or time.time() < asked[0] + 1:
    status, action = metadata("spot/instance-action")
    if status == 200 and not told:
        print(action, flush=True)
        told = True
    time.sleep(0.1)
"""

PROTECT = """
import json, os, time, urllib.request
url = os.environ["ECS_AGENT_URI"] + "/task-protection/v1/state"
def ask(**wanted):
    body = json.dumps(wanted).encode() if wanted else None
    request = urllib.request.Request(url, body, method="PUT" if wanted else "GET")
    with urllib.request.urlopen(request) as response:
        return json.load(response)
print(json.dumps([ask(ProtectionEnabled=True, ExpiresInMinutes=5), ask()]), flush=True)
with urllib.request.urlopen(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + "/task") as response:
    print(response.read().decode(), flush=True)
time.sleep(600)
"""


def test_with_the_notice_metadata_and_sigterm_tell_the_task_and_a_new_machine_takes_over(deploy, cloud):
    deployment = deploy(WATCH)
    deployment.start_fleet()
    [machine] = deployment.machines()
    [task] = deployment.scale(1)
    first = json.loads(until(lambda: deployment.log(task["taskArn"]))[0])
    assert first["without token"] == 401
    assert first["id"] == [200, machine]
    assert first["type"] == [200, "m5.large"]
    assert first["region"] == [200, cloud.region]
    assert first["action"] == [404, ""]

    assert interruption.interrupt(cloud, seconds=2.0) == machine

    until(lambda: len(deployment.log(task["taskArn"])) >= 3, "notice and SIGTERM")
    said = deployment.log(task["taskArn"])[1:]
    assert "asked to end" in said
    assert [json.loads(line)["action"] for line in said if line.startswith("{")] == ["terminate"]
    until(lambda: deployment.machines() - {machine}, "another machine")
    deployment.stopped(task["taskArn"])
    [anew] = until(deployment.tasks)
    assert anew["taskArn"] != task["taskArn"]
    assert len(until(deployment.places)) == 1


def test_without_notice_the_tasks_are_killed_at_once(deploy, cloud):
    deployment = deploy(PATIENT)
    deployment.start_fleet()
    [machine] = deployment.machines()
    [task] = deployment.scale(1)
    deployment.wait_for_line(task["taskArn"], "started")

    interruption.interrupt(cloud, machine, notice=False)

    assert deployment.stopped(task["taskArn"])["containers"][0]["exitCode"] == 137
    assert "asked to end" not in deployment.log(task["taskArn"])
    assert machine not in deployment.machines()


def test_interrupting_what_is_not_there_says_so(deploy, cloud):
    deployment = deploy(PATIENT)
    deployment.start_fleet()

    with pytest.raises(NothingThere, match="i-0123 is not a running spot machine"):
        interruption.interrupt(cloud, "i-0123")


def test_a_task_protects_itself_by_the_agents_endpoint(deploy):
    deployment = deploy(PROTECT, stopTimeout=2)
    deployment.start_fleet()
    [task] = deployment.scale(1)

    until(lambda: len(deployment.log(task["taskArn"])) == 2)
    set_answer, get_answer = json.loads(deployment.log(task["taskArn"])[0])

    assert set_answer == get_answer
    assert set_answer["protection"]["ProtectionEnabled"] is True
    assert set_answer["protection"]["TaskArn"] == task["taskArn"]
    told = deployment.ecs.get_task_protection(cluster=deployment.name, tasks=[task["taskArn"]])
    assert told["protectedTasks"][0]["protectionEnabled"] is True
    about = json.loads(deployment.log(task["taskArn"])[1])
    assert (about["TaskARN"], about["Cluster"]) == (task["taskArn"], deployment.name)
    deployment.ecs.update_task_protection(
        cluster=deployment.name, tasks=[task["taskArn"]], protectionEnabled=False
    )

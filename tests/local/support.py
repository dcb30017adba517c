"""Shared by the tests of the embedded cloud: a cluster with a fleet, and a service that runs a script."""

from __future__ import annotations

import base64
import functools
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from distributed_fiji.local import cloud as clouds
from distributed_fiji.local.access import Cloud
from tests.policy import trail

T = TypeVar("T")

DEADLINE_SECONDS = 60.0

#: A task that reports when it starts, and when it is asked to end, which it then does with code 3.
PATIENT = """
import signal, sys, time
def end(*_):
    print("asked to end", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
print("started", flush=True)
while True:
    time.sleep(0.05)
"""

_numbers = itertools.count(1)


def until(look: Callable[[], T], what: str = "what the test waits for") -> T:
    """Return what `look` returns as soon as it is true; fail if it never is."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {DEADLINE_SECONDS:g} s")


@functools.cache
def client(root: Path, service: str) -> Any:
    """Return a boto3 client of a cloud. They are shared, because making one takes longer than using it."""
    cloud = clouds.find(root)
    assert cloud is not None
    return cloud.client(service)


def listening(cloud: Cloud) -> list[int]:
    """Return every port that the cloud's processes listen on, including their children."""
    servers = [psutil.Process(it.identity.pid) for it in cloud.state.servers.values() if it.identity]
    all_of_them = [*servers, *(child for one in servers for child in one.children(recursive=True))]
    found = {
        item.laddr.port
        for one in all_of_them
        for item in one.net_connections()
        if item.status == psutil.CONN_LISTEN
    }
    return sorted(found)


class Deployment:
    """A cluster, a service without tasks and, once started, a fleet, each with its own name."""

    def __init__(self, cloud: Cloud, script: str = PATIENT, **container: Any) -> None:
        self.cloud = cloud
        self.ec2, self.ecs, self.logs = (client(cloud.root, name) for name in ("ec2", "ecs", "logs"))
        self.name = f"app{next(_numbers)}"
        self.ecs.create_cluster(clusterName=self.name)
        self.logs.create_log_group(logGroupName=self.name)
        self.definition = self.register(script, **container)
        self.ecs.create_service(
            cluster=self.name, serviceName=self.name, taskDefinition=self.definition, desiredCount=0
        )

    def register(self, script: str, **container: Any) -> str:
        """Register a task definition whose container runs a Python script; return its ARN."""
        options = {
            "awslogs-group": self.name,
            "awslogs-region": self.cloud.region,
            "awslogs-stream-prefix": "t",
        }
        definition = {
            "name": self.name,
            "image": "example/worker:1",
            "cpu": 1024,
            "memory": 3000,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
        variables = [*container.pop("environment", []), {"name": trail.SCRIPT, "value": script}]
        response = self.ecs.register_task_definition(
            family=self.name, containerDefinitions=[definition | container | {"environment": variables}]
        )
        return response["taskDefinition"]["taskDefinitionArn"]

    def start_fleet(self, machines: int = 1, **wanted: Any) -> str:
        """Request m5.large machines (with room for two tasks each) for the cluster; return the fleet's id."""
        specification = {
            "ImageId": "ami-12c6146b",
            "InstanceType": "m5.large",
            "SubnetId": self.ec2.describe_subnets()["Subnets"][0]["SubnetId"],
            "UserData": user_data(self.name),
        }
        request = {
            "IamFleetRole": "arn:aws:iam::123456789012:role/fleet",
            "AllocationStrategy": "priceCapacityOptimized",
            "TargetCapacity": machines,
            "SpotPrice": "0.10",
            "Type": "maintain",
            "LaunchSpecifications": [specification],
        }
        response = self.ec2.request_spot_fleet(SpotFleetRequestConfig=request | wanted)
        self.fleet = response["SpotFleetRequestId"]
        return self.fleet

    def scale(self, tasks: int) -> list[dict[str, Any]]:
        """Request a number of tasks, and return them once that many are running."""
        self.ecs.update_service(cluster=self.name, service=self.name, desiredCount=tasks)
        return until(lambda: self._exactly(tasks), f"{tasks} running tasks")

    def _exactly(self, tasks: int) -> list[dict[str, Any]] | bool:
        if self.service()["runningCount"] != tasks:
            return False
        return self.tasks() or not tasks

    def service(self) -> dict[str, Any]:
        return self.ecs.describe_services(cluster=self.name, services=[self.name])["services"][0]

    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks that are running and should be."""
        arns = self.ecs.list_tasks(cluster=self.name, serviceName=self.name)["taskArns"]
        return [task for task in self.describe(arns) if task["lastStatus"] == "RUNNING"]

    def describe(self, arns: list[str]) -> list[dict[str, Any]]:
        return self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"] if arns else []

    def stopped(self, arn: str) -> dict[str, Any]:
        """Return a task once it has stopped."""
        return until(
            lambda: next((task for task in self.describe([arn]) if task["lastStatus"] == "STOPPED"), None),
            "the end of the task",
        )

    def places(self) -> list[str]:
        return self.ecs.list_container_instances(cluster=self.name)["containerInstanceArns"]

    def machines(self) -> set[str]:
        found = self.ec2.describe_spot_fleet_instances(SpotFleetRequestId=self.fleet)["ActiveInstances"]
        return {machine["InstanceId"] for machine in found}

    def log(self, arn: str) -> list[str]:
        """Return the lines of a task's log stream."""
        stream = f"t/{self.name}/{arn.rsplit('/', 1)[-1]}"
        events = self.logs.get_log_events(logGroupName=self.name, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in events["events"]]

    def wait_for_line(self, arn: str, line: str) -> None:
        until(lambda: line in self.log(arn), f"the line {line!r}")

    def remove(self) -> None:
        """End the service's tasks and the fleet, and wait until both are gone."""
        if self.service()["status"] == "ACTIVE":
            self.ecs.update_service(cluster=self.name, service=self.name, desiredCount=0)
        if hasattr(self, "fleet"):
            self.ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[self.fleet], TerminateInstances=True)
        self.ecs.delete_service(cluster=self.name, service=self.name)
        until(self._cluster_deleted, "the machines' leaving")

    def _cluster_deleted(self) -> bool:
        try:
            self.ecs.delete_cluster(cluster=self.name)
        except (
            self.ecs.exceptions.ClusterContainsContainerInstancesException,
            self.ecs.exceptions.ClusterContainsTasksException,
        ):
            return False
        return True


def user_data(cluster: str) -> str:
    """Return user data in the form of the original's fleets: a shell script that joins a cluster."""
    script = f"#!/bin/bash\ncat >> /etc/ecs/ecs.config <<'END'\nECS_CLUSTER={cluster}\n"
    return base64.b64encode(f"{script}ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\nEND\n".encode()).decode()

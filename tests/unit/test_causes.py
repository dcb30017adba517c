"""Each known cause is recognized by words as AWS, Docker or a worker writes them (sources: causes.py)."""

from __future__ import annotations

import pytest

from distributed_fiji.aws import causes
from distributed_fiji.aws.causes import KnownCause, find_cause
from distributed_fiji.aws.fleetevents import EVENTS, FleetError
from distributed_fiji.aws.tasks import TaskEnd
from distributed_fiji.monitor.lastwords import why_it_ended

MACHINES = {
    "volume-key": "Client.InternalError: Client error on launch",
    "volume-quota": "Client.VolumeLimitExceeded: Volume limit exceeded",
    "snapshot": "Client.InvalidSnapshot.NotFound: The snapshot 'snap-1' does not exist",
    "shortage": "Server.InsufficientInstanceCapacity: Insufficient capacity to launch",
    "interrupted": "Server.SpotInstanceTermination: Instance terminated due to Spot interruption",
    "machine-ended": "Client.UserInitiatedShutdown: User initiated shutdown",
    "shut-down": "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
}

#: Sub-types and descriptions of a fleet's events.
INVALID = "spotFleetRequestConfigurationInvalid"
FLEETS = {
    "fleet-role": ("iamFleetRoleInvalid", "The provided IAM fleet role does not have permission"),
    "spot-quota": ("spotInstanceCountLimitExceeded", "Max spot instance count exceeded"),
    "price": ("launchSpecUnusable", "m3.large, Spot bid price is less than Spot market price $0.0287"),
    "shortage": (INVALID, "There is no Spot capacity available that matches your request."),
    "machine-image": (INVALID, "The image id '[ami-01d3bd808e1fd393c]' does not exist"),
    "subnet": (INVALID, "InvalidSubnetID.NotFound: The subnet ID 'subnet-1' does not exist"),
    "key-pair": (INVALID, "The key pair 'FlintrockCluster' does not exist"),
    "security-group": (INVALID, "The security group 'sg-1' does not exist in VPC 'vpc-1'"),
    "profile": (INVALID, "Value (x) for parameter iamInstanceProfile.name is invalid"),
    "fleet-request": (INVALID, "c5.xlarge, ami-096981b2599d2d99b, Linux/UNIX: Value"),
    "fleet": ("somethingNew", "It is new"),
}  # fmt: skip

PULL, START = "CannotPullContainerError: ", "CannotStartContainerError: Error response from daemon: "
LOG = "failed to initialize logging driver: failed to create Cloudwatch log stream: "

#: ECS's reason for a task's end.
TASKS = {
    "image-architecture": PULL + "no matching manifest for linux/arm64/v8 in the manifest list entries",
    "image-quota": PULL + "toomanyrequests: You have reached your pull rate limit.",
    "image-denied": PULL + "pull access denied for FOO, repository does not exist or may require",
    "image-missing": PULL + "Error response from daemon: manifest for elasticsearch:latest not found",
    "disk-full": PULL + "write /var/lib/docker/tmp/1: no space left on device",
    "image-unreachable": PULL + "Get https://registry/v2/: dial tcp 10.0.0.1:443: i/o timeout",
    "image": PULL + "something new",
    "log-group": START + LOG + "ResourceNotFoundException: The specified log group does not exist.",
    "log-denied": START + LOG + "AccessDeniedException: User: arn is not authorized to perform",
    "task-role": "ECS was unable to assume the role 'arn:aws:iam::1:role/r' that was provided for this task.",
    "task-start": START + "OCI runtime create failed",
    "memory-of-tasks": "OutOfMemoryError: Container killed due to memory usage",
}  # fmt: skip

#: A worker's last line.
WORKERS = {
    "image-architecture": "exec /usr/bin/python3: exec format error",
    "worker-settings": "The worker's environment is invalid:",
    "script-changed": "The script s3://b/s.ijm is not the one that setup found (SHA-256 1, expected 2).",
    "worker-denied": "The script s3://b/s.ijm cannot be downloaded: An error occurred (AccessDenied)",
    "script": "The script https://x/s.ijm cannot be downloaded: HTTP Error 404: Not Found.",
    "queue-gone": "An error occurred (AWS.SimpleQueueService.NonExistentQueue): The specified queue does not",
    "mount": "s3fs cannot mount b (the container must be privileged)",
    "fiji": "FIJI did not start within 3.0 s (exit code 1): no Java.",
}

NO_PLACE = "was unable to place a task because no container instance met all of its requirements. "
CLOSEST = NO_PLACE + "The closest matching container-instance 23442007 "
SERVICES = {
    "memory": CLOSEST + "has insufficient memory available.",
    "processors": CLOSEST + "has insufficient CPU units available.",
    "attribute": CLOSEST + "is missing an attribute required by your task.",
    "agent": CLOSEST + 'encountered error "AGENT".',
    "task-role": "failed to launch a task with (error ECS was unable to assume the role 'r')",
    "task-quota": "was unable to place a task. Reason: You've reached the limit on the number of tasks",
    "place": NO_PLACE + "Reason: something new.",
}


def named(found: KnownCause | None) -> str:
    return found.id if found else ""


@pytest.mark.parametrize("cause", MACHINES)
def test_why_ec2_ends_a_machine_is_recognized(cause: str) -> None:
    assert named(find_cause(causes.ENDED_MACHINES, MACHINES[cause])) == cause


@pytest.mark.parametrize("cause", FLEETS)
def test_why_a_fleet_has_no_machine_is_recognized(cause: str) -> None:
    assert FleetError(*FLEETS[cause]).cause.id == cause


@pytest.mark.parametrize("cause", TASKS)
def test_why_a_task_does_not_start_is_recognized(cause: str) -> None:
    assert named(why_it_ended(TaskEnd("t", "TaskFailedToStart", TASKS[cause]), [])) == cause


@pytest.mark.parametrize("cause", WORKERS)
def test_why_a_worker_ends_is_recognized_by_its_last_line(cause: str) -> None:
    end = TaskEnd("t", "EssentialContainerExited", "Essential container in task exited", 1)

    assert named(why_it_ended(end, ["worker 1.0 begins", WORKERS[cause]])) == cause


@pytest.mark.parametrize("cause", SERVICES)
def test_why_a_service_places_no_task_is_recognized(cause: str) -> None:
    assert named(find_cause(causes.NO_PLACES, f"(service s) {SERVICES[cause]}")) == cause


def test_every_known_cause_is_recognized_by_some_words() -> None:
    tables = (causes.ENDED_MACHINES, causes.INVALID_REQUESTS, EVENTS, causes.TASK_STARTS, causes.WORKER_ENDS)
    known = {one.id for table in (*tables, causes.NO_PLACES) for one in table}

    assert known == {*MACHINES, *FLEETS, *TASKS, *WORKERS, *SERVICES}


def test_the_latest_line_of_a_log_counts_and_complaints_before_it_do_not() -> None:
    end = TaskEnd("t", "EssentialContainerExited", "Essential container in task exited", 1)
    lines = ["the log stream could not be made: AccessDenied", "FIJI_HOME: /opt is not a FIJI"]

    assert named(why_it_ended(end, lines)) == "fiji"

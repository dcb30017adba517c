"""Why machines and tasks do not start, by AWS's words and the worker's own, and what to do. Pure.

`startCluster`, `monitor` and `doctor` all explain with these lists. Of several causes that fit, the first
counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownCause:
    """A cause: its stable id, the words by which it is recognized (a pattern), and what to do."""

    id: str
    words: str
    cure: str


def find_cause(causes: Iterable[KnownCause], *texts: str) -> KnownCause | None:
    """Return the first cause whose words are in one of some texts, or None."""
    found = "\n".join(texts)
    return next((cause for cause in causes if re.search(cause.words, found, re.IGNORECASE)), None)


SHORTAGE = KnownCause(
    "shortage",
    r"\bcapacity\b",
    "a capacity shortage: more machine types or subnets help; the fleet keeps trying",
)

#: Reasons with which EC2 ends a machine in its start, whatever the spot market does (EC2 API reference,
#: StateReason; EC2 user guide, "Troubleshoot Amazon EC2 instance launch issues").
FAILED_STARTS = (
    KnownCause(
        "volume-key",
        r"^Client\.InternalError",
        "usually AWSServiceRoleForEC2Spot may not use the volume's KMS key: see docs/troubleshooting.md",
    ),
    KnownCause(
        "volume-quota",
        r"^Client\.VolumeLimitExceeded",
        "the account has reached its volume quota: ask for more in Service Quotas",
    ),
    KnownCause(
        "snapshot",
        r"^Client\.InvalidSnapshot\.NotFound",
        "the image's snapshot is gone: use another image in the fleet file",
    ),
)

#: Other reasons of EC2 for a machine's end (EC2 API reference, StateReason).
ENDED_MACHINES = (
    *FAILED_STARTS,
    KnownCause("shortage", r"^Server\.InsufficientInstanceCapacity", SHORTAGE.cure),
    KnownCause(
        "interrupted",
        r"^Server\.Spot",
        "EC2 took the machines back: the fleet replaces them; with more machine types, that happens less",
    ),
    KnownCause(
        "machine-ended",
        r"^Client\.(UserInitiatedShutdown|InstanceTerminated)",
        "a person, an alarm on idle machines, or the run's own monitor ended them; the fleet replaces them",
    ),
    KnownCause(
        "shut-down",
        r"^Client\.InstanceInitiatedShutdown",
        "the machine shut itself down: leave out ImageId and UserData in the fleet file",
    ),
)

#: EC2's codes and sentences for what a fleet's request names (EC2 API reference, "Error codes"). Spot fleets
#: put them into the description of a spotFleetRequestConfigurationInvalid, as "c5.xlarge, ami-…, Linux/UNIX:
#: Value (…)" (DistributedScience/Distributed-CellProfiler#151); which of the two forms is not documented.
INVALID_REQUESTS = (
    KnownCause(
        "machine-image",
        r"InvalidAMIID|image id '?\[?ami-|\bAMI\b.*(invalid|not exist)",
        "leave out ImageId in the fleet file, so that ECS's current image is used, or correct it",
    ),
    KnownCause("subnet", r"InvalidSubnet|subnet ID '", "correct SubnetId in the fleet file, or leave it out"),
    KnownCause(
        "key-pair", r"InvalidKeyPair|key pair '", "correct KeyName in the fleet file, or leave it out"
    ),
    KnownCause(
        "security-group",
        r"InvalidGroup|InvalidSecurityGroup|security group '",
        "correct SecurityGroups in the fleet file, or leave them out",
    ),
    KnownCause(
        "profile",
        r"iamInstanceProfile|IAM Instance Profile",
        "run `python run.py setup`, which creates the instance profile, or correct INSTANCE_PROFILE",
    ),
)

#: Also in the log: Docker starts such an image, and the system refuses the program.
ARCHITECTURE = KnownCause(
    "image-architecture",
    r"no matching manifest|exec format error|does not match the (detected host|specified) platform",
    "the image is for another processor than MACHINE_TYPE: build it with `make image` on such a machine,"
    " or change MACHINE_TYPE; then run `python run.py setup`",
)

TASK_ROLE = KnownCause(
    "task-role",
    r"unable to assume the role",
    "the task role is gone, or ECS may not assume it: run `python run.py setup`",
)

#: Why a task cannot be started: its image, its log, its role. Docker's and the ECS agent's words, which ECS
#: passes on in stoppedReason and in the container's reason (ECS developer guide, "Stopped tasks error
#: messages"; aws/amazon-ecs-agent#2137 pull access denied, #422 and prakhar1989/docker-curriculum#218 not
#: found, #260 log group; awslabs/amazon-ecr-credential-helper#83 no basic auth; Docker documentation,
#: "toomanyrequests").
TASK_STARTS = (
    ARCHITECTURE,
    KnownCause(
        "image-quota",
        r"toomanyrequests|pull rate limit",
        "the registry limits downloads: push the image to Amazon ECR, and set DOCKERHUB_TAG",
    ),
    KnownCause(
        "image-denied",
        r"CannotPull[^\n]*(pull access denied|no basic auth|denied|unauthorized|\b40[13]\b)",
        "machines may pull a public image, or one in Amazon ECR of this account: correct DOCKERHUB_TAG, push"
        " the image, and run `python run.py setup`, which lets machines pull it",
    ),
    KnownCause(
        "image-missing",
        r"CannotPull[^\n]*(manifest|not found|does not exist|unknown)",
        "push the image with `make image-push`, or correct DOCKERHUB_TAG; then run `python run.py setup`",
    ),
    KnownCause("disk-full", r"no space left on device", "raise EBS_VOL_SIZE, and start a new run"),
    KnownCause(
        "image-unreachable",
        r"CannotPull[^\n]*(time-?out|timed out|no such host|dial tcp|connection|deadline|canceled)",
        "machines cannot reach the image's registry: see docs/permissions.md, a network without a way out",
    ),
    KnownCause("image", r"CannotPull|pull[^\n]* image", "check DOCKERHUB_TAG, and run `python run.py setup`"),
    KnownCause(
        "log-group",
        r"log group does not exist|log (stream|group)[^\n]*ResourceNotFound",
        "the log group is gone: run `python run.py setup`",
    ),
    KnownCause(
        "log-denied",
        r"log (stream|group)[^\n]*AccessDenied",
        "the machines' role may not write the log: run `python run.py setup`",
    ),
    TASK_ROLE,
    KnownCause(
        "task-start",
        r"Cannot(Start|Create|Inspect)Container|ResourceInitializationError|DockerTimeoutError",
        "Docker cannot start the container: rebuild the image with `make image`",
    ),
)

#: Why a worker ends as soon as it starts, by its own last lines (worker/__main__.py, worker/fiji/script.py,
#: worker/storage/mount.py, worker/job/engine.py) and ECS's words about memory (ECS developer guide, "Stopped
#: tasks error messages").
WORKER_ENDS = (
    KnownCause(
        "worker-settings",
        r"The worker's environment is invalid",
        "image and task definition do not fit each other: run `make image`, `make image-push`, and"
        " `python run.py setup`",
    ),
    KnownCause(
        "script-changed",
        r"is not the one that setup found",
        "the script was changed: run `python run.py setup`, which gives the workers the new one",
    ),
    KnownCause(
        "worker-denied",
        r"AccessDenied|not authorized to perform|Forbidden|Unable to locate credentials",
        "the task role lacks a permission: run `python run.py setup`, which restores it; a role of your own"
        " needs what `python run.py policy --roles` prints",
    ),
    KnownCause(
        "script",
        r"The script [^\n]* cannot be (downloaded|run)",
        "correct SCRIPT_DOWNLOAD_URL or the script, and run `python run.py setup`",
    ),
    KnownCause(
        "queue-gone",
        r"NonExistentQueue|QueueDoesNotExist|queue does not exist",
        "the workers' queue does not exist: run `python run.py setup`",
    ),
    KnownCause("mount", r"s3fs|is not mounted", "set DOWNLOAD_FILES = True, and run `python run.py setup`"),
    KnownCause(
        "memory-of-tasks",
        r"OutOfMemory|memory usage",
        "raise MEMORY, and run `python run.py setup`",
    ),
    KnownCause(
        "fiji",
        r"FIJI_HOME|FIJI did not start|This FIJI cannot be used",
        "the image lacks a FIJI that works: run `make image` and `make image-push`",
    ),
)

#: Why a service places no task (ECS developer guide, "Service event messages"; diem/diem#1099 memory,
#: compose-x/ecs_composex#731 attribute, aws-samples/aws-modern-application-workshop#149 role). An event that
#: there are no machines says nothing once some have joined.
NO_PLACES = (
    KnownCause(
        "memory",
        r"insufficient memory|MEMORY setting is above the limit",
        "lower MEMORY or TASKS_PER_MACHINE, or use a larger MACHINE_TYPE; then run `python run.py setup`",
    ),
    KnownCause(
        "processors",
        r"insufficient CPU|CPU (setting|configuration) is above the limit",
        "use a MACHINE_TYPE with more processors, or lower TASKS_PER_MACHINE; then run `python run.py setup`",
    ),
    KnownCause(
        "attribute",
        r"missing an attribute|placement constraint",
        "the machines were not started for this app: give it an ECS_CLUSTER of its own, leave out UserData in"
        " the fleet file, and start a new run",
    ),
    KnownCause(
        "agent",
        r"encountered error [\"']?AGENT|agent[^\n]*disconnected",
        "the ECS agent on the machines does not respond: end these machines, and the fleet replaces them",
    ),
    TASK_ROLE,
    KnownCause(
        "task-quota", r"reached the limit on the number of tasks", "ask AWS for more tasks per service"
    ),
    KnownCause("place", r"unable to place|failed to launch", "see ECS's words above"),
)

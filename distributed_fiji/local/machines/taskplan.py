"""What a task runs with: its container's definition and what its machine provides, as pure functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Seconds between SIGTERM and SIGKILL if the definition names none (ECS API reference, stopTimeout).
STOP_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class HostInfo:
    """What a machine provides to each of its tasks: addresses of the cloud and of the machine's metadata."""

    cloud: Mapping[str, str]
    region: str
    metadata_url: str
    instance_id: str
    checkout: Path


@dataclass(frozen=True)
class TaskPlan:
    """A task to run: its definition's first container and volumes, and what the machine provides.

    `folder` is the task's own.
    """

    arn: str
    container: Mapping[str, Any]
    folder: Path
    gifts: HostInfo
    volumes: Sequence[Mapping[str, Any]] = ()

    @property
    def task_id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def work(self) -> Path:
        """The working directory, empty when the task starts."""
        return self.folder / "work"

    @property
    def stop_seconds(self) -> float:
        return float(self.container.get("stopTimeout") or STOP_TIMEOUT_SECONDS)


def container_environment(plan: TaskPlan) -> dict[str, str]:
    """Return the variables of any container of the task: the definition's, and those of cloud and agent.

    The definition's own variables take precedence, such as AWS_REGION, but not over the machine's addresses.
    """
    metadata = plan.gifts.metadata_url
    given = {name: value for name, value in plan.gifts.cloud.items() if name != "AWS_EC2_METADATA_DISABLED"}
    given |= {"AWS_REGION": plan.gifts.region, "AWS_DEFAULT_REGION": plan.gifts.region}
    defined = {item["name"]: item["value"] for item in plan.container.get("environment", [])}
    machine = {
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{metadata}/instances/{plan.gifts.instance_id}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{metadata}/tasks/{plan.task_id}/v4",
        "ECS_AGENT_URI": f"{metadata}/tasks/{plan.task_id}/agent",
    }
    return given | defined | machine


def process_environment(plan: TaskPlan, fiji: Path, runner: Path | None = None) -> dict[str, str]:
    """Return all variables of a task that runs as a process. Of the user's environment, it gets only PATH.

    `fiji`: the FIJI_HOME used instead of the image's. `runner`: our runner's jar for a FIJI without it.
    """
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    own = {
        "PATH": path,
        "HOME": str(plan.folder / "home"),
        "TMPDIR": str(plan.folder / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("LOCAL_SITE"), str(plan.gifts.checkout)))),
        "PYTHONUNBUFFERED": "1",
        "WORKER_SCRATCH": str(plan.scratch),
        "FIJI_HOME": str(fiji),
    }
    if runner is not None:
        own["FIJI_RUNNER_JAR"] = str(runner)
    return container_environment(plan) | own


def own_command(plan: TaskPlan) -> list[str]:
    """Return the command that the definition names. Empty: its image's, which is the worker."""
    return [*(plan.container.get("entryPoint") or []), *(plan.container.get("command") or [])]


def log_options(plan: TaskPlan) -> Mapping[str, str]:
    """Return the options of the container's awslogs driver; empty if it names none."""
    configuration = plan.container.get("logConfiguration") or {}
    return configuration.get("options") or {} if configuration.get("logDriver") == "awslogs" else {}


def log_stream(plan: TaskPlan) -> str:
    """Return the awslogs driver's stream: PREFIX/CONTAINER/TASK-ID, or the task's id alone."""
    prefix = log_options(plan).get("awslogs-stream-prefix")
    return f"{prefix}/{plan.container['name']}/{plan.task_id}" if prefix else plan.task_id

"""Run a task as a container of its image, through the Docker SDK: the second way to run tasks.

The task definition's fields map to Docker's as in the ECS developer guide, "Task definition parameters". The
network is always the host's, because the emulators listen on 127.0.0.1. Images are not pulled: the image to
rehearse with is built or pulled here beforehand.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import threading
import time
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import LogConfig, Mount, Ulimit

from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.local.machines import taskplan
from distributed_fiji.local.machines.taskplan import TaskPlan
from distributed_fiji.local.machines.tasks import CannotStart, Exit

logger = logging.getLogger(__name__)

#: Which cloud a container or volume belongs to, by the cloud's folder.
LABEL = "distributed-fiji.local"

#: ECS's own message for a container that exceeded its memory.
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"

#: Files in the cloud's folder, which containers cannot see and do not need.
FILE_VARIABLES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


def connect() -> Any:
    """Return a client of the user's Docker. Raises DistributedFijiError if it does not answer."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        raise DistributedFijiError(
            f"Docker does not respond ({error}). Start it, or leave out `--runtime docker`."
        ) from error
    return client


def image_id(client: Any, name: str) -> str:
    """Return an image's digest in the local Docker; '' if it has no image of that name."""
    try:
        return str(client.images.get(name).id)
    except ImageNotFound:
        return ""


def how_to_get(name: str) -> str:
    """Say that an image is missing, and where to get it."""
    return f"Docker does not have this image; `make image` builds it, `docker pull {name}` downloads it"


class ContainerTask:
    """A task in a container, with its output written to `log`. `owner`: the cloud's folder.

    Raises CannotStart.
    """

    def __init__(self, client: Any, owner: Path, plan: TaskPlan, log: Path) -> None:
        self.plan = plan
        self.log = log
        self._client = client
        self._kill_at: float | None = None
        self._exit: Exit | None = None
        try:
            self._start(container_arguments(plan, owner))
        except ImageNotFound as error:
            image = plan.container["image"]
            self._remove()
            raise CannotStart(f"CannotPullContainerError: {image}: {how_to_get(image)}") from error
        except (APIError, KeyError, ValueError) as error:
            self._remove()
            raise CannotStart(f"CannotStartContainerError: {error}") from error
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()

    def _start(self, arguments: dict[str, Any]) -> None:
        """Create and start the container, with lower limits if Docker may not raise them (rootless)."""
        self._container = self._client.containers.create(**arguments)
        try:
            self._container.start()
        except APIError as error:
            if "rlimit" not in str(error):
                raise
            logger.warning(
                "Docker may not set the ulimits of %s; this machine's own limits apply", self.plan.arn
            )
            self._container.remove(force=True)
            arguments["ulimits"] = [within_own(limit) for limit in arguments["ulimits"]]
            self._container = self._client.containers.create(**arguments)
            self._container.start()

    def stop(self, seconds: float) -> None:
        """Send SIGTERM, and SIGKILL if the container is still running after some seconds."""
        deadline = time.monotonic() + seconds
        if self._kill_at is None:
            self._signal("SIGTERM")
        self._kill_at = min(deadline, self._kill_at or deadline)

    def kill(self) -> None:
        """Send SIGKILL at once."""
        self._kill_at = time.monotonic()

    def poll(self) -> Exit | None:
        """Return how the container ended. It and its volumes have been removed by then."""
        if not self._follower.is_alive():
            self._remove()
            return self._exit
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._signal("SIGKILL")
        return None

    def _signal(self, name: str) -> None:
        with contextlib.suppress(APIError):  # it has ended in the meantime
            self._container.kill(signal=name)

    def _follow(self) -> None:
        """Write the container's output to the log until it ends; then record how it ended."""
        try:
            with self.log.open("ab", buffering=0) as file:
                for chunk in self._container.logs(stream=True, follow=True):
                    file.write(chunk)
            self._container.wait()
            self._container.reload()
            self._exit = exit_of(self._container.attrs["State"])
        except (DockerException, OSError) as error:
            self._exit = Exit(None, f"DockerStateError: {error}")

    def _remove(self) -> None:
        """Remove container and volumes. It is fine if they never existed or are already removed."""
        with contextlib.suppress(NotFound, AttributeError):
            self._container.remove(v=True, force=True)
        for volume in volumes(self.plan):
            with contextlib.suppress(NotFound):
                self._client.volumes.get(volume).remove(force=True)


def within_own(limit: Any) -> Any:
    """Return a ulimit, lowered to what this process may have."""
    _, most = resource.getrlimit(getattr(resource, f"RLIMIT_{limit.name.upper()}"))
    if most == resource.RLIM_INFINITY:
        return limit
    return Ulimit(name=limit.name, soft=min(limit.soft, most), hard=min(limit.hard, most))


def exit_of(state: dict[str, Any]) -> Exit:
    """Return how a container ended, from Docker's State."""
    return Exit(state["ExitCode"], OUT_OF_MEMORY if state.get("OOMKilled") else state.get("Error", ""))


def container_arguments(plan: TaskPlan, owner: Path) -> dict[str, Any]:
    """Return the Docker SDK's arguments for creating a task's container."""
    container = plan.container
    environment = taskplan.container_environment(plan)
    arguments: dict[str, Any] = {
        "image": container["image"],
        "name": f"ecs-{container['name']}-{plan.task_id}",
        "command": container.get("command") or None,
        "entrypoint": container.get("entryPoint") or None,
        "environment": {name: value for name, value in environment.items() if name not in FILE_VARIABLES},
        "labels": {LABEL: str(owner), "com.amazonaws.ecs.task-arn": plan.arn},
        "network_mode": "host",
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "100m"}),
        "mounts": mounts(plan, owner),
        "ulimits": [
            Ulimit(name=item["name"], soft=item["softLimit"], hard=item["hardLimit"])
            for item in container.get("ulimits", [])
        ],
        "privileged": container.get("privileged", False),
        "read_only": container.get("readonlyRootFilesystem", False),
        "user": container.get("user") or None,
        "working_dir": container.get("workingDirectory") or None,
    }
    return arguments | _sizes(container) | _linux(container.get("linuxParameters") or {})


def _sizes(container: Any) -> dict[str, Any]:
    """Memory is a hard limit, with no swap in addition. CPU units are shares, at least 2, as on ECS."""
    sizes: dict[str, Any] = {"cpu_shares": max(2, container.get("cpu", 0))}
    if container.get("memory"):
        sizes["mem_limit"] = sizes["memswap_limit"] = f"{container['memory']}m"
    if container.get("memoryReservation"):
        sizes["mem_reservation"] = f"{container['memoryReservation']}m"
    return sizes


def _linux(parameters: Any) -> dict[str, Any]:
    capabilities = parameters.get("capabilities") or {}
    linux: dict[str, Any] = {
        "init": parameters.get("initProcessEnabled", False),
        "cap_add": capabilities.get("add") or None,
        "cap_drop": capabilities.get("drop") or None,
        "devices": [
            f"{item['hostPath']}:{item.get('containerPath') or item['hostPath']}:rwm"
            for item in parameters.get("devices", [])
        ],
        "tmpfs": {
            item["containerPath"]: ",".join([f"size={item['size']}m", *item.get("mountOptions", [])])
            for item in parameters.get("tmpfs", [])
        },
    }
    if parameters.get("sharedMemorySize"):
        linux["shm_size"] = f"{parameters['sharedMemorySize']}m"
    return linux


def mounts(plan: TaskPlan, owner: Path) -> list[Mount]:
    """Return the container's mounts: its own volumes, or folders of the host that the definition names."""
    hosts = {item["name"]: (item.get("host") or {}).get("sourcePath") for item in plan.volumes}
    return [
        Mount(
            target=point["containerPath"],
            source=hosts.get(point["sourceVolume"]) or _volume(plan, point["sourceVolume"]),
            type="bind" if hosts.get(point["sourceVolume"]) else "volume",
            read_only=point.get("readOnly", False),
            labels=None if hosts.get(point["sourceVolume"]) else {LABEL: str(owner)},
        )
        for point in plan.container.get("mountPoints", [])
    ]


def volumes(plan: TaskPlan) -> list[str]:
    """Return the names of the volumes that Docker creates for a task."""
    hosts = {item["name"] for item in plan.volumes if (item.get("host") or {}).get("sourcePath")}
    named = {point["sourceVolume"] for point in plan.container.get("mountPoints", [])}
    return [_volume(plan, name) for name in sorted(named - hosts)]


def _volume(plan: TaskPlan, name: str) -> str:
    return f"ecs-{plan.task_id}-{name}"


def sweep(client: Any, owner: Path) -> int:
    """Remove what an earlier start of this cloud's machines left in Docker; return how many containers."""
    wanted = {"label": f"{LABEL}={owner}"}
    found = client.containers.list(all=True, filters=wanted)
    for container in found:
        with contextlib.suppress(NotFound):
            container.remove(v=True, force=True)
    for volume in client.volumes.list(filters=wanted):
        with contextlib.suppress(NotFound):
            volume.remove(force=True)
    return len(found)

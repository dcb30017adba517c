"""What exists of a cloud: servers, buckets, machines and their tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distributed_fiji.local import servers
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.interruption import running_machines, tasks_by_machine
from distributed_fiji.local.state import CONTROL_PLANE, DATA_PLANE


@dataclass(frozen=True)
class ServerStatus:
    """A server, where it listens, its process, and whether it answers."""

    name: str
    url: str
    pid: int
    answers: bool


@dataclass(frozen=True)
class Status:
    """The current state of a cloud. `machines`: the tasks that run on each instance, by name and state."""

    root: Path
    region: str
    runtime: str
    fiji: str | None
    servers: list[ServerStatus]
    buckets: dict[str, Path]
    machines: dict[str, list[str]]


def status(cloud: Cloud) -> Status:
    """Look at everything. If a server does not answer, its part is empty."""
    found = [
        ServerStatus(
            name,
            server.url,
            server.identity.pid if server.identity else 0,
            servers.healthy(name, server, cloud.state.key),
        )
        for name, server in cloud.state.servers.items()
    ]
    answering = {server.name for server in found if server.answers}
    return Status(
        root=cloud.root,
        region=cloud.region,
        runtime=cloud.state.runtime,
        fiji=cloud.state.fiji,
        servers=found,
        buckets=_buckets(cloud) if DATA_PLANE in answering else {},
        machines=_machines(cloud) if CONTROL_PLANE in answering else {},
    )


def _buckets(cloud: Cloud) -> dict[str, Path]:
    names = [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]
    return {name: cloud.folders.buckets / name for name in names}


def _machines(cloud: Cloud) -> dict[str, list[str]]:
    ids = [item["InstanceId"] for item in running_machines(cloud)]
    tasks = tasks_by_machine(cloud)
    return {
        instance_id: [
            f"{task['containers'][0]['name']} {task['lastStatus']}" for task in tasks.get(instance_id, [])
        ]
        for instance_id in ids
    }

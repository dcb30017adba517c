"""The machines of one region: observe, decide, perform; one step at a time."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from distributed_fiji.local.machines import scheduling
from distributed_fiji.local.machines.agent import Agent
from distributed_fiji.local.machines.metadata import MetadataFacts
from distributed_fiji.local.machines.observation import (
    Instance,
    Place,
    RegionObserver,
    RegionSnapshot,
    TaskView,
)
from distributed_fiji.local.machines.scheduling import Event, Register, SchedulerAction, StartTask, StopTask
from distributed_fiji.local.machines.taskplan import HostInfo, TaskPlan

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Interruption:
    """A machine being reclaimed: when (monotonic seconds), and whether its tasks were notified."""

    ends: float
    notice: bool


class Region:
    """Drives the machines of a region.

    `gifts(instance_id, region)`: what a machine gives to its tasks. `tell_service` writes a service event.
    """

    def __init__(
        self,
        name: str,
        clients: tuple[Any, Any],
        agent: Agent,
        gifts: Callable[[str, str], HostInfo],
        tell_service: Callable[[dict[str, str]], None],
    ) -> None:
        self.name = name
        self.ec2, self.ecs = clients
        self.observer = RegionObserver(self.ec2, self.ecs)
        self.agent = agent
        self.gifts = gifts
        self.tell_service = tell_service
        self.interruptions: dict[str, Interruption] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def step(self, facts: MetadataFacts, scratch: Path) -> None:
        """Bring the region one step closer to its desired state."""
        self.agent.poll()
        snapshot = self.observer.observe(set(self.agent.running))
        facts.machines.update(snapshot.machines)
        self._interrupt(snapshot)
        for action in scheduling.decide(snapshot, self.agent.throttled(snapshot, time.monotonic())):
            self._perform(action)
        self.agent.follow(snapshot, lambda view: self._plan(view, snapshot, scratch))
        for place in list(snapshot.places.values()):
            if place.instance_id not in snapshot.machines and not self.agent.busy(place.instance_id):
                self._leave(place, facts)

    def look_at(self) -> float:
        """Return when to look again even if nothing changes: a wait or a notice ends (monotonic seconds)."""
        ends = [interruption.ends for interruption in self.interruptions.values()]
        return min([*ends, *self.agent.waits()], default=float("inf"))

    def _plan(self, view: TaskView, snapshot: RegionSnapshot, scratch: Path) -> TaskPlan:
        definition = snapshot.definitions[view.definition]
        return TaskPlan(
            arn=view.arn,
            container=definition["containerDefinitions"][0],
            folder=scratch / view.arn.rsplit("/", 1)[-1],
            gifts=self.gifts(snapshot.places[view.place].instance_id, self.name),
            volumes=definition.get("volumes", ()),
        )

    def _perform(self, action: SchedulerAction) -> None:
        try:
            if isinstance(action, Register):
                self._register(action.machine)
            elif isinstance(action, StartTask):
                self._start(action)
            elif isinstance(action, StopTask):
                self.ecs.stop_task(cluster=action.task.cluster, task=action.task.arn, reason=action.reason)
            elif isinstance(action, Event):
                place = {
                    "region": self.name,
                    "cluster": action.service.cluster,
                    "service": action.service.name,
                }
                self.tell_service(place | {"message": action.message})
        except ClientError as error:
            log.warning("%s: %s", action, error)

    def _register(self, machine: Instance) -> None:
        """Let a machine join its cluster."""
        memory, cpu = self._size(machine.instance_type)
        resources = [
            {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
            {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        ]
        self.ecs.register_container_instance(
            cluster=machine.cluster,
            instanceIdentityDocument=json.dumps({"instanceId": machine.instance_id}),
            totalResources=resources,
        )

    def _size(self, machine_type: str) -> tuple[int, int]:
        if machine_type not in self._sizes:
            found = self.ec2.describe_instance_types(InstanceTypes=[machine_type])["InstanceTypes"][0]
            memory, processors = found["MemoryInfo"]["SizeInMiB"], found["VCpuInfo"]["DefaultVCpus"]
            self._sizes[machine_type] = registered_memory(memory), processors * 1024
        return self._sizes[machine_type]

    def _start(self, action: StartTask) -> None:
        self.ecs.start_task(
            cluster=action.service.cluster,
            taskDefinition=action.service.definition,
            containerInstances=[action.place.arn],
            group=action.service.group,
            startedBy="ecs-svc/local",
        )

    def _interrupt(self, snapshot: RegionSnapshot) -> None:
        """Drain machines that got their notice; end those whose time has come."""
        for instance_id, interruption in list(self.interruptions.items()):
            machine = snapshot.machines.get(instance_id)
            if machine is None:
                del self.interruptions[instance_id]
            elif time.monotonic() >= interruption.ends:
                if not interruption.notice:
                    self.agent.kill(instance_id)
                self.ec2.terminate_instances(InstanceIds=[instance_id])
            elif machine.drains:
                self._drain(snapshot, instance_id)

    def _drain(self, snapshot: RegionSnapshot, instance_id: str) -> None:
        for place in snapshot.places.values():
            if place.instance_id == instance_id and place.active:
                self.ecs.update_container_instances_state(
                    cluster=place.cluster, containerInstances=[place.arn], status="DRAINING"
                )

    def _leave(self, place: Place, facts: MetadataFacts) -> None:
        self.ecs.deregister_container_instance(cluster=place.cluster, containerInstance=place.arn, force=True)
        facts.machines.pop(place.instance_id, None)
        facts.notices.pop(place.instance_id, None)


def registered_memory(size_mib: int) -> int:
    """Return the MiB that a machine of a size registers, since the kernel keeps some.

    It is the least known for any type of that size: a c5.large (4,096 MiB) registers 3,704.
    """
    return int(size_mib * 0.95) - 187

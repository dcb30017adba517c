"""What ECS's service scheduler decides: pure functions from a snapshot to actions.

Follows the ECS developer guide: "Amazon ECS services", "Container instance draining", "Task scale-in
protection", "Service throttle logic". Stops come before starts; room that a stop frees is used next time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from distributed_fiji.local.machines.observation import Instance, Place, RegionSnapshot, Service, TaskView

#: The beginnings of the reasons for a service's stops, and for stopping the tasks of a drained machine.
SCHEDULER = "Scaling activity initiated by"
DRAINING = f"{SCHEDULER} draining of its container instance"


@dataclass(frozen=True)
class Register:
    """Let a machine join its cluster."""

    machine: Instance


@dataclass(frozen=True)
class StartTask:
    """Place a task of a service on a machine."""

    service: Service
    place: Place


@dataclass(frozen=True)
class StopTask:
    """Request the end of a task."""

    task: TaskView
    reason: str


@dataclass(frozen=True)
class Event:
    """Explain in the service's events why something does not happen."""

    service: Service
    message: str


SchedulerAction = Register | StartTask | StopTask | Event


@dataclass
class Room:
    """What is left of a place while tasks are being placed."""

    place: Place
    memory: int
    cpu: int
    tasks: int


def decide(snapshot: RegionSnapshot, throttled: frozenset[str] = frozenset()) -> list[SchedulerAction]:
    """Return the actions that bring the region to what its services want.

    `throttled`: ARNs of services whose tasks fail at once and that must wait.
    """
    actions: list[SchedulerAction] = list(_registrations(snapshot))
    rooms = _rooms(snapshot)
    for service in snapshot.services:
        tasks = [task for task in snapshot.tasks.values() if task.group == service.group and task.wanted]
        tasks = [task for task in tasks if task.cluster == service.cluster]
        stops = list(_stops(service, tasks, snapshot))
        actions += stops
        missing = service.desired - (len(tasks) - len(stops))
        if missing > 0 and service.arn not in throttled:
            actions += _starts(service, missing, rooms, snapshot)
    return actions


def _registrations(snapshot: RegionSnapshot) -> Iterator[Register]:
    """A machine joins once its cluster exists; the agent keeps trying until then."""
    known = {place.instance_id for place in snapshot.places.values()}
    for machine in snapshot.machines.values():
        if machine.instance_id not in known and machine.cluster in snapshot.clusters:
            yield Register(machine)


def _stops(service: Service, tasks: list[TaskView], snapshot: RegionSnapshot) -> Iterator[StopTask]:
    draining = [task for task in tasks if not _active(task, snapshot)]
    for task in draining:
        yield StopTask(task, DRAINING)
    rest = [task for task in tasks if task not in draining]
    outdated = [task for task in rest if task.definition != service.definition and not task.protected]
    for task in outdated:
        yield StopTask(task, f"{SCHEDULER} deployment")
    rest = [task for task in rest if task not in outdated]
    excess = max(0, len(rest) - service.desired)
    for task in scale_in_order(rest)[:excess]:
        yield StopTask(task, f"{SCHEDULER} service {service.name}")


def _active(task: TaskView, snapshot: RegionSnapshot) -> bool:
    place = snapshot.places.get(task.place)
    return place is not None and place.active


def scale_in_order(tasks: list[TaskView]) -> list[TaskView]:
    """Return the tasks that scale-in may end, in order; never a protected one.

    Tasks that are not running yet come first, then the newest on the machine with the most tasks.
    """
    crowd = Counter(task.place for task in tasks)
    free = [task for task in tasks if not task.protected]
    return sorted(
        free, key=lambda task: (task.state == "RUNNING", -crowd[task.place], -task.created.timestamp())
    )


def _rooms(snapshot: RegionSnapshot) -> list[Room]:
    rooms = {arn: Room(place, place.memory, place.cpu, 0) for arn, place in snapshot.places.items()}
    for task in snapshot.tasks.values():
        room = rooms.get(task.place)
        if room is not None and task.state != "STOPPED":
            memory, cpu = needs(snapshot, task.definition)
            room.memory, room.cpu, room.tasks = room.memory - memory, room.cpu - cpu, room.tasks + 1
    return list(rooms.values())


def needs(snapshot: RegionSnapshot, definition: str) -> tuple[int, int]:
    """Return the memory (MiB) and CPU units that a task of a definition takes from its machine."""
    containers = snapshot.definitions[definition]["containerDefinitions"]
    memory = sum(item.get("memory") or item.get("memoryReservation", 0) for item in containers)
    return memory, sum(item.get("cpu", 0) for item in containers)


def _starts(
    service: Service, missing: int, rooms: list[Room], snapshot: RegionSnapshot
) -> Iterator[StartTask | Event]:
    memory, cpu = needs(snapshot, service.definition)
    taken = {
        task.place for task in snapshot.tasks.values() if task.group == service.group and service.distinct
    }
    mine = [room for room in rooms if room.place.cluster == service.cluster and room.place.active]
    mine = [room for room in mine if _is_member(service, snapshot.machines.get(room.place.instance_id))]
    for _ in range(missing):
        fitting = [room for room in mine if room.memory >= memory and room.cpu >= cpu]
        fitting = [room for room in fitting if room.place.arn not in taken]
        if not fitting:
            yield Event(service, unplaced_message(service, mine, memory, cpu))
            return
        room = min(fitting, key=lambda item: (item.tasks, -item.memory, item.place.arn))
        room.memory, room.cpu, room.tasks = room.memory - memory, room.cpu - cpu, room.tasks + 1
        if service.distinct:
            taken.add(room.place.arn)
        yield StartTask(service, room.place)


def _is_member(service: Service, machine: Instance | None) -> bool:
    """Whether a machine exists and has the attributes that a service requires."""
    return machine is not None and service.member_of.items() <= machine.attributes.items()


def unplaced_message(service: Service, rooms: list[Room], memory: int, cpu: int) -> str:
    """Return the event with which ECS reports that a task could not be placed."""
    start = (
        f"(service {service.name}) was unable to place a task because no container instance met all of its"
        " requirements."
    )
    if not rooms:
        return f"{start} Reason: No Container Instances were found in your cluster."
    closest = max(rooms, key=lambda room: (min(room.memory, memory), min(room.cpu, cpu)))
    lacking = "memory" if closest.memory < memory else "CPU units" if closest.cpu < cpu else None
    if lacking is None:
        return f"{start} Reason: the service places its tasks on distinct instances."
    name = closest.place.arn.rsplit("/", 1)[-1]
    return f"{start} The closest matching (container-instance {name}) has insufficient {lacking} available."

"""What the monitor can decide: why a run is over, and named actions. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from distributed_fiji.monitor.snapshot import Machine


class End(str, Enum):
    """Why a run is over."""

    ACCOUNTED = "every submitted job is done or a dead letter"
    SETTLED = "the queue stayed empty"
    LOST = "jobs are neither done nor in the queue"
    QUEUE_GONE = "the queue is gone"
    NO_FLEET = "the fleet has ended and no machine is left"
    COST = "the run has cost what MAX_COST allows"
    NOT_STARTED = "the service was never started, or was set to 0 tasks"
    NOTHING_RUNS = "machines cost money but no task runs"

    @property
    def keeps_queue(self) -> bool:
        """Whether jobs may remain, so that only what costs money ends and startCluster can continue later."""
        return self in (End.NO_FLEET, End.COST, End.NOT_STARTED, End.NOTHING_RUNS)


@dataclass(frozen=True)
class LowerTarget:
    """Set the fleet's target capacity without ending a machine."""

    capacity: int


@dataclass(frozen=True)
class LowerService:
    """Lower the service's desired count; ECS ends only tasks that hold no job."""

    desired: int


@dataclass(frozen=True)
class EndMachines:
    """Terminate machines, except those that have a task after all. `decide` names at most 100 at once."""

    machines: tuple[Machine, ...]
    why: str


@dataclass(frozen=True)
class AddAlarm:
    """Create the alarm that ends a stuck machine. `processors`: how many it has; 0 if unknown."""

    instance_id: str
    processors: int = 0


@dataclass(frozen=True)
class DeleteAlarms:
    """Delete the alarms of machines that are gone."""

    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class TakeDown:
    """Take the run down."""

    end: End


Action = LowerTarget | LowerService | EndMachines | AddAlarm | DeleteAlarms | TakeDown

"""What doctor has seen of a run, and what it could not see. Plain values without calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from distributed_fiji.aws.fleetevents import FleetError
from distributed_fiji.monitor.result import Verdict
from distributed_fiji.monitor.snapshot import Snapshot
from distributed_fiji.state.record import Run


@dataclass(frozen=True)
class Evidence:
    """All that the links of the chain are judged by.

    `caller`: the account and who asks. `has_bucket`: whether the run's bucket exists. `dead`: the app's dead
    letters. `other_queue`: the queue in config.py if it is not the run's, `waiting_there`: its messages.
    `joins`: the cluster that the launch template names, `profile`: what is wrong with the machines' instance
    profile, `network`: what keeps them from AWS; empty if nothing is known. `lost`: machines of the cluster
    whose agent is not connected. `worker_queue`: the queue in the workers' task definition. `lines`: the last
    log lines of a task that ended at once, or of one that takes no job. `failed`: the first failing jobs,
    each with its reason. `unseen`: by what was to be read, why it could not be.
    """

    run: Run
    seen: Snapshot
    caller: str = ""
    has_bucket: bool = True
    verdict: Verdict | None = None
    dead: int = 0
    other_queue: str = ""
    waiting_there: int = 0
    errors: tuple[FleetError, ...] = ()
    joins: str = ""
    profile: str = ""
    network: tuple[str, ...] = ()
    lost: int = 0
    worker_queue: str = ""
    lines: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)

    @property
    def age(self) -> float:
        """Seconds since the fleet was requested."""
        return self.seen.now - self.run.started

    def is_older(self, seconds: float, than: float) -> bool:
        """Whether something that has lasted for `seconds` is late. The embedded cloud is quicker than AWS."""
        return seconds >= (min(than, 30) if self.run.local else than)

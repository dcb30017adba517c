"""What the ECS agent does on the machines of one region: run the tasks placed there, report how they end.

One agent serves all machines of a region, since they are all this computer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from distributed_fiji.local.machines.logdriver import LogDriver
from distributed_fiji.local.machines.metadata import MetadataFacts, RunningTask
from distributed_fiji.local.machines.observation import RegionSnapshot, TaskView
from distributed_fiji.local.machines.runtimes import Runtime
from distributed_fiji.local.machines.taskplan import TaskPlan
from distributed_fiji.local.machines.tasks import CannotStart, Exit, NotReady, TaskProcess

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ContainerStateChangeTypeDef

#: How long a machine that is being ended gives its tasks after SIGTERM.
MACHINE_END_SECONDS = 5.0

#: A task that ends sooner after its start "fails at once"; its service then waits, longer each time.
AT_ONCE_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 60.0

#: Delay before retrying a task that cannot start yet because its FIJI is being built.
ASK_AGAIN_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Throttle:
    """How often in a row a service's tasks failed at once, and when it may continue (monotonic seconds)."""

    failures: int
    until: float


def next_throttle(before: Throttle | None, lived_seconds: float, now: float) -> Throttle | None:
    """Return a service's throttle after a task ended on its own: 1 s, 2 s, 4 s, … up to a minute."""
    if lived_seconds >= AT_ONCE_SECONDS:
        return None
    failures = before.failures + 1 if before else 1
    return Throttle(failures, now + min(LONGEST_WAIT_SECONDS, 2.0 ** (failures - 1)))


@dataclass
class Local:
    """A task that this agent runs."""

    task: TaskProcess
    view: TaskView
    started: float
    instance_id: str
    ended: bool = field(default=False)


class Agent:
    """Runs the tasks of a region, as the runtime's processes or containers."""

    def __init__(
        self, ecs: ECSClient, runtime: Runtime, logs: LogDriver, facts: MetadataFacts, folder: Path
    ) -> None:
        self.ecs = ecs
        self.runtime = runtime
        self.logs = logs
        self.facts = facts
        self.folder = folder
        self.running: dict[str, Local] = {}
        self.throttles: dict[str, Throttle] = {}
        self._ask_again = 0.0

    def throttled(self, snapshot: RegionSnapshot, now: float) -> frozenset[str]:
        """Return the services that must wait."""
        waiting = {group for group, throttle in self.throttles.items() if throttle.until > now}
        return frozenset(item.arn for item in snapshot.services if f"{item.cluster}/{item.group}" in waiting)

    def waits(self) -> list[float]:
        """Return when services or tasks that are waiting may continue (monotonic seconds)."""
        ends = [throttle.until for throttle in self.throttles.values()]
        return [end for end in (*ends, self._ask_again) if end > time.monotonic()]

    def follow(self, snapshot: RegionSnapshot, plan: Callable[[TaskView], TaskPlan]) -> None:
        """Start tasks that were placed; end those that are no longer wanted or whose machine is gone."""
        for view in snapshot.tasks.values():
            name = snapshot.definitions[view.definition]["containerDefinitions"][0]["name"]
            place = snapshot.places.get(view.place)
            alive = place is not None and place.instance_id in snapshot.machines
            if alive and view.wanted and view.arn not in self.running:
                self._begin(view, plan, place.instance_id if place else "")
            elif view.arn not in self.running and view.state != "STOPPED":
                self._report(view, name, Exit(None), "Host EC2 terminated, or task stopped before it started")
        for arn, local in self.running.items():
            known = snapshot.tasks.get(arn)
            if local.instance_id not in snapshot.machines:
                self._end(local, MACHINE_END_SECONDS)
            elif known is None or not known.wanted:
                self._end(local, local.task.plan.stop_seconds)

    def _begin(self, view: TaskView, plan: Callable[[TaskView], TaskPlan], instance_id: str) -> None:
        made = plan(view)
        name = made.container["name"]
        if view.state == "RUNNING":
            self._report(view, name, Exit(None), "The machines were started anew and had lost the task")
            return
        file = self.folder / f"{made.task_id}.log"
        file.touch()
        self.facts.tasks[made.task_id] = RunningTask(
            made,
            view.cluster,
            view.definition,
            datetime.now(timezone.utc),
            self.runtime.image_id(made.container["image"]),
        )
        try:
            self.logs.open(made, file)
            task = self.runtime.launch(made, file)
        except NotReady:
            self._forget(made)
            self._ask_again = time.monotonic() + ASK_AGAIN_SECONDS
            return
        except CannotStart as error:
            self._forget(made)
            self._note_failure(view, 0.0)
            self._report(view, name, Exit(None, str(error)), str(error))
            return
        self.running[view.arn] = Local(task, view, time.monotonic(), instance_id)
        self.ecs.submit_task_state_change(cluster=view.cluster, task=view.arn, status="RUNNING")

    def _end(self, local: Local, seconds: float) -> None:
        local.ended = True
        local.task.stop(seconds)

    def kill(self, instance_id: str) -> None:
        """Kill the tasks of a machine that was reclaimed without notice."""
        for local in self.running.values():
            if local.instance_id == instance_id:
                local.ended = True
                local.task.kill()

    def poll(self) -> None:
        """Report the tasks that have ended."""
        for arn, local in list(self.running.items()):
            ended = local.task.poll()
            if ended is None:
                continue
            del self.running[arn]
            self._forget(local.task.plan)
            if not local.ended:
                self._note_failure(local.view, time.monotonic() - local.started)
            name = local.task.plan.container["name"]
            self._report(local.view, name, ended, "Essential container in task exited")

    def stop_all(self, seconds: float) -> None:
        """End all tasks and wait until they have."""
        for local in self.running.values():
            self._end(local, seconds)
        while self.running:
            self.poll()
            time.sleep(0.05)

    def busy(self, instance_id: str) -> bool:
        """Return whether any of a machine's tasks is still running."""
        return any(local.instance_id == instance_id for local in self.running.values())

    def _forget(self, plan: TaskPlan) -> None:
        self.logs.close(plan.arn)
        self.facts.tasks.pop(plan.task_id, None)

    def _note_failure(self, view: TaskView, lived_seconds: float) -> None:
        key = f"{view.cluster}/{view.group}"
        throttle = next_throttle(self.throttles.get(key), lived_seconds, time.monotonic())
        self.throttles.pop(key, None)
        if throttle:
            self.throttles[key] = throttle

    def _report(self, view: TaskView, name: str, ended: Exit, reason: str) -> None:
        """Report to ECS that a task has stopped.

        If the control plane cannot be reached, the report is lost.
        """
        change: ContainerStateChangeTypeDef = {"containerName": name, "status": "STOPPED"}
        if ended.code is not None:
            change["exitCode"] = ended.code
        if ended.reason:
            change["reason"] = ended.reason
        try:
            self.ecs.submit_task_state_change(
                cluster=view.cluster, task=view.arn, status="STOPPED", reason=reason, containers=[change]
            )
        except (ClientError, BotoCoreError) as error:
            log.warning("ECS did not take the end of %s: %s", view.arn, error)

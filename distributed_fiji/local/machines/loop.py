"""The fleet's machines on this computer: what EC2 and the ECS agent do for each running instance.

Run as `python -m distributed_fiji.local.machines.loop ROOT`. One loop polls the tasks ten times a second.
When something changed at the control plane, it observes, decides and performs for each region. As long as
nothing changes, nothing is asked of the emulators. If the control plane does not answer, the loop waits for
it; the tasks keep running.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import sys
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from distributed_fiji.local import state, watchdog
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.doors import Door, task_key
from distributed_fiji.local.fiji import imagej_core
from distributed_fiji.local.machines import runtimes
from distributed_fiji.local.machines.agent import Agent
from distributed_fiji.local.machines.changes import ChangeWatch
from distributed_fiji.local.machines.logdriver import LogDriver
from distributed_fiji.local.machines.metadata import MetadataFacts, MetadataServer, RunningTask
from distributed_fiji.local.machines.region import Interruption, Region
from distributed_fiji.local.machines.runtimes import Runtime
from distributed_fiji.local.machines.taskplan import HostInfo
from distributed_fiji.local.servers import CHECKOUT
from distributed_fiji.local.state import CONTROL_PLANE, MACHINES, Folders

#: Look at everything at least this often, even if no call has changed anything.
LOOK_SECONDS = 5.0
POLL_SECONDS = 0.1
RETRY_SECONDS = 0.5

#: When the cloud stops, tasks get SIGTERM and this much time.
STOP_SECONDS = 10.0

#: Errors of a call that an emulator does not answer, or answers badly.
NOT_ANSWERED = (ClientError, BotoCoreError, ResponseParserError, OSError, http.client.HTTPException)

log = logging.getLogger(__name__)


class Machines:
    """All machines of a cloud; `step` is one round of the loop."""

    def __init__(self, cloud: Cloud, runtime: Runtime) -> None:
        self.cloud = cloud
        self.runtime = runtime
        self.facts = MetadataFacts()
        self.logs = LogDriver(lambda region: cloud.client("logs", region))
        self.regions: dict[str, Region] = {}
        self.ending = False
        self.watch = ChangeWatch(cloud)
        self._look_at = 0.0
        self._task_logs = cloud.folders.logs / "tasks"
        self._task_logs.mkdir(exist_ok=True)
        port = cloud.state.servers[MACHINES].port
        door = Door(cloud.state.key, port)
        self.server = MetadataServer(door, self.facts, self.protect, self.interrupt)

    def run(self) -> None:
        """Run until a signal says to stop; then end all tasks."""
        while not self.ending:
            try:
                self.step()
            except NOT_ANSWERED as error:
                log.warning("Unexpected response from the emulators: %s", error)
            except Exception:  # one odd document must not end the machines and everything running on them
                log.exception("This round ended early")
            else:
                continue
            self._look_at = 0.0
            time.sleep(RETRY_SECONDS)
        for region in self.regions.values():
            region.agent.stop_all(STOP_SECONDS)
        self.watch.close()
        self.logs.finish()
        self.server.close()

    def step(self) -> None:
        """Wait briefly for a change, poll the tasks, and advance each region when it is time."""
        changed = self.watch.wait(POLL_SECONDS)
        for region in self.regions.values():
            region.agent.poll()
        if not changed and time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        for name in self.watch.regions:
            if name not in self.regions:
                self.regions[name] = self._region(name)
        for region in self.regions.values():
            region.step(self.facts, self.cloud.folders.scratch)
            self._look_at = min(self._look_at, region.look_at())

    def _region(self, name: str) -> Region:
        clients = self.cloud.client("ec2", name), self.cloud.client("ecs", name)
        agent = Agent(clients[1], self.runtime, self.logs, self.facts, self._task_logs)
        return Region(name, clients, agent, self._gifts, self._tell_service)

    def _gifts(self, instance_id: str, region: str) -> HostInfo:
        key = task_key(self.cloud.state.key)
        return HostInfo(
            cloud=self.cloud.environment(key),
            region=region,
            metadata_url=f"{self.cloud.url(MACHINES)}/{key}",
            instance_id=instance_id,
            checkout=CHECKOUT,
        )

    def _tell_service(self, event: dict[str, str]) -> None:
        request = self.cloud.request(CONTROL_PLANE, "/_local/service-event", event)
        with urllib.request.urlopen(request, timeout=30):
            pass

    def protect(self, task: RunningTask, wanted: dict[str, Any] | None) -> dict[str, Any]:
        """Set a task's scale-in protection as requested at the agent's endpoint, or read it."""
        ecs = self.regions[task.plan.gifts.region].ecs
        arguments: dict[str, Any] = {"cluster": task.cluster, "tasks": [task.plan.arn]}
        if wanted is None:
            answer = ecs.get_task_protection(**arguments)
        else:
            arguments["protectionEnabled"] = wanted["ProtectionEnabled"]
            if "ExpiresInMinutes" in wanted:
                arguments["expiresInMinutes"] = wanted["ExpiresInMinutes"]
            answer = ecs.update_task_protection(**arguments)
        return agent_protection(answer)

    def interrupt(self, instance_id: str, seconds: float | None) -> None:
        """Reclaim a machine after a notice of some seconds. None: now, without notice."""
        region = self.regions[self.facts.machines[instance_id].zone[:-1]]
        if seconds is not None:
            self.facts.notices[instance_id] = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        ends = time.monotonic() + (seconds or 0)
        region.interruptions[instance_id] = Interruption(ends, notice=seconds is not None)
        self.watch.ring()


def agent_protection(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the agent endpoint's answer, made from that of the ECS API."""
    if answer["failures"]:
        failure = answer["failures"][0]
        return {"failure": {"Arn": failure["arn"], "Reason": failure["reason"]}}
    found = answer["protectedTasks"][0]
    protection = {"ProtectionEnabled": found["protectionEnabled"], "TaskArn": found["taskArn"]}
    if "expirationDate" in found:
        protection["ExpirationDate"] = found["expirationDate"].astimezone(timezone.utc).isoformat()
    return {"protection": protection}


def main(arguments: list[str]) -> None:
    """Run the machines of the cloud in the given folder, until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    root = Path(arguments[0])
    known = state.read(Folders(root))
    if known is None:
        raise SystemExit(f"{root} has no state.json")
    runtime = runtimes.make(Folders(root), known.runtime, lambda: imagej_core(CHECKOUT, log.info))
    left = runtime.sweep()
    machines = Machines(Cloud(root, known), runtime)

    def end(signum: int, frame: FrameType | None) -> None:
        machines.ending = True

    watchdog.guard(root, MACHINES)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    log.info("Machines of %s, process %s; ended what %s earlier tasks had left", root, os.getpid(), left)
    machines.run()


if __name__ == "__main__":
    main(sys.argv[1:])

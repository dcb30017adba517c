"""Machines that process a queue on the emulators while a simulated clock advances; the service scales in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.monitor.builders import ARun


@dataclass
class Place:
    """A machine: its task, and the job that it is doing until a time."""

    machine: str
    task: str
    receipt: str = ""
    job: str = ""
    until: float = 0.0
    idle_since: float = 0.0
    ended: float | None = None


@dataclass
class World:
    """Machines that process a queue while a clock is advanced from outside."""

    run: ARun
    seconds: list[float]
    start: float
    places: list[Place] = field(default_factory=list)
    #: When the last job ended.
    last_end: float = 0.0

    def begin(self) -> None:
        """Make every machine join the cluster with a task of the service."""
        ecs, record = self.run.clients.ecs, self.run.record
        for machine in self.run.machines():
            container_instance = self.run.join(machine, tasks=0)
            (task,) = ecs.start_task(
                cluster=record.cluster,
                taskDefinition=record.task_family,
                containerInstances=[container_instance],
                group=f"service:{record.service}",
            )["tasks"]
            self._report(task["taskArn"], "RUNNING")
            self.places.append(Place(machine, task["taskArn"], idle_since=self.start))
        for place in self.places:
            self._take(place, self.start)

    def advance(self, now: float) -> None:
        """Let the machines work until now, and end what has been ended in the meantime."""
        while busy := [place for place in self._alive() if place.job and place.until <= now]:
            place = min(busy, key=lambda one: one.until)
            self._finish(place)
            self._take(place, place.until)
        self._scale_in()
        there = set(self.run.machines())
        for place in self._alive():
            if place.machine not in there:
                assert not place.job, "a machine at work was ended"
                place.ended = now

    def wasted(self) -> float:
        """Return the machine-seconds between each machine's last job and its end."""
        return sum((place.ended or 0) - place.idle_since for place in self.places)

    def _alive(self) -> list[Place]:
        return [place for place in self.places if place.ended is None]

    def _take(self, place: Place, now: float) -> None:
        message = self.run.take() if place.task else None
        if message is None:
            return
        place.job, place.receipt = json.loads(message["Body"])["job_id"], message["ReceiptHandle"]
        place.until = now + self.seconds.pop()
        self._protect(place, True)

    def _finish(self, place: Place) -> None:
        self.run.finish(place.job)
        self.run.clients.sqs.delete_message(QueueUrl=self.run.queue_url, ReceiptHandle=place.receipt)
        self._protect(place, False)
        place.job, place.idle_since = "", place.until
        self.last_end = max(self.last_end, place.until)

    def _protect(self, place: Place, enabled: bool) -> None:
        self.run.clients.ecs.update_task_protection(
            cluster=self.run.record.cluster, tasks=[place.task], protectionEnabled=enabled
        )

    def _scale_in(self) -> None:
        """End unprotected tasks that the service no longer wants."""
        record = self.run.record
        (service,) = self.run.clients.ecs.describe_services(
            cluster=record.cluster, services=[record.service]
        )["services"]
        tasks = [place for place in self._alive() if place.task]
        idle = [place for place in tasks if not place.job]
        for place in idle[: max(0, len(tasks) - service["desiredCount"])]:
            self._report(place.task, "STOPPED")
            place.task = ""

    def _report(self, task: str, status: str) -> None:
        self.run.clients.ecs.submit_task_state_change(
            cluster=self.run.record.cluster, task=task, status=status
        )

"""A dry run asks for nothing, and names what the real run then asks for, in the same order."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.dryrun import READING, name_in
from distributed_fiji.clock import HurriedClock
from distributed_fiji.commands.cleanup import cleanup
from distributed_fiji.commands.monitor import monitor, plan_end
from distributed_fiji.commands.resubmit import resubmit
from distributed_fiji.commands.submit import Manner
from distributed_fiji.jobs import parse_job_file
from distributed_fiji.monitor.actions import End
from distributed_fiji.monitor.result import Verdict, save_verdict
from distributed_fiji.names import role_name
from distributed_fiji.review.facts import from_s3
from distributed_fiji.state.record import Run
from distributed_fiji.state.recordfile import read_record
from tests.monitor.builders import EmulatedSession, SteppedClock
from tests.monitor.flow import JOBS, Flow
from tests.monitor.left import done
from tests.monitor.recording import RecordingSession
from tests.monitor.screen import Screen
from tests.monitor.test_logs import Place

#: A service, an operation, and what it is about.
Asked = tuple[str, str, str]

#: What differs from one run to the next: ids, and times in names.
CHANGING = (
    (r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}", "SUBMISSION"),
    (r"(sfr|lt|i|vol)-[0-9a-f-]+", r"\1"),
    (r"[0-9a-f]{32}", "RUN"),
    (r"(task-definition/.*):[0-9]+$", r"\1"),
    (r"^[0-9]{6,}", "TIME"),
)


def plain(service: str, operation: str, name: str) -> Asked:
    for pattern, what in CHANGING:
        name = re.sub(pattern, what, name)
    return service, operation, name


class WatchedSession(RecordingSession):
    """A session that writes down what is sent and not only read."""

    def __init__(self, session: EmulatedSession) -> None:
        super().__init__(session)
        self.sent: list[str] = []

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)

        def sends(event_name: str, **_: Any) -> None:
            operation = event_name.rpartition(".")[2]
            self.sent += [] if operation.startswith(READING) else [operation]

        client.meta.events.register("before-send", sends)
        return client


def planned(session: EmulatedSession, command: Callable[[Clients], object]) -> list[Asked]:
    """Return what a command would ask for; nothing that changes anything is sent."""
    watched = WatchedSession(session)
    clients = Clients(watched)
    noted = clients.only_note()
    command(clients)
    assert watched.sent == []
    return [plain(call.service, call.operation, call.name) for call in noted.calls]


def asked(session: EmulatedSession, command: Callable[[Clients], object]) -> list[Asked]:
    """Return what a command asks for that changes something."""
    recording = RecordingSession(session)
    command(Clients(recording))
    return [
        plain(call.service, call.operation, name_in(call.parameters))
        for call in recording.calls
        if not call.operation.startswith(READING)
    ]


def both(session: EmulatedSession, command: Callable[[Clients], object]) -> list[Asked]:
    """Hold a command to its dry run; return what it asked for."""
    before = planned(session, command)
    done = asked(session, command)
    assert done == before
    return done


class World:
    """An app in some state that a seed decides."""

    def __init__(self, session: EmulatedSession, app: str, folder: Path, seed: int) -> None:
        self.session, self.chance, self.clients = session, random.Random(seed), Clients(session)
        self.flow = Flow(app, folder / app, self.clients, self._settings())
        self.flow.begin()

    def _settings(self) -> dict[str, Any]:
        choose = self.chance.choice
        return {
            "AUTO_MONITOR": choose([True, False]),
            "CREATE_DASHBOARD": choose([True, False]),
            "NOTIFY_EMAIL": choose(["", "owner@example.org"]),
            "SQS_MESSAGE_VISIBILITY": choose([180, 600]),
            "MEMORY": choose([1000, 2000]),
            "MACHINE_TYPE": choose(["m5.large", ["m5.large", "m5a.large"]]),
        }

    def disturb(self) -> None:
        """Leave something of an earlier setup: all of it, with other settings, or with a part gone."""
        kind = self.chance.choice(["nothing", "same", "other", "gone"])
        if kind == "nothing":
            return
        kept = dict(self.flow.more)
        if kind == "other":
            self.flow.more |= self._settings()
        self.flow.setup(self.clients)
        self.flow.more = kept
        if kind == "gone":
            self._remove_something()

    def _remove_something(self) -> None:
        settings, clients = self.flow.settings, self.clients
        removals: list[Callable[[], object]] = [
            lambda: clients.ecs.delete_service(
                cluster=settings.ECS_CLUSTER, service=settings.service, force=True
            ),
            lambda: clients.logs.delete_log_group(logGroupName=settings.machine_log_group),
            lambda: clients.iam.delete_role_policy(
                RoleName=self._role("task"), PolicyName=self._role("task")
            ),
        ]
        self.chance.choice(removals)()

    def _role(self, purpose: str) -> str:
        return role_name(self.flow.app, self.clients.region, purpose)

    def do_some(self) -> None:
        """Let some jobs of the file be done, as workers leave them."""
        place = Place(self.flow.app, self.flow.settings.AWS_BUCKET, self.clients)
        script = (self.flow.folder / "script.ijm").read_bytes()
        jobs = list(parse_job_file(JOBS, "jobs.json"))
        for job in self.chance.sample(jobs, self.chance.choice([0, 3, len(jobs)])):
            done(place, job, {"a.csv": b"1"}, script=script)

    def resubmit(self, clients: Clients) -> None:
        file, clock = ("jobs.json", parse_job_file(JOBS, "jobs.json")), SteppedClock(time.time())
        manner = Manner(self.flow.folder)
        resubmit(self.flow.settings, clients, file, from_s3(clients.s3), clock, Screen().terminal, manner)

    def start(self, clients: Clients) -> Run:
        return self.flow.start(clients)

    def end(self, record: Run) -> Callable[[Clients], object]:
        """Return the end of the run: monitor's, whose verdict stands, or cleanup's."""
        verdict = Verdict(self.chance.choice([End.ACCOUNTED, End.COST]).value, 0, 0, 0, 0)
        save_verdict(self.clients.s3, record, verdict)

        def finish(clients: Clients) -> None:
            if clients.dry:
                plan_end(record, clients, HurriedClock())
            else:
                out = Screen().terminal
                monitor(record, clients, cheapest=False, clock=SteppedClock(time.time()), out=out)

        return finish

    def clean(self, clients: Clients) -> None:
        clock = HurriedClock() if clients.dry else SteppedClock(time.time())
        out = Screen().terminal
        cleanup(clients, self.flow.app, confirm=lambda _: True, keep=(), clock=clock, out=out)


def hold(world: World) -> None:
    """Take an app of a world from setup to its end, each command after its dry run."""
    session = world.session
    world.disturb()
    assert both(session, world.flow.setup)
    assert [one[1] for one in both(session, world.flow.submit)].count("PutObject") == 3
    world.do_some()
    both(session, world.resubmit)
    before = planned(session, world.start)
    assert not world.flow.record_path.exists()
    done = asked(session, world.start)
    assert done[: len(before)] == before
    # What machines bring when they come.
    assert {one[1] for one in done[len(before) :]} <= {"PutMetricAlarm", "PutObject"}
    world.flow.messages()
    if world.chance.random() < 0.7:
        both(session, world.end(read_record(world.flow.record_path)))
    before = planned(session, world.clean)
    done = asked(session, world.clean)
    # Some things take more than one round.
    assert done[: len(before)] == before
    assert set(done[len(before) :]) <= {*before, *done[: len(before)]}


@pytest.mark.parametrize("seed", [1])
def test_a_dry_run_names_what_the_real_run_asks_for(
    session: EmulatedSession, app: str, tmp_path: Path, seed: int
) -> None:
    hold(World(session, app, tmp_path, seed))


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [0, *range(2, 100)])
def test_a_dry_run_names_what_the_real_run_asks_for_in_each_world(
    session: EmulatedSession, app: str, tmp_path: Path, seed: int
) -> None:
    hold(World(session, app, tmp_path, seed))

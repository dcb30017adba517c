"""Kill each command right after its k-th API call, for every k, and rerun it: it always converges.

`python -m tests.monitor.kills [COMMAND …]` tries every k (what `make kills` runs); the tests try some. A
command runs in its own process, which dies during a call, so it cannot clean up.

In addition, monitor and janitor interfere with each other: one does everything right after the other's k-th
call, for every k.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.cluster import find_service
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.commands.monitor import MonitorResult
from distributed_fiji.commands.retry import Choice
from distributed_fiji.errors import InvalidInput
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.recordfile import read_record
from tests.monitor import test_retry as again
from tests.monitor.builders import (
    KILLED,
    ARun,
    DyingSession,
    EmulatedSession,
    InterruptedSession,
    SteppedClock,
    a_run,
    some_jobs,
)
from tests.monitor.conftest import emulators
from tests.monitor.flow import MACHINES, WELLS, Flow
from tests.monitor.recording import RecordingSession
from tests.monitor.screen import a_round, clean, janitors_environment, watch


@dataclass(frozen=True)
class Outcome:
    """The outcome of killing a command after its k-th call. `died`: it made that many calls.

    `wrong`: what is not as it must be after the command was rerun. `left`: what remains after cleanup.
    """

    died: bool
    wrong: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One try, with its own app. `dying`: clients of a process that ends after its k-th call."""

    session: EmulatedSession
    folder: Path
    app: str
    calls: int

    @property
    def clients(self) -> Clients:
        return Clients(self.session)

    @property
    def dying(self) -> Clients:
        return Clients(DyingSession(self.session, self.calls))

    def flow(self) -> Flow:
        flow = Flow(self.app, self.folder / self.app, self.clients)
        flow.begin()
        return flow

    def cleaned(self, died: bool, wrong: list[str]) -> Outcome:
        """Clean up and return the outcome."""
        clean(self.clients, self.app, keep=())
        left = [f"{item.kind} {item.name}" for item in inventory(self.clients, self.app)]
        return Outcome(died, tuple(wrong), tuple(left))


def dies(command: Callable[[], object]) -> bool:
    """Run a command in a copy of this process; return whether it was killed. Raises RuntimeError."""
    child = os.fork()
    if child == 0:
        try:
            command()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, KILLED):
        raise RuntimeError(f"the command ended with {code}; what it said stands above")
    return code == KILLED


def kill_setup(trial: Trial) -> Outcome:
    """Rerun, setup has nothing to change a third time, and a run can start."""
    flow = trial.flow()
    died = dies(lambda: flow.setup(trial.dying))
    flow.setup(trial.clients)
    wrong = [f"{one.kind} {one.name} {one.did}" for one in flow.setup(trial.clients) if one.did != "kept"]
    flow.submit(trial.clients)
    flow.start(trial.clients)
    return trial.cleaned(died, wrong + started_wrong(flow))


def kill_submit(trial: Trial) -> Outcome:
    """Rerun, every job is in the queue, and the monitor finds each of them done."""
    flow = trial.flow()
    flow.setup(trial.clients)
    died = dies(lambda: flow.submit(trial.dying))
    wrong = [] if flow.submit(trial.clients) == len(WELLS) else ["not every job was sent"]
    sent = [body["Metadata"]["Well"] for body in flow.messages()]
    wrong += [
        f"job {well} is in the queue {sent.count(well)} times"
        for well in WELLS
        if not 1 <= sent.count(well) <= 2
    ]
    return trial.cleaned(died, wrong)


def kill_start(trial: Trial) -> Outcome:
    """Rerun, there is one fleet, of the requested size, and its record."""
    flow = trial.flow()
    flow.setup(trial.clients)
    flow.submit(trial.clients)
    died = dies(lambda: flow.start(trial.dying))
    if not started_before(flow):
        flow.start(trial.clients)
    return trial.cleaned(died, started_wrong(flow))


def started_before(flow: Flow) -> bool:
    """Whether startCluster had finished, so that a second one is refused."""
    return flow.record_path.exists() and read_record(flow.record_path).ready


def started_wrong(flow: Flow) -> list[str]:
    """Return what is not as startCluster leaves it."""
    record, fleets = read_record(flow.record_path), flow.fleets()
    service = find_service(flow.clients.ecs, record.cluster, record.service) or {}
    found = {
        "fleets": (fleets, [record.fleet_id]),
        "machines": (len(flow.machines()), MACHINES),
        "tasks": (service.get("desiredCount"), MACHINES),
        "the record is ready": (record.ready, True),
    }
    return [f"{what}: {is_} instead of {wanted}" for what, (is_, wanted) in found.items() if is_ != wanted]


def kill_monitor(trial: Trial) -> Outcome:
    """Rerun, the monitor of a run with one job done and one dead says so, and nothing bills."""
    run = a_run(trial.clients, trial.app, machines=1)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="no cells")
    dying = trial.dying
    died = dies(lambda: watch(run, clients=dying))
    result, _ = watch(run)
    wrong = [f"{item.kind} {item.name} bills" for item in inventory(trial.clients, trial.app) if item.bills]
    if (result.exit_code, result.done, result.dead) != (3, 1, 1):
        wrong.append(f"ended as {result}")
    return trial.cleaned(died, wrong)


def a_run_that_is_over(trial: Trial) -> tuple[ARun, str]:
    """Return a run with one job done and one dead without a worker's report, and its janitor's topic."""
    run = a_run(trial.clients, trial.app, machines=1)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up()
    install_janitor(trial.clients, run.record, SteppedClock(time.time()), "owner@example.org")
    return run, janitors_environment(run)["TOPIC"]


def ended_wrong(run: ARun, janitors: RecordingSession) -> list[str]:
    """Return what is not as one of them alone leaves it. The monitor sends no mail, the janitor one."""
    wrong = [f"{item.kind} {item.name} bills" for item in inventory(run.clients, run.app) if item.bills]
    records = JobState(run.record, run.clients.s3).failures()
    if len(records) != 1:
        wrong.append(f"{len(records)} failure records")
    mails = [call for call in janitors.calls if call.operation == "Publish"]
    return wrong + [f"{len(mails)} mails"] * (len(mails) > 1)


def janitor_in_between(trial: Trial) -> Outcome:
    """The janitor ends the run in the middle of the monitor, which then reports how it ended."""
    run, topic = a_run_that_is_over(trial)
    janitors = RecordingSession(trial.session)
    problems: list[list[str]] = []

    def interrupt() -> None:
        problems.append(a_round(run, topic=topic, clients=Clients(janitors)))

    cut = InterruptedSession(trial.session, trial.calls, interrupt)
    result, _ = watch(run, clients=Clients(cut))
    wrong = [problem for one in problems for problem in one]
    if (result.exit_code, result.done, result.dead) != (3, 1, 1):
        wrong.append(f"ended as {result}")
    return trial.cleaned(bool(problems), wrong + ended_wrong(run, janitors))


def monitor_in_between(trial: Trial) -> Outcome:
    """The monitor ends the run in the middle of the janitor's round, which has no problem with that."""
    run, topic = a_run_that_is_over(trial)
    results: list[MonitorResult] = []
    cut = InterruptedSession(trial.session, trial.calls, lambda: results.append(watch(run)[0]))
    janitors = RecordingSession(cut)
    wrong = a_round(run, topic=topic, clients=Clients(janitors))
    wrong += [f"ended as {one}" for one in results if (one.exit_code, one.done, one.dead) != (3, 1, 1)]
    return trial.cleaned(bool(results), wrong + ended_wrong(run, janitors))


def kill_cleanup(trial: Trial) -> Outcome:
    """Rerun, cleanup of a live run leaves nothing and says so."""
    a_run(trial.clients, trial.app, machines=1)
    dying = trial.dying
    died = dies(lambda: clean(dying, trial.app, keep=()))
    code, _ = clean(trial.clients, trial.app, keep=())
    return trial.cleaned(died, [f"exit code {code}"] if code else [])


def kill_retry(trial: Trial) -> Outcome:
    """Rerun, all jobs of the group are in the queue, no others are, and there are tasks for them."""
    run = again.a_failed_run(trial.clients, trial.app)
    group = Choice(group=again.groups_of(run)[0])
    died = dies(lambda: again.retried(run, group, trial.dying))
    again.wait_until_all_letters_show(run)
    with contextlib.suppress(InvalidInput):  # there is no such group any more if everything was done
        again.retried(run, group)
    queued, dead = again.jobs_in(run, run.queue_url), again.jobs_in(run, run.dead_url)
    found = {
        "jobs in the queue": (sorted(set(queued)), ["A01", "A02", "A06"]),
        "dead letters": (dead, ["A03", "A04"]),
        "tasks and machines": (again.scale(run), (2, 2)),
    }
    wrong = [f"{what}: {is_} instead of {wanted}" for what, (is_, wanted) in found.items() if is_ != wanted]
    return trial.cleaned(died, wrong)


#: The commands to kill, and how many calls each makes at least.
COMMANDS: dict[str, tuple[Callable[[Trial], Outcome], int]] = {
    "setup": (kill_setup, 45),
    "submitJob": (kill_submit, 6),
    "startCluster": (kill_start, 45),
    "monitor": (kill_monitor, 60),
    "cleanup": (kill_cleanup, 80),
    "retry": (kill_retry, 50),
    "janitorInBetween": (janitor_in_between, 60),
    "monitorInBetween": (monitor_in_between, 60),
}


def main(names: list[str]) -> int:
    """Try every k of the named commands; return 1 if any did not converge."""
    folder = Path(tempfile.mkdtemp())
    failures = 0
    with emulators(folder) as session:
        for name in names or COMMANDS:
            begun, calls = time.monotonic(), 1
            kill = COMMANDS[name][0]
            while (outcome := kill(Trial(session, folder, f"{name.title()}{calls}", calls))).died:
                if outcome.wrong or outcome.left:
                    failures += 1
                    print(f"{name} after call {calls}: {outcome}", flush=True)
                calls += 1
            seconds = time.monotonic() - begun
            print(f"{name}: after each of {calls - 1} calls, {seconds:.0f} s", flush=True)
    print(f"{failures} did not converge", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

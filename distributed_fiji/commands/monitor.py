"""The monitor at the terminal: look, decide, act, wait; at the end, take everything down and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.clock import Clock
from distributed_fiji.commands.costmodel import Span
from distributed_fiji.commands.estimatetable import dollars, span_text
from distributed_fiji.commands.keys import Keys
from distributed_fiji.commands.status import plate_maps
from distributed_fiji.commands.view import View
from distributed_fiji.errors import INTERRUPTED, JOBS_FAILED, SOMETHING_LEFT
from distributed_fiji.janitor.removal import release_janitor
from distributed_fiji.monitor.actions import End
from distributed_fiji.monitor.meter import final_cost
from distributed_fiji.monitor.notdone import NAMED, NotDone, as_table, find_not_done
from distributed_fiji.monitor.notdone import shown as named
from distributed_fiji.monitor.recount import recounted
from distributed_fiji.monitor.result import Verdict, counted
from distributed_fiji.monitor.rounds import DOUBTFUL_WAIT, Watcher
from distributed_fiji.monitor.takedown import Step, still_costly, take_down
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run
from distributed_fiji.terminal import Terminal
from distributed_fiji.terminal import shown as path_shown
from distributed_fiji.wholefiles import replacing
from worker.contract.jobs import WARNINGS, state_key
from worker.contract.state import Unreadable, number

#: Seconds between two looks: at first, and at most.
FIRST_WAIT, LONGEST_WAIT = 2.0, 30.0

#: What is reported before a run is taken down, completely or with its jobs left in the queue.
DOWN = {
    True: "Taking everything down.",
    False: "Ending everything that costs money; remaining jobs stay in the queue.",
}

#: Why jobs were left, by how the run ended.
WHY_NOT_ALL = {
    End.NO_FLEET.value: "The fleet ended before the work was done",
    End.COST.value: "MAX_COST was reached",
    End.NOT_STARTED.value: "The service had no tasks",
    End.NOTHING_RUNS.value: "No task was running",
}


@dataclass(frozen=True)
class MonitorResult:
    """How monitoring ended. `failed`: failed attempts. `left`: billable things that are still there."""

    exit_code: int
    done: int = 0
    failed: int = 0
    dead: int = 0
    unaccounted: int = 0
    left: tuple[str, ...] = ()

    @property
    def jobs(self) -> int:
        """All that were submitted, as far as they are known."""
        return self.done + self.dead + self.unaccounted


def monitor(
    record: Run,
    clients: Clients,
    *,
    cheapest: bool,
    clock: Clock,
    out: Terminal,
    listing: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> MonitorResult:
    """Monitor a run to its end and take it down. Killed at any point and called again, it continues.

    `listing`: the file for the names of all jobs that are not done, if there are too many to show. `check` is
    called when AWS does not answer, and raises if nothing is left that could. Ctrl-C leaves the run alive,
    with exit code 130.
    """
    run = record
    view = View(out.err, run.app_name, plate_maps(run, clients, out.err), out.named)
    try:
        verdict = _watch(Watcher(run, clients, cheapest=cheapest), clock, view, check, Keys(record))
        view.tell(f"{verdict.end[0].upper()}{verdict.end[1:]}. {DOWN[verdict.whole]}")
        steps = take_down(run, clients, clock, view.tell, whole=verdict.whole)
    except KeyboardInterrupt:
        out.note(
            f"Stopped watching; {run.app_name} is still running and incurring charges.",
            f"  To continue: python run.py monitor files/{run.app_name}SpotFleetRequestId.json",
            f"  To end it:  python run.py cleanup {run.app_name}",
        )
        return MonitorResult(INTERRUPTED)
    verdict = recounted(run, clients, verdict)
    result = _result(verdict, steps)
    if not result.left and (left := release_janitor(clients, run, view.tell)):
        result = replace(result, exit_code=SOMETHING_LEFT, left=(left,))
    _report(run, clients, verdict, result, out, listing)
    if line := cost_line(run, final_cost(run, clients, clock.now())):
        out.say(line)
    return result


def cost_line(run: Run, cost: float | None) -> str:
    """Return the cost of a run's machines next to the estimate; '' if it is unknown."""
    if not cost:
        return ""
    said = f"The machines cost about {dollars(cost)}"
    try:
        ends = Span(*(number(run.estimate, end) for end in ("low", "likely", "high")))
    except Unreadable:  # there was none
        return f"{said}."
    guess = ", a guess" if run.estimate.get("guess") else ""
    return f"{said}; the estimate was {span_text(ends)}{guess}."


def plan_end(run: Run, clients: Clients, clock: Clock) -> list[str]:
    """Do what monitor would do now, and at the end, with clients that only note it; return remarks."""
    said: list[str] = []
    verdict = Watcher(run, clients).step(clock.now(), said.append)
    if verdict is None:
        said.append("The run is not over. What would be done now comes first, then its end.")
    else:
        said.append(f"{verdict.end[0].upper()}{verdict.end[1:]}. {DOWN[verdict.whole]}")
    take_down(run, clients, clock, lambda _: None, whole=verdict is None or verdict.whole)
    release_janitor(clients, run, said.append)
    return said


def _report(
    run: Run,
    clients: Clients,
    verdict: Verdict,
    result: MonitorResult,
    out: Terminal,
    listing: Path | None,
) -> None:
    """Report how a run ended, and write all jobs that are not done to a file if there are many."""
    try:
        failed = find_not_done(run, JobState(run, clients.s3), verdict)
    except AwsError as error:
        failed = []
        out.warn(f"The list of unfinished jobs could not be read: {error_text(error)}")
    for line in closing_lines(run, verdict, result, failed):
        out.say(line)
    if listing:
        _list(failed, listing, out)


def _list(failed: list[NotDone], listing: Path, out: Terminal) -> None:
    """Write jobs that are not done to a file if there are too many to name; remove an earlier run's file."""
    try:
        listing.unlink(missing_ok=True)
        if len(failed) > NAMED:
            with replacing(listing) as file:
                file.write(as_table(failed))
            out.say(f"All {len(failed)} of them, with their reasons: {path_shown(listing)}")
    except OSError as error:
        out.warn(
            f"{listing} could not be written: {error.strerror or error}. The records in the bucket"
            " are complete"
        )


def _watch(watcher: Watcher, clock: Clock, view: View, check: Callable[[], None], keys: Keys) -> Verdict:
    """Look until the run is over; return how it ended. Raises KeysOver, and what `check` raises."""
    begun = clock.now()
    with view.showing():
        while True:
            before = clock.now()
            try:
                verdict = watcher.step(before, view.tell, view.show)
            except AwsError as error:
                check()
                if line := keys.refused(error, clock.now()):
                    view.tell(line)
                clock.sleep(LONGEST_WAIT)
                continue
            keys.since = None
            if verdict is not None:
                return verdict
            wait = wait_seconds(before - begun, clock.now() - before)
            clock.sleep(min(wait, DOUBTFUL_WAIT) if watcher.doubtful else wait)


def wait_seconds(elapsed: float, looked: float) -> float:
    """Return how long to wait for the next look: short runs end promptly, long ones cost few requests.

    `looked`: seconds that the last look took.
    """
    return max(FIRST_WAIT, min(LONGEST_WAIT, max(elapsed / 60, 10 * looked)))


def _result(verdict: Verdict, steps: list[Step]) -> MonitorResult:
    left = still_costly(steps)
    code = SOMETHING_LEFT if left else 0 if verdict.all_done else JOBS_FAILED
    return MonitorResult(
        exit_code=code,
        done=verdict.done,
        failed=verdict.failed_attempts,
        dead=verdict.dead,
        unaccounted=verdict.unaccounted,
        left=left,
    )


def closing_lines(run: Run, verdict: Verdict, result: MonitorResult, failed: list[NotDone]) -> list[str]:
    """Return the last lines for the user: counts, where the results are, and why jobs failed."""
    places = [f"s3://{run.destination_bucket}/{place}" for place in run.output_locations]
    lines = [
        _counts(verdict),
        f"Results: {', '.join(places[:3]) or f's3://{run.destination_bucket}/'}"
        + (f" and {len(places) - 3} more" if len(places) > 3 else ""),
    ]
    if verdict.warned:
        marks = f"s3://{run.bucket}/{state_key(run.app_name, WARNINGS, '')}"
        lines.append(f"Warnings: {marks}, one object for each job.")
    if verdict.dead:
        records = f"s3://{run.bucket}/{state_key(run.app_name, 'failures', '')}"
        lines.append(f"Dead letters: queue {run.dead_letter_queue}; failure records: {records}")
    lines += named(failed, len(failed))
    if verdict.outdated:
        lines.append(f"{verdict.outdated} of the unfinished jobs still have outputs from an earlier run.")
    if verdict.dead:
        lines.append(
            "Once you have fixed the cause, retry them with `python run.py setup`, `redrive` and"
            " `startCluster`."
        )
    lines += verdict.details
    if verdict.end in WHY_NOT_ALL:
        lines.append(f"{WHY_NOT_ALL[verdict.end]}; the queue is kept. To continue, run `startCluster` again.")
    if result.left:
        lines.append(f"May still be incurring charges: {'; '.join(result.left)}.")
        lines.append(f"Run the same command again, or `python run.py cleanup {run.app_name}`.")
    return lines


def _counts(verdict: Verdict) -> str:
    if verdict.unread:
        return f"The number of finished jobs is unknown, because they could not be checked: {verdict.unread}"
    return (
        f"{counted(verdict.done, 'job')} done{verdict.done_how}, {verdict.dead} given up,"
        f" {verdict.unaccounted} not finished; {counted(verdict.failed_attempts, 'attempt')} failed."
    )

"""One round of the janitor: look at every open run of an app, do what is needed, leave when none remains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.aws.fleet import find_fleet, live_fleets
from distributed_fiji.clock import Clock
from distributed_fiji.janitor.memory import read_memory, write_memory
from distributed_fiji.janitor.removal import remove_if_idle
from distributed_fiji.janitor.trouble import Troubles
from distributed_fiji.janitor.turn import turn
from distributed_fiji.monitor.notdone import NAMED, find_not_done, shown
from distributed_fiji.monitor.recount import recounted
from distributed_fiji.monitor.result import Verdict, counted
from distributed_fiji.monitor.rounds import DOUBTFUL_WAIT, Watcher
from distributed_fiji.monitor.takedown import Deadlines, attempt, still_costly, take_down
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.openruns import close_run, list_open_runs, read_open_run
from distributed_fiji.state.record import Run
from worker.contract.state import Unreadable

#: A Lambda may run for fifteen minutes; what is not finished by then is done in the next round.
PATIENCE = Deadlines(machines=300, logs=180)

#: Seconds for which a round keeps looking at a queue that reads empty, until the next round begins.
DOUBTFUL_SECONDS = 270

#: Seconds of a round in which jobs are counted. Where they are not enough, the costs alone are judged. What
#: PATIENCE allows must still fit into the fifteen minutes.
COUNTING_SECONDS = 400

#: Seconds after which a fleet that cannot be found was never requested.
NEVER_ASKED = 15 * 60


#: Lambda keeps a process between rounds, and so what failed in them.
TROUBLES = Troubles()


@dataclass(frozen=True)
class JanitorConfig:
    """Where the janitor works. `topic`: ARN of the topic that is notified of each ended run; '' for none."""

    app_name: str
    bucket: str
    topic: str = ""


def run_round(post: JanitorConfig, clients: Clients, clock: Clock, tell: Callable[[str], None]) -> list[str]:
    """Look after every open run; return the problems met. If no run remains, the janitor removes itself.

    If another round is at work, this one leaves everything to it.
    """
    with turn(clients.s3, post.bucket, post.app_name, clients.region, clock) as is_ours:
        if is_ours:
            problems = _tend_all(post, clients, clock, tell)
            note = partial(TROUBLES.note, clients, post.topic, (post.bucket, post.app_name), problems)
            attempt("mail", note, tell)
            return problems
    tell("Another round of the janitor is running and does the work.")
    return []


def _tend_all(post: JanitorConfig, clients: Clients, clock: Clock, tell: Callable[[str], None]) -> list[str]:
    try:
        keys = list(list_open_runs(clients.s3, post.bucket, post.app_name, clients.region))
    except AwsError as error:
        return [f"open runs: {error_text(error)}"]
    # A run that cannot be looked at must not prevent the others from being ended.
    steps = [attempt(key, partial(_tend_key, key, post, clients, clock, tell), tell) for key in keys]
    steps.append(attempt("janitor", partial(_leave, post, clients), tell))
    return [f"{step.name}: {step.error}" for step in steps if step.error]


def _leave(post: JanitorConfig, clients: Clients) -> str | None:
    if remove_if_idle(clients, post.bucket, post.app_name):
        return "No runs remain: the janitor has removed itself."
    return None


def _tend_key(
    key: str, post: JanitorConfig, clients: Clients, clock: Clock, tell: Callable[[str], None]
) -> str | None:
    try:
        run = read_open_run(clients.s3, post.bucket, key)
    except Unreadable as error:
        if live_fleets(clients.ec2, post.app_name):
            raise
        return f"{error}; {post.app_name} has no fleet, so this is ignored"
    return tend_run(run, post, clients, clock, tell) if run else None


def tend_run(
    run: Run, post: JanitorConfig, clients: Clients, clock: Clock, tell: Callable[[str], None]
) -> str | None:
    """Look at one run and do what is needed; return a sentence if the run was ended."""
    run = replace(run, fleet_id=run.fleet_id or find_fleet(clients.ec2, run.app_name, run.run_id))
    if not run.fleet_id:
        return _without_fleet(run, clients, clock)
    verdict = _look(run, clients, clock, tell)
    if verdict is None:
        return None
    steps = take_down(run, clients, clock, tell, whole=verdict.whole, patience=PATIENCE)
    left = still_costly(steps)
    if left:
        return f"run {run.run_id} is over; the next round will end {', '.join(left)}"
    # A missing topic must not keep a run open.
    attempt("mail", partial(_notify, clients, post, run, recounted(run, clients, verdict)), tell)
    close_run(clients.s3, run)
    return f"run {run.run_id} is taken down"


def _without_fleet(run: Run, clients: Clients, clock: Clock) -> str | None:
    """Close a run whose fleet was never requested, because its startCluster died just before."""
    if clock.now() - run.started < NEVER_ASKED:
        return None
    close_run(clients.s3, run)
    return f"run {run.run_id} never had a fleet"


def _look(run: Run, clients: Clients, clock: Clock, tell: Callable[[str], None]) -> Verdict | None:
    """Look once, and again while the queue reads empty; return the verdict if the run is or was over."""
    begun = clock.now()
    in_time = partial(_is_before, clock, begun + COUNTING_SECONDS)
    watcher = Watcher(run, clients, read_memory(clients.s3, run), has_time=in_time)
    while True:
        verdict = watcher.step(clock.now(), tell)
        write_memory(clients.s3, run, watcher.memory)
        if verdict or not watcher.doubtful or clock.now() - begun >= DOUBTFUL_SECONDS:
            return verdict
        clock.sleep(DOUBTFUL_WAIT)


def _is_before(clock: Clock, time: float) -> bool:
    return clock.now() < time


def _notify(clients: Clients, post: JanitorConfig, run: Run, verdict: Verdict) -> None:
    if not post.topic:
        return
    failed = verdict.dead + verdict.unaccounted
    subject = f"{run.app_name}: {counted(verdict.done, 'job')} done, {failed} not"
    counts = (
        f"{verdict.done} jobs are done{verdict.done_how}, {verdict.dead} were given up,"
        f" {verdict.unaccounted} are not finished."
    )
    if verdict.unread:
        subject = f"{run.app_name}: ended, but its jobs could not be checked"
        counts = f"The number of finished jobs is unknown: {verdict.unread}"
    lines = [
        f"The run of {run.app_name} is over: {verdict.end}.",
        counts,
        *verdict.details,
        f"Results: s3://{run.destination_bucket}/",
        "Its machines, service and alarms are gone. You now pay only for what is stored in S3 and"
        " CloudWatch Logs.",
    ]
    lines += _not_done(clients, run, verdict)
    # SNS accepts 100 ASCII characters as the subject (SNS API reference, Publish).
    clients.sns.publish(TopicArn=post.topic, Subject=subject[:100], Message="\n".join(lines))


def _not_done(clients: Clients, run: Run, verdict: Verdict) -> list[str]:
    """Return the lines that name unfinished jobs. A mail without them is better than none."""
    count = verdict.dead + len(verdict.unaccounted_ids)
    try:
        return shown(find_not_done(run, JobState(run, clients.s3), verdict, most=NAMED), count)
    except AwsError as error:
        return [f"The list of unfinished jobs could not be read: {error_text(error)}"]

"""The first links: keys, the run, its queue. Pure."""

from __future__ import annotations

from distributed_fiji.aws.fleet import LIVE_FLEET
from distributed_fiji.doctor.evidence import Evidence
from distributed_fiji.doctor.judgement import Judgement, broken, holds, span, waiting
from distributed_fiji.monitor.actions import End
from distributed_fiji.monitor.lastwords import interrupted_submissions
from distributed_fiji.monitor.nothingruns import waits_for_retry
from distributed_fiji.monitor.result import Verdict, counted

SETUP, SUBMIT = "`python run.py setup`", "`python run.py submitJob JOB_FILE`"
START = "`python run.py startCluster FLEET_FILE`"
FAILURES = "`python run.py failures` says why; `retry` returns them to the queue"

#: What to do about a run that ended before its work was done.
AFTER = {
    End.COST: f"raise MAX_COST, and run {START} again: the jobs are still in the queue",
    End.NO_FLEET: f"run {START} again: the jobs are still in the queue",
    End.NOT_STARTED: f"run {START} again: the jobs are still in the queue",
    End.NOTHING_RUNS: f"correct that, then run {SETUP} and {START}: the jobs are still in the queue",
    End.LOST: f"run {SETUP}, {SUBMIT} and {START}: jobs that are done are skipped",
    End.QUEUE_GONE: f"run {SETUP}, {SUBMIT} and {START}: jobs that are done are skipped",
}


def start_again(found: Evidence) -> str:
    """Return how to start anew. While a fleet lives, startCluster refuses; and setup does not change it."""
    if found.seen.fleet_state not in LIVE_FLEET:
        return f"run {START} again: the jobs are still in the queue"
    return (
        f"`python run.py cleanup {found.run.app_name}` to end this run, then {SETUP}, {SUBMIT} and {START}:"
        " jobs that are done are skipped"
    )


#: Seconds for which SQS may not count a message (SQS developer guide), and for which it may not have come.
COUNTS_SECONDS = 300


def judge_keys(found: Evidence) -> Judgement:
    """Return who asks, as AWS knows it: what had not been identified would not be here."""
    return holds(found.caller)


def judge_run(found: Evidence) -> Judgement:
    """Judge whether a run was started, and is not over."""
    run = found.run
    if not found.has_bucket:
        cure = f"create it again (`aws s3 mb s3://{run.bucket}`), {start_again(found)}"
        return broken("no-bucket", f"Bucket {run.bucket} with the run's state does not exist", cure)
    if found.verdict:
        return _ended(found.verdict, found.seen.left)
    if not run.fleet_id and not run.run_id:
        return _never_started(found)
    if not run.fleet_id:
        return broken("start-interrupted", "startCluster ended before it had a fleet", f"run {START} again")
    gone = found.seen.queue is None and not found.seen.fleet_state and found.seen.desired is None
    if gone and not {"queue", "fleet", "service"} & found.unseen.keys():
        cure = f"run {SETUP}, {SUBMIT} and {START}"
        return broken("cleaned-up", "Queue, fleet and service are gone: the run was cleaned up", cure)
    return holds(f"started {span(found.age)} ago, fleet {run.fleet_id}")


def _ended(verdict: Verdict, left: int) -> Judgement:
    """Return what an ended run means: nothing is wrong if its jobs are done, and no new ones wait.

    `left`: messages in the queue, which the end of a whole run removes.
    """
    jobs = f"{counted(verdict.done, 'job')} done, {verdict.dead} given up, {verdict.unaccounted} not finished"
    said = f"The run is over: {verdict.end}. {jobs}"
    if verdict.whole and left:
        wait = f"{counted(left, 'message')} in the queue, submitted after that"
        return broken("not-started", f"{said}. startCluster was not run again", f"run {START}", wait)
    if verdict.all_done:
        return holds(said, is_last=True)
    cure = AFTER.get(End(verdict.end), FAILURES)
    return broken("ended", said, cure, *verdict.details, *([verdict.unread] if verdict.unread else []))


def _never_started(found: Evidence) -> Judgement:
    """Return which step comes first for an app that has no run here."""
    if found.seen.queue is None and "queue" not in found.unseen:
        queue = f"queue {found.run.queue_name} does not exist"
        return broken("not-set-up", "The app is not set up", f"run {SETUP} first", queue)
    jobs = f"{counted(found.seen.left, 'message')} in the queue"
    then = START if found.seen.left or found.unseen else f"{SUBMIT}, then {START}"
    elsewhere = f"there is no record of a run here, and none in s3://{found.run.bucket}"
    return broken("not-started", "startCluster was not run", f"run {then}", jobs, elsewhere)


def judge_queue(found: Evidence) -> Judgement:
    """Judge whether the queue has work."""
    seen, jobs = found.seen, found.seen.jobs
    if seen.queue is None:
        return broken("queue-gone", f"Queue {found.run.queue_name} does not exist", start_again(found))
    if waits_for_retry(seen) and seen.work_is_known and not seen.at_work:
        held = f"{counted(seen.left, 'message')} hidden, none visible, none held by a worker"
        cure = "wait: SQS shows them again by itself. `python run.py failures` says why they failed"
        return broken("hidden", "The jobs that are left failed, and wait for their next try", cure, held)
    if seen.left or seen.at_work:
        waiting = seen.left - seen.queue.in_flight
        return holds(f"{counted(seen.left, 'message')} in the queue: {waiting} waiting")
    if "jobs" in found.unseen:
        return Judgement("unknown", "The queue is empty", evidence=(found.unseen["jobs"],))
    dead = found.dead if not jobs.submitted else 0
    all_done = jobs.done and not jobs.unaccounted and not dead
    return holds(_all_done(found), is_last=True) if all_done else _empty(found)


def _all_done(found: Evidence) -> str:
    jobs = counted(found.seen.jobs.done, "job")
    return f"No job is left: {jobs} done. The run ends by itself"


def _empty(found: Evidence) -> Judgement:
    """Return why a queue is empty although jobs are not done, or none is known."""
    jobs, missing = found.seen.jobs, len(found.seen.jobs.unaccounted)
    if lines := interrupted_submissions(found.seen):
        cure = lines[0].rpartition(": ")[2]
        return broken("submit-interrupted", "The queue is empty: a submission was interrupted", cure, *lines)
    if jobs.unfinished:
        return waiting("The queue is empty: submitJob has just begun to send jobs")
    if found.waiting_there:
        names = f"config.py names {found.other_queue}, this run works on {found.run.queue_name}"
        waiting_there = f"{counted(found.waiting_there, 'message')} waiting in {found.other_queue}"
        cure = f"correct SQS_QUEUE_NAME in config.py, then {SETUP} and {SUBMIT}"
        return broken("other-queue", "The jobs are in another queue", cure, names, waiting_there)
    if found.dead and (0 < missing <= found.dead or not jobs.submitted):
        given_up = f"{jobs.done} done, {found.dead} given up"
        return broken("given-up", "No job is left to try: the rest was given up", FAILURES, given_up)
    if not missing:
        return broken("no-jobs", f"Queue {found.run.queue_name} is empty: no job was sent", f"run {SUBMIT}")
    if not found.is_older(found.age, COUNTS_SECONDS):
        return waiting(f"The queue reads empty, but {counted(missing, 'job')} may not be counted yet")
    lost = f"{missing} of {len(jobs.submitted)} jobs are neither done nor in the queue"
    return broken("lost-jobs", "Jobs are missing", f"run {SUBMIT} again: done jobs are skipped", lost)

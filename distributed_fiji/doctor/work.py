"""The last links: tasks are placed, their image runs, workers poll, the first job is done. Pure."""

from __future__ import annotations

from distributed_fiji.aws.causes import NO_PLACES, TASK_STARTS, find_cause
from distributed_fiji.aws.tasks import TaskEnd
from distributed_fiji.doctor.evidence import Evidence
from distributed_fiji.doctor.judgement import Judgement, broken, holds, span, waiting
from distributed_fiji.doctor.orders import SETUP, START, start_again
from distributed_fiji.monitor.lastwords import how_it_ended, why_in_log, why_it_ended
from distributed_fiji.monitor.nothingruns import (
    IN_A_ROW,
    in_a_row,
    something_runs,
)
from distributed_fiji.monitor.result import counted

#: Seconds after which a task that is not placed, and one whose image is not there, are faults.
PLACE_SECONDS, PULL_SECONDS = 180, 900

#: Seconds after which a worker takes jobs: FIJI may take 120 to start, on the embedded cloud, too.
TAKE_SECONDS = 300


def judge_placed(found: Evidence) -> Judgement:
    """Judge whether ECS places tasks on the machines."""
    seen, run = found.seen, found.run
    if seen.desired is None:
        return broken("no-service", f"Service {run.service} does not exist", start_again(found))
    if not seen.desired:
        service = f"--cluster {run.cluster} --service {run.service}"
        tasks = run.machines * run.tasks_per_machine
        cure = f"`aws ecs update-service {service} --desired-count {tasks}` sets it again"
        if not run.ready:
            cure = f"run {START} again, which continues the interrupted start"
        return broken("service-zero", f"Service {run.service} wants 0 tasks", cure)
    if seen.tasks or in_a_row(seen.ends):
        counts = f"{len(seen.tasks)} of {counted(seen.desired, 'task')} on machines"
        return holds(counts if seen.tasks else "tasks were placed, and ended")
    joined = [one for one in seen.alive if one.container_instance]
    events = [f"ECS: {event}" for event in seen.events[:3]]
    cause = find_cause(NO_PLACES, *(one for one in seen.events if "No Container Instances" not in one))
    said = f"ECS places none of {counted(seen.desired, 'task')} on {counted(len(joined), 'machine')}"
    if cause:
        return broken(cause.id, said, cause.cure, *events)
    since = seen.now - min((one.launched for one in joined), default=seen.now)
    if not found.is_older(since, PLACE_SECONDS):
        return waiting(f"No task is placed yet, {span(since)} after the launch")
    return broken("place", said, start_again(found), *events or ["ECS gives no reason"])


def judge_image(found: Evidence) -> Judgement:
    """Judge whether containers start: the image, its processor, the log group, the task role."""
    seen, end = found.seen, _latest(found)
    running = [task for task in seen.tasks if task.status == "RUNNING"]
    if something_runs(seen):
        return holds(f"{counted(len(running), 'task')} running")
    cause = why_it_ended(end, found.lines) if end else None
    if end and (cause in TASK_STARTS or end.lived is None):
        said = f"Containers of {found.run.image} do not start"
        cure = cause.cure if cause else f"check DOCKERHUB_TAG, and run {SETUP}"
        return broken(cause.id if cause else "task-start", said, cure, *_words(found, end))
    if running or end:
        return holds("containers start")
    waited = seen.now - min((task.created or seen.now for task in seen.tasks), default=seen.now)
    if not found.is_older(waited, PULL_SECONDS):
        return waiting(f"{counted(len(seen.tasks), 'task')} starting: machines download the image first")
    cure = "a way out of the subnet that is slow or closed is the usual cause (docs/permissions.md)"
    return broken("image-slow", f"The image has not started, {span(waited)} after ECS placed it", cure)


def _latest(found: Evidence) -> TaskEnd | None:
    """Return the latest task that ended at once, unless another one worked after it."""
    return next(iter(found.seen.ends), None) if in_a_row(found.seen.ends) else None


def judge_worker(found: Evidence) -> Judgement:
    """Judge whether workers stay, and listen to the run's queue."""
    seen, run = found.seen, found.run
    if found.worker_queue and found.worker_queue != run.queue_name:
        queues = f"the workers' task definition names {found.worker_queue}, the run {run.queue_name}"
        cure = f"set SQS_QUEUE_NAME = {run.queue_name!r} in config.py, and run {SETUP}"
        return broken("worker-queue", "Workers listen to another queue", cure, queues)
    running = [task for task in seen.tasks if task.status == "RUNNING"]
    end = _latest(found)
    if something_runs(seen) or (running and not end):
        return holds(f"{counted(len(running), 'worker')} running")
    if end is None:
        return waiting("No worker runs yet")
    count = in_a_row(seen.ends)
    words = _words(found, end)
    if seen.tasks and count < IN_A_ROW:
        return waiting(f"{counted(count, 'worker')} ended at once, and another one starts", *words)
    cause = why_it_ended(end, found.lines)
    said = f"Workers end as soon as they start, {counted(count, 'time')} in a row"
    cure = cause.cure if cause else f"correct that, and run {SETUP}"
    return broken(cause.id if cause else "worker-ends", said, cure, *words)


def _words(found: Evidence, end: TaskEnd | None = None) -> list[str]:
    """Return how a task ended, the last lines of its log, and why that could not be read."""
    ended = [how_it_ended(end)] if end else []
    unseen = [found.unseen["log"]] if "log" in found.unseen else []
    return [*ended, *(f"worker: {line}" for line in found.lines), *unseen]


def judge_job(found: Evidence) -> Judgement:
    """Judge whether jobs are taken and done, since this run began."""
    seen, jobs, start = found.seen, found.seen.jobs, int(found.run.started)
    done = counted(jobs.done, "job") + " done" if jobs.last_done >= start else "none done yet"
    in_flight = seen.queue.in_flight if seen.queue else 0
    known = seen.work_is_known and "tasks" not in found.unseen
    held, busy = max(seen.at_work, in_flight), seen.at_work if known else in_flight
    if jobs.last_failed >= start > jobs.last_done and len(jobs.failing) >= busy:
        said = f"No job is done, and {counted(jobs.failed_attempts, 'attempt')} failed"
        cure = "`python run.py failures` groups them by cause, with what helps"
        return broken("first-jobs-fail", said, cure, *found.failed)
    if held:
        return holds(f"{counted(held, 'message')} taken, {done}")
    if is_idle(found):
        return _takes_none(found)
    return holds(done) if jobs.last_done >= start else waiting("No job is taken yet")


def _takes_none(found: Evidence) -> Judgement:
    """Return why workers take no job although some wait, if that has lasted."""
    seen = found.seen
    since = max(seen.jobs.last_done, min((task.started or seen.now for task in seen.tasks), default=seen.now))
    if seen.now - since < TAKE_SECONDS:
        return waiting("No job is taken at the moment")
    said = f"Workers run, but have taken no job for {span(seen.now - since)}"
    cause = why_in_log(found.lines)
    cure = cause.cure if cause else f"run {SETUP}, which restores the workers' role"
    return broken(cause.id if cause else "no-job-taken", said, cure, *_words(found))


def is_idle(found: Evidence) -> bool:
    """Whether all tasks report that they hold no job although some wait: then a log says why."""
    seen = found.seen
    waits = seen.queue is not None and seen.queue.visible > 0 and not seen.queue.in_flight
    idle = bool(seen.tasks) and not seen.at_work and seen.work_is_known
    return waits and idle and not in_a_row(seen.ends)

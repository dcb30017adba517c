"""The worker's loop: jobs pass through three lanes that overlap.

While one job is in FIJI (main thread), the next one's message and inputs are fetched (thread "ahead"), and
the outputs of the last ones are uploaded (threads "finish"), each with its own heartbeat. This module only
keeps them in order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from worker.aws.lease import Lease
from worker.aws.logstream import LogStream
from worker.aws.protection import TaskProtection
from worker.aws.queue import Counts, Message, Queue
from worker.calls import CALL_ERRORS
from worker.contract.bundles import bodies_in
from worker.contract.jobs import SPARE_RECEIVES, FailureClass, Outcome, log_key
from worker.errors import Interrupted
from worker.host.folders import remove_tree
from worker.job.ahead import (
    LONGEST_WAIT_SECONDS,
    OTHERS_FIRST_SECONDS,
    fits_its_lease,
    is_still_deep,
    may_give_back,
    may_take_ahead,
    others_may_wait,
    should_give_back,
)
from worker.job.bundle import Bundle
from worker.job.engine import Engine, Finished
from worker.job.finish import Finisher, verdict_on
from worker.job.held import HeldJob
from worker.job.holdings import Holdings
from worker.job.prepare import Preparer
from worker.records.segments import Segments
from worker.settings import WorkerSettings
from worker.stop import Stop
from worker.storage.cache import LEAST_FREE, Cache
from worker.storage.inputs import InputFetcher
from worker.verdict.verdict import Verdict

log = logging.getLogger(__name__)

#: SQS holds a poll open for at most 20 seconds. A worker that is asked to leave must outlast one, and be gone
#: within ten seconds. A poll costs $0.0000004: one every 8 seconds costs 13 cents in a month of idling.
LONGEST_POLL = 8
#: Finished runs that are uploaded at the same time, since uploading mostly waits for AWS. Each keeps its
#: outputs on disk.
FINISHING_AT_ONCE = 2
LONGEST_PAUSE = 30.0
CHANGED_MIND = Verdict(Outcome.INTERRUPTED, sentence="another worker can run it sooner")
LEASE_TOO_SHORT = Verdict(Outcome.INTERRUPTED, sentence="it has waited here too long for SQS's twelve hours")
DISK_TAKEN = Verdict(Outcome.INTERRUPTED, sentence="another job here has filled the disk")


@dataclass(frozen=True)
class WorkerParts:
    """The parts that the loop puts in order."""

    settings: WorkerSettings
    queue: Queue
    preparer: Preparer
    engine: Engine
    finisher: Finisher
    lines: LogStream
    cache: Cache
    fetcher: InputFetcher
    protection: TaskProtection
    segments: Segments


@dataclass(frozen=True)
class Counted:
    """What the queue had when it was counted, and how many messages this worker had received by then."""

    counts: Counts
    at: float
    received: int


class Worker:
    """Takes jobs until asked to stop. `step` takes one, or none if the queue stays empty for one poll."""

    def __init__(self, parts: WorkerParts, stop: Stop, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._stop = stop
        self._clock = clock
        self._ahead_lane = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._finish_lane = ThreadPoolExecutor(FINISHING_AT_ONCE, thread_name_prefix="finish")
        self._ahead: Future[HeldJob | None] | None = None
        self._finishing: dict[Future[None], HeldJob] = {}
        self._holdings = Holdings(parts.finisher, parts.protection, stop)
        self._bundle: Bundle | None = None
        self._idle = threading.Event()
        self._others_wait = False
        self._came_up_empty = True  # as good as: workers that begin together have all asked for nothing yet
        self._reconsidered_at = 0.0
        self._counted: Counted | None = None
        self._received = 0
        self._pause = 1.0
        self._jobs_are_long = False

    def run(self) -> None:
        """Take jobs until asked to stop, then give back what cannot be finished in time."""
        while not self._stop.requested:
            self.step()
        self.close()

    def step(self) -> None:
        """Take one job through FIJI. Its upload may continue afterwards."""
        held = self._next()
        if held is None:
            return
        if self._parts.settings.overlap and not self._jobs_are_long:
            self._idle.clear()
            self._ahead = self._ahead_lane.submit(self._take_ahead)
        finished = self._run(held)
        if finished is not None:
            self._finish_later(held, finished)

    def close(self) -> None:
        """Wait for uploads while there is time, then give back all messages that are still held."""
        if self._stop.requested:
            self._give_back_unclaimed()
            left = min(self._stop.seconds_left(), self._parts.settings.visibility_seconds)
            wait(self._finishing, timeout=left)
        else:
            wait(self._finishing)
        if self._ahead is not None:
            # An open poll may already have been given a message; that lane then gives it back.
            wait([self._ahead], timeout=LONGEST_POLL + 1)
        self._ahead_lane.shutdown(wait=False, cancel_futures=True)
        self._finish_lane.shutdown(wait=False, cancel_futures=True)
        self._holdings.give_back_all()
        self._parts.segments.close(2)
        self._parts.protection.close()
        self._parts.engine.close()
        self._parts.finisher.end(1)
        self._parts.lines.close(2)

    def _next(self) -> HeldJob | None:
        """Return a job that is ready for FIJI: the one taken ahead, or the next that arrives."""
        self._idle.set()
        if self._ahead is None:
            poll_seconds = min(LONGEST_POLL, max(1, int(self._parts.settings.stop_grace_seconds)))
            self._ahead = self._ahead_lane.submit(self._take, poll_seconds)
        while not self._ahead.done():
            wait([self._ahead], timeout=0.1)
            if self._stop.requested:
                self._give_back_unclaimed()
                return None
        held, self._ahead = self._ahead.result(), None
        return held if held is not None and held.claim() else None

    def _take_ahead(self) -> HeldJob | None:
        """Return the job to run after the present one, or None if others may need it more."""
        if not self._has_more() and self._others_wait and self._idle.wait(OTHERS_FIRST_SECONDS):
            return None
        while not self._stop.requested:
            if not self._has_more() and not self._may_receive_ahead():
                return None
            before = self._pause
            held = self._take(1)
            if held is not None:
                return held
            if self._pause > before:
                return None
        return None

    def _has_more(self) -> bool:
        """Whether the bundle at work has jobs that were not taken yet."""
        return self._bundle is not None and self._bundle.has_more

    def _may_receive_ahead(self) -> bool:
        """Whether others can do without one more message."""
        try:
            return may_take_ahead(self._counts(), self._holdings.messages)
        except CALL_ERRORS:
            return False

    def _take(self, wait_seconds: int) -> HeldJob | None:
        """Prepare the next job: of the bundle at work, or of a new message; None if none needs a run."""
        held = self._next_of_bundle() or self._receive_job(wait_seconds)
        if held is None:
            return None
        self._holdings.add(held)
        try:
            return held if self._prepare(held) else None
        except Exception:
            log.exception("taking job %s ended with an error in the worker", held.name)
            self._holdings.give_back(held)
            return None

    def _receive_job(self, wait_seconds: int) -> HeldJob | None:
        """Receive one message; return its job, or the first one of a bundle."""
        message = self._receive(wait_seconds)
        if message is None:
            return None
        received_at, bodies = self._clock(), bodies_in(message.body)
        settings = self._parts.settings
        lease = Lease(self._parts.queue, message, settings.heartbeat_seconds, received_at=received_at)
        if bodies == [message.body]:
            return HeldJob(message, lease)
        self._bundle = Bundle(self._parts.queue, message, lease, bodies, received_at)
        return self._next_of_bundle()

    def _next_of_bundle(self) -> HeldJob | None:
        """Return the next job of the bundle at work; None if there is none. It must be settled, too."""
        bundle = self._bundle
        message = bundle.take() if bundle else None
        if bundle is None or message is None:
            return None
        return HeldJob(message, bundle.lease, bundle, taken_at=bundle.taken_at)

    def _give_back_unclaimed(self) -> None:
        """Give back every job that has not reached FIJI yet, and what is left of the bundle at work."""
        if held := self._next_of_bundle():
            self._holdings.add(held)
        self._holdings.give_back_unclaimed()

    def _receive(self, wait_seconds: int) -> Message | None:
        asked_at = self._clock()
        try:
            message = self._parts.queue.receive(wait_seconds)
        except CALL_ERRORS as error:
            log.warning("no message could be received; retrying in %.0f s: %s", self._pause, error)
            self._stop.wait(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            return None
        self._pause = 1.0
        waited = self._clock() - asked_at
        self._others_wait = others_may_wait(waited, after_an_empty_poll=self._came_up_empty)
        self._came_up_empty = message is None
        self._received += message is not None
        return message

    def _prepare(self, held: HeldJob) -> bool:
        """Make a job ready for FIJI; False if it has already been settled."""

        def check() -> None:
            held.check()
            if self._stop.requested:
                raise Interrupted

        try:
            check()
            verdict = self._parts.preparer.prepare(held, check)
        except Exception as error:
            verdict = verdict_on(error, FailureClass.DOWNLOAD_FAILED)
        if verdict is None:
            return True
        crowded = verdict.failure is FailureClass.DISK_FULL and len(self._holdings) > 1
        if crowded and held.attempt < self._parts.settings.job_retries + SPARE_RECEIVES:
            verdict = DISK_TAKEN
        self._end(held, verdict)
        return False

    def _run(self, held: HeldJob) -> Finished | None:
        """Run a job in FIJI; None if it ended without a run that can be judged."""
        held.claim()
        waited = self._clock() - held.taken_at
        if not fits_its_lease(waited, self._parts.settings.job_timeout_seconds):
            self._jobs_are_long |= held.bundle is None
            self._end(held, LEASE_TOO_SHORT)
            return None
        self._wait_for_disk()

        def check() -> None:
            held.check()
            self._look_after_ahead()
            if self._stop.expired:
                raise Interrupted

        settings = self._parts.settings
        whole = f"s3://{settings.aws_bucket}/{log_key(settings.app_name, held.job_id, held.attempt)}"
        sink = self._parts.lines.sink(held.job_id, held.attempt, whole)
        try:
            assert held.job is not None and held.inputs is not None
            with held.timed("inputs"):
                self._parts.fetcher.make_ready(held.job, held.inputs, check)
            with held.timed("fiji"):
                return self._parts.engine.run(held, check, sink)
        except Exception as error:
            verdict = verdict_on(error, FailureClass.FIJI_DID_NOT_START)
        self._end(held, verdict)
        return None

    def _finish_later(self, held: HeldJob, finished: Finished) -> None:
        future = self._finish_lane.submit(self._finish, held, finished)
        self._finishing[future] = held
        self._wait_for_finishing(FINISHING_AT_ONCE + 1 if self._parts.settings.overlap else 1)

    def _wait_for_disk(self) -> None:
        """Start no job on a disk that is full of another's outputs while these are being uploaded."""
        if self._finishing and self._parts.cache.free_share() < LEAST_FREE:
            self._wait_for_finishing(1)

    def _wait_for_finishing(self, most: int) -> None:
        """Wait until fewer than `most` jobs are in the last lane."""
        while len(self._finishing) >= most and not self._stop.expired:
            wait(self._finishing, timeout=0.05, return_when=FIRST_COMPLETED)
            if self._stop.requested:
                self._give_back_unclaimed()
            self._finishing = {one: of for one, of in self._finishing.items() if not one.done()}

    def _finish(self, held: HeldJob, finished: Finished) -> None:
        def check() -> None:
            held.check()
            if self._stop.expired:
                raise Interrupted

        try:
            verdict = self._parts.finisher.finish(held, finished, check)
            finished.folder.remove()
            self._clear(held, verdict)
            self._holdings.drop(held)
        except Exception:
            log.exception("finishing job %s ended with an error in the worker", held.name)
            self._holdings.give_back(held)

    def _end(self, held: HeldJob, verdict: Verdict) -> None:
        self._holdings.end(held, verdict, self._clear)

    def _clear(self, held: HeldJob, verdict: Verdict) -> None:
        """Remove a job's files. If the disk is full, empty the cache as well."""
        if held.inputs is not None:
            self._parts.fetcher.release(held.inputs)
            remove_tree(held.inputs.staging)
        self._parts.cache.make_room(1.0 if verdict.failure is FailureClass.DISK_FULL else LEAST_FREE)

    def _look_after_ahead(self) -> None:
        """While FIJI runs: prepare the next FIJI, and reconsider a job that has waited for long."""
        if self._stop.requested:
            self._give_back_unclaimed()
        if self._ahead is None or self._stop.requested:
            return
        held = self._ahead.result() if self._ahead.done() and not self._ahead.exception() else None
        if held is None:
            return
        self._parts.engine.prepare_standby()
        now = self._clock()
        is_time = now - self._reconsidered_at > LONGEST_WAIT_SECONDS / 2
        if is_time and may_give_back(attempt=held.attempt, waited_seconds=now - held.taken_at):
            self._reconsidered_at = now
            self._ahead_lane.submit(self._reconsider, held)

    def _reconsider(self, held: HeldJob) -> None:
        counts = self._counts()
        waited = self._clock() - held.taken_at
        if should_give_back(counts, attempt=held.attempt, waited_seconds=waited) and held.claim():
            self._end(held, CHANGED_MIND)

    def _counts(self) -> Counts:
        """Return the queue's counts, or the last ones while these show it to be deep. For the lane ahead."""
        last = self._counted
        if last is not None and is_still_deep(
            last.counts, taken_since=self._received - last.received, seconds=self._clock() - last.at
        ):
            return last.counts
        self._counted = Counted(self._parts.queue.counts(), self._clock(), self._received)
        return self._counted.counts

"""What comes before FIJI: read the message, check if the job is done or given up, fetch its inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from worker.calls import CALL_ERRORS
from worker.contract.jobs import FailureClass, InvalidMessage, Job, Outcome, decode_message
from worker.errors import JobFailed
from worker.host.folders import Scratch
from worker.job.attempts import plan_attempt
from worker.job.held import HeldJob
from worker.records.ledger import Ledger, StoredManifest
from worker.records.validity import (
    Today,
    difference_of_inputs,
    difference_of_outputs,
    difference_of_work,
    find_manifest,
)
from worker.storage import s3 as store
from worker.storage.inputs import InputFetcher, Inputs
from worker.verdict.verdict import Verdict

log = logging.getLogger(__name__)

Check = Callable[[], None]

#: How often another run may replace a job's manifest while it is being checked.
OVERTAKINGS = 5


#: A worker that had the bundle is gone, and one of its jobs may be why: they must not stay together.
CAME_BACK = Verdict(Outcome.INTERRUPTED, sentence="its bundle came back; what is left of it goes on alone")


class Preparer:
    """Prepares one job after another. `check_if_done`: whether a valid manifest makes a run unnecessary."""

    def __init__(
        self,
        ledger: Ledger,
        fetcher: InputFetcher,
        scratch: Scratch,
        *,
        today: Today,
        check_if_done: bool,
        job_retries: int,
    ) -> None:
        self._ledger = ledger
        self._fetcher = fetcher
        self._scratch = scratch
        self._today = today
        self._check_if_done = check_if_done
        self._job_retries = job_retries

    def prepare(self, held: HeldJob, check: Check) -> Verdict | None:
        """Make a held job ready for FIJI; return the verdict on one that needs no run. Raises JobFailed."""
        try:
            job = held.job = decode_message(held.message.body)
        except InvalidMessage as error:
            sentence = f"Invalid job message: {error}."
            return Verdict(Outcome.REJECTED, FailureClass.REJECTED, sentence)
        held.job_id = job.job_id
        with held.timed("look"):
            verdict = self._spared(held, job, check)
        if verdict is None and held.bundle is not None and held.attempt > 1:
            verdict = CAME_BACK
        if verdict:
            return verdict
        with held.timed("inputs"):
            held.inputs = Inputs(self._scratch.new_staging())
            self._fetcher.fetch(job, held.inputs, check)
        return None

    def _spared(self, held: HeldJob, job: Job, check: Check) -> Verdict | None:
        try:
            return self.done_already(held, job, check) or self._given_up(held, check)
        except CALL_ERRORS as error:
            raise store.as_failure(
                error, FailureClass.DOWNLOAD_FAILED, "the run's state in the bucket"
            ) from error

    def done_already(self, held: HeldJob, job: Job, check: Check) -> Verdict | None:
        """Return the verdict SKIPPED if a manifest makes a run unnecessary; note one that must be replaced.

        A valid manifest from before this message was sent is written again: its new time tells the monitor
        that the job is done.
        """
        for _ in range(OVERTAKINGS):
            found = store.retried(lambda: self._ledger.manifest(job.job_id), check)
            if found is None:
                held.old_manifest = held.old_run = None
                return None
            if found.etag == held.old_manifest:
                return None  # it was looked at when the job was taken
            if self._must_run(held, job, found, check):
                return None
            if found.written >= held.message.sent_at or store.retried(
                partial(self._ledger.confirm, job.job_id, found, held.message.message_id), check
            ):
                return Verdict(Outcome.SKIPPED, sentence="its manifest holds")
        return None

    def _must_run(self, held: HeldJob, job: Job, found: StoredManifest, check: Check) -> bool:
        """Whether a job has to run although it has a manifest, which is noted with what makes it invalid."""
        held.before = find_manifest(found.document, self._today.app_name)
        held.runs_again = self._difference(held, job, check)
        if not held.runs_again:
            return False
        held.old_manifest, held.old_run = found.etag, held.before.run_id if held.before else None
        log.info("job %s runs again: %s", held.name, held.runs_again)
        return True

    def _difference(self, held: HeldJob, job: Job, check: Check) -> str:
        """Say what makes the manifest invalid today, or why it is not checked; '' if it is valid."""
        manifest = held.before
        if manifest is None:
            return "its manifest cannot be read"
        # Written after this message was sent, so the message is a second delivery, not a request to run
        # again.
        newer = manifest.time_seconds > held.message.sent_at
        if not (self._check_if_done or newer):
            return "CHECK_IF_DONE_BOOL is False"
        if difference := difference_of_work(manifest, job, self._today):
            return difference
        keys = manifest.outputs.keys()
        found = store.retried(lambda: self._ledger.outputs(manifest.destination, keys), check)
        if difference := difference_of_outputs(manifest, found):
            return difference
        try:
            return difference_of_inputs(manifest, self._fetcher.listed(job, check))
        except JobFailed as error:
            return error.sentence

    def _given_up(self, held: HeldJob, check: Check) -> Verdict | None:
        """Return a verdict if earlier attempts show that another one is pointless."""
        if held.attempt == 1:
            return None
        records = store.retried(lambda: self._ledger.failures(held.job_id), check)
        plan = plan_attempt(
            records,
            self._today.script_sha256,
            held.message.sent_at,
            attempt=held.attempt,
            job_retries=self._job_retries,
        )
        held.whole_memory = plan.whole_memory
        held.failures = plan.failures
        held.given_up = bool(plan.given_up)
        if not plan.given_up:
            return None
        return Verdict(Outcome.FAILED, FailureClass.NEVER_ENDED if plan.unexplained else None, plan.given_up)


def failed(error: JobFailed) -> Verdict:
    """Return the verdict on a job that JobFailed ended."""
    return Verdict(Outcome.FAILED, error.failure, error.sentence, error.line)

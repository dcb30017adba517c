"""What comes before FIJI: read the message, look whether the job is done or given up, bring its inputs."""

from __future__ import annotations

from collections.abc import Callable

from worker import s3 as store
from worker.attempts import plan_attempt
from worker.calls import CALL_ERRORS
from worker.contract import FailureClass, InvalidMessage, Job, Outcome, decode_message
from worker.errors import JobFailed
from worker.held import HeldJob
from worker.inputs import InputFetcher, Inputs
from worker.jobfolder import Scratch
from worker.ledger import Ledger
from worker.verdict import Verdict

Check = Callable[[], None]


class Preparer:
    """Prepares one job after another; `check_if_done`: whether a manifest that holds spares the run."""

    def __init__(
        self,
        ledger: Ledger,
        fetcher: InputFetcher,
        scratch: Scratch,
        *,
        script_sha256: str,
        check_if_done: bool,
        job_retries: int,
    ) -> None:
        self._ledger = ledger
        self._fetcher = fetcher
        self._scratch = scratch
        self._script_sha256 = script_sha256
        self._check_if_done = check_if_done
        self._job_retries = job_retries

    def prepare(self, held: HeldJob, check: Check) -> Verdict | None:
        """Make a held job ready for FIJI; return the verdict on one that needs no run. Raises JobFailed."""
        try:
            job = held.job = decode_message(held.message.body)
        except InvalidMessage as error:
            sentence = f"The message is no job: {error}."
            return Verdict(Outcome.REJECTED, FailureClass.REJECTED, sentence)
        held.job_id = job.job_id
        with held.timed("look"):
            verdict = self._spared(held, job, check)
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
        """Return the verdict SKIPPED when a manifest makes a run needless; note one that must be replaced."""
        found = store.retried(lambda: self._ledger.manifest(job.job_id), check)
        held.old_manifest, held.old_run = (found[1], found[0].get("run_id")) if found else (None, None)
        if not found:
            return None
        document = found[0]
        # Written after this message was sent: the message is a second delivery, not a wish to run again.
        newer = float(document.get("time_seconds") or 0) > held.message.sent_at
        if not (self._check_if_done or newer):
            return None
        if store.retried(lambda: self._ledger.holds(document, job, self._script_sha256), check):
            return Verdict(Outcome.SKIPPED, sentence="its manifest holds")
        return None

    def _given_up(self, held: HeldJob, check: Check) -> Verdict | None:
        """Return a verdict when earlier attempts show that another is in vain."""
        if held.attempt == 1:
            return None
        records = store.retried(lambda: self._ledger.failures(held.job_id), check)
        plan = plan_attempt(
            records,
            self._script_sha256,
            held.message.sent_at,
            attempt=held.attempt,
            job_retries=self._job_retries,
        )
        held.whole_memory = plan.whole_memory
        held.given_up = bool(plan.given_up)
        if not plan.given_up:
            return None
        return Verdict(Outcome.FAILED, FailureClass.NEVER_ENDED if plan.unexplained else None, plan.given_up)


def failed(error: JobFailed) -> Verdict:
    """Return the verdict on a job that ended by JobFailed."""
    return Verdict(Outcome.FAILED, error.failure, error.sentence, error.line)
